"""The local-path provisioner, as kind has it: a volume is a directory of the node that was chosen for the first pod.

On kind this is a pod that starts a helper pod for each directory; here only the wait for it is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.controllers.volumes import PROVISIONERS, SELECTED_NODE
from shallowdive.embedded.kinds import NODES, PVCS, PVS, STORAGECLASSES
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.registry import DeleteOptions, Who
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

NAME, MADE_BY = "rancher.io/local-path", "pv.kubernetes.io/provisioned-by"
MAKE_S, REMOVE_S, RETRY_S = 2.0, 2.0, 15.0
"""Cluster seconds that making and removing a directory takes, and until a claim that was refused is tried again."""
ONE_NODE = {"ReadWriteOnce", "ReadWriteOncePod"}


class LocalPathProvisioner(Controller):
    name = NAME
    watches = (PVCS, PVS)
    who = Who("local-path-provisioner")

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._begun: dict[str, float] = {}
        """When work on a claim or volume began, by UID."""

    def keys(self, event: Event) -> Iterable[Key]:
        annotations = event.object["metadata"].get("annotations") or {}
        ours = annotations.get(MADE_BY if event.resource == PVS else PROVISIONERS[0]) == NAME
        return (event.key,) if ours and event.type != "DELETED" else ()

    def reconcile(self, key: Key) -> None:
        value = self.store.get(PVCS if key[0] else PVS, *key)
        if value is None:
            return
        if not key[0]:
            self._remove(key, value)
        elif not value["spec"].get("volumeName") and "deletionTimestamp" not in value["metadata"]:
            self._make(key, value)

    def _make(self, key: Key, claim: Object) -> None:
        meta = claim["metadata"]
        node = (meta.get("annotations") or {}).get(SELECTED_NODE, "")
        name = f"pvc-{meta['uid']}"
        if self.store.get(PVS, "", name) is not None:
            return
        refusal = self._refusal(claim, node)
        if not self._has_waited(key, meta["uid"], RETRY_S if refusal else MAKE_S):
            self._say(claim, "Normal", "Provisioning", f'External provisioner is provisioning volume for claim "{key[0]}/{key[1]}"')
            if refusal:
                class_ = claim["spec"]["storageClassName"]
                text = f'failed to provision volume with StorageClass "{class_}": {refusal}'
                self._say(claim, "Warning", "ProvisioningFailed", text)
        elif refusal:
            self.again(key)
        else:
            self.registry.create(PVS, self._volume(key, claim, name, node), self.who)
            self._say(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}")

    def _has_waited(self, key: Key, uid: str, seconds: float) -> bool:
        """Whether the time that something takes has passed since it was first asked for; asks again when it has."""
        begun = self._begun.get(uid)
        if begun is None:
            self._begun[uid] = self.clock.now()
            self.again(key, seconds)
            return False
        left = begun + seconds - self.clock.now()
        if left > 0:
            self.again(key, left)
            return False
        del self._begun[uid]
        return True

    @staticmethod
    def _refusal(claim: Object, node: str) -> str:
        if not set(claim["spec"].get("accessModes") or ()) <= ONE_NODE:
            return "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes"
        return "" if node else "configuration error, no node was specified"

    def _volume(self, key: Key, claim: Object, name: str, node: str) -> Object:
        meta, spec = claim["metadata"], claim["spec"]
        class_ = self.store.get(STORAGECLASSES, "", spec["storageClassName"]) or {}
        host = (self.store.get(NODES, "", node) or {"metadata": {}})["metadata"].get("labels", {}).get("kubernetes.io/hostname", node)
        here: dict[str, Any] = {"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}
        claim_ref = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": key[0], "name": key[1], "uid": meta["uid"]}
        return {
            "metadata": {"name": name, "annotations": {"local.path.provisioner/selected-node": node, MADE_BY: NAME}},
            "spec": {
                "accessModes": list(spec["accessModes"]),
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "claimRef": {**claim_ref, "resourceVersion": meta["resourceVersion"]},
                "hostPath": {"path": f"/var/local-path-provisioner/{name}_{key[0]}_{key[1]}", "type": "DirectoryOrCreate"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
                "persistentVolumeReclaimPolicy": class_.get("reclaimPolicy", "Delete"),
                "storageClassName": spec["storageClassName"],
                "volumeMode": spec.get("volumeMode", "Filesystem"),
            },
        }

    def _remove(self, key: Key, volume: Object) -> None:
        """A volume that was released goes with its directory, when its policy says so."""
        if volume["status"].get("phase") != "Released" or volume["spec"].get("persistentVolumeReclaimPolicy") != "Delete":
            return
        meta = volume["metadata"]
        if "deletionTimestamp" not in meta and self._has_waited(key, meta["uid"], REMOVE_S):
            self.registry.delete(PVS, "", key[1], DeleteOptions(uid=meta["uid"]))

    def _say(self, claim: Object, type_: str, reason: str, message: str) -> None:
        self.cluster.recorder.event(claim, type_, reason, message, NAME)
