"""Which nodes a pod names and which taints it bears: tolerations, node selector, node affinity. Pure; a kubelet asks the same."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.store import Object


def tolerates(pod: Object, taint: dict[str, Any]) -> bool:
    return any(
        (not t.get("effect") or t["effect"] == taint["effect"])
        and (not t.get("key") or t["key"] == taint["key"])
        and (t.get("operator", "Equal") == "Exists" or t.get("value", "") == taint.get("value", ""))
        for t in pod["spec"].get("tolerations") or ()
    )


def wants(pod: Object, node: Object) -> bool:
    """Whether the node is one that the pod's `nodeSelector` and required node affinity name."""
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(k) != v for k, v in (pod["spec"].get("nodeSelector") or {}).items()):
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(term_matches(t, node) for t in required["nodeSelectorTerms"])


def term_matches(term: dict[str, Any], node: Object) -> bool:
    """A `NodeSelectorTerm`; one without any expression matches nothing."""
    labels = node["metadata"].get("labels") or {}
    expressions, by_field = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not by_field:
        return False
    fields = {"metadata.name": node["metadata"]["name"]}
    return all(_holds(e, labels) for e in expressions) and all(_holds(e, fields) for e in by_field)


def _holds(row: dict[str, Any], have: dict[str, str]) -> bool:
    value, values = have.get(row["key"]), list(row.get("values") or ())
    match row["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as how:
            if value is None or not value.lstrip("-").isdigit():
                return False
            return int(value) > int(values[0]) if how == "Gt" else int(value) < int(values[0])
        case other:
            raise ValueError(f"no such operator of a node selector: {other}")
