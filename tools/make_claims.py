"""Write the page's table of claims, what confirms them, and on what that was run last: python tools/make_claims.py

A claim whose evidence does not exist, or was not met in the executed lab, ends this with an error, and fails the tests."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from shallowdive.checks import LABS

ROOT = Path(__file__).parent.parent
FILE = ROOT / "book" / "claims.txt"


def executed(lab: str) -> Any:
    return json.loads((ROOT / "labs" / "solutions" / f"{lab}.ipynb").read_text(encoding="utf-8"))


def evidence(text: str) -> tuple[str, str]:
    """(what it is, on what it was run last) as Markdown. ValueError when there is no such evidence, or it was not met."""
    if "::" in text:
        file, _, name = text.partition("::")
        if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8"):
            raise ValueError(f"no such test: {text}")
        return f"`{name}`", "each run of the tests"
    lab, how, what = re.fullmatch(r"([\w-]+)(:| =) ([\w-]+)", text).groups()  # type: ignore[union-attr]
    made = executed(lab)
    cells = {c["id"]: c for c in made["cells"] if c["cell_type"] == "code"}
    run = made["metadata"]["shallowdive"]["executed"]
    where = f"[lab {int(lab[:2])}](../labs/solutions/{lab}.ipynb)"
    on = f"{run['kubernetes']}, {run['date']}"
    if how == ":":
        if what not in cells:
            raise ValueError(f"no such cell: {text}")
        return f"{where}, cell `{what}`", on
    if what not in {c.name for c in importlib.import_module(LABS[lab].module).CRITERIA}:
        raise ValueError(f"no such criterion: {text}")
    said = "".join("".join(o.get("text", "")) for o in cells["check"]["outputs"])
    if f"✓ {what}:" not in said:
        raise ValueError(f"not met in the executed lab: {text}")
    return f"{where}, criterion `{what}`", on


def table() -> str:
    rows = ["| chapter | claim | confirmed by | last on |", "|---|---|---|---|"]
    claims: dict[str, list[tuple[str, str]]] = yaml.safe_load((ROOT / "book" / "claims.yaml").read_text(encoding="utf-8"))
    for chapter, several in claims.items():
        for claim, of in several:
            rows.append(f"| [{int(chapter[:2])}]({chapter}.md) | {claim} | {' | '.join(evidence(of))} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    try:
        FILE.write_text(table(), encoding="utf-8")
    except ValueError as exc:
        sys.exit(f"book/claims.yaml: {exc}")
