"""What each node has and has promised: kept up to date by listening to pods and nodes, so that nobody has to add it up.

Only *requests* count; what a program really uses is of no interest here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shallowdive.embedded import quantity
from shallowdive.embedded.store import Event, Key, Object

DONE = ("Succeeded", "Failed")
Port = tuple[str, int, str]
"""(protocol, number, host address)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a pod asks of a node: resources in thousandths (`pods` is 1000), host ports."""

    resources: dict[str, int]
    ports: frozenset[Port]
    owner: str


@dataclass(slots=True)
class Node:
    name: str
    object: Object
    allocatable: dict[str, int] = field(default_factory=dict)
    requested: Counter[str] = field(default_factory=Counter)
    ports: Counter[Port] = field(default_factory=Counter)
    owners: Counter[str] = field(default_factory=Counter)
    """Pods by the UID of the controller that made them: replicas are spread by it."""
    pods: dict[Key, Object] = field(default_factory=dict)
    avoiding: dict[Key, Object] = field(default_factory=dict)
    """Pods with a required anti-affinity: they keep others away, too."""
    leaving: int = 0
    """Pods that are being deleted."""

    @property
    def labels(self) -> dict[str, str]:
        return self.object["metadata"].get("labels") or {}


class Nodes:
    def __init__(self) -> None:
        self.by_name: dict[str, Node] = {}
        self._homeless: dict[str, dict[Key, Object]] = {}
        """Pods bound to a node that is not (yet) there."""

    def pods(self) -> Iterator[tuple[Node, Object]]:
        for node in self.by_name.values():
            for pod in node.pods.values():
                yield node, pod

    def node_changed(self, event: Event) -> bool:
        """Take in a change of a node. Whether it may make room for a pod."""
        name = event.key[1]
        if event.type == "DELETED":
            gone = self.by_name.pop(name, None)
            if gone is not None and gone.pods:
                self._homeless[name] = gone.pods
            return False
        node = self.by_name.get(name)
        if node is None:
            node = self.by_name[name] = Node(name, event.object)
            for key, pod in self._homeless.pop(name, {}).items():
                self._add(node, key, pod)
        before = node.object
        node.object = event.object
        allocatable = event.object.get("status", {}).get("allocatable") or {}
        node.allocatable = {k: quantity.milli(v) for k, v in allocatable.items()}
        return event.before is None or any(
            before.get(part, {}).get(name) != event.object.get(part, {}).get(name)
            for part, name in (("metadata", "labels"), ("spec", "taints"), ("spec", "unschedulable"), ("status", "allocatable"))
        )

    def pod_changed(self, event: Event) -> bool:
        """Take in a change of a pod. Whether it freed something."""
        before, after = counted(event.before), counted(event.object if event.type != "DELETED" else None)
        if before is None and after is None:
            return False
        if before is not None and after is not None:
            node = self.by_name.get(after["spec"]["nodeName"])
            if node is not None and before["spec"] == after["spec"]:
                node.pods[event.key] = after
                node.leaving += ("deletionTimestamp" in after["metadata"]) - ("deletionTimestamp" in before["metadata"])
                return False
        if before is not None:
            self._drop(before["spec"]["nodeName"], event.key, before)
        if after is not None:
            name = after["spec"]["nodeName"]
            if name in self.by_name:
                self._add(self.by_name[name], event.key, after)
            else:
                self._homeless.setdefault(name, {})[event.key] = after
        return before is not None

    def _add(self, node: Node, key: Key, pod: Object) -> None:
        wish = wish_of(pod)
        node.pods[key] = pod
        node.requested.update(wish.resources)
        node.ports.update(wish.ports)
        node.leaving += "deletionTimestamp" in pod["metadata"]
        if wish.owner:
            node.owners[wish.owner] += 1
        if terms_of(pod, "podAntiAffinity"):
            node.avoiding[key] = pod

    def _drop(self, name: str, key: Key, pod: Object) -> None:
        node = self.by_name.get(name)
        if node is None:
            self._homeless.get(name, {}).pop(key, None)
            return
        if node.pods.pop(key, None) is None:
            return
        wish = wish_of(pod)
        node.requested.subtract(wish.resources)
        node.ports.subtract(wish.ports)
        node.leaving -= "deletionTimestamp" in pod["metadata"]
        node.avoiding.pop(key, None)
        if wish.owner:
            node.owners[wish.owner] -= 1


def counted(pod: Object | None) -> Object | None:
    """The pod, when it takes room on a node: bound, and not finished."""
    if pod is None or not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in DONE:
        return None
    return pod


def terms_of(pod: Object, kind: str) -> list[dict[str, Any]]:
    """Required terms of `podAffinity` or `podAntiAffinity`."""
    rules = (pod["spec"].get("affinity") or {}).get(kind) or {}
    return rules.get("requiredDuringSchedulingIgnoredDuringExecution") or []


def wish_of(pod: Object) -> Wish:
    spec = pod["spec"]
    ports = frozenset(
        (p.get("protocol", "TCP"), p["hostPort"], p.get("hostIP", "0.0.0.0"))
        for c in spec["containers"]
        for p in c.get("ports") or ()
        if p.get("hostPort")
    )
    owner = next((o["uid"] for o in pod["metadata"].get("ownerReferences") or () if o.get("controller")), "")
    return Wish(requests_of(spec), ports, owner)


def requests_of(spec: dict[str, Any]) -> dict[str, int]:
    """Requests of a whole pod in thousandths: all containers and side-cars together, or the hungriest init container if that is more."""
    total: Counter[str] = Counter()
    for container in spec["containers"]:
        total.update(_requests(container))
    peak: Counter[str] = Counter()
    side_cars: Counter[str] = Counter()
    for container in spec.get("initContainers") or ():
        own = _requests(container)
        if container.get("restartPolicy") == "Always":
            side_cars.update(own)
            own = side_cars
        else:
            own = own + side_cars
        peak |= own
    total.update(side_cars)
    total |= peak
    for name, value in (spec.get("overhead") or {}).items():
        total[name] += quantity.milli(value)
    total["pods"] = 1000
    return dict(total)


def _requests(container: dict[str, Any]) -> Counter[str]:
    resources = container.get("resources") or {}
    wanted = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return Counter({name: quantity.milli(value) for name, value in wanted.items()})
