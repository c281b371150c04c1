"""What students hand in, made for tests: a right notebook of a lab, what happens to it on the way, archives of all kinds."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LAB = "12-deployment"
Notebook = dict[str, Any]


def given(lab: str = LAB) -> Notebook:
    """The learner's copy as it was handed out."""
    notebook: Notebook = json.loads((ROOT / "labs" / f"{lab}.ipynb").read_text(encoding="utf-8"))
    return notebook


def solved(lab: str = LAB) -> Notebook:
    """The learner's copy with the solution's answers, as a good student saves it."""
    solution = json.loads((ROOT / "labs" / "solutions" / f"{lab}.ipynb").read_text(encoding="utf-8"))
    answers = {c["id"]: c["source"] for c in solution["cells"]}
    return changed(given(lab), lambda c: c | {"source": answers[c["id"]]} if c["metadata"].get("shallowdive") else c)


def changed(notebook: Notebook, change: Any) -> Notebook:
    """A copy whose cells went through `change(cell)`; None drops one."""
    made = copy.deepcopy(notebook)
    made["cells"] = [new for cell in made["cells"] if (new := change(cell)) is not None]
    return made


def text(notebook: Notebook) -> bytes:
    return json.dumps(notebook, ensure_ascii=False).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
