"""What Python's collector goes through while it stops every thread, links too. It looks for circles of objects; two crowds have none.

The client library alone is 50,000 objects that live as long as the process, 20 to 90 ms of each full collection: `set_aside`. An object
of the API is a tree of some forty dictionaries and lists, and a thousand pods with their events are a pause of a quarter of a second and
more: `spare`. Both are freed as ever, when nobody refers to them."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from typing import Any

_once = threading.Lock()


def set_aside() -> bool:
    """Let the collector leave alone what is loaded by now, once. Whether this call was the first, and did it."""
    first = _once.acquire(blocking=False)
    if first:
        gc.collect()
        gc.freeze()
    return first


def spare(tree: Any) -> None:
    """Let the collector leave alone the dictionaries and lists of a JSON value, from which no way leads back into it.

    https://docs.python.org/3/c-api/gcsupport.html#c.PyObject_GC_UnTrack: it may be called for an object that is not tracked."""
    if sys.implementation.name == "cpython":
        _untrack_all(tree)


def _untrack_all(tree: Any) -> None:
    for value in tree.values() if isinstance(tree, dict) else tree:
        if isinstance(value, (dict, list)):
            _untrack_all(value)
    _untrack(tree)


if sys.implementation.name == "cpython":
    _untrack = ctypes.pythonapi.PyObject_GC_UnTrack
    _untrack.argtypes, _untrack.restype = [ctypes.py_object], None
