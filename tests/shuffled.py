"""A lab's solution run cell by cell in an order of our choice, errors and all; for tests and for bench/shuffled.py."""

from __future__ import annotations

import hashlib
import json
import random
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from shallowdive.cli import lab_environment
from shallowdive.cluster import Home

ROOT = Path(__file__).parents[1]
CELL_S = 150
OURS = re.compile(r"\[SD-[A-Z]\d+\]")
"""Every error of ours ends its first line with its code."""


@dataclass
class Ran:
    """`errors`: what went wrong, a line each; `raw`: those that were not in our words; `printed`: what each cell printed."""

    errors: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        return "".join(self.printed)


def solution(lab: str) -> list[dict[str, Any]]:
    """The code cells of a lab's solution, with what they printed on kind."""
    made = json.loads((ROOT / "labs" / "solutions" / f"{lab}.ipynb").read_text(encoding="utf-8"))
    return [c for c in made["cells"] if c["cell_type"] == "code"]


def cells_of(lab: str) -> list[str]:
    return ["".join(c["source"]) for c in solution(lab)]


def twice(lab: str) -> list[str]:
    return cells_of(lab) * 2


def in_order(lab: str, seed: int) -> list[str]:
    """The first cell, which every lab says comes first, and then the others, shuffled."""
    first, *cells = cells_of(lab)
    random.Random(f"{lab} {seed}").shuffle(cells)
    return [first, *cells]


def run(lab: str, cells: list[str], home: Home) -> Ran:
    """In a kernel and as a learner of its own; a cell that fails does not end it."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    who = f"order-{hashlib.sha256(''.join(cells).encode()).hexdigest()[:12]}"  # what is drawn for it is the same in every run
    env = {**lab_environment(home), "SHALLOWDIVE_LEARNER": who, "SHALLOWDIVE_STATIC": "1"}
    with tempfile.TemporaryDirectory(prefix="shallowdive-") as folder:
        runner = NotebookClient(made, timeout=CELL_S, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": folder}})
        runner.execute(env=env)
    found = Ran()
    for cell in made.cells:
        found.printed.append("")
        for out in cell.get("outputs", ()):
            if out.output_type == "error":
                lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.traceback]
                line = f"{out.ename}: {' | '.join(str(out.evalue).splitlines())}"
                found.errors.append(line)
                if not OURS.search("\n".join(lines)) or any("Traceback" in x for x in lines):
                    found.raw.append(line)
            found.printed[-1] += "".join(out.get("text", "")) + str(out.get("data", {}).get("text/plain", ""))
    return found
