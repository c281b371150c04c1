"""A node of which nothing is heard becomes Unknown, its pods not ready, and taints say so to the scheduler and to `eviction`.

A heartbeat is the renewal of the node's Lease. Left out: zones, and the caution when most nodes are lost at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.clock import parse
from shallowdive.embedded.controllers import pods
from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import LEASES, NODES, PODS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

GRACE_S = 50
"""Cluster seconds without a heartbeat before a node counts as lost. The real controller's default since 1.32."""
QUARANTINE_S = 40
"""Cluster seconds a pod stays in the list after its node object is gone."""
LEASE_NAMESPACE = "kube-node-lease"
BY_CONDITION = {
    ("Ready", "False"): ("node.kubernetes.io/not-ready", ("NoSchedule", "NoExecute")),
    ("Ready", "Unknown"): ("node.kubernetes.io/unreachable", ("NoSchedule", "NoExecute")),
    ("MemoryPressure", "True"): ("node.kubernetes.io/memory-pressure", ("NoSchedule",)),
    ("DiskPressure", "True"): ("node.kubernetes.io/disk-pressure", ("NoSchedule",)),
    ("PIDPressure", "True"): ("node.kubernetes.io/pid-pressure", ("NoSchedule",)),
    ("NetworkUnavailable", "True"): ("node.kubernetes.io/network-unavailable", ("NoSchedule",)),
}
CORDONED = "node.kubernetes.io/unschedulable"
OURS = {key for key, _ in BY_CONDITION.values()} | {CORDONED}


class NodeLifecycle(Controller):
    name = "node-controller"
    watches = (NODES, LEASES)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._pods = Index(cluster.store, PODS, lambda pod: filter(None, (pod["spec"].get("nodeName"),)))
        self._gone: dict[str, float] = {}
        """When a node was found to be gone that pods are still bound to."""

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == NODES:
            return (event.key,)
        return (("", event.key[1]),) if event.key[0] == LEASE_NAMESPACE and event.type != "DELETED" else ()

    def reconcile(self, key: Key) -> None:
        node = self.store.get(NODES, *key)
        if node is None:
            self._collect_later(key)
            return
        self._gone.pop(key[1], None)
        left = self._last_heartbeat(node) + GRACE_S - self.clock.now()
        if left > 0:
            self.again(key, left)
        else:
            node = self._lose(key, node)
        self._taint(key, node)
        if _condition(node, "Ready") not in ("True", ""):
            self._say_pods_not_ready(node)

    def _last_heartbeat(self, node: Object) -> float:
        lease = self.store.get(LEASES, LEASE_NAMESPACE, node["metadata"]["name"])
        stamp = (lease or {}).get("spec", {}).get("renewTime") or node["metadata"]["creationTimestamp"]
        return parse(stamp)

    def _lose(self, key: Key, node: Object) -> Object:
        if _condition(node, "Ready") == "Unknown":
            return node
        now = self.clock.stamp()
        rows = [dict(row) for row in (node.get("status") or {}).get("conditions") or ()]
        for row in rows:
            if row["type"] in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure"):
                row |= {"status": "Unknown", "reason": "NodeStatusUnknown", "lastTransitionTime": now}
                row["message"] = "Kubelet stopped posting node status."
        self._say(node, "Normal", "NodeNotReady", f"Node {key[1]} status is now: NodeNotReady")
        return self.registry.change(NODES, *key, lambda value: value["status"].update(conditions=rows), self.who, subresource="status")

    def _taint(self, key: Key, node: Object) -> None:
        """Taints follow the conditions and `spec.unschedulable`."""
        wanted: dict[tuple[str, str], dict[str, Any]] = {}
        for (type_, status), (name, effects) in BY_CONDITION.items():
            if _condition(node, type_) == status:
                wanted |= {(name, effect): {} for effect in effects}
        if node["spec"].get("unschedulable"):
            wanted[CORDONED, "NoSchedule"] = {}
        old = node["spec"].get("taints") or []
        kept = [row for row in old if row["key"] not in OURS or (row["key"], row["effect"]) in wanted]
        have = {(row["key"], row["effect"]) for row in kept}
        now = self.clock.stamp()
        new = [{"key": name, "effect": effect, "timeAdded": now} for name, effect in wanted if (name, effect) not in have]
        if new or len(kept) != len(old):

            def edit(value: Object) -> None:
                value["spec"]["taints"] = [*kept, *new]
                if not value["spec"]["taints"]:
                    del value["spec"]["taints"]

            self.registry.change(NODES, *key, edit, self.who)

    def _say_pods_not_ready(self, node: Object) -> None:
        """The pods of a lost node get no traffic any more; whether they still run nobody knows."""
        now = self.clock.stamp()
        for pod in self._pods.objects(node["metadata"]["name"]):
            if not pods.is_ready(pod):
                continue
            rows = [
                {**row, "status": "False", "lastTransitionTime": now} if row["type"] == "Ready" else row
                for row in pod["status"]["conditions"]
            ]
            _set_conditions(self, pod, rows)
            self._say(pod, "Warning", "NodeNotReady", "Node is not ready")

    def _collect_later(self, key: Key) -> None:
        """Pods of a node that does not exist any more are removed without asking anybody, after a while."""
        if not self._pods.count(key[1]):
            self._gone.pop(key[1], None)
            return
        left = self._gone.setdefault(key[1], self.clock.now()) + QUARANTINE_S - self.clock.now()
        if left > 0:
            self.again(key, left)
            return
        for pod_key in self._pods.keys(key[1]):
            pod = self.store.get(PODS, *pod_key)
            if pod is None:
                continue
            disrupt(self, pod, "DeletionByPodGC", "PodGC: node no longer exists")
            self.registry.delete(PODS, *pod_key, DeleteOptions(grace_s=0))

    def _say(self, about: Object, type_: str, reason: str, message: str) -> None:
        self.cluster.recorder.event(about, type_, reason, message, self.name)


def _set_conditions(controller: Controller, pod: Object, rows: list[dict[str, Any]]) -> None:
    meta = pod["metadata"]
    controller.registry.change(
        PODS,
        meta["namespace"],
        meta["name"],
        lambda value: value["status"].update(conditions=rows),
        controller.who,
        subresource="status",
    )


def disrupt(controller: Controller, pod: Object, reason: str, message: str) -> None:
    """Say in a pod's conditions that it is about to be deleted, and why."""
    rows = [row for row in pod["status"].get("conditions") or () if row["type"] != "DisruptionTarget"]
    made = {
        "type": "DisruptionTarget",
        "status": "True",
        "observedGeneration": pod["metadata"].get("generation", 1),
        "lastProbeTime": None,
        "lastTransitionTime": controller.clock.stamp(),
        "reason": reason,
        "message": message,
    }
    _set_conditions(controller, pod, [*rows, made])


def _condition(node: Object, type_: str) -> str:
    rows = (node.get("status") or {}).get("conditions") or ()
    return next((str(row["status"]) for row in rows if row["type"] == type_), "")
