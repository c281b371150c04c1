"""A class of lab 12, some of it hostile, graded on one kind cluster: rows, time, and how that compares with nbval alone, one by one.

python bench/grading.py --students 100 --hostile 20 [--workers N] [--kill]     a line in bench/grading.jsonl
python bench/grading.py --same 20          one submission again and again, beside others in random order: are its marks the same?

`--kill`: the batch is killed (SIGKILL) when a third of its rows is there, and started again; no row may be lost or made twice."""

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
from pathlib import Path
from typing import Any

from machine import ROOT, measured_on

sys.path.append(str(ROOT))
from tests.grading.handed_in import LAB, changed, given, solved, text

LOG = Path(__file__).with_suffix(".jsonl")
HOSTILE = sorted((ROOT / "tests" / "grading" / "hostile").glob("*.py"))
CELL = "repair"
ALONE = 2
"""Notebooks that are run one by one with plain nbval, for the comparison."""
LIMIT_S, BATCH_S = 300, 4 * 3600


def make_class(folder: Path, students: int, hostile: int, seed: int) -> dict[str, str]:
    """What each student has handed in: right, untouched, partly done, or an attack, by name."""
    dice, what = random.Random(seed), {}
    for n in range(students):
        name = f"s{n:03d}"
        if n < hostile:
            path = HOSTILE[n % len(HOSTILE)]
            code = path.read_text(encoding="utf-8")
            made, what[name] = changed(given(), lambda c, code=code: c | {"source": code} if c["id"] == CELL else c), f"attack {path.stem}"
        else:
            kind = ("right", "right", "right", "untouched", "partly")[n % 5]
            left = {c["id"] for c in given()["cells"] if c["metadata"].get("shallowdive", {}).get("answer")}
            left = set(sorted(left)[: len(left) // 2]) if kind == "partly" else left if kind == "untouched" else set()
            as_given = {c["id"]: c for c in given()["cells"]}
            made, what[name] = changed(solved(), lambda c, left=left, g=as_given: g[c["id"]] if c["id"] in left else c), kind
        (folder / name).mkdir()
        (folder / name / f"{dice.randrange(999)}.ipynb").write_bytes(text(made))
    return what


def grade(handed: Path, out: Path, workers: int, kill_at: int = 0) -> float:
    """Seconds. With `kill_at`, the process is killed when the journal has so many rows."""
    command = [sys.executable, "-m", "shallowdive", "grade", str(handed), "--lab", LAB, "--out", str(out), "--limit", str(LIMIT_S)]
    began = time.monotonic()
    process = subprocess.Popen([*command, *(["--workers", str(workers)] if workers else [])], cwd=ROOT, start_new_session=True)
    while process.poll() is None:
        time.sleep(1)
        if time.monotonic() - began > BATCH_S:
            os.killpg(process.pid, signal.SIGKILL)
            raise SystemExit(f"no end after {BATCH_S} s; {len(rows_in(out))} rows")
        if kill_at and len(rows_in(out)) >= kill_at:
            os.killpg(process.pid, signal.SIGKILL)
    return time.monotonic() - began


def rows_in(out: Path) -> list[dict[str, Any]]:
    path = out / "journal.jsonl"
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [row for row in found if "student" in row]


def alone_s(count: int) -> list[float]:
    """Seconds of the solution under plain nbval with its judge, on the same cluster, one after the other."""
    times = []
    for _ in range(count):
        began = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "labs" / "solutions" / f"{LAB}.ipynb")]
        home, cluster = (
            os.environ.get("SHALLOWDIVE_HOME", str(Path.home() / ".shallowdive")),
            os.environ.get("SHALLOWDIVE_CLUSTER", "shallowdive"),
        )
        env = os.environ | {"SHALLOWDIVE_TEST_HOME": home, "SHALLOWDIVE_TEST_CLUSTER": cluster}
        subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=900, stdout=subprocess.DEVNULL)
        times.append(round(time.monotonic() - began, 1))
    return times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--hostile", type=int, default=20)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--same", type=int, default=0)
    parser.add_argument("--kill", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        handed, out = Path(folder) / "handed-in", Path(folder) / "results"
        handed.mkdir()
        if args.same:
            what = {f"s{n:03d}": "right" for n in range(args.same)}
            for name in what:
                (handed / name).mkdir()
                (handed / name / "x.ipynb").write_bytes(text(solved()))
        else:
            what = make_class(handed, args.students, args.hostile, args.seed)
        seconds = grade(handed, out, args.workers, len(what) // 3 if args.kill else 0)
        killed_with = len(rows_in(out))
        if args.kill:
            seconds += grade(handed, out, args.workers)
        rows = json.loads((out / "class.json").read_text(encoding="utf-8"))
        lines = rows_in(out)
        by_kind: dict[str, list[str]] = {}
        for row in rows:
            said = f"{row['points']}/{row['of']}" if row["state"] == "graded" else f"review: {row['why'][:60]}"
            by_kind.setdefault(what[row["student"]].split()[0], []).append(said)
        wrong = [r["student"] for r in rows if what[r["student"]] == "right" and r["points"] != r["of"] and r["state"] == "graded"]
        wrong += [r["student"] for r in rows if what[r["student"]].startswith("attack") and r["points"]]
        one_by_one = alone_s(ALONE)
        found = {
            "students": len(what), "rows": len(rows), "killed_with": killed_with if args.kill else None, "lines": len(lines),
            "marks": {k: {s: v.count(s) for s in set(v)} for k, v in by_kind.items()}, "wrong": wrong,
            "each_s": round(seconds / len(rows), 1), "alone_s": one_by_one,
            "times_faster": round(sum(one_by_one) / len(one_by_one) / (seconds / len(rows)), 2), "cpu_s": round(sum(os.times()[2:4]), 1),
        }  # fmt: skip
    line = {**measured_on(), "bench": "grading", "workers": args.workers, "seconds": round(seconds, 1), **found}
    with LOG.open("a") as f:
        f.write(json.dumps(line) + "\n")
    print(json.dumps(line, indent=1))
    return 1 if wrong or len(rows) != len(what) else 0


if __name__ == "__main__":
    sys.exit(main())
