"""Does a cluster of ours really work: marker, nodes, the controllers' leases, the entrance. Each a sentence when it does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from kubernetes import client

from shallowdive.cluster.access import SYSTEM_NAMESPACE, TIMEOUT_S, Access
from shallowdive.cluster.ingress import answers
from shallowdive.errors import WaitTimeout
from shallowdive.live import poll
from shallowdive.objects import condition

STALE_LEASE_S = 60
LEASES = ("kube-controller-manager", "kube-scheduler")


def complaints(access: Access, nodes_wanted: int, http_port: int) -> list[str]:
    """What is wrong, in sentences; empty when all is well. Needs an owner's access that passed its checks."""
    api = access.connect()
    nodes = _items(client.CoreV1Api(api).list_node(_preload_content=False, _request_timeout=TIMEOUT_S))
    not_ready = [n["metadata"]["name"] for n in nodes if condition(n, "Ready") != "True"]
    wrong = []
    if nodes_wanted and len(nodes) != nodes_wanted:
        wrong.append(f"{len(nodes)} nodes instead of {nodes_wanted}")
    if not_ready:
        wrong.append(f"not Ready: {', '.join(not_ready)}")
    if access.backend == "kind":
        wrong += _stale_leases(api)
        wrong += _controller(api) or _entrance(http_port)
    if access.backend == "embedded":
        wrong += _entrance(http_port)
    return wrong


def until_healthy(access: Access, nodes_wanted: int, http_port: int, *, within_s: float, every_s: float = 0.5) -> None:
    """Wait until nothing is wrong. Raises WaitTimeout with the last complaints."""
    last: list[str] = []

    def ask() -> bool | None:
        last[:] = complaints(access, nodes_wanted, http_port)
        return None if last else True

    try:
        poll("a healthy cluster", ask, within_s=within_s, every_s=every_s)
    except WaitTimeout as exc:
        raise WaitTimeout(exc.what, saw="; ".join(last) or exc.saw, try_this=exc.try_this) from exc


def server_version(access: Access) -> str:
    return str(client.VersionApi(access.connect()).get_code(_request_timeout=TIMEOUT_S).git_version)


def _stale_leases(api: client.ApiClient) -> list[str]:
    found = _items(client.CoordinationV1Api(api).list_namespaced_lease("kube-system", _preload_content=False, _request_timeout=TIMEOUT_S))
    renewed = {lease["metadata"]["name"]: lease["spec"].get("renewTime") for lease in found}
    wrong = []
    for name in LEASES:
        if not renewed.get(name):
            wrong.append(f"{name} holds no lease")
            continue
        age_s = (datetime.now(UTC) - datetime.fromisoformat(renewed[name].replace("Z", "+00:00"))).total_seconds()
        if age_s > STALE_LEASE_S:
            wrong.append(f"{name} has not renewed its lease for {age_s:.0f} s")
    return wrong


def _controller(api: client.ApiClient) -> list[str]:
    found = client.AppsV1Api(api).list_namespaced_deployment(SYSTEM_NAMESPACE, _preload_content=False, _request_timeout=TIMEOUT_S)
    ready = any(condition(d, "Available") == "True" for d in _items(found))
    return [] if ready else ["the ingress controller is not available"]


def _entrance(http_port: int) -> list[str]:
    return [] if answers(http_port) else [f"the ingress controller does not answer on 127.0.0.1:{http_port}"]


def _items(response: Any) -> list[dict[str, Any]]:
    return list(json.loads(response.data).get("items") or [])
