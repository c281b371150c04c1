"""The picture of a cluster at one moment, and how one event changes it.

Pure: no sockets, no clock, no widgets. Folding a list of events again gives the same picture. An event costs the same whether there are
ten objects or ten thousand: a picture shares with the one before it all that did not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from shallowdive.live.frozen import FrozenMap
from shallowdive.objects import Object, controller_uid, name_of, selects, uid_of
from shallowdive.objects.pods import is_ready

Key = tuple[str, str]
"""(namespace, name)"""


def key_of(obj: Object) -> Key:
    return obj["metadata"].get("namespace", ""), name_of(obj)


def _by_age(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("creationTimestamp") or "", name_of(obj)


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Objects by kind; each inner mapping goes from (namespace, name) to the API's JSON. Never change an object in place."""

    by_kind: Mapping[str, Mapping[Key, Object]] = field(default_factory=lambda: MappingProxyType({}))

    def all(self, kind: str) -> list[Object]:
        """Every object of a kind, oldest first (by creation time, then name)."""
        found = self.by_kind.get(kind, {})
        return found.ordered(_by_age) if isinstance(found, FrozenMap) else sorted(found.values(), key=_by_age)

    def get(self, kind: str, name: str) -> Object | None:
        return next((o for (_, n), o in self.by_kind.get(kind, {}).items() if n == name), None)

    def owned_by(self, kind: str, owner: Object) -> list[Object]:
        """Objects of a kind whose controlling owner is this very object (by UID)."""
        return [o for o in self.all(kind) if controller_uid(o) == uid_of(owner)]

    def selected_by(self, kind: str, labels: dict[str, str] | None) -> list[Object]:
        return [o for o in self.all(kind) if selects(labels, o)]

    def ready_pods(self, **labels: str) -> list[Object]:
        """Pods that serve (Ready, not terminating) and carry all these labels; every ready pod when none is named."""
        return [p for p in self.all("Pod") if is_ready(p) and (not labels or selects(labels, p))]

    def pods_of(self, deployment: Object) -> list[Object]:
        """Pods of a Deployment, through its ReplicaSets."""
        return [pod for rs in self.owned_by("ReplicaSet", deployment) for pod in self.owned_by("Pod", rs)]


def apply_event(state: ClusterState, event_type: str, kind: str, obj: Object) -> ClusterState:
    """The next picture: ADDED and MODIFIED put the object in, DELETED takes out that very object, not a later one of its name."""
    found: Mapping[Key, Object] = state.by_kind.get(kind, {})
    of_kind: FrozenMap[Key, Object] = found if isinstance(found, FrozenMap) else FrozenMap(found)
    key = key_of(obj)
    if event_type != "DELETED":
        of_kind = of_kind.put(key, obj)
    elif key in of_kind and uid_of(of_kind[key]) == uid_of(obj):
        of_kind = of_kind.without(key)
    return ClusterState(MappingProxyType({**state.by_kind, kind: of_kind}))


def looked_at(state: ClusterState, kind: str) -> ClusterState:
    """The same picture, in which this kind has no objects rather than never having been looked at."""
    return state if kind in state.by_kind else ClusterState(MappingProxyType({**state.by_kind, kind: FrozenMap()}))
