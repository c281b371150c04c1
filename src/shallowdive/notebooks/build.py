"""labs/src/NN-slug.md (jupytext MyST) to two notebooks: the learner's, without answers, and the solution.

Marks in a code cell of the source:
    ### SOLUTION: what to do     the lines to `### END` are the answer; a learner gets `session.todo("what to do")`
    ### END
    ### LEARNER: line            a learner gets this line instead of the one above it
Cell ids come from `:name:` and from the position, so generation gives the same bytes each time."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from shallowdive.errors import BadAnswer

SOLUTION, END, LEARNER = "### SOLUTION:", "### END", "### LEARNER:"


def learner_notebook(source: Path) -> Any:
    return _notebook(source, answers=False)


def solution_notebook(source: Path) -> Any:
    return _notebook(source, answers=True)


def to_text(notebook: Any) -> str:
    """The bytes of a notebook file: sorted keys, one space, a newline at the end."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def source_hash(source: Path) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest()[:16]


def without_outputs(notebook: Any) -> Any:
    """The notebook as generated: no outputs, no record of a run."""
    bare = copy.deepcopy(notebook)
    bare["metadata"].get("shallowdive", {}).pop("executed", None)
    for cell in bare["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return bare


def _notebook(source: Path, *, answers: bool) -> Any:
    import jupytext

    read = jupytext.read(source, fmt="md:myst")
    facts = read.metadata.get("shallowdive") or {}
    if facts.get("lab") != source.stem:
        raise BadAnswer(
            f"{source.name} does not say its own name",
            saw=str(facts.get("lab")),
            try_this=f"front matter: shallowdive: {{lab: {source.stem}}}",
        )
    cells, names = [], set()
    for at, cell in enumerate(read.cells):
        made = _cell(cell, at, answers, source)
        if made["id"] in names:
            raise BadAnswer(f"{source.name}: two cells have the same name", saw=made["id"], try_this="give each its own :name:")
        names.add(made["id"])
        cells.append(made)
    metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "shallowdive": dict(facts),
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _cell(cell: Any, at: int, answers: bool, source: Path) -> dict[str, Any]:
    if cell.cell_type != "code":
        return {"cell_type": "markdown", "id": f"text-{at:02d}", "metadata": {}, "source": cell.source}
    name = cell.metadata.get("name", "")
    if not re.fullmatch(r"[a-z0-9-]{1,60}", name):
        raise BadAnswer(f"{source.name}: code cell {at} has no usable name", saw=repr(name), try_this=":name: words-with-dashes")
    metadata: dict[str, Any] = {}
    if cell.metadata.get("tags"):
        metadata["tags"] = list(cell.metadata["tags"])
    if SOLUTION in cell.source or LEARNER in cell.source:
        metadata["shallowdive"] = {"answer": name}
    if "session.check()" in cell.source:
        metadata["shallowdive"] = {"check": name}
    text = solution_text(cell.source) if answers else learner_text(cell.source)
    return {"cell_type": "code", "execution_count": None, "id": name, "metadata": metadata, "outputs": [], "source": text}


def solution_text(code: str) -> str:
    """The cell with its answer and without marks."""
    return "\n".join(line for line in code.splitlines() if not line.strip().startswith((SOLUTION, END, LEARNER)))


def learner_text(code: str) -> str:
    """The cell without its answer. BadAnswer when a SOLUTION has no END."""
    out: list[str] = []
    inside = False
    for line in code.splitlines():
        mark = line.strip()
        if mark.startswith(SOLUTION):
            indent = line[: len(line) - len(line.lstrip())]
            out.append(f"{indent}session.todo({json.dumps(mark.removeprefix(SOLUTION).strip(), ensure_ascii=False)})")
            inside = True
        elif mark == END:
            inside = False
        elif mark.startswith(LEARNER):
            indent = out[-1][: len(out[-1]) - len(out[-1].lstrip())]
            out[-1] = indent + mark.removeprefix(LEARNER).strip()
        elif not inside:
            out.append(line)
    if inside:
        raise BadAnswer("a SOLUTION has no END", saw=code[:60], try_this=f"close it with a line {END}")
    return "\n".join(out)
