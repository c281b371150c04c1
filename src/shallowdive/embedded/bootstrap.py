"""The objects a new cluster starts with: namespaces, nodes, the storage class, roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster


def first_objects(cluster: Cluster) -> None:
    """Create them through the registry."""
