"""DaemonSet: one pod on each node that lets it.

Left out: surge during updates (`maxSurge`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.controllers import owners, pods, revisions, rollout
from shallowdive.embedded.kinds import DAEMONSETS, NODES, PODS
from shallowdive.embedded.loop import Controller, owner_keys
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.scheduler.terms import tolerates, wants
from shallowdive.embedded.selector import picks
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

BORNE = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
"""Taints that the pods of every DaemonSet tolerate."""


class DaemonSetController(Controller):
    name = "daemonset-controller"
    watches = (DAEMONSETS, PODS, NODES)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._orphans = owners.orphans(self, PODS)

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == DAEMONSETS:
            return (event.key,)
        if event.resource == PODS:
            return owner_keys(event, "DaemonSet")
        before = event.before
        parts = [] if before is None else [(value["metadata"].get("labels"), value["spec"]) for value in (before, event.object)]
        changed = before is None or event.type == "DELETED" or parts[0] != parts[1]
        return [row.key for row in self.store.latest(DAEMONSETS)] if changed else ()

    def reconcile(self, key: Key) -> None:
        owner = self.store.get(DAEMONSETS, *key)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            return
        selector = owner["spec"]["selector"]
        mine = owners.claim(self, owner, PODS, self._orphans.objects(key[0]), lambda labels: picks(selector, labels))
        revision = revisions.current(self, owner)
        here: dict[str, list[Object]] = {}
        for pod in mine:
            here.setdefault(_node_of(pod), []).append(pod)
        for pod in [pod for pod in mine if pod["status"].get("phase") == "Failed" and not pods.is_terminating(pod)]:
            self._say(
                owner, "Warning", "FailedDaemonPod", f"Found failed daemon pod {key[0]}/{pod['metadata']['name']}, will try to kill it"
            )
            self._delete(owner, pod)
        fitting = {node["metadata"]["name"] for node in self.store.objects(NODES) if _lets(node, owner)}
        for name in sorted(fitting - set(here)):
            if not self._create(owner, name, revision):
                self.fail(key)
                break
        for name in sorted(set(here) - fitting):
            for pod in here[name]:
                if not pods.is_terminating(pod) and not _may_stay(self.store.get(NODES, "", name), owner):
                    self._delete(owner, pod)
        self._roll(owner, here, fitting, revision)
        self._write_status(key, owner, here, fitting, revision)
        revisions.forget(self, owner, {(pod["metadata"].get("labels") or {}).get(revisions.LABEL, "") for pod in mine})

    def _create(self, owner: Object, node: str, revision: Object) -> bool:
        pod = pods.from_template(owner, owner["spec"]["template"])
        spec = pod["spec"]
        pod["metadata"]["labels"] = {**pod["metadata"].get("labels", {}), revisions.LABEL: revisions.hash_of(revision)}
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [term]}
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *_tolerations(spec)]
        try:
            pod = self.registry.create(PODS, pod, self.who)
        except ApiError as refused:
            self._say(owner, "Warning", "FailedCreate", f"Error creating: {refused.message}")
            return False
        self._say(owner, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return True

    def _delete(self, owner: Object, pod: Object) -> None:
        meta = pod["metadata"]
        self.registry.delete(PODS, meta["namespace"], meta["name"], DeleteOptions(uid=meta["uid"]))
        self._say(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    def _roll(self, owner: Object, here: dict[str, list[Object]], fitting: set[str], revision: Object) -> None:
        """Replace pods of older revisions, no more at once than `maxUnavailable`; those that are not ready first."""
        strategy = owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        living = {name: [pod for pod in here.get(name, ()) if pods.is_active(pod)] for name in fitting}
        most = rollout.share((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), len(fitting), up=True)
        down = sum(not any(pods.is_ready(pod) for pod in rows) for rows in living.values())
        old = [pod for rows in living.values() for pod in rows if not _is_of(pod, revision)]
        for pod in sorted(old, key=lambda pod: (pods.is_ready(pod), pod["metadata"]["name"])):
            if pods.is_ready(pod):
                if down >= most:
                    return
                down += 1
            self._delete(owner, pod)

    def _write_status(self, key: Key, owner: Object, here: dict[str, list[Object]], fitting: set[str], revision: Object) -> None:
        least = owner["spec"].get("minReadySeconds", 0)
        ours = {name: [pod for pod in rows if pods.is_active(pod)] for name, rows in here.items()}
        there = [rows[0] for name, rows in ours.items() if rows and name in fitting]
        waits = [wait for pod in there if (wait := pods.available_in(pod, least, self.clock.now())) is not None]
        available = sum(wait == 0 for wait in waits)
        updated = sum(_is_of(pod, revision) for pod in there)
        status: dict[str, Any] = {
            "currentNumberScheduled": len(there),
            "numberMisscheduled": sum(bool(rows) for name, rows in ours.items() if name not in fitting),
            "desiredNumberScheduled": len(fitting),
            "numberReady": len(waits),
            "observedGeneration": owner["metadata"]["generation"],
            **({"updatedNumberScheduled": updated} if updated else {}),
            **({"numberAvailable": available} if available else {}),
            **({"numberUnavailable": len(fitting) - available} if len(fitting) != available else {}),
        }
        if status != owner.get("status"):
            self.registry.change(DAEMONSETS, *key, lambda value: value.update(status=status), self.who, subresource="status")
        if any(waits):
            self.again(key, min(wait for wait in waits if wait))

    def _say(self, owner: Object, type_: str, reason: str, message: str) -> None:
        self.cluster.recorder.event(owner, type_, reason, message, self.name)


def _tolerations(spec: dict[str, Any]) -> list[dict[str, str]]:
    more = (("node.kubernetes.io/network-unavailable", "NoSchedule"),) if spec.get("hostNetwork") else ()
    return [{"key": key, "operator": "Exists", "effect": effect} for key, effect in (*BORNE, *more)]


def _as_pod(owner: Object) -> Object:
    """The set's template as a pod, for asking what a node thinks of it."""
    spec = owner["spec"]["template"]["spec"]
    return {"spec": {**spec, "tolerations": [*(spec.get("tolerations") or ()), *_tolerations(spec)]}}


def _lets(node: Object, owner: Object) -> bool:
    """Whether a node takes a new pod of the set."""
    pod = _as_pod(owner)
    taints = [taint for taint in node["spec"].get("taints") or () if taint["effect"] in ("NoSchedule", "NoExecute")]
    return wants(pod, node) and all(tolerates(pod, taint) for taint in taints)


def _may_stay(node: Object | None, owner: Object) -> bool:
    """Whether a pod that is there may stay: a NoSchedule taint sends nobody away."""
    if node is None:
        return True  # the pod goes with its node
    pod = _as_pod(owner)
    taints = [taint for taint in node["spec"].get("taints") or () if taint["effect"] == "NoExecute"]
    return wants(pod, node) and all(tolerates(pod, taint) for taint in taints)


def _is_of(pod: Object, revision: Object) -> bool:
    return bool((pod["metadata"].get("labels") or {}).get(revisions.LABEL) == revisions.hash_of(revision))


def _node_of(pod: Object) -> str:
    """The node a pod is on or is meant for."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    required = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            return str(field["values"][0])
    return ""
