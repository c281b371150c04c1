"""ReplicaSet and ReplicationController: as many pods as asked for, no matter which.

Left out: the slow start after failures (1, 2, 4, … pods at a time); a refused creation stops the round instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from shallowdive.embedded.controllers import owners, pods
from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import PODS, REPLICASETS, REPLICATIONCONTROLLERS, kind_of
from shallowdive.embedded.loop import Controller, owner_keys
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.selector import picks
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

BURST = 100
"""Pods made or deleted in one go; between two the cluster answers requests."""


class ReplicaSetController(Controller):
    name = "replicaset-controller"
    resource: ClassVar[str] = REPLICASETS
    watches = (REPLICASETS, PODS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._kind = kind_of(self.resource).kind
        self._orphans = owners.orphans(self, PODS)
        self._sets = Index(self.store, self.resource, lambda value: (value["metadata"]["namespace"],))

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == self.resource:
            return (event.key,)
        found = owner_keys(event, self._kind)
        if found or owners.controller_of(event.object) or event.type == "DELETED":
            return found
        labels = event.object["metadata"].get("labels")
        return [key for key in self._sets.keys(event.key[0]) if self._fits(self.store.get(self.resource, *key), labels)]

    def _fits(self, owner: Object | None, labels: dict[str, str] | None) -> bool:
        return owner is not None and picks(self._selector(owner), labels)

    @staticmethod
    def _selector(owner: Object) -> dict[str, Any]:
        selector: dict[str, Any] = owner["spec"]["selector"]
        return selector

    def reconcile(self, key: Key) -> None:
        owner = self.store.get(self.resource, *key)
        if owner is None:
            return
        selector = self._selector(owner)
        mine = owners.claim(self, owner, PODS, self._orphans.objects(key[0]), lambda labels: picks(selector, labels))
        active = [pod for pod in mine if pods.is_active(pod)]
        failure = None
        if "deletionTimestamp" not in owner["metadata"]:
            failure = self._manage(key, owner, active)
        terminating = sum(pods.is_terminating(pod) and not pods.is_finished(pod) for pod in mine)
        self._write_status(key, owner, active, terminating, failure)

    def _manage(self, key: Key, owner: Object, active: list[Object]) -> tuple[str, str] | None:
        """Make or delete the difference, at most BURST of it. Returns reason and message of what was refused."""
        difference = owner["spec"].get("replicas", 1) - len(active)
        if abs(difference) > BURST:
            self.again(key)
        for _ in range(min(difference, BURST)):
            try:
                pod = self.registry.create(PODS, pods.from_template(owner, owner["spec"]["template"]), self.who)
            except ApiError as refused:
                if "NamespaceTerminating" in str(refused.status.get("details")):
                    return None
                self._say(owner, "Warning", "FailedCreate", f"Error creating: {refused.message}")
                self.fail(key)
                return "FailedCreate", refused.message
            active.append(pod)
            self._say(owner, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        if difference < 0:
            for pod in pods.first_to_go(active, min(-difference, BURST), self._neighbours(owner), self.clock.now()):
                self.registry.delete(PODS, key[0], pod["metadata"]["name"], DeleteOptions(uid=pod["metadata"]["uid"]))
                active.remove(pod)
                self._say(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        return None

    def _neighbours(self, owner: Object) -> list[Object]:
        """The active pods of all sets of the same owner: a rolling update leaves room on crowded nodes."""
        above = owners.controller_of(owner)
        uids = [owner["metadata"]["uid"]]
        if above is not None:
            rows = [(resource, self.store.get(resource, *key)) for resource, key in self.store.owned_by(above["uid"])]
            uids = [row["metadata"]["uid"] for resource, row in rows if resource == self.resource and row is not None]
        found = [self.store.get(PODS, *key) for uid in uids for resource, key in self.store.owned_by(uid) if resource == PODS]
        return [pod for pod in found if pod is not None and pods.is_active(pod)]

    def _write_status(self, key: Key, owner: Object, active: list[Object], terminating: int, failure: tuple[str, str] | None) -> None:
        spec, old, now = owner["spec"], owner.get("status") or {}, self.clock.now()
        template = (spec["template"].get("metadata") or {}).get("labels") or {}
        waits = [pods.available_in(pod, spec.get("minReadySeconds", 0), now) for pod in active]
        ready = [wait for wait in waits if wait is not None]
        counts = {
            "fullyLabeledReplicas": sum(template.items() <= (pod["metadata"].get("labels") or {}).items() for pod in active),
            "readyReplicas": len(ready),
            "availableReplicas": sum(wait == 0 for wait in ready),
        }
        status = {"replicas": len(active), **{name: count for name, count in counts.items() if count}}
        if self.resource == REPLICASETS:
            status["terminatingReplicas"] = terminating
        status["observedGeneration"] = owner["metadata"].get("generation", 0)
        conditions = self._conditions(old.get("conditions") or [], failure)
        if conditions:
            status["conditions"] = conditions
        if status != old:
            self.registry.change(self.resource, *key, lambda value: value.update(status=status), self.who, subresource="status")
        later = [wait for wait in ready if wait]
        if later:
            self.again(key, min(later))

    def _conditions(self, old: list[dict[str, Any]], failure: tuple[str, str] | None) -> list[dict[str, Any]]:
        kept = [row for row in old if row["type"] != "ReplicaFailure"]
        if failure is None:
            return kept
        known = next((row for row in old if row["type"] == "ReplicaFailure"), None)
        made = {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": self.clock.stamp(),
            "reason": failure[0],
            "message": failure[1],
        }
        return [*kept, known or made]

    def _say(self, owner: Object, type_: str, reason: str, message: str) -> None:
        self.cluster.recorder.event(owner, type_, reason, message, self.name)


class ReplicationControllerController(ReplicaSetController):
    name = "replication-controller"
    resource = REPLICATIONCONTROLLERS
    watches = (REPLICATIONCONTROLLERS, PODS)

    @staticmethod
    def _selector(owner: Object) -> dict[str, Any]:
        return {"matchLabels": owner["spec"]["selector"]}
