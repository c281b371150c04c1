"""What one link has been told so far, and what to make of the next thing it is told.

Pure. A real API server sends the events of a resource once and in order; a proxy, a cache that lags or a cluster that was rebuilt under
the same name may not. So an object is known by its UID and its resource version, and its name is only where it lies:
an older version, a repeated event and news of a UID that was deleted are dropped, a new UID under a known name is a deletion first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shallowdive.live.frozen import FrozenMap
from shallowdive.live.state import Key, key_of
from shallowdive.objects import Object, uid_of

Change = tuple[str, Object]
"""(ADDED | MODIFIED | DELETED, object)"""
GONE_KEPT = 1000
"""UIDs of deleted objects that are remembered: late news of them comes soon or never."""


class Doubtful(Exception):
    """A version before the one that the watch began at, a watch that ended early or said nothing: is it the server that was listed?"""


class Ledger:
    """`objects` is what there is now, as far as this link was told."""

    def __init__(self) -> None:
        self.objects: FrozenMap[Key, Object] = FrozenMap()
        self.listed_at = 0
        self._gone: dict[str, None] = {}

    def take_list(self, items: Iterable[Object], version: int) -> None:
        """A list is the truth: what was known before it is forgotten."""
        self.objects, self.listed_at = FrozenMap((key_of(o), o) for o in items), version
        self._gone.clear()

    def take_event(self, event_type: str, obj: Object) -> list[Change]:
        """What this event changes; nothing when it is old."""
        key, uid = key_of(obj), uid_of(obj)
        known = self.objects.get(key)
        if uid in self._gone:
            return []
        if event_type == "DELETED":
            self._bury(uid)
            if known is None or uid_of(known) != uid:
                return []
            self.objects = self.objects.without(key)
            return [("DELETED", obj)]
        if known is not None and version_of(obj) <= version_of(known):
            return []
        self.objects = self.objects.put(key, obj)
        if known is None:
            return [("ADDED", obj)]
        if uid_of(known) == uid:
            return [("MODIFIED", obj)]
        self._bury(uid_of(known))
        return [("DELETED", known), ("ADDED", obj)]

    def has(self, wanted: Mapping[Key, Object], at: int) -> bool:
        """Whether all of a list that was read at a version was told here, and nothing is left that the list no longer had."""
        told = all(self._has(key, obj, at) for key, obj in wanted.items())
        return told and all(version_of(o) > at for key, o in self.objects.items() if key not in wanted)

    def _has(self, key: Key, obj: Object, at: int) -> bool:
        known = self.objects.get(key)
        if known is None or uid_of(known) != uid_of(obj):
            return uid_of(obj) in self._gone or self.listed_at > at
        return version_of(known) >= version_of(obj)

    def _bury(self, uid: str) -> None:
        self._gone[uid] = None
        if len(self._gone) > GONE_KEPT:
            del self._gone[next(iter(self._gone))]


def differences(known: Mapping[Key, Object], found: Mapping[Key, Object]) -> list[Change]:
    """The changes that make one picture of a kind out of another: what was missed while nobody watched."""
    changes: list[Change] = [("DELETED", o) for key, o in known.items() if key not in found]
    for key, obj in found.items():
        old = known.get(key)
        if old is None:
            changes.append(("ADDED", obj))
        elif uid_of(old) != uid_of(obj):
            changes += [("DELETED", old), ("ADDED", obj)]
        elif old["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
            changes.append(("MODIFIED", obj))
    return sorted(changes, key=lambda change: (change[0] != "DELETED", version_of(change[1])))


def version_of(obj: Object) -> int:
    """The resource version as a number: since Kubernetes 1.35 two of them may be compared."""
    return int(obj["metadata"]["resourceVersion"])
