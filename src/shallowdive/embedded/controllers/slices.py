"""EndpointSlices of a service: at most a hundred endpoints each, changed as little as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from shallowdive.embedded.controllers import pods
from shallowdive.embedded.controllers.owners import reference
from shallowdive.embedded.kinds import ENDPOINTS, ENDPOINTSLICES
from shallowdive.embedded.store import Key, Object, clone

if TYPE_CHECKING:
    from shallowdive.embedded.controllers.endpoints import EndpointsController

ROOM = 100
SERVICE, MANAGED_BY = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
OURS, MIRRORED = "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"
HEADLESS, NO_MIRROR = "service.kubernetes.io/headless", "endpointslice.kubernetes.io/skip-mirror"
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
Endpoints = dict[str, dict[str, Any]]
"""Endpoints by the UID or address of what stands behind them."""


def service_of(slice_: Object) -> list[Key]:
    meta = slice_["metadata"]
    name = (meta.get("labels") or {}).get(SERVICE)
    return [(meta["namespace"], name)] if name else []


def write(controller: EndpointsController, key: Key, service: Object, members: list[Object]) -> None:
    """Make the slices say which pods stand behind the service."""
    from shallowdive.embedded.controllers.endpoints import ports_of

    everyone = bool(service["spec"].get("publishNotReadyAddresses"))
    wanted: dict[bytes, Endpoints] = {}
    for pod in members:
        ports = orjson.dumps(ports_of(service, pod))
        wanted.setdefault(ports, {})[pod["metadata"]["uid"]] = _endpoint(service, pod, everyone)
    headless = {HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {}
    labels = {**(service["metadata"].get("labels") or {}), **headless, SERVICE: key[1], MANAGED_BY: OURS}
    _write(controller, key, service, labels, wanted)


def mirror(controller: EndpointsController, key: Key) -> None:
    """Endpoints that somebody wrote by hand for a service without a selector, as slices."""
    by_hand = controller.store.get(ENDPOINTS, *key)
    if by_hand is None or (by_hand["metadata"].get("labels") or {}).get(NO_MIRROR) == "true":
        return
    wanted: dict[bytes, Endpoints] = {}
    for subset in by_hand.get("subsets") or ():
        group = wanted.setdefault(orjson.dumps([{"name": "", **port} for port in subset.get("ports") or ()]), {})
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            for row in subset.get(field) or ():
                more = {name: row[name] for name in ("hostname", "nodeName", "targetRef") if row.get(name)}
                group[row["ip"]] = {"addresses": [row["ip"]], "conditions": {"ready": ready}, **more}
    labels = {**(by_hand["metadata"].get("labels") or {}), SERVICE: key[1], MANAGED_BY: MIRRORED}
    _write(controller, key, by_hand, labels, wanted)


def _endpoint(service: Object, pod: Object, everyone: bool) -> dict[str, Any]:
    meta, spec = pod["metadata"], pod["spec"]
    serving, terminating = pods.is_ready(pod) or everyone, pods.is_terminating(pod)
    named = {"hostname": spec["hostname"]} if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"] else {}
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": everyone or (serving and not terminating), "serving": serving, "terminating": terminating},
        **named,
        "nodeName": spec.get("nodeName", ""),
        "targetRef": {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
    }


def _write(controller: EndpointsController, key: Key, owner: Object, labels: dict[str, str], wanted: dict[bytes, Endpoints]) -> None:
    manager = labels[MANAGED_BY]
    old = [row for row in controller.slices.objects(key) if (row["metadata"].get("labels") or {}).get(MANAGED_BY) == manager]
    kept: list[tuple[Object, bytes, list[dict[str, Any]]]] = []
    free: list[Object] = []
    for row in old:
        ports = orjson.dumps(row.get("ports") or [])
        group = wanted.get(ports, {})
        stay = [group.pop(name) for name in map(_name_of, row.get("endpoints") or ()) if name in group]
        if stay:
            kept.append((row, ports, stay))
        else:
            free.append(row)
    for _, ports, stay in kept:
        group = wanted.get(ports, {})
        for name in list(group)[: ROOM - len(stay)]:
            stay.append(group.pop(name))
    fresh = [(ports, list(group.values())[at : at + ROOM]) for ports, group in wanted.items() for at in range(0, len(group), ROOM)]
    if not kept and not fresh:
        fresh = [(b"", [])]
    for row, ports, stay in kept:
        _change(controller, row, labels, ports, stay)
    for ports, added in fresh:
        if free:
            _change(controller, free.pop(0), labels, ports, added)
        else:
            _create(controller, key, owner, labels, ports, added)
    for row in free:
        controller.registry.delete(ENDPOINTSLICES, key[0], row["metadata"]["name"])


def _name_of(endpoint: dict[str, Any]) -> str:
    return str((endpoint.get("targetRef") or {}).get("uid") or endpoint["addresses"][0])


def _body(ports: bytes, endpoints: list[dict[str, Any]]) -> dict[str, Any]:
    """An empty slice stands for a service without pods: it says null for both."""
    return {"endpoints": endpoints or None, "ports": orjson.loads(ports) if endpoints else None}


def _change(controller: EndpointsController, row: Object, labels: dict[str, str], ports: bytes, endpoints: list[dict[str, Any]]) -> None:
    body, meta = _body(ports, endpoints), row["metadata"]
    if (row.get("endpoints") or None, row.get("ports") or None, meta.get("labels")) == (body["endpoints"], body["ports"], labels):
        return
    notes = {**(meta.get("annotations") or {}), TRIGGER: controller.clock.stamp()}
    new = {**row, "metadata": {**clone(meta), "labels": labels, "annotations": notes}, **body}
    controller.registry.update(ENDPOINTSLICES, new, controller.who)


def _create(
    controller: EndpointsController, key: Key, owner: Object, labels: dict[str, str], ports: bytes, endpoints: list[dict[str, Any]]
) -> None:
    metadata = {
        "generateName": key[1] + "-",
        "namespace": key[0],
        "labels": labels,
        "annotations": {TRIGGER: controller.clock.stamp()},
        "ownerReferences": [reference(owner)],
    }
    controller.registry.create(ENDPOINTSLICES, {"metadata": metadata, "addressType": "IPv4", **_body(ports, endpoints)}, controller.who)
