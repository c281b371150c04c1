"""Run a notebook from top to end in a fresh kernel of this Python, with a limit per cell; its working folder is a temporary one.

What ran says when each cell began: `marks` are those of a recording."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shallowdive.errors import ProgramFailed
from shallowdive.live.recording import Mark

CELL_LIMIT_S = 240


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables for what starts inside (a kernel inherits ours)."""
    before = {k: os.environ.get(k) for k in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for k, v in before.items():
            os.environ.pop(k, None) if v is None else os.environ.__setitem__(k, v)


def execute(notebook: Any, *, limit_s: int = CELL_LIMIT_S, env: dict[str, str] | None = None) -> Any:
    """Execute in place and return the notebook. A failing cell ends it: ProgramFailed says which cell and what it showed."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    with tempfile.TemporaryDirectory(prefix="shallowdive-") as folder, environment(SHALLOWDIVE_STATIC="1", **(env or {})):
        runner = NotebookClient(notebook, timeout=limit_s, kernel_name="python3", resources={"metadata": {"path": folder}})
        try:
            runner.execute()
        except CellExecutionError as exc:
            raise ProgramFailed(
                "a cell of the notebook failed", saw=f"{exc.ename}: {exc.evalue}", try_this="open it in JupyterLab and run it there"
            ) from exc
        except (CellTimeoutError, DeadKernelError) as exc:
            raise ProgramFailed(
                "the notebook did not end", saw=str(exc).splitlines()[0], try_this="open it in JupyterLab and run it there"
            ) from exc
    return notebook


def marks(notebook: Any) -> list[Mark]:
    """When each code cell began, and the heading it stands under; cells that did not run have none."""
    found, heading = [], ""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            heading = next((line.lstrip("# ") for line in reversed(cell.source.splitlines()) if line.startswith("#")), heading)
        elif began := cell.metadata.get("execution", {}).get("iopub.execute_input"):
            found.append(Mark(round(datetime.fromisoformat(began).timestamp(), 3), cell.id, heading))
    return found


def read(path: str) -> Any:
    import nbformat  # a second of imports that no other verb needs

    return nbformat.read(path, as_version=4)
