"""Watch: a stream of changes that is only a position in the store's history.

Nothing is queued for a watcher. Whoever reads slowly reads later; whoever falls behind the history is told 410 Gone and lists again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import orjson

from shallowdive.embedded.api import events
from shallowdive.embedded.api.lists import Selection
from shallowdive.embedded.clock import Clock, Timer
from shallowdive.embedded.request import Stream
from shallowdive.embedded.status import expired
from shallowdive.embedded.store import Event, Expired, Store

BOOKMARK_S = 60.0
Render = Callable[[Event], bytes]


class Watches:
    """Every open watch by resource, to wake those that a change concerns."""

    def __init__(self, store: Store) -> None:
        self._open: defaultdict[str, dict[Watch, None]] = defaultdict(dict)
        store.listen(self._heard)

    def _heard(self, event: Event) -> None:
        for watch in list(self._open.get(event.resource, ())):
            if not watch.namespace or watch.namespace == event.key[0]:
                watch.wanted = True
                watch.wake()
            elif not watch.wanted:
                watch.position = event.revision

    def add(self, watch: Watch) -> None:
        self._open[watch.resource][watch] = None

    def end(self) -> None:
        """End every watch, as a server does that is switched off."""
        for watch in [w for open_ in self._open.values() for w in open_]:
            watch.end()

    def remove(self, watch: Watch) -> None:
        self._open[watch.resource].pop(watch, None)


class Watch(Stream):
    """`position` is the last revision dealt with. `wanted` is set while there may be something to pull."""

    code = 200
    content_type = "application/json"

    def __init__(self, watches: Watches, store: Store, chosen: Selection, position: int, first: list[Event], render: Render) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.resource, self.namespace = events.stored_as(chosen.kind), chosen.namespace
        self.position, self.wanted = position, True
        self._watches, self._store, self._chosen, self._render = watches, store, chosen, render
        self._first = first
        self._mark: dict[str, str] | None = None
        self._ending = self._over = False
        self._timers: list[Timer] = []
        watches.add(self)

    def limit(self, clock: Clock, timeout_s: float, *, bookmarks: bool) -> None:
        """End after a time of the wall, and mark the place every minute until then. The cluster's clock may run faster."""
        speed = clock.speed or 1.0
        self._timers = [clock.after(timeout_s * speed, self.end)]
        if bookmarks:
            self._timers.append(clock.after(max(timeout_s - 2, 0) * speed, self.bookmark))
            self._again(clock, speed)

    def _again(self, clock: Clock, speed: float) -> None:
        def mark() -> None:
            self.bookmark()
            self._again(clock, speed)

        self._timers[2:] = [clock.after(BOOKMARK_S * speed, mark)]

    def bookmark(self, annotations: dict[str, str] | None = None) -> None:
        """Have the next `pull` say up to where this watch has told everything."""
        self._mark = (self._mark or {}) | (annotations or {})
        self.wake()

    def pull(self) -> bytes | None:
        if self._over:
            self.close()
            return None
        lines = [self._line("ADDED", event) for event in self._first]
        self._first = []
        self._over = self._ending
        lines += self._changes()
        if self._mark is not None:
            lines.append(self._bookmark(self._mark))
            self._mark = None
        if not lines and self._over:
            self.close()
            return None
        return b"".join(lines)

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        kind = self._chosen.kind
        metadata = {"resourceVersion": str(self.position)} | ({"annotations": annotations} if annotations else {})
        value = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        return self._line("BOOKMARK", Event("BOOKMARK", kind.resource, ("", ""), self.position, value, None))

    def _changes(self) -> list[bytes]:
        """What happened since the position."""
        self.wanted = False
        lines = []
        try:
            for event in self._store.events_after(self.resource, self.position):
                if not self.namespace or event.key[0] == self.namespace:
                    line = self._change(events.shown_one(self._chosen.kind, event))
                    if line:
                        lines.append(line)
        except Expired as gone:
            self._over = True
            lines.append(b'{"type":"ERROR","object":%b}\n' % orjson.dumps(expired(str(gone)).status))
        self.position = max(self.position, self._store.revision)
        return lines

    def _change(self, event: Event) -> bytes:
        """One event as this watch sees it: an object that comes into or leaves a selection is added or deleted for it."""
        matches = self._chosen.matches
        if matches is None:
            return self._line(event.type, event)
        is_in = event.type != "DELETED" and matches(event)
        if event.before is None:
            return self._line("ADDED", event) if is_in else b""
        before = Event("", event.resource, event.key, event.revision, event.before, None)
        was_in = matches(before)
        if is_in:
            return self._line("MODIFIED" if was_in else "ADDED", event)
        if not was_in:
            return b""
        if event.type == "DELETED":
            return self._line("DELETED", event)
        last = {**event.before, "metadata": {**event.before["metadata"], "resourceVersion": str(event.revision)}}
        return self._line("DELETED", Event("", event.resource, event.key, event.revision, last, None))

    def _line(self, type_: str, event: Event) -> bytes:
        return b'{"type":"%b","object":%b}\n' % (type_.encode(), self._render(event))

    def end(self) -> None:
        self._ending = True
        self.wake()

    def close(self) -> None:
        self._over = True
        self._watches.remove(self)
        for timer in self._timers:
            timer.cancel()
