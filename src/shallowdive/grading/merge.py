"""The instructor's notebook with a student's answers in it: only the cells that were asked for are taken, by their ids.

Where an id was lost (another tool, copy and paste), a cell is found by what it calls, `session.predict("failed-requests", …)`, and then by
its place between two cells that nobody changed. Everything else of the student's notebook stays out, and is told."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any

MARK = re.compile(r"session\.(predict|answer)\(\s*[\"']([\w-]+)[\"']")


@dataclass(slots=True)
class Merged:
    """`taken` names the answer cells that came from the student; `notes` say what was lost, altered or left out."""

    notebook: dict[str, Any]
    taken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def merge(instructor: dict[str, Any], student: dict[str, Any]) -> Merged:
    """`instructor` is the learner's copy as it was handed out (nbformat 4), `student` a notebook as `submissions.parse` gives it."""
    made = Merged(copy.deepcopy(instructor))
    ours, theirs = made.notebook["cells"], student["cells"]
    used: set[int] = set()
    for at, cell in enumerate(ours):
        if not is_answer(cell):
            continue
        found, how = _find(cell, at, ours, theirs, used)
        if found is None:
            made.notes.append(f"cell {cell['id']} is missing: nothing was answered")
            continue
        used.add(found)
        if theirs[found]["cell_type"] != "code":
            made.notes.append(f"cell {cell['id']} was no code any more: read as code")
        if how:
            made.notes.append(f"cell {cell['id']} had lost its name: found by {how}")
        cell["source"] = theirs[found]["source"]
        made.taken.append(cell["id"])
    made.notes += _left_out(ours, theirs, used)
    return made


def answered(instructor: dict[str, Any], solution: dict[str, Any]) -> dict[str, Any]:
    """What a student with all the right answers would hand in."""
    texts = {c["id"]: c["source"] for c in solution["cells"]}
    return instructor | {"cells": [c | {"source": texts[c["id"]]} if is_answer(c) else c for c in instructor["cells"]]}


def untouched(instructor: dict[str, Any]) -> list[dict[str, Any]]:
    """What a student hands in who answered nothing: all of it, and for each answer the cells before it."""
    cells = instructor["cells"]
    return [instructor, *(instructor | {"cells": cells[:at]} for at, c in enumerate(cells) if is_answer(c) and at)]


def is_answer(cell: dict[str, Any]) -> bool:
    return "answer" in (cell["metadata"].get("shallowdive") or {})


def is_check(cell: dict[str, Any]) -> bool:
    return "check" in (cell["metadata"].get("shallowdive") or {})


def _find(
    cell: dict[str, Any], at: int, ours: list[dict[str, Any]], theirs: list[dict[str, Any]], used: set[int]
) -> tuple[int | None, str]:
    """The student's cell for this one, and how it was found where not by its id."""
    free = [i for i in range(len(theirs)) if i not in used]
    by_id = [i for i in free if theirs[i]["id"] == cell["id"]]
    if by_id:
        return by_id[0], ""
    by_name = [i for i in free if isinstance(m := theirs[i]["metadata"].get("shallowdive"), dict) and m.get("answer") == cell["id"]]
    if len(by_name) == 1:
        return by_name[0], "the name in its metadata"
    marks = set(MARK.findall(cell["source"]))
    by_mark = [i for i in free if marks and marks <= set(MARK.findall(theirs[i]["source"]))]
    if len(by_mark) == 1:
        return by_mark[0], "what it calls"
    before, after = _neighbour(ours, at, -1), _neighbour(ours, at, 1)
    by_place = [
        i for i in free
        if theirs[i]["cell_type"] == "code" and before == _neighbour(theirs, i, -1) and after == _neighbour(theirs, i, 1)
    ]  # fmt: skip
    return (by_place[0], "its place") if len(by_place) == 1 else (None, "")


def _neighbour(cells: list[dict[str, Any]], at: int, step: int) -> str:
    beside = at + step
    return str(cells[beside]["source"]).strip() if 0 <= beside < len(cells) else ""


def _left_out(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], used: set[int]) -> list[str]:
    """What of the student's notebook is not run, in words."""
    notes = []
    given = {c["id"]: c for c in ours if c["cell_type"] == "code" and not is_answer(c)}
    sources = {c["source"].strip() for c in given.values()}
    altered = sorted(c["id"] for c in theirs if c["id"] in given and c["source"].strip() != given[c["id"]]["source"].strip())
    checks = {i for i, c in given.items() if is_check(c)}
    notes += [f"cell {i}, the check, was altered: ours is run" for i in altered if i in checks]
    if rest := [i for i in altered if i not in checks]:
        notes.append(f"given cells were altered, ours are run: {', '.join(rest)}")
    kept = {c["id"] for c in theirs}
    gone = [i for i, c in given.items() if i not in kept and c["source"].strip() not in {t["source"].strip() for t in theirs}]
    if gone:
        notes.append(f"given cells were deleted, ours are run: {', '.join(gone)}")
    left = [c for i, c in enumerate(theirs) if c["cell_type"] == "code" and i not in used and c["id"] not in given]
    own = [c for c in left if c["source"].strip() and c["source"].strip() not in sources]
    if own:
        notes.append(f"cells of the student's own were not run: {len(own)}")
    return notes
