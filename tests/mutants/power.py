"""Switching nodes of a test's cluster off and on, straight: no lesson, no guard."""

from __future__ import annotations

import json
import time
from typing import Any

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.apply import call
from shallowdive.cluster.nodes import start_containers, stop_containers
from shallowdive.live import poll
from shallowdive.objects import condition


def power(place: NamespaceClient, node: str, *, on: bool) -> None:
    """As a machine that loses its power, or gets it again."""
    if place.access.backend == "kind":
        (start_containers if on else stop_containers)([node])
    else:
        call(place.api, "POST", f"/shallowdive/nodes/{node}/{'start' if on else 'stop'}")


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
