"""Resource quotas and limit ranges: what a namespace may hold, and what a container may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.store import Object

if TYPE_CHECKING:
    from shallowdive.embedded.registry import Registry


def check(registry: Registry, kind: Kind, old: Object | None, value: Object) -> None:
    """Raise ApiError 403 when an object would exceed a quota of its namespace."""


def limit_pod(registry: Registry, pod: Object) -> None:
    """Fill in a pod's requests and limits from the limit ranges of its namespace, or raise ApiError 403."""


def limit_claim(registry: Registry, claim: Object) -> None:
    """The same for a claim."""
