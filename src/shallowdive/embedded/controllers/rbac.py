"""Aggregated cluster roles: `admin`, `edit`, `view` and their like hold the rules of every role that carries the right label."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shallowdive.embedded.kinds import CLUSTERROLES
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.selector import picks
from shallowdive.embedded.store import Event, Key


class ClusterRoleAggregation(Controller):
    name = "clusterrole-aggregation-controller"
    watches = (CLUSTERROLES,)

    def keys(self, event: Event) -> Iterable[Key]:  # noqa: ARG002
        """Any role may count for any aggregated one."""
        return [found.key for found in self.store.latest(CLUSTERROLES) if found.object.get("aggregationRule")]

    def reconcile(self, key: Key) -> None:
        role = self.store.get(CLUSTERROLES, *key)
        if role is None or not role.get("aggregationRule"):
            return
        rules: list[dict[str, Any]] = []
        for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
            for other in self.store.objects(CLUSTERROLES):
                if other is not role and picks(selector, other["metadata"].get("labels")):
                    rules += [rule for rule in other.get("rules") or () if rule not in rules]
        if rules != (role.get("rules") or []):
            self.registry.change(CLUSTERROLES, *key, lambda value: value.update(rules=rules), self.who)
