"""Resource quotas: what the objects of a namespace may add up to.

What is used is counted while listening, and only in namespaces that have a quota. Left out: `scopeSelector` by values of priority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from shallowdive.embedded import quantity, status
from shallowdive.embedded.kinds import CONFIGMAPS, PODS, PVCS, QUOTAS, REPLICATIONCONTROLLERS, SECRETS, SERVICES, Kind, kinds
from shallowdive.embedded.quantity import NANO
from shallowdive.embedded.store import Event, Object, Store

if TYPE_CHECKING:
    from shallowdive.embedded.registry import Registry

Usage = Counter[str]
"""Amounts by the quota's names for them (`requests.cpu`, `pods`), in billionths."""
COUNTED = (CONFIGMAPS, SECRETS, SERVICES, PVCS, REPLICATIONCONTROLLERS, QUOTAS)
PLAIN = ("cpu", "memory", "ephemeral-storage")
STORAGE = ".storageclass.storage.k8s.io/"
SCOPES: dict[str, Callable[[Object], bool]] = {
    "BestEffort": lambda pod: pod["status"].get("qosClass") == "BestEffort",
    "NotBestEffort": lambda pod: pod["status"].get("qosClass") != "BestEffort",
    "Terminating": lambda pod: pod["spec"].get("activeDeadlineSeconds") is not None,
    "NotTerminating": lambda pod: pod["spec"].get("activeDeadlineSeconds") is None,
    "PriorityClass": lambda pod: bool(pod["spec"].get("priorityClassName")),
}

_ledgers: WeakKeyDictionary[Store, Ledger] = WeakKeyDictionary()


class Ledger:
    """What is used, by quota. Counted once, then kept up by every change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._used: dict[str, dict[str, Usage]] = {}
        store.listen(self._heard)

    def used(self, quota: Object) -> Usage:
        meta = quota["metadata"]
        room = self._used.setdefault(meta["namespace"], {})
        if meta["name"] not in room:
            counted = room[meta["name"]] = Usage()
            for kind in kinds().values():
                if kind.namespaced:
                    for value in self._store.objects(kind.resource, meta["namespace"]):
                        counted.update(_usage(kind.resource, value, quota))
        return room[meta["name"]]

    def _heard(self, event: Event) -> None:
        room = self._used.get(event.key[0])
        if not room:
            return
        if event.resource == QUOTAS:
            room.pop(event.key[1], None)
        for name, counted in room.items():
            quota = self._store.get(QUOTAS, event.key[0], name)
            if quota is None:
                continue
            if event.before is not None:
                counted.subtract(_usage(event.resource, event.before, quota))
            if event.type != "DELETED":
                counted.update(_usage(event.resource, event.object, quota))


def ledger(store: Store) -> Ledger:
    if store not in _ledgers:
        _ledgers[store] = Ledger(store)
    return _ledgers[store]


def check(registry: Registry, kind: Kind, old: Object | None, value: Object) -> None:
    """Raise ApiError 403 when an object would exceed a quota of its namespace."""
    namespace = value["metadata"].get("namespace", "")
    if not namespace or not registry.store.count(QUOTAS, namespace):
        return
    for quota in registry.store.objects(QUOTAS, namespace):
        hard = quota["spec"].get("hard") or {}
        asked = _usage(kind.resource, value, quota)
        if kind.resource == PODS and old is None and _in_scope(value, quota):
            _must_specify(value, quota, hard)
        if old is not None:
            asked.subtract(_usage(kind.resource, old, quota))
        used = ledger(registry.store).used(quota)
        over = sorted(name for name, more in asked.items() if more > 0 and name in hard and used[name] + more > quantity.nano(hard[name]))
        if over:
            limit = Counter({name: quantity.nano(hard[name]) for name in over})
            styles = {name: quantity.parse(str(hard[name]))[1] for name in over}
            requested, have, limited = (
                ",".join(f"{name}={quantity.write(amounts[name], styles[name])}" for name in over) for amounts in (asked, used, limit)
            )
            why = f"exceeded quota: {quota['metadata']['name']}, requested: {requested}, used: {have}, limited: {limited}"
            raise status.forbidden(kind.resource, value["metadata"]["name"], why)


def _must_specify(pod: Object, quota: Object, hard: dict[str, Any]) -> None:
    """Every container names what a quota counts."""
    missing: dict[str, list[str]] = {}
    for name in sorted(hard):
        field, what = name.split(".", 1) if name.startswith(("requests.", "limits.")) else ("requests", name)
        if what in PLAIN:
            for container in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())):
                if what not in ((container.get("resources") or {}).get(field) or {}):
                    missing.setdefault(name, []).append(container["name"])
    if missing:
        words = "; ".join(f"{name} for: {','.join(sorted(containers))}" for name, containers in missing.items())
        why = f"failed quota: {quota['metadata']['name']}: must specify {words}"
        raise status.forbidden(PODS, pod["metadata"]["name"], why)


def _in_scope(pod: Object, quota: Object) -> bool:
    expressions = (quota["spec"].get("scopeSelector") or {}).get("matchExpressions") or ()
    names = [*(quota["spec"].get("scopes") or ()), *(row["scopeName"] for row in expressions)]
    return all(SCOPES[name](pod) for name in names if name in SCOPES)


def _usage(resource: str, value: Object, quota: Object) -> Usage:
    """What one object uses of a quota."""
    scoped = quota["spec"].get("scopes") or quota["spec"].get("scopeSelector")
    if scoped and (resource != PODS or not _in_scope(value, quota)):
        return Counter()
    used = Counter({f"count/{resource}": NANO})
    if resource == PODS:
        if value["status"].get("phase") not in ("Succeeded", "Failed"):
            used["pods"] = NANO
            used.update(dict(_of_pod(value["spec"])))
    elif resource in COUNTED:
        used[resource] = NANO
        if resource == SERVICES:
            used.update(_of_service(value["spec"]))
        elif resource == PVCS:
            used.update(_of_claim(value["spec"]))
    return used


def _of_pod(spec: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for field in ("requests", "limits"):
        for what, amount in total(spec, field).items():
            yield f"{field}.{what}", amount
            if field == "requests" and what in PLAIN:
                yield what, amount


def total(spec: dict[str, Any], field: str) -> Usage:
    """What a pod asks for in sum: its containers and side-cars, or one init container when that asks for more."""

    def of(container: dict[str, Any]) -> Usage:
        return Counter({what: quantity.nano(text) for what, text in ((container.get("resources") or {}).get(field) or {}).items()})

    peak, running = Counter[str](), Counter[str]()
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            running += of(container)
            peak |= running
        else:
            peak |= running + of(container)
    for container in spec["containers"]:
        running += of(container)
    return (peak | running) + Counter({what: quantity.nano(text) for what, text in (spec.get("overhead") or {}).items()})


def _of_service(spec: dict[str, Any]) -> Usage:
    kind, ports = spec.get("type"), len(spec.get("ports") or ())
    with_ports = kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True))
    return Counter({"services.loadbalancers": NANO * (kind == "LoadBalancer"), "services.nodeports": NANO * ports * with_ports})


def _of_claim(spec: dict[str, Any]) -> Usage:
    size = quantity.nano(((spec.get("resources") or {}).get("requests") or {}).get("storage", 0))
    used = Counter({"requests.storage": size})
    if spec.get("storageClassName"):
        prefix = spec["storageClassName"] + STORAGE
        used.update({f"{prefix}requests.storage": size, f"{prefix}persistentvolumeclaims": NANO})
    return used
