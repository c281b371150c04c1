"""The way through the embedded cluster that ARCHITECTURE.md describes still exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SECTION = (ROOT / "ARCHITECTURE.md").read_text().split("## The embedded cluster")[1].split("\n## ")[0]
EMBEDDED = ROOT / "src" / "shallowdive" / "embedded"
STEPS = re.findall(r"`([\w/]+\.py)`(?: `(\w+)`)?", SECTION)


@pytest.mark.parametrize(("file", "name"), STEPS, ids=[" ".join(step) for step in STEPS])
def test_what_the_architecture_names_is_there(file: str, name: str) -> None:
    tree = ast.parse((EMBEDDED / file).read_text())
    assert not name or name in {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}


def test_the_spine_is_as_short_as_it_says() -> None:
    spine = sum(len((EMBEDDED / file).read_text().splitlines()) for file, _ in set(STEPS) if "*" not in file)
    assert 3000 < spine < 5000
