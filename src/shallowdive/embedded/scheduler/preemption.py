"""Preemption: which pods of lower priority would have to go from a node to make room for one of higher priority.

Left out: PodDisruptionBudgets are not looked at here, and only resources and host ports are freed."""

from __future__ import annotations

from shallowdive.embedded.kinds import PODS
from shallowdive.embedded.scheduler.nodes import Node, wish_of
from shallowdive.embedded.store import Object, Store


def victims_on(store: Store, pod: Object, node: Node) -> list[Object]:
    """The fewest pods, lowest priority first, without which `pod` fits; [] when even without all of them it does not."""
    mine = wish_of(pod)
    priority = pod["spec"].get("priority", 0)
    lower = [p for p in node.pods.values() if p["spec"].get("priority", 0) < priority and store.get(PODS, *key_of(p)) is not None]
    missing = {name: amount - (node.allocatable.get(name, 0) - node.requested[name]) for name, amount in mine.resources.items() if amount}
    victims = []
    for victim in sorted(lower, key=lambda p: (p["spec"].get("priority", 0), -len(p["metadata"]["uid"]))):
        if all(amount <= 0 for amount in missing.values()):
            break
        has = wish_of(victim).resources
        if any(missing.get(name, 0) > 0 and amount for name, amount in has.items()):
            victims.append(victim)
            missing = {name: amount - has.get(name, 0) for name, amount in missing.items()}
    return victims if all(amount <= 0 for amount in missing.values()) else []


def key_of(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]
