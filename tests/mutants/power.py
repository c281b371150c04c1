"""Switching parts of a test's cluster off and on, straight: no lesson, no guard."""

from __future__ import annotations

import json
import time
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.apply import call
from shallowdive.cluster.backend import COMPONENTS
from shallowdive.cluster.components import until_leading
from shallowdive.cluster.nodes import set_static_pod, start_containers, stop_containers
from shallowdive.live import poll
from shallowdive.objects import condition


def power(place: NamespaceClient, node: str, *, on: bool) -> None:
    """As a machine that loses its power, or gets it again."""
    if place.access.backend == "kind":
        (start_containers if on else stop_containers)([node])
    else:
        call(place.api, "POST", f"/shallowdive/nodes/{node}/{'start' if on else 'stop'}")


def component(place: NamespaceClient, name: str, *, on: bool) -> None:
    """Off when this returns; on, or on its way to be on."""
    if place.access.backend == "kind":
        set_static_pod(f"{place.access.cluster}-control-plane", name, running=on)
    else:
        call(place.api, "POST", f"/shallowdive/components/{name}/{'start' if on else 'stop'}")


def nodes_of(place: NamespaceClient) -> list[Any]:
    answer: Any = place.core.list_node(_preload_content=False, _request_timeout=10)
    return list(json.loads(answer.data)["items"])


def readiness(place: NamespaceClient, node: str) -> str:
    return next(condition(n, "Ready") for n in nodes_of(place) if n["metadata"]["name"] == node)


def until_node(place: NamespaceClient, node: str, *, ready: bool) -> None:
    """Wait until the cluster has noticed."""
    poll(f"{node}, ready: {ready}", lambda: (readiness(place, node) == "True") == ready or None, within_s=180, every_s=0.2)


def pass_s(place: NamespaceClient, seconds: float) -> None:
    """Let so many of the cluster's seconds pass."""
    time.sleep(seconds / place.access.speed)


def mend(place: NamespaceClient) -> None:
    """Everything on and open, whatever a case has left."""
    for name in COMPONENTS:
        component(place, name, on=True)
    on_s = time.time()
    poll("the API server", lambda: answers(place) or None, within_s=120)
    until_leading(place.access, on_s, within_s=180)
    for node in nodes_of(place):
        name = node["metadata"]["name"]
        if condition(node, "Ready") != "True":
            power(place, name, on=True)
            until_node(place, name, ready=True)
        if node["spec"].get("unschedulable"):
            place.core.patch_node(name, {"spec": {"unschedulable": None}})


def answers(place: NamespaceClient) -> bool:
    """Whether the API server does; its first answers are 403, because its roles are not loaded yet."""
    try:
        return bool(nodes_of(place))
    except (HTTPError, ApiException):
        return False
