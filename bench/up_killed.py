"""`up` killed with SIGKILL at random moments, then `up` again: does it work, and is anything left over?

python bench/up_killed.py --times 5 --seed 1"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from machine import measured_on

NAME = "shallowdive-bench-killed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng, rows = random.Random(args.seed), []
    for _ in range(args.times):
        with tempfile.TemporaryDirectory() as home:
            env = {**os.environ, "SHALLOWDIVE_HOME": home, "SHALLOWDIVE_CLUSTER": NAME}
            command = [sys.executable, "-m", "shallowdive"]
            moment = rng.uniform(1, 32)
            child = subprocess.Popen([*command, "up"], env=env, stdout=subprocess.PIPE, text=True)
            time.sleep(moment)
            os.kill(child.pid, signal.SIGKILL)
            said = child.communicate(timeout=10)[0].strip().splitlines()
            again = subprocess.run([*command, "up"], env=env, capture_output=True, text=True, timeout=400, check=False)
            down = subprocess.run([*command, "down"], env=env, capture_output=True, text=True, timeout=200, check=False)
            left = subprocess.run(
                ["docker", "ps", "-aq", "--filter", f"label=io.x-k8s.kind.cluster={NAME}"],
                capture_output=True,
                text=True,
                timeout=20,
                check=True,
            )
            rows.append(
                {
                    "killed_after_s": round(moment, 1),
                    "in": (said or ["nothing"])[-1],
                    "up": again.returncode,
                    "down": down.returncode,
                    "left": len(left.stdout.split()),
                }
            )
            print(rows[-1], again.stderr.strip()[-300:], flush=True)
    good = sum(not (r["up"] or r["down"] or r["left"]) for r in rows)
    print(json.dumps({**measured_on(), "bench": "up_killed", "good": good, "of": len(rows)}))


if __name__ == "__main__":
    main()
