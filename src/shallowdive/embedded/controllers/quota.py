"""The status of a resource quota: what is allowed and what is used."""

from __future__ import annotations

from collections.abc import Iterable

from shallowdive.embedded import quantity, quota
from shallowdive.embedded.kinds import QUOTAS, kinds
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.store import Event, Key


class ResourceQuotaController(Controller):
    name = "resourcequota-controller"
    watches = tuple(kind.resource for kind in kinds().values() if kind.namespaced)

    def keys(self, event: Event) -> Iterable[Key]:
        if not self.store.count(QUOTAS, event.key[0]):
            return ()
        return [found.key for found in self.store.latest(QUOTAS, event.key[0])]

    def reconcile(self, key: Key) -> None:
        value = self.store.get(QUOTAS, *key)
        if value is None:
            return
        hard = value["spec"].get("hard") or {}
        used = quota.ledger(self.store).used(value)
        texts = {name: quantity.write(used[name], quantity.parse(str(amount))[1]) for name, amount in hard.items()}
        if value.get("status") != {"hard": hard, "used": texts}:
            status = {"hard": dict(hard), "used": texts}
            self.registry.change(QUOTAS, *key, lambda new: new.update(status=status), self.who, subresource="status")
