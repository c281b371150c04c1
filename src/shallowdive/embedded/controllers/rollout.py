"""The arithmetic of a Deployment: how many pods of which ReplicaSet. Pure; `deployment` acts on it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import orjson

from shallowdive.embedded.store import Object

HASH_LABEL = "pod-template-hash"
REVISION, HISTORY = "deployment.kubernetes.io/revision", "deployment.kubernetes.io/revision-history"
DESIRED, MOST = "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"
LETTERS = str.maketrans("0123456789", "456789bcdf")


def share(value: int | str, of: int, *, up: bool) -> int:
    """A number or a percentage of `of`, rounded up or down."""
    if isinstance(value, int):
        return value
    part = int(value.rstrip("%")) * of / 100
    return math.ceil(part) if up else math.floor(part)


def bounds(deployment: Object) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; never both 0. A deployment that recreates has neither."""
    spec = deployment["spec"]
    strategy, replicas = spec.get("strategy") or {}, spec.get("replicas", 1)
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = share(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, replicas)


def size(replica_set: Object) -> int:
    return int(replica_set["spec"].get("replicas", 1))


def counted(replica_set: Object, what: str) -> int:
    """A number of its status: `replicas`, `readyReplicas`, `availableReplicas`."""
    return int((replica_set.get("status") or {}).get(what, 0))


def total(sets: Sequence[Object], what: str = "") -> int:
    """The pods wanted by these sets, or the sum of a number of their status."""
    return sum(counted(row, what) if what else size(row) for row in sets)


def annotation(value: Object, name: str) -> str:
    return str((value["metadata"].get("annotations") or {}).get(name, ""))


def number(value: Object, name: str) -> int:
    """An annotation as a number, 0 when it is none."""
    text = annotation(value, name)
    return int(text) if text.isdigit() else 0


def template_hash(template: dict[str, Any], collisions: int) -> str:
    """Ten letters for a pod template. Stable, in the real one's alphabet; the letters themselves differ from the real one's."""
    packed = orjson.dumps([template, collisions or None], option=orjson.OPT_SORT_KEYS)
    return str(zlib.crc32(packed)).translate(LETTERS)


def same_template(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two pod templates are equal but for their hash label."""
    return one.get("spec") == other.get("spec") and _bare(one) == _bare(other)


def _bare(template: dict[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in (template.get("metadata") or {}).items() if value is not None}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH_LABEL}
    return {**meta, "labels": labels}


def new_size(deployment: Object, sets: Sequence[Object], newest: Object | None) -> int:
    """How many pods the newest set may have now: all that are wanted, but no more than the surge allows in sum."""
    wanted = int(deployment["spec"].get("replicas", 1))
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return wanted
    have = size(newest) if newest is not None else 0
    room = wanted + bounds(deployment)[0] - total(sets)
    return have + min(room, wanted - have) if room > 0 else have


def proportional_sizes(deployment: Object, active: Sequence[Object]) -> list[tuple[Object, int]]:
    """Scaling in the middle of a rollout: every set grows or shrinks by its share; what rounding leaves goes to the largest."""
    wanted = int(deployment["spec"].get("replicas", 1))
    allowed = wanted + bounds(deployment)[0] if wanted else 0
    to_add = allowed - total(active)
    by_age = sorted(active, key=_created, reverse=to_add > 0)
    ordered = sorted(by_age, key=size, reverse=True)
    sizes, added = [], 0
    for row in ordered:
        step = _share_of(row, deployment, to_add, added) if to_add else 0
        added += step
        sizes.append(size(row) + step)
    if sizes and to_add:
        sizes[0] = max(sizes[0] + to_add - added, 0)
    return list(zip(ordered, sizes, strict=True))


def _share_of(row: Object, deployment: Object, to_add: int, added: int) -> int:
    if not size(row) or to_add == added:
        return 0
    wanted = int(deployment["spec"].get("replicas", 1))
    before = number(row, MOST) or counted(deployment, "replicas")
    most = wanted + bounds(deployment)[0]
    part = -size(row) if not wanted else (round(size(row) * most / before) - size(row) if before else 0)
    left = to_add - added
    return min(part, left) if to_add > 0 else max(part, left)


def _created(value: Object) -> tuple[str, str]:
    return value["metadata"]["creationTimestamp"], value["metadata"]["name"]


def oldest_first(sets: Sequence[Object]) -> list[Object]:
    return sorted(sets, key=_created)


def is_complete(deployment: Object, status: dict[str, Any]) -> bool:
    """Every wanted pod is of the newest set and available, and no other is left."""
    wanted = int(deployment["spec"].get("replicas", 1))
    return (
        all(status.get(name, 0) == wanted for name in ("updatedReplicas", "replicas", "availableReplicas"))
        and status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    )


def is_progressing(deployment: Object, status: dict[str, Any]) -> bool:
    """Whether the new status is a step forward from the stored one."""
    old = deployment.get("status") or {}

    def old_pods(row: dict[str, Any]) -> int:
        return int(row.get("replicas", 0)) - int(row.get("updatedReplicas", 0))

    return old_pods(status) < old_pods(old) or any(
        status.get(name, 0) > old.get(name, 0) for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
