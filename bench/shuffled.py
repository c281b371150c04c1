"""Each lab's cells in ten orders (the first cell first), on the embedded cluster: does every error speak our words?

python bench/shuffled.py --orders 10 [LAB …]     a line a lab in bench/shuffled.jsonl"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from machine import ROOT, measured_on

sys.path.append(str(ROOT))
from shallowdive.checks import LABS, lab_of
from shallowdive.cluster import Home
from shallowdive.cluster.embedded import EmbeddedBackend
from tests.shuffled import in_order, run

LOG = Path(__file__).with_suffix(".jsonl")
SPEED, AT_A_TIME = 5, 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", nargs="*", help="ids or numbers; default all")
    parser.add_argument("--orders", type=int, default=10)
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder), "sd-shuffled")
        backend = EmbeddedBackend(home, speed=SPEED)
        backend.up(lambda _: None)
        try:
            for lab in [lab_of(name).id for name in args.labs] or [lab.id for lab in LABS.values() if not lab.kind_only]:
                began = time.monotonic()
                with ThreadPoolExecutor(1 if LABS[lab].alone else AT_A_TIME) as pool:
                    ended = list(pool.map(lambda seed, of=lab: run(of, in_order(of, seed), home), range(1, args.orders + 1)))  # type: ignore[misc]
                raw = [f"seed {seed}: {line}" for seed, r in enumerate(ended, 1) for line in r.raw]
                raw += [f"seed {seed}: AlreadyExists" for seed, r in enumerate(ended, 1) if "AlreadyExists" in r.said]
                wrong += len(raw)
                found = {"lab": lab, "orders": len(ended), "errors": [len(r.errors) for r in ended], "raw": raw}
                line = {**measured_on(), "bench": "shuffled", "seconds": round(time.monotonic() - began, 1), **found}
                with LOG.open("a") as f:
                    f.write(json.dumps(line) + "\n")
                print(json.dumps(found), flush=True)
        finally:
            backend.down(lambda _: None)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
