"""What the cluster adds to an object, or refuses because of other objects.

Service accounts, tolerations, addresses of services, quota, namespaces that are going."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shallowdive.embedded import status
from shallowdive.embedded.kinds import NAMESPACES, Kind
from shallowdive.embedded.store import Object

if TYPE_CHECKING:
    from shallowdive.embedded.registry import Registry, Who


def admit_create(registry: Registry, kind: Kind, value: Object, who: Who, *, dry_run: bool) -> None:
    """Change `value` in place, or raise ApiError (403, 404, 422)."""
    if kind.namespaced:
        namespace = value["metadata"].get("namespace", "")
        if registry.store.get(NAMESPACES, "", namespace) is None:
            raise status.not_found(NAMESPACES, namespace)


def admit_update(registry: Registry, kind: Kind, old: Object, value: Object, who: Who, *, subresource: str) -> None:
    """The same for a new version of `old`."""


def admit_delete(registry: Registry, kind: Kind, old: Object, who: Who | None) -> None:
    """Raise ApiError 403 for what must stay, as the namespace `default`."""
