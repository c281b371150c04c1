"""Criteria of an instructor's own, from a file that no student sees: CRITERIA, made with `@criterion` as in shallowdive/checks.

The file runs in the grader's process and with its rights, like the judge."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from shallowdive.checks.result import Criterion
from shallowdive.errors import BadAnswer


def read_hidden(path: Path) -> tuple[Criterion, ...]:
    """BadAnswer says in words why the file cannot be used."""
    spec = importlib.util.spec_from_file_location("shallowdive_hidden_checks", path)
    try:
        if spec is None or spec.loader is None:
            raise ImportError("no Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = tuple(module.CRITERIA)
    except Exception as exc:
        raise _unusable(path, f"{type(exc).__name__}: {exc}") from exc
    strange = [c for c in found if not isinstance(c, Criterion)]
    if strange or not found:
        raise _unusable(path, f"CRITERIA holds {strange[0]!r}"[:120] if strange else "CRITERIA is empty")
    return found


def _unusable(path: Path, saw: str) -> BadAnswer:
    return BadAnswer(f"{path.name} holds no criteria", saw=saw, try_this="CRITERIA = (one, another), each made with @criterion")
