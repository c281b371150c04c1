"""The loop that makes controllers act: something changed, a key is queued, `reconcile` looks at the whole and moves it one step.

Level, not edge: a key stands in the queue once however often it was named, and a controller reads the store, never the event.
Nothing here knows threads or sockets: the server calls `turn` when it has nothing better to do, a test calls `Cluster.advance`."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from shallowdive.embedded.clock import Clock, Timer
from shallowdive.embedded.registry import Who
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Store

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

log = logging.getLogger(__name__)

BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Cluster seconds before a key that failed is tried again."""
SLOW_S, REST = 0.002, 12.0
"""A reconcile that took longer than SLOW_S (wall seconds) is not repeated before REST times as long.

So a key with ten thousand pods stays affordable."""


class Controller:
    """Keeps one promise. A subclass names what it watches and maps a change to the keys it must look at again."""

    name: ClassVar[str] = ""
    """As the real one reports itself in events: `deployment-controller`."""
    watches: ClassVar[tuple[str, ...]] = ()
    who: ClassVar[Who] = Who("kube-controller-manager")

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store, self.registry, self.clock = cluster.store, cluster.registry, cluster.clock

    def start(self) -> None:
        """Called once, after the first objects are there."""

    def keys(self, event: Event) -> Iterable[Key]:
        """The (namespace, name) pairs this change concerns. Default: the object itself."""
        return (event.key,)

    def reconcile(self, key: Key) -> None:
        """Look at the object of this key and take the next step. Called again until nothing changes."""
        raise NotImplementedError

    def again(self, key: Key, seconds: float = 0.0) -> None:
        """Reconcile `key` once more, after some cluster time; without any, at once and without a rest (see SLOW_S)."""
        self.cluster.loop.again(self, key, seconds)

    def fail(self, key: Key) -> None:
        """Reconcile `key` again after a delay that grows with each failure, as when `reconcile` raises an ApiError."""
        self.cluster.loop.fail(self, key)


class Loop:
    """One queue for all controllers, in order of entry."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: dict[tuple[Controller, Key], None] = {}
        self._failures: defaultdict[tuple[Controller, Key], int] = defaultdict(int)
        self._rest_until: dict[tuple[Controller, Key], float] = {}
        self._timers: dict[tuple[Controller, Key], Timer] = {}
        self._unfinished: set[tuple[Controller, Key]] = set()
        self._listeners: defaultdict[str, list[Controller]] = defaultdict(list)
        self._held: dict[Controller, dict[Key, None]] = {}

    def add(self, controller: Controller) -> None:
        for resource in controller.watches:
            self._listeners[resource].append(controller)

    def listen(self, store: Store) -> None:
        """Hear of every change from now on, and first of what is there: list, then watch."""
        for resource in list(self._listeners):
            for event in store.latest(resource):
                self._heard(event)
        store.listen(self._heard)

    def _heard(self, event: Event) -> None:
        """Queue what a change concerns."""
        for controller in self._listeners.get(event.resource, ()):
            for key in controller.keys(event):
                self.queue(controller, key)

    def queue(self, controller: Controller, key: Key) -> None:
        self._queue.setdefault((controller, key))

    def again(self, controller: Controller, key: Key, seconds: float) -> None:
        if seconds > 0:
            self._later((controller, key), seconds)
        else:
            self._unfinished.add((controller, key))
            self.queue(controller, key)

    def fail(self, controller: Controller, key: Key) -> None:
        count = self._failures[controller, key]
        self._failures[controller, key] = count + 1
        self._later((controller, key), BACKOFF_S[min(count, len(BACKOFF_S) - 1)])

    def hold(self, controller: Controller) -> None:
        """It is switched off: what concerns it is kept, and nothing is done."""
        self._held.setdefault(controller, {})

    def let_go(self, controller: Controller) -> None:
        """It runs again, and looks at everything that has changed since."""
        for key in self._held.pop(controller, {}):
            self.queue(controller, key)

    @property
    def idle(self) -> bool:
        return not self._queue

    def turn(self, budget_s: float) -> bool:
        """Run due timers and queued keys for about `budget_s` wall seconds. True when there is more to do now."""
        end = time.perf_counter() + budget_s
        while True:
            acted = self._clock.run_due()
            if self._queue:
                item = next(iter(self._queue))
                del self._queue[item]
                self._reconcile(item)
                acted = True
            if not acted:
                return False
            if time.perf_counter() >= end:
                return True

    def _reconcile(self, item: tuple[Controller, Key]) -> None:
        controller, key = item
        if controller in self._held:
            self._held[controller].setdefault(key)
            return
        started = time.perf_counter()
        rest = self._rest_until.get(item, 0.0) - started
        if rest > 0 and self._clock.speed and item not in self._unfinished:
            self._later(item, rest * self._clock.speed)
            return
        self._unfinished.discard(item)
        failures = self._failures.get(item, 0)
        try:
            controller.reconcile(key)
        except ApiError as refused:
            log.info("%s: %s: %s", controller.name, "/".join(key), refused)
            self.fail(*item)
        except Exception:
            log.exception("%s failed for %s", controller.name, "/".join(key))
            self.fail(*item)
        if self._failures.get(item, 0) == failures:
            self._failures.pop(item, None)
        took = time.perf_counter() - started
        if took > SLOW_S:
            self._rest_until[item] = started + took * (1 + REST)
        else:
            self._rest_until.pop(item, None)

    def _later(self, item: tuple[Controller, Key], seconds: float) -> None:
        """Queue an item after some cluster time. One timer for each item: the earliest, since a reconcile asks again for what is left."""
        old = self._timers.get(item)
        if old is not None:
            if old.at <= self._clock.now() + seconds:
                return
            old.cancel()
        self._timers[item] = self._clock.after(seconds, lambda: self._due(item))

    def _due(self, item: tuple[Controller, Key]) -> None:
        del self._timers[item]
        self._queue.setdefault(item)


def owner_keys(event: Event, kind: str) -> Mapping[Key, None]:
    """The keys of the controlling owners of this kind, before and after a change."""
    found: dict[Key, None] = {}
    for value in (event.before, event.object):
        for owner in (value or {}).get("metadata", {}).get("ownerReferences", ()):
            if owner.get("controller") and owner["kind"] == kind:
                found[(event.key[0], owner["name"])] = None
    return found
