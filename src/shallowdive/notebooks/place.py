"""The learner's own copies: made on first opening, never overwritten; a newer version arrives beside as NN-slug.v2.ipynb."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from shallowdive.errors import UnknownLab
from shallowdive.notebooks.build import to_text


def version_of(notebook: Path) -> int:
    """The lab version in a notebook's metadata; 0 when it has none (a learner may have saved it with another tool)."""
    try:
        return int(json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["shallowdive"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def place(labs: Path, mine: Path, learner: str = "") -> list[Path]:
    """Copy what is missing from `labs` to `mine`; returns the newest copy of each lab, in order.

    `learner`: a name of one's own goes into the copy, so that a grader draws the same faults and numbers as the lab did."""
    sources = sorted(labs.glob("[0-9][0-9]-*.ipynb"))
    if not sources:
        raise UnknownLab("there are no lab notebooks here", saw=f"nothing in {labs}", try_this="run dive.py in the folder of the course")
    mine.mkdir(exist_ok=True)
    return [_place_one(source, mine, learner) for source in sources]


def _place_one(source: Path, mine: Path, learner: str) -> Path:
    first, version = mine / source.name, version_of(source)
    if not first.exists():
        _copy(source, first, learner)
        return first
    if version_of(first) >= version or version_of(first) == 0:
        return first
    newer = mine / f"{source.stem}.v{version}.ipynb"
    if not newer.exists():
        _copy(source, newer, learner)
    return newer


def _copy(source: Path, to: Path, learner: str) -> None:
    if not learner:
        shutil.copyfile(source, to)
        return
    notebook = json.loads(source.read_text(encoding="utf-8"))
    notebook["metadata"]["shallowdive"]["learner"] = learner
    to.write_text(to_text(notebook), encoding="utf-8")
