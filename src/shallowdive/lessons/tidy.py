"""What a beginner meets most, in words instead of a traceback: a name that no cell has made yet, and a refusal of the API server.

The line of the cell stays visible; everything else that goes wrong keeps its traceback, because that is a bug."""

from __future__ import annotations

import json
import linecache
from types import TracebackType
from typing import Any

from kubernetes.client.exceptions import ApiException

from shallowdive.errors import ApiRefused, NameUnknown, ShallowDiveError
from shallowdive.explain import explain_refusal
from shallowdive.live.follow import reason


def in_words(exc: BaseException) -> ShallowDiveError:
    """The error of our tree for a NameError or an ApiException."""
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
        shell.set_custom_exc((NameError, ApiException), _show)


def _show(shell: Any, etype: type[BaseException], value: BaseException, tb: TracebackType, tb_offset: int | None = None) -> list[str]:  # noqa: ARG001 - IPython passes it
    lines = _line_of_cell(tb) + str(in_words(value)).splitlines()
    shell._showtraceback(etype, value, lines)
    return lines


def _line_of_cell(tb: TracebackType | None) -> list[str]:
    """`line 3: code` of the cell that was run: the outermost frame that is a cell."""
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        code = linecache.getline(name, tb.tb_lineno).strip()
        if "ipykernel" in name or name.startswith("<ipython"):
            return [f"line {tb.tb_lineno}: {code}"]
        tb = tb.tb_next
    return []


def _details(exc: ApiException) -> str:
    """The fields that the server named, when it named some."""
    try:
        causes = json.loads(exc.body or "")["details"]["causes"]
    except (TypeError, ValueError, KeyError):
        return ""
    return "; ".join(f"{c.get('field', '')}: {c.get('message', '')}" for c in causes[:3])
