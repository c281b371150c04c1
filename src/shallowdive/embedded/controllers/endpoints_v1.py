"""The older Endpoints of a service: one object for all pods, ready ones apart from those that are not. Cut off at a thousand."""

from __future__ import annotations

from typing import Any

import orjson

from shallowdive.embedded.controllers import pods
from shallowdive.embedded.controllers.slices import HEADLESS, TRIGGER
from shallowdive.embedded.kinds import ENDPOINTS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.store import Key, Object

MANAGED_BY, OURS = "endpoints.kubernetes.io/managed-by", "endpoint-controller"
MOST, CUT = 1000, "endpoints.kubernetes.io/over-capacity"


def write(controller: Controller, key: Key, service: Object, members: list[Object]) -> None:
    """Make the Endpoints say which pods stand behind the service."""
    subsets, cut = _subsets(service, members)
    headless = {HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {}
    labels = {**(service["metadata"].get("labels") or {}), **headless, MANAGED_BY: OURS}
    notes = {TRIGGER: controller.clock.stamp(), **({CUT: "truncated"} if cut else {})}
    body = {"subsets": subsets} if subsets else {}
    old = controller.store.get(ENDPOINTS, *key)
    if old is None:
        metadata = {"name": key[1], "namespace": key[0], "labels": labels, "annotations": notes}
        controller.registry.create(ENDPOINTS, {"metadata": metadata, **body}, controller.who)
    elif (old.get("subsets") or [], old["metadata"].get("labels")) != (subsets, labels):
        meta = {**old["metadata"], "labels": labels, "annotations": {**(old["metadata"].get("annotations") or {}), **notes}}
        if not cut:
            meta["annotations"].pop(CUT, None)
        rest = {name: part for name, part in old.items() if name != "subsets"}
        controller.registry.update(ENDPOINTS, {**rest, "metadata": meta, **body}, controller.who)


def remove(controller: Controller, key: Key) -> None:
    """A service is gone: so are the Endpoints that were made for it."""
    old = controller.store.get(ENDPOINTS, *key)
    if old is not None and (old["metadata"].get("labels") or {}).get(MANAGED_BY) == OURS:
        controller.registry.delete(ENDPOINTS, *key)


def _subsets(service: Object, members: list[Object]) -> tuple[list[dict[str, Any]], bool]:
    from shallowdive.embedded.controllers.endpoints import ports_of

    everyone = bool(service["spec"].get("publishNotReadyAddresses"))
    groups: dict[bytes, dict[str, list[dict[str, Any]]]] = {}
    rows = [(pods.is_ready(pod) or everyone, pod) for pod in members if everyone or not pods.is_terminating(pod)]
    rows.sort(key=lambda row: (not row[0], _order(row[1]["status"]["podIP"])))
    for ready, pod in rows[:MOST]:
        ports = ports_of(service, pod)
        if not ports and service["spec"].get("clusterIP") != "None":
            continue
        group = groups.setdefault(orjson.dumps(ports), {})
        group.setdefault("addresses" if ready else "notReadyAddresses", []).append(_address(service, pod))
    subsets = [{**lists, **({"ports": _named(orjson.loads(ports))} if ports != b"[]" else {})} for ports, lists in sorted(groups.items())]
    return subsets, len(rows) > MOST


def _address(service: Object, pod: Object) -> dict[str, Any]:
    meta, spec = pod["metadata"], pod["spec"]
    named = {"hostname": spec["hostname"]} if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"] else {}
    target = {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    return {"ip": pod["status"]["podIP"], **named, "nodeName": spec.get("nodeName", ""), "targetRef": target}


def _order(address: str) -> tuple[int, ...]:
    return tuple(int(part) for part in address.split("."))


def _named(ports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the empty name that a slice spells out."""
    return [{name: part for name, part in port.items() if name != "name" or part} for port in ports]
