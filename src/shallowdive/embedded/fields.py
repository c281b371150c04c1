"""Managed fields: who set which field, and server-side apply, which is a merge that respects that."""

from __future__ import annotations

from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.store import Object


def after_write(kind: Kind, old: Object | None, value: Object, manager: str, operation: str, subresource: str, now: str) -> None:
    """Write `metadata.managedFields` of `value`, in place, after a create, update or patch by `manager` (operation Update)."""


def same_but_times(old: Object, value: Object) -> bool:
    """Whether a write changed nothing: then the server keeps the old version and its resourceVersion."""
    return {**old, "metadata": {**old["metadata"], "resourceVersion": ""}} == {
        **value,
        "metadata": {**value["metadata"], "resourceVersion": ""},
    }


def apply(kind: Kind, live: Object | None, applied: Object, manager: str, *, force: bool, subresource: str, now: str) -> Object:
    """Server-side apply: the merged object with its managed fields. Raises ApiError 409 with a cause for each conflicting field."""
    raise NotImplementedError
