"""What controllers need to know about pods: active, ready, available, made from a template, and which of them goes first. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from shallowdive.embedded.clock import parse
from shallowdive.embedded.controllers.owners import reference
from shallowdive.embedded.store import Object, clone

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def is_finished(pod: Object) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def is_terminating(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_active(pod: Object) -> bool:
    """Whether a pod counts for the one who keeps a number of them: not finished and not on its way out."""
    return not is_terminating(pod) and not is_finished(pod)


def ready_since(pod: Object) -> float | None:
    """Since when a pod is Ready, in cluster seconds since 1970; None when it is not."""
    for row in pod["status"].get("conditions") or ():
        if row["type"] == "Ready":
            return parse(row["lastTransitionTime"]) if row["status"] == "True" else None
    return None


def is_ready(pod: Object) -> bool:
    return any(row["type"] == "Ready" and row["status"] == "True" for row in pod["status"].get("conditions") or ())


def available_in(pod: Object, min_ready_s: int, now: float) -> float | None:
    """Seconds until a pod is available (0: it is), None while it is not ready."""
    if not min_ready_s:
        return 0.0 if is_ready(pod) else None
    since = ready_since(pod)
    return None if since is None else max(since + min_ready_s - now, 0.0)


def from_template(owner: Object, template: dict[str, Any]) -> Object:
    """A pod as `template` describes it, controlled by `owner`; its name is drawn at creation."""
    meta = owner["metadata"]
    made: Object = clone({"spec": template["spec"], "metadata": template.get("metadata") or {}})
    kept = {key: made["metadata"][key] for key in ("labels", "annotations", "finalizers") if made["metadata"].get(key)}
    prefix = meta["name"] + "-"
    made["metadata"] = {"generateName": prefix, "namespace": meta["namespace"], **kept, "ownerReferences": [reference(owner)]}
    return made


def first_to_go(pods: Sequence[Object], count: int, neighbours: Sequence[Object], now: float) -> list[Object]:
    """The `count` pods that a scale-down deletes, in the real order: unassigned, pending, not ready, cheap, crowded, young, restarted.

    `neighbours` are the active pods of the same application; many of them on one node make that node crowded."""
    if count >= len(pods):
        return list(pods)
    crowd = Counter(pod["spec"].get("nodeName", "") for pod in neighbours)
    return sorted(pods, key=lambda pod: _rank(pod, crowd, now))[:count]


def _rank(pod: Object, crowd: Counter[str], now: float) -> tuple[Any, ...]:
    since, node = ready_since(pod), pod["spec"].get("nodeName", "")
    cost = (pod["metadata"].get("annotations") or {}).get(DELETION_COST, "0")
    restarts = sum(row.get("restartCount", 0) for row in pod["status"].get("containerStatuses") or ())
    return (
        bool(node),
        PHASES.get(pod["status"].get("phase", "Pending"), 2),
        since is not None,
        int(cost) if cost.lstrip("-").isdigit() else 0,
        -crowd[node],
        _age_class(now - since) if since is not None else 0,
        -restarts,
        _age_class(now - parse(pod["metadata"]["creationTimestamp"])),
        pod["metadata"]["uid"],
    )


def _age_class(seconds: float) -> int:
    """Ages are compared by their power of two, so that one deployment's pods of about one age are taken at random."""
    return int(math.log2(seconds * 1e9)) if seconds > 0 else 0
