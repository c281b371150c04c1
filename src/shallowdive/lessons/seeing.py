"""What a lab's picture needs beside the record: the learner's prediction, counted requests, kinds that only this picture follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from shallowdive.checks import read_answers
from shallowdive.checks.load import requests
from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.hands import Hands
from shallowdive.errors import ShallowDiveError, WaitTimeout
from shallowdive.live import ClusterState, Follower
from shallowdive.live.state import key_of
from shallowdive.objects import is_helper, name_of
from shallowdive.objects.processes import Process, first_of
from shallowdive.objects.traffic import Second
from shallowdive.views import Said, processes


def prediction(state: ClusterState, name: str, since_s: float, after_s: float, speed: float) -> Said | None:
    """A prediction of a number as it is drawn; None when none was made, or one in words. `after_s`: the cluster's seconds."""
    value = read_answers(state).get(f"predict.{name}")
    return Said(value, since_s, after_s / speed, speed) if isinstance(value, int) and not isinstance(value, bool) else None


def in_words(state: ClusterState, name: str) -> str:
    """A prediction that cannot be drawn, because it is no number."""
    value = read_answers(state).get(f"predict.{name}")
    return f"You said: {value}." if isinstance(value, str) else ""


def counted(bound: NamespaceClient, pod: str) -> Callable[[], list[Second]]:
    """Asks the log of a traffic pod, when called, how many of its requests were answered in each second."""
    core = client.CoreV1Api(bound.access.connect(pool=1))  # a view's thread asks, beside the cell

    def ask() -> list[Second]:
        try:
            return requests(core, bound.namespace, pod)
        except (ApiException, HTTPError) as exc:
            saw = f"{exc.status} {exc.reason}" if isinstance(exc, ApiException) else type(exc).__name__
            raise ShallowDiveError(f"the log of pod {pod} cannot be read", saw=saw) from exc

    return ask


def beside(bound: NamespaceClient, kinds: tuple[str, ...]) -> Follower | None:
    """Follows what only one picture needs; None where it may not be looked at (a tenant sees its own namespace)."""
    more = tuple(k for k in kinds if k not in bound.follower.kinds)
    if not more:
        return None
    try:
        return Follower(bound.access.connect(pool=4), bound.namespace, more).start()
    except WaitTimeout:
        return None


def everybodys_pods(bound: NamespaceClient) -> ClusterState | None:
    """One look at the pods of every other namespace, for what nodes hold beside the learner's; None where that is not allowed. Those of
    the learner's own are followed: a copy of them would show what has gone since."""
    try:
        answer = bound.core.list_pod_for_all_namespaces(_preload_content=False, _request_timeout=(3, 20))
    except ApiException as exc:
        if exc.status in (401, 403):
            return None
        raise
    items = json.loads(answer.data)["items"]  # type: ignore[attr-defined]
    pods = {key_of(p): p for p in items if p["metadata"]["namespace"] != bound.namespace}
    return ClusterState(MappingProxyType({"Pod": MappingProxyType(pods)}))


def programs(bound: NamespaceClient, hands: Hands, once: list[tuple[str, Process]]) -> processes.Seen:
    """One look, from their nodes, at the programs of the learner's pods. `once`: (pod, process) of earlier looks; what is new is added."""
    pods = [p for p in bound.state.all("Pod") if not is_helper(p)]
    nodes = sorted({str(p["spec"]["nodeName"]) for p in pods if p["spec"].get("nodeName")})
    kernels = {node: hands.look_into(node, "uname -r").strip() for node in nodes}
    seen = [p for node in nodes for p in hands.container_processes(node)]
    now = [(name_of(pod), first) for pod in pods for first in first_of(pod, seen)]
    once += [one for one in now if one not in once]
    return processes.read(pods, seen, once, kernels)
