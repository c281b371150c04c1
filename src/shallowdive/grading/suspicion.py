"""Which answers run alone where the network is not isolated: those that use what neither the lab nor its solution uses. Not a verdict: a
reason to have no neighbour."""

from __future__ import annotations

import ast
from typing import Any

from shallowdive.grading.merge import is_answer

HARMLESS = frozenset({"collections", "copy", "datetime", "itertools", "json", "kubernetes", "math", "re", "shallowdive", "time", "yaml"})
OPENS_ANYTHING = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "get_ipython", "globals", "open", "vars"})
PRIVATE = "_"


def names_used(source: str) -> set[str] | None:
    """Modules that are imported, and of the names those that open any door; None where it is no Python (magics, shell lines)."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            used |= {a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            used.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Name) and node.id in OPENS_ANYTHING:
            used.add(node.id)
        elif isinstance(node, ast.Attribute) and node.attr.startswith(PRIVATE):
            used.add(node.attr)
    return used


def is_suspicious(notebook: dict[str, Any], instructor: dict[str, Any], solution: dict[str, Any]) -> bool:
    """Of a merged notebook; `instructor` and `solution` show what the lab itself uses."""
    usual = set(HARMLESS)
    for known in (instructor, solution):
        for cell in known["cells"]:
            if cell["cell_type"] == "code":
                usual |= names_used("".join(cell["source"])) or set()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and is_answer(cell):
            used = names_used(cell["source"])
            if used is None or used - usual:
                return True
    return False
