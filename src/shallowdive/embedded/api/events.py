"""One store of Events, two ways to say them: `v1` and `events.k8s.io/v1` are the same objects under other field names."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.kinds import EVENTS, Kind
from shallowdive.embedded.store import Event, Object

NEW = "events.events.k8s.io"
RENAMED = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
BACK = {new: old for old, new in RENAMED.items()}


def stored_as(kind: Kind) -> str:
    """The resource under which objects of this kind are stored."""
    return EVENTS if kind.resource == NEW else kind.resource


def shown(kind: Kind, events: list[Event]) -> list[Event]:
    """The events as this kind shows their objects."""
    return [shown_one(kind, event) for event in events] if kind.resource == NEW else events


def shown_one(kind: Kind, event: Event) -> Event:
    if kind.resource != NEW:
        return event
    before = None if event.before is None else to_new(event.before)
    return Event(event.type, event.resource, event.key, event.revision, to_new(event.object), before)


def to_new(core: Object) -> Object:
    return {RENAMED.get(name, name): part for name, part in core.items()} | {"apiVersion": "events.k8s.io/v1"}


def to_core(new: Object) -> Object:
    core: dict[str, Any] = {BACK.get(name, name): part for name, part in new.items()} | {"apiVersion": "v1"}
    core.setdefault("involvedObject", {})
    return core
