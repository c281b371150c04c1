"""Who handed in what: one row for each student, whatever is in it.

The lab is found by the id that the notebook carries, never by its file name. A row that cannot be run says why in one line, and a person
has to look at it: that is never a zero."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shallowdive.grading import archive

MOST_CELLS, MOST_SOURCE = 1_000, 200_000
"""Of a notebook that is taken: cells, and characters of one cell's source."""
LMS_NAMES = (
    re.compile(r"^(?P<who>.+?)_(?P<id>\d+)_assignsubmission_file(?:_.*)?$"),  # Moodle: Full Name_4711_assignsubmission_file_
    re.compile(r"^(?P<who>[^_]+?)(?:_LATE)?_(?P<id>\d+)_\d+_.+$"),  # Canvas: lastnamefirst_LATE_4711_8150_notebook.ipynb
    re.compile(r"^(?P<who>.+?)(?P<id>)_attempt_\d{4}-[\d-]+.*$"),  # Blackboard: Lab 12_jdoe_attempt_2026-11-27-10-00-00_x.ipynb
)
"""How learning management systems name what they let one download."""


@dataclass(slots=True)
class Submission:
    """`notebook` is what may be merged; None with the `problem` that a person has to look at. `where` is the path it had. `ours`: it is no
    student's, and is run as it is."""

    student: str
    where: str = ""
    notebook: dict[str, Any] | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    ours: bool = False


def find(folder: Path, lab: str) -> list[Submission]:
    """A row for every student in `folder` (or the archive of a whole class), in order of their names.

    What stands at the top belongs to one student: a folder, an archive, or a file whose name begins with the student's. OSError when
    `folder` itself cannot be listed."""
    by_student: dict[tuple[str, str], archive.Found] = {}
    for name, found in _at_the_top(folder):
        mine = by_student.setdefault(student_of(name), archive.Found())
        mine.notebooks |= {f"{name}/{path}" if path != name else path: data for path, data in found.notebooks.items()}
        mine.problems += found.problems
    names = Counter(who for who, _ in by_student)
    called = {key: key[0] if names[key[0]] == 1 else f"{key[0]} ({key[1]})" for key in by_student}
    return [chosen(called[key], found, lab) for key, found in sorted(by_student.items())]


def _at_the_top(folder: Path) -> list[tuple[str, archive.Found]]:
    if folder.is_dir():
        tops = sorted(p for p in folder.iterdir() if p.name not in archive.SKIPPED and not p.name.startswith("."))
        return [(p.name, archive.read(p)) for p in tops if p.is_dir() or p.suffix.lower() in (archive.WANTED, ".zip")]
    whole = archive.read(folder)
    tops_of: dict[str, archive.Found] = {}
    for path, data in whole.notebooks.items():
        top, _, rest = path.partition("/")
        tops_of.setdefault(top, archive.Found()).notebooks[rest or top] = data
    if whole.problems:
        tops_of.setdefault(folder.name, archive.Found()).problems.extend(whole.problems)
    return sorted(tops_of.items())


def student_of(name: str) -> tuple[str, str]:
    """The student in the name of a folder or file, and the number that tells two of one name apart: as learning management systems write
    it, else the name without its ending, and ''."""
    stem = re.sub(r"\.(?:ipynb|zip)$", "", name, flags=re.IGNORECASE)
    for pattern in LMS_NAMES:
        if found := pattern.match(stem):
            return found["who"].strip() or stem, found["id"]
    return stem, ""


def chosen(student: str, found: archive.Found, lab: str) -> Submission:
    """The one notebook of this lab among a student's files."""
    usable: dict[str, dict[str, Any]] = {}
    notes = list(found.problems)
    for where, data in found.notebooks.items():
        try:
            usable[where] = parse(data)
        except ValueError as exc:
            notes.append(f"{where}: {exc}")
    of_lab = {where: nb for where, nb in usable.items() if lab_in(nb) == lab}
    if len(of_lab) > 1:
        texts = {json.dumps([c["source"] for c in nb["cells"]]) for nb in of_lab.values()}
        if len(texts) > 1:
            return Submission(student, problem=f"several notebooks of this lab, and they differ: {', '.join(sorted(of_lab))}", notes=notes)
    if of_lab:
        where, notebook = sorted(of_lab.items())[0]
        return Submission(student, where, notebook, notes=notes)
    unnamed = {where: nb for where, nb in usable.items() if not lab_in(nb)}
    if len(unnamed) == 1:
        ((where, notebook),) = unnamed.items()
        return Submission(student, where, notebook, notes=[*notes, f"{where} has lost the name of its lab"])
    others = sorted({lab_in(nb) for nb in usable.values()} - {""})
    why = f"only of other labs: {', '.join(others)}" if others else "; ".join(notes) or "no notebook"
    return Submission(student, problem=f"no notebook of this lab: {why}", notes=notes)


def stated(notebook: dict[str, Any], what: str) -> Any:
    """What the notebook says of itself in our part of its metadata, of any type; None when it says nothing."""
    ours = notebook["metadata"].get("shallowdive")
    return ours.get(what) if isinstance(ours, dict) else None


def lab_in(notebook: dict[str, Any]) -> str:
    """The id that the notebook carries; '' when it has none."""
    lab = stated(notebook, "lab")
    return lab if isinstance(lab, str) else ""


def parse(data: bytes) -> dict[str, Any]:
    """A notebook in the one form that the rest relies on: cells with `cell_type`, `id`, `metadata`, `source` as text. ValueError says in
    words why it is none."""
    if not data.strip():
        raise ValueError("the file is empty")
    text = data.decode("utf-8-sig", errors="replace")
    if re.search(r"^<<<<<<< ", text, re.MULTILINE):
        raise ValueError("conflict marks of git are in it")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"no JSON, perhaps cut off: {str(exc)[:80]}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        raise ValueError("JSON, and no notebook of format 4")
    if len(raw["cells"]) > MOST_CELLS:
        raise ValueError(f"more than {MOST_CELLS} cells")
    metadata = raw.get("metadata")
    return {"metadata": metadata if isinstance(metadata, dict) else {}, "cells": [_cell(c) for c in raw["cells"] if isinstance(c, dict)]}


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        source = ""
    if len(source) > MOST_SOURCE:
        raise ValueError(f"a cell of more than {MOST_SOURCE} characters")
    kind, ident, metadata = cell.get("cell_type"), cell.get("id"), cell.get("metadata")
    return {
        "cell_type": kind if kind in ("code", "markdown", "raw") else "raw",
        "id": ident if isinstance(ident, str) else "",
        "metadata": metadata if isinstance(metadata, dict) else {},
        "source": source.replace("\r\n", "\n"),
    }
