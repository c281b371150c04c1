"""What several judges look for in a namespace."""

from __future__ import annotations

from typing import Any

from shallowdive.checks.result import Unmet
from shallowdive.cluster.access import TIMEOUT_S
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState
from shallowdive.objects import Object, controller_uid, is_helper

OWNERS = "kubectl get pods -o custom-columns=NAME:.metadata.name,OWNER:.metadata.ownerReferences[0].name"
"""How to look who owns a pod."""


def the_only(state: ClusterState, kind: str) -> Object:
    """The one object of its kind; Unmet says how many there are."""
    found = state.all(kind)
    if len(found) != 1:
        raise Unmet(f"{len(found)} {kind}s", f"kubectl get {kind.lower()}s")
    return found[0]


def bare_pods(state: ClusterState) -> list[Object]:
    """Pods that nobody owns; those of the course are left out."""
    return [p for p in state.all("Pod") if not controller_uid(p) and not is_helper(p)]


def wanted(owner: Object) -> int:
    """How many pods a Deployment or ReplicaSet asks for."""
    return int(owner["spec"].get("replicas") or 0)


def namespace_made_s(client: NamespaceClient) -> float:
    """When the lab's namespace was made, in seconds since 1970 by the cluster's clock."""
    place: Any = client.core.read_namespace(client.namespace, _request_timeout=TIMEOUT_S)
    return float(place.metadata.creation_timestamp.timestamp())
