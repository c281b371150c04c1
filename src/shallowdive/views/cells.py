"""Which cell shows which views: a cell that is run again closes those of its run before, so it never has two of them."""

from __future__ import annotations

from typing import Protocol


class Closes(Protocol):
    def close(self, *, remove: bool = False) -> None: ...


_shown: dict[str, tuple[str, list[Closes]]] = {}


def enter(view: Closes) -> None:
    """Note that the running cell shows this view. Without a notebook, or with one that does not name its cells, nothing is noted."""
    cell, run = _running()
    if not cell:
        return
    before, views = _shown.get(cell, ("", []))
    if before != run:
        for old in views:
            old.close(remove=True)
        views = []
    _shown[cell] = (run, [*views, view])


def _running() -> tuple[str, str]:
    """Id of the cell that runs, and of this run of it."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return "", ""
    shell = get_ipython()
    parent = shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else {}
    return str((parent.get("metadata") or {}).get("cellId", "")), str((parent.get("header") or {}).get("msg_id", ""))
