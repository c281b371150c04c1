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


def is_helper(obj: Object) -> bool:
    """Whether this is the course's own, beside the learner's work: a traffic generator, a judge's copy. Pictures leave it out."""
    return "shallowdive/role" in labels_of(obj)


def controller_uid(obj: Object) -> str:
    """UID of the owner that controls this object, '' for an orphan."""
    for owner in obj["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            return str(owner["uid"])
    return ""


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
