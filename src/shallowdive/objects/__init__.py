"""Pure data about Kubernetes objects, as the API's JSON (dictionaries). No I/O, no clock."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
"""One Kubernetes object as the API sends it: camelCase keys, `metadata`, `spec`, `status`."""


def name_of(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def uid_of(obj: Object) -> str:
    return str(obj["metadata"].get("uid", ""))


def labels_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


ROLE = "shallowdive/role"
"""Label of the course's own pods beside the learner's: `traffic` or `judge`."""


def is_helper(obj: Object) -> bool:
    """Whether this is the course's own, beside the learner's work: a traffic generator, a judge's copy. Pictures leave it out."""
    return ROLE in labels_of(obj)


def controller_of(obj: Object) -> Object | None:
    """The reference to the owner that controls this object; None for an orphan."""
    return next((o for o in obj["metadata"].get("ownerReferences") or [] if o.get("controller")), None)


def controller_uid(obj: Object) -> str:
    """UID of the owner that controls this object, '' for an orphan."""
    owner = controller_of(obj)
    return str(owner["uid"]) if owner else ""


def whose(pod: Object) -> tuple[str, str]:
    """What stays the same when a pod is made again: its owner's kind and its name without the template's hash, or the pod's own name."""
    owner = controller_of(pod)
    if owner is None:
        return "Pod", name_of(pod)
    name = str(owner["name"])
    return str(owner["kind"]), name.rpartition("-")[0] if owner["kind"] == "ReplicaSet" else name


def selects(match_labels: dict[str, str] | None, obj: Object) -> bool:
    """Whether an equality selector picks this object; an empty selector picks nothing here, as in a Service."""
    labels = labels_of(obj)
    return bool(match_labels) and all(labels.get(k) == v for k, v in (match_labels or {}).items())


def condition(obj: Object, kind: str) -> str:
    """Status of a condition: 'True', 'False', 'Unknown', or '' when it is not there."""
    for c in (obj.get("status") or {}).get("conditions") or []:
        if c.get("type") == kind:
            return str(c.get("status", ""))
    return ""
