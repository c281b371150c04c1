"""The questions a node is asked about a pod, in order. The first question it answers with no is its reason.

A reason is `curable` when deleting other pods could help: then preemption may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from shallowdive.embedded.scheduler.affinity import Rules
from shallowdive.embedded.scheduler.nodes import Node, Wish
from shallowdive.embedded.scheduler.terms import term_matches, tolerates, wants
from shallowdive.embedded.store import Object

NO_HELP = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
KEEPS_AWAY = ("NoSchedule", "NoExecute")
CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class Refusal(NamedTuple):
    why: str
    curable: bool = False


class Question(NamedTuple):
    """`places`: node affinity terms of the pod's bound volumes, one list of terms for each volume."""

    pod: Object
    wish: Wish
    rules: Rules
    places: list[list[dict[str, Any]]]


def ask(q: Question, node: Node) -> list[Refusal]:
    """Why the pod cannot go to this node; [] when it can."""
    for filter_ in FILTERS:
        refusals = filter_(q, node)
        if refusals:
            return refusals
    return []


def _cordoned(q: Question, node: Node) -> list[Refusal]:
    if node.object["spec"].get("unschedulable") and not tolerates(q.pod, CORDONED):
        return [Refusal("node(s) were unschedulable")]
    return []


def _taints(q: Question, node: Node) -> list[Refusal]:
    taints = [t for t in node.object["spec"].get("taints") or () if t["effect"] in KEEPS_AWAY]
    if all(tolerates(q.pod, t) for t in taints):
        return []
    return [Refusal("node(s) had untolerated taint(s)")]


def _node_affinity(q: Question, node: Node) -> list[Refusal]:
    return [] if wants(q.pod, node.object) else [Refusal("node(s) didn't match Pod's node affinity/selector")]


def _ports(q: Question, node: Node) -> list[Refusal]:
    taken = [p for p, n in node.ports.items() if n > 0] if q.wish.ports else []
    if any(clash(mine, other) for mine in q.wish.ports for other in taken):
        return [Refusal("node(s) didn't have free ports for the requested pod ports", curable=True)]
    return []


def _resources(q: Question, node: Node) -> list[Refusal]:
    refusals = []
    for name, amount in q.wish.resources.items():
        room = node.allocatable.get(name, 0)
        if amount and amount > room - node.requested[name]:
            refusals.append(Refusal("Too many pods" if name == "pods" else f"Insufficient {name}", curable=amount <= room))
    return refusals


def _volumes(q: Question, node: Node) -> list[Refusal]:
    if all(any(term_matches(t, node.object) for t in terms) for terms in q.places):
        return []
    return [Refusal("node(s) didn't match PersistentVolume's node affinity")]


def _spread(q: Question, node: Node) -> list[Refusal]:
    return [Refusal(why, curable) for why, curable in q.rules.spread_refuses(node)]


def _pods(q: Question, node: Node) -> list[Refusal]:
    return [Refusal(why, curable) for why, curable in q.rules.pods_refuse(node)]


FILTERS: tuple[Callable[[Question, Node], list[Refusal]], ...] = (
    _cordoned, _taints, _node_affinity, _ports, _resources, _volumes, _spread, _pods,
)  # fmt: skip


def clash(one: tuple[str, int, str], two: tuple[str, int, str]) -> bool:
    everywhere = ("0.0.0.0", "")
    return one[:2] == two[:2] and (one[2] == two[2] or one[2] in everywhere or two[2] in everywhere)


def score(pod: Object, node: Node) -> float:
    """How well a node suits: free room in per cent, mostly; soft taints, preferred labels and replicas already there count too."""
    free = [
        max(0.0, 100.0 * (1 - node.requested[name] / node.allocatable[name])) for name in ("cpu", "memory") if node.allocatable.get(name)
    ]
    total = sum(free) / len(free) if free else 0.0
    total -= 300 * sum(not tolerates(pod, t) for t in node.object["spec"].get("taints") or () if t["effect"] == "PreferNoSchedule")
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    for row in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
        total += 2 * row["weight"] * term_matches(row["preference"], node.object)
    owner = next((o["uid"] for o in pod["metadata"].get("ownerReferences") or () if o.get("controller")), "")
    return total - 20 * node.owners[owner] if owner else total
