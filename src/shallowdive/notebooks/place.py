"""The learner's own copies: made on first opening, never overwritten; a newer version arrives beside as NN-slug.v2.ipynb."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from shallowdive.errors import UnknownLab


def version_of(notebook: Path) -> int:
    """The lab version in a notebook's metadata; 0 when it has none (a learner may have saved it with another tool)."""
    try:
        return int(json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["shallowdive"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def place(labs: Path, mine: Path) -> list[Path]:
    """Copy what is missing from `labs` to `mine`; returns the newest copy of each lab, in order."""
    sources = sorted(labs.glob("[0-9][0-9]-*.ipynb"))
    if not sources:
        raise UnknownLab("there are no lab notebooks here", saw=f"nothing in {labs}", try_this="run dive.py in the folder of the course")
    mine.mkdir(exist_ok=True)
    return [_place_one(source, mine) for source in sources]


def _place_one(source: Path, mine: Path) -> Path:
    first, version = mine / source.name, version_of(source)
    if not first.exists():
        shutil.copyfile(source, first)
        return first
    if version_of(first) >= version or version_of(first) == 0:
        return first
    newer = mine / f"{source.stem}.v{version}.ipynb"
    if not newer.exists():
        shutil.copyfile(source, newer)
    return newer
