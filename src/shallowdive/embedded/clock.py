"""Cluster time: what the time is, and what is to happen when.

Passed to everything that waits, so that a test drives time by hand and a learner can speed it up. Nothing here sleeps:
the server asks `next_in()` and calls `run_due()`. Timestamps in objects are cluster time: at speed 20 a day of the
cluster passes in 72 minutes."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(order=True, slots=True)
class Timer:
    """A call that is to come; `at` in cluster seconds since 1970. Equal times keep their order of entry."""

    at: float
    order: int
    call: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        self.call = None


class Clock:
    """`speed` cluster seconds pass in one second of the wall; with `speed` 0 time stands still until `advance_to`."""

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        self._speed = speed
        self._base = time.time() if start is None else start
        self._since = time.monotonic()
        self._timers: list[Timer] = []
        self._order = 0

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._base, self._since = self.now(), time.monotonic()
        self._speed = speed

    def now(self) -> float:
        """Cluster seconds since 1970."""
        return self._base + (time.monotonic() - self._since) * self._speed

    def stamp(self) -> str:
        """Now, as `metav1.Time`: whole seconds."""
        return self.stamp_after(0.0)

    def stamp_after(self, seconds: float) -> str:
        """A moment of cluster time to come, as `metav1.Time`."""
        return datetime.fromtimestamp(self.now() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def micro_stamp(self) -> str:
        """Now, as `metav1.MicroTime`."""
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Have `call` made once, `seconds` of cluster time from now."""
        self._order += 1
        timer = Timer(self.now() + max(seconds, 0.0), self._order, call)
        heapq.heappush(self._timers, timer)
        return timer

    def run_due(self) -> bool:
        """Make the one call that is longest due. False when none is."""
        timer = self._first()
        if timer is None or timer.at > self.now():
            return False
        heapq.heappop(self._timers)
        call, timer.call = timer.call, None
        assert call is not None
        call()
        return True

    def next_at(self) -> float | None:
        """When the next timer is due, in cluster seconds since 1970."""
        timer = self._first()
        return None if timer is None else timer.at

    def next_in(self) -> float | None:
        """Wall seconds until the next timer; None when there is none, or when time stands still."""
        at = self.next_at()
        return None if at is None or not self._speed else max(at - self.now(), 0.0) / self._speed

    def advance_to(self, at: float) -> None:
        """Set a standing clock (`speed` 0) forward. It never goes back."""
        if self._speed:
            raise ValueError("only a clock with speed 0 is set by hand")
        self._base = max(self._base, at)

    def _first(self) -> Timer | None:
        while self._timers and self._timers[0].call is None:
            heapq.heappop(self._timers)
        return self._timers[0] if self._timers else None


def parse(stamp: str) -> float:
    """A timestamp of an object as cluster seconds since 1970. Raises ValueError."""
    return datetime.fromisoformat(stamp).timestamp()
