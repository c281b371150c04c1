"""Write the tables on the judges that the book prints: python tools/grader_report.py

Counted from the cases in tests/mutants, from what mechanical changes came to, and from the series on kind. Nothing here is measured
again: that each case is judged as its criterion says is what tests/mutants tries, every time."""

from __future__ import annotations

import importlib
import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shallowdive.checks import LABS, Lab  # noqa: E402
from tests.mutants import Case, cases_of, on_kind_each_time  # noqa: E402
from tests.mutants.mechanical import DELIVERED, RESULTS, SURVIVORS  # noqa: E402

FILE = ROOT / "book" / "grader-report.txt"
SERIES = ROOT / "bench" / "soak.jsonl"
BY_HAND = """## Work made by hand

Every piece runs on the embedded cluster each time. On kind two of each lab do, those that show most.
All of them do in the long series.

| lab | criteria | an untouched notebook meets | wrong works, caught by the criterion meant | right works, odd too | on kind each time |
|---|---|---|---|---|---|
"""
BY_RULE = """## Work changed by rule

One thing in the manifests of the plain solution is changed. A field is dropped, a number is one more or less, a label is another. The API
server refuses some. With some the learner's own next step never comes true. The judge sees the rest. What it lets pass comes to the same,
and the reason stands below. In lab 14 the manifests are the course's own: the learner
changes fields of them, so there is nothing to change by rule.

| lab | on | changes | refused | stuck | red | green |
|---|---|---|---|---|---|---|
"""
SERIES_HEAD = """## Solutions again and again

Runs of each solution on kind in the long series. They were judged from outside, two at a time, beside a busy processor. From {} to {}.

| lab | runs | failed | median | worst |
|---|---|---|---|---|
"""


def report() -> str:
    parts = [by_hand(), by_rule(), series(), *(one_lab(lab) for lab in LABS.values())]
    return "\n".join(parts)


def number(lab: Lab) -> str:
    return str(int(lab.id.split("-")[0]))


def criteria_of(lab: Lab) -> list[str]:
    return [c.name for c in importlib.import_module(lab.module).CRITERIA]


def nothing_done(cases: list[Case]) -> Case:
    return next(c for c in cases if c.name == "nothing done")


def by_hand() -> str:
    rows = []
    for lab in LABS.values():
        cases, criteria = cases_of(lab), criteria_of(lab)
        wrong, right = [c for c in cases if c.red], [c for c in cases if not c.red]
        met = len(criteria) - len(nothing_done(cases).red)
        rows.append(
            f"| {number(lab)} | {len(criteria)} | {met} of {len(criteria)}, not passed | {len(wrong)} | {len(right)} "
            f"| {0 if lab.alone else len(on_kind_each_time(cases))} |"
        )
    return BY_HAND + "\n".join(rows) + "\n"


def by_rule() -> str:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = []
    for lab in LABS.values():
        if lab.id in DELIVERED:
            rows.append(f"| {number(lab)} | – | 0 | – | – | – | – |")
            continue
        what = Counter(outcome.split(":")[0] for outcome in found[lab.id]["outcome"].values())
        counts = " | ".join(str(what[k]) for k in ("refused", "stuck", "red", "green"))
        rows.append(f"| {number(lab)} | {found[lab.id]['on']} | {found[lab.id]['n']} | {counts} |")
    return BY_RULE + "\n".join(rows) + "\n"


def series() -> str:
    lines = [json.loads(line) for line in SERIES.read_text(encoding="utf-8").splitlines()]
    runs: dict[str, list[tuple[float, bool]]] = {}
    for line in lines:
        for one in line["labs"]:
            runs.setdefault(one["lab"], []).append((one["seconds"], one["passed"]))
    rows = []
    for lab in LABS.values():
        of = runs.get(lab.id, [])
        times = f"{statistics.median(s for s, _ in of):.0f} s | {max(s for s, _ in of):.0f} s" if of else "– | –"
        rows.append(f"| {number(lab)} | {len(of)} | {sum(1 for _, ok in of if not ok)} | {times} |")
    days = sorted({str(line["at"])[:10] for line in lines})
    return SERIES_HEAD.format(days[0], days[-1]) + "\n".join(rows) + "\n"


def one_lab(lab: Lab) -> str:
    cases = cases_of(lab)
    lines = [f"## Lab {number(lab)}: {lab.title}\n", "| criterion | wrong work that it catches |", "|---|---|"]
    for name in criteria_of(lab):
        caught = sorted((c for c in cases if name in c.red), key=lambda c: len(c.red))
        lines.append(f"| `{name}` | {'; '.join(plain(c.name) for c in caught[:4])}{more(len(caught) - 4)} |")
    lines += ["", "Right work that passes:", "", *(f"- {plain(c.name)}" for c in cases if not c.red), ""]
    if found := list(survivors(lab)):
        lines += ["Changes by rule that pass, and why:", "", *found, ""]
    return "\n".join(lines)


def survivors(lab: Lab) -> Iterator[str]:
    why: dict[str, str] = (yaml.safe_load(SURVIVORS.read_text(encoding="utf-8")) or {}).get(lab.id, {})
    for pattern, reason in why.items():
        yield f"- `{pattern}`: {' '.join(str(reason).split())}."


def more(count: int) -> str:
    return f"; and {count} more" if count > 0 else ""


def plain(words: str) -> str:
    """Words as they may stand in a cell of a table."""
    return words.replace("|", "or").replace("*", "\\*").replace("<", "&lt;")


if __name__ == "__main__":
    FILE.write_text(report(), encoding="utf-8")
