"""What the API server refuses, and in which words. Pure."""

from __future__ import annotations

from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.status import Cause
from shallowdive.embedded.store import Object


def on_create(kind: Kind, value: Object) -> list[Cause]:
    """Every reason to refuse a new object; [] when there is none."""
    return []


def on_update(kind: Kind, old: Object, value: Object, subresource: str) -> list[Cause]:
    """Every reason to refuse a new version of `old`; immutable fields are found here."""
    return []
