"""The status of a PodDisruptionBudget: how many pods may be evicted now. The `eviction` subresource asks for it and counts down.

Left out: percentages of the scale of an owner that is none of the built-in kinds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.controllers import owners, pods, rollout
from shallowdive.embedded.index import Index, picked, pods_by_label
from shallowdive.embedded.kinds import PDBS, PODS, by_api
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.selector import picks
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster


class DisruptionController(Controller):
    name = "disruption-controller"
    watches = (PDBS, PODS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._budgets = Index(cluster.store, PDBS, lambda value: (value["metadata"]["namespace"],))
        self._pods = pods_by_label(cluster.store)

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == PDBS:
            return (event.key,)
        labels = event.object["metadata"].get("labels")
        found = [budget for budget in self._budgets.objects(event.key[0]) if picks(budget["spec"].get("selector"), labels)]
        return [(event.key[0], budget["metadata"]["name"]) for budget in found]

    def reconcile(self, key: Key) -> None:
        budget = self.store.get(PDBS, *key)
        if budget is None:
            return
        members = [pod for pod in self._members(key, budget) if not pods.is_finished(pod)]
        expected, wanted = self._wanted(budget, members)
        old = budget.get("status") or {}
        disrupted = {name: at for name, at in (old.get("disruptedPods") or {}).items() if self._still_there(key, name)}
        healthy = sum(pods.is_ready(pod) and pod["metadata"]["name"] not in disrupted for pod in members if not pods.is_terminating(pod))
        allowed = max(healthy - wanted, 0) if expected else 0
        status: dict[str, Any] = {
            "currentHealthy": healthy,
            "desiredHealthy": wanted,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": budget["metadata"].get("generation", 1),
            "conditions": [self._condition(budget, allowed)],
            **({"disruptedPods": disrupted} if disrupted else {}),
        }
        if status != old:
            self.registry.change(PDBS, *key, lambda value: value.update(status=status), self.who, subresource="status")

    def _members(self, key: Key, budget: Object) -> Iterable[Object]:
        selector = budget["spec"].get("selector") or {}
        if selector.get("matchLabels"):
            rows = picked(self._pods, key[0], selector["matchLabels"])
        else:
            rows = iter(self.store.objects(PODS, key[0]))
        return (pod for pod in rows if picks(budget["spec"].get("selector"), pod["metadata"].get("labels")))

    def _wanted(self, budget: Object, members: list[Object]) -> tuple[int, int]:
        """(pods expected, pods that must stay healthy)."""
        spec = budget["spec"]
        if "maxUnavailable" in spec or isinstance(spec.get("minAvailable"), str):
            expected = self._scale(members)
            if "maxUnavailable" in spec:
                return expected, max(expected - rollout.share(spec["maxUnavailable"], expected, up=True), 0)
            return expected, rollout.share(spec["minAvailable"], expected, up=True)
        return len(members), int(spec.get("minAvailable", 1))

    def _scale(self, members: list[Object]) -> int:
        """How many pods the topmost owners of these pods want in sum."""
        wanted: dict[str, int] = {}
        for pod in members:
            top, above = pod, owners.controller_of(pod)
            while above is not None:
                kind = by_api(above["apiVersion"], above["kind"])
                found = self.store.get(kind.resource, pod["metadata"]["namespace"], above["name"]) if kind is not None else None
                if found is None:
                    break
                top, above = found, owners.controller_of(found)
            if top is not pod:
                wanted[top["metadata"]["uid"]] = int(top["spec"].get("replicas", 1))
        return sum(wanted.values())

    def _still_there(self, key: Key, name: str) -> bool:
        pod = self.store.get(PODS, key[0], name)
        return pod is not None and not pods.is_terminating(pod)

    def _condition(self, budget: Object, allowed: int) -> dict[str, Any]:
        made = {
            "type": "DisruptionAllowed",
            "status": "True" if allowed else "False",
            "reason": "SufficientPods" if allowed else "InsufficientPods",
            "message": "",
            "observedGeneration": budget["metadata"].get("generation", 1),
            "lastTransitionTime": self.clock.stamp(),
        }
        old = next((row for row in (budget.get("status") or {}).get("conditions") or () if row["type"] == "DisruptionAllowed"), None)
        if old is not None and old["status"] == made["status"]:
            made["lastTransitionTime"] = old["lastTransitionTime"]
        return made
