"""Claims and volumes find each other: the smallest volume that fits, or one that a provisioner makes for the claim.

Left out: recycling, expansion, and volumes made inside the cluster by anybody but the local-path provisioner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shallowdive.embedded import quantity
from shallowdive.embedded.controllers.protection import claims_of
from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import NODES, PODS, PVCS, PVS, STORAGECLASSES
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.scheduler.terms import term_matches
from shallowdive.embedded.selector import picks
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONERS = ("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner")
BOUND, BY_CONTROLLER = "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"
RESYNC_S = 15
"""Cluster seconds after which a claim that waits is looked at, and told about, once more."""


class VolumeBinder(Controller):
    name = "persistentvolume-controller"
    watches = (PVCS, PVS, STORAGECLASSES)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._pending = Index(cluster.store, PVCS, _class_while_pending)
        self._users = Index(cluster.store, PODS, claims_of)

    def keys(self, event: Event) -> Iterable[Key]:
        """Keys are claims, and volumes under the namespace ''."""
        if event.resource == STORAGECLASSES:
            return self._pending.keys(event.key[1])
        if event.resource == PVCS:
            volume = event.object["spec"].get("volumeName")
            return (event.key, ("", volume)) if volume else (event.key,)
        claim = event.object["spec"].get("claimRef")
        waiting = [] if claim else self._pending.keys(event.object["spec"].get("storageClassName", ""))
        return (event.key, *waiting, *([(claim["namespace"], claim["name"])] if claim else []))

    def reconcile(self, key: Key) -> None:
        value = self.store.get(PVCS if key[0] else PVS, *key)
        if value is None:
            return
        if key[0]:
            self._look_at_claim(key, value)
        else:
            self._look_at_volume(key, value)

    # claims

    def _look_at_claim(self, key: Key, claim: Object) -> None:
        name = claim["spec"].get("volumeName")
        volume = self.store.get(PVS, "", name) if name else self._match(claim)
        if claim["status"].get("phase") == "Bound":
            if volume is None:
                self._lose(key, claim)
            return
        if volume is not None and _is_free_for(volume, claim):
            self._bind(key, claim, volume, by_controller=not name)
        elif volume is not None:
            self._say(claim, "Warning", "FailedBinding", f'volume "{name}" already bound to a different claim.')
        elif not name and "deletionTimestamp" not in claim["metadata"]:
            self._provision(key, claim)

    def _match(self, claim: Object) -> Object | None:
        """The volume that is promised to this claim, else the smallest that fits it."""
        node = self.store.get(NODES, "", (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE, ""))
        if self._waits_for_pod(claim) and node is None:
            return None
        fitting = [volume for volume in self.store.objects(PVS) if _fits(volume, claim, node)]
        promised = [volume for volume in fitting if volume["spec"].get("claimRef")]
        return min(promised or fitting, key=lambda v: quantity.nano(v["spec"]["capacity"]["storage"]), default=None)

    def _waits_for_pod(self, claim: Object) -> bool:
        class_ = self.store.get(STORAGECLASSES, "", claim["spec"].get("storageClassName") or "")
        return class_ is not None and class_.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _bind(self, key: Key, claim: Object, volume: Object, *, by_controller: bool) -> None:
        """Both sides name each other; then both say Bound."""
        name, meta = volume["metadata"]["name"], claim["metadata"]
        if (volume["spec"].get("claimRef") or {}).get("uid") != meta["uid"]:

            def promise(value: Object) -> None:
                value["spec"]["claimRef"] = {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": key[0],
                    "name": key[1],
                    "uid": meta["uid"],
                    "resourceVersion": meta["resourceVersion"],
                }
                _annotate(value, {BY_CONTROLLER: "yes"})

            self.registry.change(PVS, "", name, promise, self.who)

        def take(value: Object) -> None:
            value["spec"]["volumeName"] = name
            _annotate(value, {BOUND: "yes", **({BY_CONTROLLER: "yes"} if by_controller else {})})

        def say(value: Object) -> None:
            spec = volume["spec"]
            value["status"] |= {"phase": "Bound", "accessModes": list(spec["accessModes"]), "capacity": dict(spec["capacity"])}

        self._set_phase(name, "Bound")
        self.registry.change(PVCS, *key, take, self.who)
        self.registry.change(PVCS, *key, say, self.who, subresource="status")

    def _lose(self, key: Key, claim: Object) -> None:
        self.registry.change(PVCS, *key, lambda value: value["status"].update(phase="Lost"), self.who, subresource="status")
        self._say(claim, "Warning", "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")

    def _provision(self, key: Key, claim: Object) -> None:
        """No volume fits: say why, or ask the provisioner of the class for one."""
        name = claim["spec"].get("storageClassName") or ""
        class_ = self.store.get(STORAGECLASSES, "", name)
        self.again(key, RESYNC_S)
        annotations = claim["metadata"].get("annotations") or {}
        if not name:
            text = "no persistent volumes available for this claim and no storage class is set"
            self._say(claim, "Normal", "FailedBinding", text)
        elif class_ is None:
            self._say(claim, "Warning", "ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found')
        elif self._waits_for_pod(claim) and SELECTED_NODE not in annotations:
            self._say(claim, "Normal", *self._waits_for(key))
        elif class_["provisioner"] != "kubernetes.io/no-provisioner":
            maker: str = class_["provisioner"]
            if any(annotations.get(note) != maker for note in PROVISIONERS):
                self.registry.change(PVCS, *key, lambda value: _annotate(value, dict.fromkeys(PROVISIONERS, maker)), self.who)
            text = (
                f"Waiting for a volume to be created either by the external provisioner '{maker}' or manually by the system administrator. "
                "If volume creation is delayed, please verify that the provisioner is running and correctly registered."
            )
            self._say(claim, "Normal", "ExternalProvisioning", text)

    def _waits_for(self, key: Key) -> tuple[str, str]:
        """Reason and words: nobody uses the claim yet, or somebody does who has no node."""
        names = [pod["metadata"]["name"] for pod in self._users.objects(key) if not pod["spec"].get("nodeName")]
        if not names:
            return "WaitForFirstConsumer", "waiting for first consumer to be created before binding"
        return "WaitForPodScheduled", f"waiting for pod{'s' if len(names) > 1 else ''} {','.join(names)} to be scheduled"

    # volumes

    def _look_at_volume(self, key: Key, volume: Object) -> None:
        promised = volume["spec"].get("claimRef")
        if promised is None:
            self._set_phase(key[1], "Available")
            return
        claim = self.store.get(PVCS, promised["namespace"], promised["name"])
        if promised.get("uid") and (claim is None or claim["metadata"]["uid"] != promised["uid"]):
            self._set_phase(key[1], "Released")
        elif claim is None or claim["spec"].get("volumeName") != key[1]:
            if volume["status"].get("phase") == "Pending" and not promised.get("uid"):
                self._set_phase(key[1], "Available")
        else:
            self._set_phase(key[1], "Bound")

    def _set_phase(self, name: str, phase: str) -> None:
        volume = self.store.get(PVS, "", name)
        if volume is None or volume["status"].get("phase") == phase:
            return
        now = self.clock.stamp()
        self.registry.change(
            PVS, "", name, lambda value: value["status"].update(phase=phase, lastPhaseTransitionTime=now), self.who, subresource="status"
        )

    def _say(self, claim: Object, type_: str, reason: str, message: str) -> None:
        self.cluster.recorder.event(claim, type_, reason, message, self.name)


def _class_while_pending(claim: Object) -> list[str]:
    return [] if claim["status"].get("phase") == "Bound" else [claim["spec"].get("storageClassName") or ""]


def _annotate(value: Object, notes: dict[str, str]) -> None:
    value["metadata"]["annotations"] = {**(value["metadata"].get("annotations") or {}), **notes}


def _is_free_for(volume: Object, claim: Object) -> bool:
    promised = volume["spec"].get("claimRef")
    if promised is None:
        return True
    meta = claim["metadata"]
    same = (promised.get("namespace"), promised.get("name")) == (meta["namespace"], meta["name"])
    return same and promised.get("uid", meta["uid"]) == meta["uid"]


def _fits(volume: Object, claim: Object, node: Object | None) -> bool:
    spec, wanted = volume["spec"], claim["spec"]
    size = ((wanted.get("resources") or {}).get("requests") or {}).get("storage", 0)
    required: dict[str, Any] = (spec.get("nodeAffinity") or {}).get("required") or {}
    return (
        "deletionTimestamp" not in volume["metadata"]
        and _is_free_for(volume, claim)
        and spec.get("storageClassName", "") == (wanted.get("storageClassName") or "")
        and spec.get("volumeMode", "Filesystem") == wanted.get("volumeMode", "Filesystem")
        and set(wanted.get("accessModes") or ()) <= set(spec.get("accessModes") or ())
        and quantity.nano(spec["capacity"]["storage"]) >= quantity.nano(size)
        and (wanted.get("selector") is None or picks(wanted["selector"], volume["metadata"].get("labels")))
        and (node is None or not required or any(term_matches(term, node) for term in required["nodeSelectorTerms"]))
    )
