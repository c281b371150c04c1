"""The life of a cluster: made, found again, checked, removed; and the permission to talk to it."""

from shallowdive.cluster.access import Access, open_access, tenant_access
from shallowdive.cluster.backend import Backend, State, Status
from shallowdive.cluster.bound import NamespaceClient, Reply
from shallowdive.cluster.home import Home
from shallowdive.cluster.life import backend_for, up, why

__all__ = [
    "Access",
    "Backend",
    "Home",
    "NamespaceClient",
    "Reply",
    "State",
    "Status",
    "backend_for",
    "open_access",
    "tenant_access",
    "up",
    "why",
]
