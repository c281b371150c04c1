"""What a pod's neighbours have to say: pod affinity and anti-affinity, topology spread.

These look at pods, so they cost as many steps as there are pods; a pod without such rules pays nothing."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any

from shallowdive.embedded import selector
from shallowdive.embedded.kinds import NAMESPACES
from shallowdive.embedded.scheduler.nodes import Node, Nodes, terms_of
from shallowdive.embedded.scheduler.terms import tolerates, wants
from shallowdive.embedded.store import Object, Store

AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"
NO_LABEL = f"{SPREAD} (missing required label)"


class Rules:
    """The rules about neighbours that concern one pod."""

    def __init__(self, pod: Object, nodes: Nodes, store: Store) -> None:
        self._pod, self._nodes, self._store = pod, nodes, store
        self._spread = pod["spec"].get("topologySpreadConstraints") or []
        self._near, self._far = terms_of(pod, "podAffinity"), terms_of(pod, "podAntiAffinity")

    # required

    def pods_refuse(self, node: Node) -> list[tuple[str, bool]]:
        """(why, whether deleting pods could help) for each rule that this node breaks."""
        for term, places in self._near_places:
            here = node.labels.get(term["topologyKey"])
            if here is None or (here not in places and not (not places and self._first_of_its_kind)):
                return [(AFFINITY, False)]
        for term, places in self._far_places:
            if node.labels.get(term["topologyKey"]) in places:
                return [(ANTI_AFFINITY, True)]
        if any(node.labels.get(key) == value for key, value in self._kept_away):
            return [(EXISTING, True)]
        return []

    @cached_property
    def _first_of_its_kind(self) -> bool:
        """A pod that wants to be near its own kind may be the first one."""
        return all(self._selects(t, self._pod, self._pod) for t in self._near)

    @cached_property
    def _near_places(self) -> list[tuple[dict[str, Any], set[str]]]:
        return [(t, self._places(t)) for t in self._near]

    @cached_property
    def _far_places(self) -> list[tuple[dict[str, Any], set[str]]]:
        return [(t, self._places(t)) for t in self._far]

    def _places(self, term: dict[str, Any]) -> set[str]:
        """Where (values of the topology key) a pod is that this term selects."""
        key = term["topologyKey"]
        return {node.labels[key] for node, other in self._nodes.pods() if key in node.labels and self._selects(term, self._pod, other)}

    @cached_property
    def _kept_away(self) -> set[tuple[str, str]]:
        """(topology key, value) of the places from which pods that are there keep this one away."""
        return {
            (term["topologyKey"], node.labels[term["topologyKey"]])
            for node in self._nodes.by_name.values()
            for other in node.avoiding.values()
            for term in terms_of(other, "podAntiAffinity")
            if term["topologyKey"] in node.labels and self._selects(term, other, self._pod)
        }

    def _selects(self, term: dict[str, Any], of: Object, other: Object) -> bool:
        if other["metadata"]["namespace"] not in self._namespaces(term, of):
            return False
        return selector.picks(term.get("labelSelector"), other["metadata"].get("labels"))

    def _namespaces(self, term: dict[str, Any], of: Object) -> set[str]:
        named = set(term.get("namespaces") or ())
        chosen = term.get("namespaceSelector")
        if chosen is not None:
            spaces = self._store.objects(NAMESPACES)
            named |= {n["metadata"]["name"] for n in spaces if selector.picks(chosen, n["metadata"].get("labels"))}
        return named or ({of["metadata"]["namespace"]} if chosen is None else set())

    # spread

    def spread_refuses(self, node: Node) -> list[tuple[str, bool]]:
        for row in self._spread:
            if row["whenUnsatisfiable"] != "DoNotSchedule":
                continue
            here = node.labels.get(row["topologyKey"])
            if here is None:
                return [(NO_LABEL, False)]
            counts = self._counts(row)
            least = 0 if len(counts) < (row.get("minDomains") or 1) else min(counts.values(), default=0)
            own = selector.picks(row.get("labelSelector"), self._pod["metadata"].get("labels"))
            if counts[here] + own - least > row["maxSkew"]:
                return [(SPREAD, True)]
        return []

    def _counts(self, row: dict[str, Any]) -> Counter[str]:
        """Selected pods in each place that counts: by default the nodes that the pod's own selector and affinity allow."""
        key, counts = row["topologyKey"], Counter[str]()
        for node in self._nodes.by_name.values():
            if key not in node.labels or (row.get("nodeAffinityPolicy", "Honor") == "Honor" and not wants(self._pod, node.object)):
                continue
            taints = [t for t in node.object["spec"].get("taints") or () if t["effect"] != "PreferNoSchedule"]
            if row.get("nodeTaintsPolicy", "Ignore") == "Honor" and not all(tolerates(self._pod, t) for t in taints):
                continue
            counts[node.labels[key]] += sum(
                other["metadata"]["namespace"] == self._pod["metadata"]["namespace"]
                and "deletionTimestamp" not in other["metadata"]
                and selector.picks(self._selector(row), other["metadata"].get("labels"))
                for other in node.pods.values()
            )
        return counts

    def _selector(self, row: dict[str, Any]) -> dict[str, Any] | None:
        chosen: dict[str, Any] | None = row.get("labelSelector")
        own = self._pod["metadata"].get("labels") or {}
        more = {k: own[k] for k in row.get("matchLabelKeys") or () if k in own}
        return {**(chosen or {}), "matchLabels": {**((chosen or {}).get("matchLabels") or {}), **more}} if more else chosen

    # preferred

    def score(self, node: Node) -> float:
        """Points for preferred neighbours and for a soft spread."""
        total = 0.0
        for row in self._spread:
            if row["whenUnsatisfiable"] == "ScheduleAnyway":
                counts = self._counts(row)
                total -= 40 * counts[node.labels.get(row["topologyKey"], "")]
        for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
            rules = (self._pod["spec"].get("affinity") or {}).get(kind) or {}
            for row in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
                term = row["podAffinityTerm"]
                total += sign * 2 * row["weight"] * (node.labels.get(term["topologyKey"]) in self._places(term))
        return total
