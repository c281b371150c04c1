"""`LabelSelector`: which labels it picks. Pure. The text form of the query (`app in (a, b)`) is `api`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def picks(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a selector (`matchLabels`, `matchExpressions`) picks these labels. {} picks everything, None nothing."""
    if selector is None:
        return False
    have = labels or {}
    return all(have.get(k) == v for k, v in (selector.get("matchLabels") or {}).items()) and all(
        _holds(row, have) for row in selector.get("matchExpressions") or ()
    )


def _holds(row: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = row["key"], row.get("values") or ()
    match row["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case other:
            raise ValueError(f"no such operator of a label selector: {other}")


def is_empty(selector: Mapping[str, Any] | None) -> bool:
    """Whether a selector names nothing, and so would pick everything."""
    return not selector or not (selector.get("matchLabels") or selector.get("matchExpressions"))
