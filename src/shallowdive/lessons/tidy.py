"""What a beginner meets most, in words instead of a traceback: a name that no cell has made yet, a line that looks for what is not there,
a refusal of the API server, and a cell that was stopped.

The line of the cell stays visible; everything else that goes wrong keeps its traceback, because that is a bug."""

from __future__ import annotations

import json
import linecache
from types import TracebackType
from typing import Any

from kubernetes.client.exceptions import ApiException

from shallowdive.errors import ApiRefused, LineFailed, NameUnknown, ShallowDiveError, Stopped
from shallowdive.explain import explain_refusal
from shallowdive.live.follow import reason

NOT_FOUND = (LookupError, StopIteration, TypeError, AttributeError, ValueError)
"""What Python says when a line of a cell takes something out of nothing (an empty list, None, the largest of none), or gets a value of
the wrong kind."""


def in_words(exc: BaseException) -> ShallowDiveError:
    """The error of our tree for an exception that `install` catches."""
    if isinstance(exc, NOT_FOUND):
        useless = isinstance(exc, ValueError) and "empty" not in str(exc)  # the largest of nothing is a ValueError, too
        return LineFailed(
            "this line was given a value that it cannot use" if useless else "this line did not find what it looks for",
            saw=f"{type(exc).__name__}: {exc}".rstrip(": "),
            try_this="run the cells above, in order; then print what the line takes something from",
        )
    if isinstance(exc, KeyboardInterrupt):
        return Stopped("you stopped this cell", saw="what it had begun goes on in the cluster", try_this="run it again when you like")
    if isinstance(exc, NameError):
        return NameUnknown(
            f"the name {exc.name!r} is not known yet",
            saw="no cell that makes it was run in this kernel",
            try_this="run the cells above, in order",
        )
    assert isinstance(exc, ApiException)
    known = explain_refusal(exc.body).findings
    try_this = f"{known[0].field}: {known[0].says}" if known else "kubectl get events --sort-by=.lastTimestamp"
    return ApiRefused(f"the API server refused: {reason(exc)}", saw=_details(exc), try_this=try_this)


def install() -> None:
    """Teach the running IPython shell; nothing to do outside one."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((NameError, ApiException, KeyboardInterrupt, *NOT_FOUND), _show)


def _show(shell: Any, etype: type[BaseException], value: BaseException, tb: TracebackType, tb_offset: int | None = None) -> list[str]:
    if isinstance(value, NOT_FOUND) and not _is_cell(_deepest(tb)):
        return shell.showtraceback((etype, value, tb), tb_offset=tb_offset) or []  # a bug, or a wrong use of somebody's function
    lines = _line_of_cell(tb) + str(in_words(value)).splitlines()
    shell._showtraceback(etype, value, lines)
    return lines


def _line_of_cell(tb: TracebackType | None) -> list[str]:
    """`line 3: code` of the cell that was run: the outermost frame that is a cell."""
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        if _is_cell(name):
            return [f"line {tb.tb_lineno}: {linecache.getline(name, tb.tb_lineno).strip()}"]
        tb = tb.tb_next
    return []


def _is_cell(file: str) -> bool:
    """ipykernel keeps each cell in a folder `ipykernel_PID`; plain IPython calls it `<ipython-input-…>`."""
    folder = file.replace("\\", "/").rpartition("/")[0].rpartition("/")[2]
    return folder.startswith("ipykernel_") or file.startswith("<ipython")


def _deepest(tb: TracebackType | None) -> str:
    file = ""
    while tb is not None:
        file, tb = tb.tb_frame.f_code.co_filename, tb.tb_next
    return file


def _details(exc: ApiException) -> str:
    """The fields that the server named, when it named some."""
    try:
        causes = json.loads(exc.body or "")["details"]["causes"]
    except (TypeError, ValueError, KeyError):
        return ""
    return "; ".join(f"{c.get('field', '')}: {c.get('message', '')}" for c in causes[:3])
