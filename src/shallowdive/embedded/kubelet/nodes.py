"""A node as its kubelet sees it: addresses for pods, a heartbeat, and the door at which pods are refused."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from shallowdive.embedded import quantity
from shallowdive.embedded.kinds import LEASES, NODES
from shallowdive.embedded.registry import Who
from shallowdive.embedded.scheduler.nodes import requests_of
from shallowdive.embedded.scheduler.terms import wants
from shallowdive.embedded.store import Object, clone

if TYPE_CHECKING:
    from shallowdive.embedded.kubelet import Kubelet

WHO = Who("kubelet")
RENEW_S, POST_S = 10.0, 300.0
"""Cluster seconds between renewals of the node's lease, and between posts of its whole status."""
LEASE_NAMESPACE = "kube-node-lease"
HEALTHY = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}


class NoAddress(Exception):
    """Every address of the node's range is taken."""


class Node:
    def __init__(self, kubelet: Kubelet, value: Object) -> None:
        self._kubelet = kubelet
        self.name: str = value["metadata"]["name"]
        addresses = value.get("status", {}).get("addresses") or []
        self.ip: str = next((a["address"] for a in addresses if a["type"] == "InternalIP"), "")
        self._range = ipaddress.ip_network(value["spec"].get("podCIDR") or "10.244.255.0/24")
        self._next = 1
        self._given: set[str] = set()
        self.memory_bytes = quantity.whole((value.get("status", {}).get("capacity") or {}).get("memory", "8Gi"))
        self.stopped = False
        self._posted = kubelet.clock.now()

    def give_address(self) -> str:
        """The next free one, in order: an address comes again as late as possible. Raises NoAddress."""
        hosts = self._range.num_addresses - 2
        for _ in range(hosts):
            self._next = self._next % hosts + 1
            ip = str(self._range[self._next])
            if self._next > 1 and ip not in self._given:
                self._given.add(ip)
                return ip
        raise NoAddress(self.name)

    def take_address_back(self, ip: str) -> None:
        self._given.discard(ip)

    def refuses(self, pod: Object) -> tuple[str, str] | None:
        """Reason and message, when a pod was put here that does not belong here: nobody asked the scheduler."""
        node = self._kubelet.store.get(NODES, "", self.name)
        if node is None:
            return None
        if not wants(pod, node):
            why = "node(s) didn't match Pod's node affinity/selector"
            return "NodeAffinity", f"Predicate NodeAffinity failed: {why}"
        room = {k: quantity.milli(v) for k, v in (node.get("status", {}).get("allocatable") or {}).items()}
        promised = self._kubelet.promised(self.name)
        for name, amount in requests_of(pod["spec"]).items():
            if amount and promised.get(name, 0) > room.get(name, 0):
                used, unit = promised.get(name, 0) - amount, 1 if name == "cpu" else 1000
                what = f"{name}, requested: {amount // unit}, used: {used // unit}, capacity: {room.get(name, 0) // unit}"
                return f"OutOf{name}", f"Node didn't have enough resource: {what}"
        return None

    # heartbeat

    def beat(self) -> None:
        """Renew the lease: the sign of life that the node controller looks at. Now and then the whole status."""
        if self.stopped:
            return
        clock, store = self._kubelet.clock, self._kubelet.store
        clock.after(RENEW_S, self.beat)
        lease = store.get(LEASES, LEASE_NAMESPACE, self.name)
        if lease is not None:
            value = clone(lease)
            value["spec"]["renewTime"] = clock.micro_stamp()
            store.put(LEASES, value)
        if clock.now() - self._posted > POST_S:
            self.post()

    def post(self) -> None:
        """Write the node's conditions: all is well."""
        node = self._kubelet.store.get(NODES, "", self.name)
        if node is None:
            return
        self._posted = self._kubelet.clock.now()
        now = self._kubelet.clock.stamp()
        value = clone(node)
        for row in value["status"].get("conditions") or ():
            if row["type"] in HEALTHY:
                status, reason, message = HEALTHY[row["type"]]
                if row["status"] != status:
                    row["lastTransitionTime"] = now
                row |= {"status": status, "reason": reason, "message": message, "lastHeartbeatTime": now}
        self._kubelet.registry.update(NODES, value, WHO, subresource="status")

    def stop(self) -> None:
        self.stopped = True

    def start(self) -> None:
        self.stopped = False
        self.beat()
        self.post()
