"""What holds something that is to be deleted: finalizers, content, an API that nobody answers for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shallowdive.explain.finding import Evidence
from shallowdive.explain.rule import rules
from shallowdive.explain.sight import Sight, condition_of
from shallowdive.explain.storage import PROTECTION
from shallowdive.objects import Object, name_of
from shallowdive.objects.pods import moment

FOR_A_MOMENT = ("foregroundDeletion", "orphan", "kubernetes", "batch.kubernetes.io/job-tracking", PROTECTION)
"""Finalizers that the cluster sets and takes away by itself."""
LATE_S = 5


def _terminating(namespace: Object) -> bool:
    return (namespace.get("status") or {}).get("phase") == "Terminating"


def _api_dead(sight: Sight, namespace: Object) -> Iterator[Evidence]:
    told = condition_of(namespace, "NamespaceDeletionDiscoveryFailure")
    if told.get("status") == "True":
        dead = [name_of(a) for a in sight.all("APIService") if condition_of(a, "Available").get("status") not in ("True", None)]
        dead += [m for m in re.findall(r"(\S+/\S+): stale", str(told.get("message"))) if not dead]
        yield Evidence(f"{told['type']}=True: {told.get('message', '')}", {"named": ", ".join(dead) or "?", "value": ", ".join(dead)})


def _finalizers(sight: Sight, namespace: Object) -> Iterator[Evidence]:
    """From the condition, and from the objects themselves: while pods are held, the condition says that none is (seen in 1.37.2)."""
    if not _terminating(namespace):
        return
    told = condition_of(namespace, "NamespaceFinalizersRemaining")
    inside = [o for kind in sight.state.by_kind for o in sight.all(kind) if o["metadata"].get("namespace")]
    held = {f"{o['kind']} {name_of(o)}": _holders(sight, o) for o in inside}
    held = {where: finalizers for where, finalizers in held.items() if finalizers}
    where, which = ", ".join(held), ", ".join(dict.fromkeys(f for finalizers in held.values() for f in finalizers))
    if told.get("status") == "True":
        text = f"{told['type']}=True: {told.get('message', '')}"
        yield Evidence(text, {"where": where or "the objects that the message names", "value": which})
    elif held:
        yield Evidence(f"{where}: metadata.deletionTimestamp is set, metadata.finalizers: {which}", {"where": where, "value": which})


def _deletion_fails(_: Sight, namespace: Object) -> Iterator[Evidence]:
    for kind in ("NamespaceDeletionContentFailure", "NamespaceDeletionGroupVersionParsingFailure"):
        told = condition_of(namespace, kind)
        if told.get("status") == "True":
            yield Evidence(f"{kind}=True: {told.get('message', '')}")


def _empties(_: Sight, namespace: Object) -> Iterator[Evidence]:
    if _terminating(namespace):
        told = condition_of(namespace, "NamespaceContentRemaining")
        text = told.get("message") if told.get("status") == "True" else "status.phase is Terminating"
        yield Evidence(str(text))


def _over(sight: Sight, pod: Object) -> bool:
    """Whether its containers have ended: from then on a pod goes as soon as its finalizers are gone."""
    status = pod.get("status") or {}
    states = [c.get("state") or {} for c in status.get("containerStatuses") or []]
    ended = bool(states) and all("terminated" in s for s in states)
    return ended or sight.now > moment(pod["metadata"]["deletionTimestamp"]) + LATE_S


def _holders(sight: Sight, obj: Object) -> list[str]:
    """Finalizers that hold an object which is to be deleted; a pod is held from when its containers have ended."""
    metadata = obj["metadata"]
    held = [f for f in metadata.get("finalizers") or [] if f not in FOR_A_MOMENT]
    return held if metadata.get("deletionTimestamp") and (obj["kind"] != "Pod" or _over(sight, obj)) else []


def _held(sight: Sight, obj: Object) -> Iterator[Evidence]:
    held = ", ".join(_holders(sight, obj))
    if held:
        yield Evidence(f"metadata.deletionTimestamp is set, metadata.finalizers: {held}", {"value": held})


def _ending(sight: Sight, obj: Object) -> Iterator[Evidence]:
    until = obj["metadata"].get("deletionTimestamp")
    if until and obj["kind"] != "Namespace" and sight.now <= moment(until) + LATE_S:
        yield Evidence("metadata.deletionTimestamp is set")


DELETABLE = ("Pod", "PersistentVolumeClaim", "Service", "Ingress", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job")


RULES = (
    *rules(
        ("Namespace",),
        {
            "api-service-dead": _api_dead,
            "deletion-fails": _deletion_fails,
            "finalizers-remain": _finalizers,
            "namespace-empties": _empties,
        },
    ),
    *rules(DELETABLE, {"finalizer-holds": _held, "terminating": _ending}),
)
