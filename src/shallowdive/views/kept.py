"""Folds over a record that are kept beside it: of a record that has grown only what is new is read.

A fold is two functions: `begin` makes an empty result, `step` takes one event into it. Both know nothing of time and of what is drawn;
the same events give the same result, whether they came at once or one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from shallowdive.live import History, Seen

S = TypeVar("S")
T = TypeVar("T")


class Kept(Generic[S]):
    """One fold, for every record; pictures of one record share what was read."""

    def __init__(self, begin: Callable[[], S], step: Callable[[S, Seen], None]) -> None:
        self._begin, self._step = begin, step
        self._entries: WeakKeyDictionary[History, _Entry[S]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def look(self, history: History, what: Callable[[S], T]) -> T:
        """Read what is new, then ask. `what` must not give out parts of the result that later events change."""
        with self._lock:
            entry = self._entries.get(history)
            if entry is None:
                entry = self._entries[history] = _Entry(self._begin())
            for seen in history.events[entry.read :]:
                entry.read += 1
                self._step(entry.result, seen)
            return what(entry.result)


class _Entry(Generic[S]):
    def __init__(self, result: S) -> None:
        self.result, self.read = result, 0
