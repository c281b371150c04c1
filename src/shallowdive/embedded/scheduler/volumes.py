"""A pod's claims: whether they are there, where their volumes can be used, and asking for one to be made where the pod will run."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.kinds import PVCS, PVS, STORAGECLASSES
from shallowdive.embedded.registry import Registry, Who
from shallowdive.embedded.store import Object, Store

SELECTED = "volume.kubernetes.io/selected-node"


def claims(store: Store, pod: Object) -> list[tuple[str, Object | None]]:
    """Name and object of every claim that the pod mounts; a generic ephemeral volume's claim is named after the pod."""
    found = []
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            name = volume["persistentVolumeClaim"]["claimName"]
        elif "ephemeral" in volume:
            name = f"{pod['metadata']['name']}-{volume['name']}"
        else:
            continue
        found.append((name, store.get(PVCS, pod["metadata"]["namespace"], name)))
    return found


def problem(store: Store, pod: Object) -> str:
    """Why no node can be found as long as the claims are as they are; '' when they are no obstacle."""
    for name, claim in claims(store, pod):
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if "deletionTimestamp" in claim["metadata"]:
            return f'persistentvolumeclaim "{name}" is being deleted'
        if claim.get("status", {}).get("phase") == "Lost":
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim["spec"].get("volumeName", "")}"'
        if not is_bound(claim) and not waits_for_pod(store, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def is_bound(claim: Object) -> bool:
    return bool(claim["spec"].get("volumeName")) and claim.get("status", {}).get("phase") == "Bound"


def waits_for_pod(store: Store, claim: Object) -> bool:
    class_ = store.get(STORAGECLASSES, "", claim["spec"].get("storageClassName") or "")
    return class_ is not None and class_.get("volumeBindingMode") == "WaitForFirstConsumer"


def unbound(store: Store, pod: Object) -> list[Object]:
    return [c for _, c in claims(store, pod) if c is not None and not is_bound(c)]


def places(store: Store, pod: Object) -> list[list[dict[str, Any]]]:
    """The node selector terms of each bound volume that has any."""
    found = []
    for _, claim in claims(store, pod):
        volume = store.get(PVS, "", claim["spec"].get("volumeName") or "") if claim is not None else None
        required = ((volume or {}).get("spec", {}).get("nodeAffinity") or {}).get("required")
        if required:
            found.append(required["nodeSelectorTerms"])
    return found


def ask_for(registry: Registry, pod: Object, node: str, who: Who) -> bool:
    """Mark the claims that wait for this pod with the node it will run on. Whether there are any."""
    waiting = unbound(registry.store, pod)
    for claim in waiting:
        meta = claim["metadata"]
        if meta.get("annotations", {}).get(SELECTED) != node:
            registry.change(PVCS, meta["namespace"], meta["name"], lambda c: _mark(c, node), who)
    return bool(waiting)


def _mark(claim: Object, node: str) -> None:
    claim["metadata"].setdefault("annotations", {})[SELECTED] = node
