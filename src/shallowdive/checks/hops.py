"""Ask every hop of a request: each pod and the Service through the API server's proxies, the entrance from outside.

A lab, its picture and its judge use the same asking. The entrance follows the records a moment later, so a verdict counts when
it has held for a while."""

from __future__ import annotations

import json
import time

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState
from shallowdive.objects import name_of
from shallowdive.objects.route import Asked, Route, Trace, find_route, hosts_of

HELD_S = 1.5
AGAIN_S = 0.25
MOST_PODS = 6
LIMIT_S = (3, 4)
"""Seconds to connect to the API server and to wait for a proxied answer."""


def trace(client: NamespaceClient, path: str, host: str, *, within_s: float = 0) -> Trace:
    """Ask until the same verdict came for HELD_S; with `within_s`, until the request is answered, at most so long."""
    began = time.monotonic()
    seen = trace_once(client, path, host)
    since = time.monotonic()
    while True:
        now = time.monotonic()
        settled = now - since >= HELD_S and (seen.answered or now - began >= within_s)
        if settled or now - began > within_s + 4 * HELD_S:
            return seen
        time.sleep(AGAIN_S)
        again = trace_once(client, path, host)
        if (again.fault, again.entrance.status) != (seen.fault, seen.entrance.status):
            since = time.monotonic()
        seen = again


def trace_once(client: NamespaceClient, path: str, host: str) -> Trace:
    state = client.state
    route = find_route(state, host, path)
    pods = tuple(ask_pod(client, state, s.pod, s.port, path) for s in route.stops[:MOST_PODS])
    service = ask_service(client, state, route) if route.service_exists else Asked(0, "not there")
    return Trace(route, pods, service, ask_entrance(client, state, path, host))


def ask_pod(client: NamespaceClient, state: ClusterState, pod: str, port: int, path: str) -> Asked:
    """GET …/pods/POD:PORT/proxy/PATH"""
    name = f"{pod}:{port}" if port else pod
    try:
        text = client.core.connect_get_namespaced_pod_proxy_with_path(
            name, client.namespace, path.lstrip("/"), _request_timeout=LIMIT_S, _preload_content=False
        )
    except (ApiException, HTTPError) as exc:
        return refused(exc)
    return _read(state, text)


def ask_service(client: NamespaceClient, state: ClusterState, route: Route) -> Asked:
    """GET …/services/NAME:PORT/proxy/PATH"""
    try:
        text = client.core.connect_get_namespaced_service_proxy_with_path(
            f"{route.service}:{route.service_port}",
            client.namespace,
            route.path.lstrip("/"),
            _request_timeout=LIMIT_S,
            _preload_content=False,
        )
    except (ApiException, HTTPError) as exc:
        return refused(exc)
    return _read(state, text)


def ask_entrance(client: NamespaceClient, state: ClusterState, path: str, host: str) -> Asked:
    """The request itself, from outside."""
    reply = client.get(path, host)
    return Asked(reply.status, str(reply.status) if reply.status else "no answer", answered_by(state, reply.text))


def answered_by(state: ClusterState, text: str) -> str:
    """The pod of this namespace whose name an answer carries, '' for none."""
    return next((name_of(p) for p in state.all("Pod") if name_of(p) in text), "")


def refused(exc: ApiException | HTTPError) -> Asked:
    """What the API server says of a proxied request that failed, in a word or two."""
    if not isinstance(exc, ApiException):
        return Asked(0, "no answer")
    try:
        said = json.loads(exc.body or "")["message"]
    except (TypeError, ValueError, KeyError):
        return Asked(exc.status or 0, str(exc.status))
    known = {"no endpoints": "no endpoints", "refused": "refused", "timeout": "no answer", "not found": "not there"}
    return Asked(exc.status or 0, next((words for part, words in known.items() if part in said), str(exc.status)))


def host_of(state: ClusterState, namespace: str, paths: tuple[str, ...]) -> str:
    """The host under which most of the paths have a rule; the lab's own where the rules name none."""
    hosts = [h for h in hosts_of(state) if h and not h.startswith("*")] or [lab_host("shop", namespace)]
    return max(hosts, key=lambda h: sum(bool(find_route(state, h, p).ingress) for p in paths))


def lab_host(name: str, namespace: str) -> str:
    """A host that belongs to one namespace: all namespaces share one entrance, and names that end in .localhost lead there."""
    return f"{name}.{namespace}.localhost"


def _read(state: ClusterState, response: object) -> Asked:
    status, text = response.status, response.data.decode("utf-8", errors="replace")  # type: ignore[attr-defined]
    return Asked(status, str(status), answered_by(state, text))
