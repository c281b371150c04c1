"""A claim that a pod uses, and a volume that a claim has, are not deleted before they are free."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shallowdive.embedded.controllers import pods
from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import PODS, PVCS, PVS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

CLAIM, VOLUME = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"
USED = {"status": "False", "reason": "PodUsingPVC", "message": "A pod is currently referencing this PVC"}
UNUSED = {"status": "True", "reason": "NoPodsUsingPVC", "message": "No pods are currently referencing this PVC"}


class ClaimProtection(Controller):
    name = "pvc-protection-controller"
    watches = (PVCS, PODS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._users = Index(cluster.store, PODS, claims_of)

    def keys(self, event: Event) -> Iterable[Key]:
        return (event.key,) if event.resource == PVCS else claims_of(event.object)

    def reconcile(self, key: Key) -> None:
        claim = self.store.get(PVCS, *key)
        if claim is None:
            return
        users = [pod for pod in self._users.objects(key) if not pods.is_finished(pod)]
        if "deletionTimestamp" in claim["metadata"] and not any(pod["spec"].get("nodeName") for pod in users):
            _drop(self, PVCS, claim, CLAIM)
        elif claim["status"].get("phase") == "Bound":
            self._write_condition(key, claim, used=bool(users))

    def _write_condition(self, key: Key, claim: Object, *, used: bool) -> None:
        rows = claim["status"].get("conditions") or []
        wanted = USED if used else UNUSED
        if any(row["type"] == "Unused" and row["status"] == wanted["status"] for row in rows):
            return
        made = {"type": "Unused", "lastProbeTime": None, "lastTransitionTime": self.clock.stamp(), **wanted}
        conditions = [*(row for row in rows if row["type"] != "Unused"), made]
        self.registry.change(PVCS, *key, lambda value: value["status"].update(conditions=conditions), self.who, subresource="status")


class VolumeProtection(Controller):
    name = "pv-protection-controller"
    watches = (PVS,)

    def reconcile(self, key: Key) -> None:
        volume = self.store.get(PVS, *key)
        if volume is not None and "deletionTimestamp" in volume["metadata"] and volume["status"].get("phase") != "Bound":
            _drop(self, PVS, volume, VOLUME)


def claims_of(pod: Object) -> list[Key]:
    """The claims that a pod mounts."""
    meta, found = pod["metadata"], []
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            found.append((meta["namespace"], volume["persistentVolumeClaim"]["claimName"]))
        elif "ephemeral" in volume:
            found.append((meta["namespace"], f"{meta['name']}-{volume['name']}"))
    return found


def _drop(controller: Controller, resource: str, value: Object, finalizer: str) -> None:
    meta = value["metadata"]
    if finalizer not in (meta.get("finalizers") or ()):
        return

    def edit(new: Object) -> None:
        new["metadata"]["finalizers"] = [name for name in new["metadata"]["finalizers"] if name != finalizer]

    controller.registry.change(resource, meta.get("namespace", ""), meta["name"], edit, controller.who)
