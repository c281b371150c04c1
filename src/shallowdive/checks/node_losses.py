"""Nodes of which nothing was heard for a while, read from what the cluster wrote about the pods on them. Pure: a history in, facts out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from shallowdive.checks.pod_lives import Life, lives
from shallowdive.live import History
from shallowdive.objects import Object, condition, uid_of, whose
from shallowdive.objects.pods import is_ready, is_unheard_of

BY_TAINT = "DeletionByTaintManager"
AT_ONCE_S = 5
"""Two controllers look at one node, in any order, and two watches tell of it in any order."""


@dataclass(frozen=True, slots=True)
class Eviction:
    """A pod that a taint drove from its node. `replaced_s`: when another one of the same owner was ready elsewhere; None: it never was."""

    uid: str
    whose: tuple[str, str]
    at_s: float
    replaced_s: float | None


@dataclass(slots=True)
class Loss:
    """Seconds since 1970; `to_s` is None as long as no pod on the node was ready again. `stayed`: pods (UID) that were there before and
    were ready there again afterwards."""

    node: str
    from_s: float
    to_s: float | None = None
    evicted: list[Eviction] = field(default_factory=list)
    stayed: list[Life] = field(default_factory=list)


def losses(history: History) -> list[Loss]:
    """Every loss, in order."""
    pods = {life.uid: life for life in lives(history)}
    found: list[Loss] = []
    for at_s, uid in _lost(history):
        if uid not in pods:  # the judge's own
            continue
        node = _node(pods[uid].pod)
        known = next((x for x in reversed(found) if x.node == node), None)
        if known is None or (known.to_s is not None and known.to_s < at_s):
            made = Loss(node, at_s)
            there = [p for p in pods.values() if _node(p.pod) == node and p.was_ready and p.ready_at < at_s]
            back = {p.uid: min((x.at_s for x in p.ready_looks if x.at_s > at_s), default=None) for p in there}
            made.stayed = [p for p in there if back[p.uid] is not None]
            made.to_s = min((t for t in back.values() if t is not None), default=None)
            driven = [p for p in there if p.left_at and p.left_at > at_s - AT_ONCE_S and _by_taint(p.pod)]
            made.evicted = [_eviction(p, pods.values(), node) for p in driven]
            found.append(made)
    return found


def _lost(history: History) -> Iterator[tuple[float, str]]:
    """(moment, UID) of each pod that was ready and then unheard of."""
    ready: set[str] = set()
    for seen in history.of("Pod"):
        uid = uid_of(seen.object)
        if seen.type != "DELETED" and uid in ready and is_unheard_of(seen.object):
            yield seen.at_s, uid
        if is_ready(seen.object):
            ready.add(uid)
        elif condition(seen.object, "Ready") != "True":
            ready.discard(uid)


def _eviction(life: Life, pods: Iterable[Life], node: str) -> Eviction:
    assert life.left_at is not None
    others = [p for p in pods if whose(p.pod) == whose(life.pod) and p.uid != life.uid and _node(p.pod) != node and p.was_ready]
    later = [p.ready_at for p in others if p.ready_at > life.left_at]
    return Eviction(life.uid, whose(life.pod), life.left_at, min(later, default=None))


def _by_taint(pod: Object) -> bool:
    rows = (pod.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "DisruptionTarget" and c.get("reason") == BY_TAINT for c in rows)


def _node(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")
