"""nbval, the runner: how it is started, and what is read of its report. A report is written by a process that a student controls, so it
is a hint for a reader; no mark is made of it."""

from __future__ import annotations

import os
import stat
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from shallowdive.grading.merge import is_check

CELL_S = 240
"""Limit of one cell, in seconds."""
REPORT = "cells.xml"
COMMAND = [
    sys.executable, "-m", "pytest", "-q", "-p", "nbval.plugin", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env",
    f"--junitxml={REPORT}", f"--nbval-cell-timeout={CELL_S}", "--nbval-kernel-startup-timeout=60", "submission.ipynb",
]  # fmt: skip
"""nbval and no other plugin; outputs are not compared, and no reference is ever taken from a submission."""
ENVIRONMENT = {
    "LANG": "C.UTF-8", "PYTHONUTF8": "1", "SHALLOWDIVE_STATIC": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "KUBECONFIG": os.devnull,
}  # fmt: skip


def unjudged(notebook: dict[str, Any]) -> dict[str, Any]:
    """The check of the learner's copy is not run: it would act on the cluster, and be no evidence. Tags of nbval are dropped."""
    cells = []
    for cell in notebook["cells"]:
        new = cell | {"metadata": {}}
        if is_check(cell):
            new["source"] = "# judged from outside"
        cells.append(new)
    return notebook | {"cells": cells}


def failed_cells(report: bytes, ids: list[str], taken: list[str]) -> list[str]:
    """`id: first line of its error` of the student's cells that failed. `ids` are all code cells in order, `taken` the student's."""
    try:
        tree = ET.fromstring(report if b"<!" not in report else b"")  # pytest declares nothing: no entities that grow
    except ET.ParseError:
        return []
    found = []
    for case in tree.iter("testcase"):
        name, failure = case.get("name", ""), case.find("failure")
        at = int(name.removeprefix("Cell ")) if name.removeprefix("Cell ").isdigit() else -1
        if failure is not None and 0 <= at < len(ids) and ids[at] in taken:
            lines = [line for line in (failure.text or "").splitlines() if line.strip()]
            found.append(f"{ids[at]}: {lines[-1][:200] if lines else 'failed'}")
    return found


def read_regular(path: Path, most: int = 4 << 20) -> bytes:
    """The beginning of a file that a student may have replaced: a link is not followed, a pipe is not waited for. OSError then."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path.name} is no plain file")
        return file.read(most)
