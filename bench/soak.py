"""Long series: every lab's solution under nbval on one kind cluster, in random order, two at a time, with a CPU hog beside.

python bench/soak.py --runs 10      a dated line a run in bench/soak.jsonl; a series that was stopped goes on where it was"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from machine import ROOT, measured_on

from shallowdive.cluster import Home, up
from shallowdive.cluster.kind import KindBackend
from shallowdive.cluster.life import engine_problem
from shallowdive.facts import look_at_engine

LOG = Path(__file__).with_name("soak.jsonl")
AT_A_TIME = 2


def burn() -> None:
    while True:
        pass


def one(notebook: Path, env: dict[str, str]) -> dict[str, object]:
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(notebook)]
    try:
        ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=False)
        failed = re.findall(r"^FAILED (\S+)", ended.stdout, re.MULTILINE)
        verdict, status = (failed or [ended.stdout.strip().splitlines()[-1]] if ended.returncode else []), ended.returncode
    except subprocess.TimeoutExpired:
        verdict, status = ["no end in 600 s"], -1
    return {"lab": notebook.stem, "seconds": round(time.monotonic() - began, 1), "passed": status == 0, "failed": verdict}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-hog", action="store_true")
    args = parser.parse_args()
    problem = engine_problem(look_at_engine())
    if problem:
        print(problem)
        return problem.exit_code
    on = measured_on()
    done = [json.loads(line) for line in LOG.read_text().splitlines()] if LOG.exists() else []
    start = sum(1 for line in done if line["commit"] == on["commit"] and line["seed"] == args.seed and line["hog"] != args.no_hog)
    with tempfile.TemporaryDirectory() as tmp:
        home = Home(Path(tmp), "shallowdive-test-soak")
        backend = KindBackend(home, look_at_engine())
        try:
            status = up(backend, print)
            for run in range(start, args.runs):
                line = series_run(run, args, home)
                line = {**measured_on(), "node": status.facts["version"], **line}
                with LOG.open("a") as f:
                    f.write(json.dumps(line) + "\n")
                print(f"run {run + 1} of {args.runs}: {'passed' if line['passed'] else line['labs']} in {line['seconds']} s", flush=True)
        finally:
            backend.down(print)
    return 0


def series_run(run: int, args: argparse.Namespace, home: Home) -> dict[str, object]:
    notebooks = sorted((ROOT / "labs" / "solutions").glob("*.ipynb"))
    random.Random(args.seed * 1000 + run).shuffle(notebooks)
    env = {**os.environ, "SHALLOWDIVE_TEST_HOME": str(home.root), "SHALLOWDIVE_TEST_CLUSTER": home.cluster}
    hog = multiprocessing.Process(target=burn, daemon=True)
    if not args.no_hog:
        hog.start()
    began = time.monotonic()
    try:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            labs = list(pool.map(lambda n: one(n, env), notebooks))
    finally:
        if hog.is_alive():
            hog.kill()
    passed = all(lab["passed"] for lab in labs)
    return {
        "bench": "labs",
        "run": run,
        "seed": args.seed,
        "hog": not args.no_hog,
        "seconds": round(time.monotonic() - began, 1),
        "passed": passed,
        "labs": labs,
    }


if __name__ == "__main__":
    sys.exit(main())
