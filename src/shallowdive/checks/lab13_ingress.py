"""Lab 13: two paths through one entrance, answered by the learner's own pods; and one hidden fault, named by its evidence.

The judge asks from outside. What it expects to read cannot be known in advance: the name of a pod that is born while it asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shallowdive.checks.faults import FAULTS, HIDDEN, PATHS, draw, episodes
from shallowdive.checks.hops import answered_by, host_of, lab_host
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.cluster import Reply
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState, History, poll
from shallowdive.objects import name_of
from shallowdive.objects.pods import is_ready
from shallowdive.objects.route import Route, find_route

LAB = "13-ingress"
PREDICTIONS = ("pods-that-answer", "label", "readiness", "controller")
FIRST_ANSWER_S = 8
EACH_PATH = 6
LOOK = "kubectl get ingress,service,endpointslice,pods --show-labels"


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction before each step that asked for one", *PREDICTIONS)


@criterion(
    "both-paths-answer", "/a and /b of one host answer 200 through the entrance, each with the names of ready pods of its own Service"
)
def both_paths_answer(e: Evidence) -> str:
    wrong, behind = [], {}
    for path in PATHS:
        found, said = _ask_path(e, path)
        behind[path] = set(found)
        if not found:
            wrong.append(f"{path}: {said}")
    if wrong:
        raise Unmet("; ".join(wrong), LOOK)
    if behind["/a"] & behind["/b"]:
        raise Unmet("one pod answers both paths", LOOK)
    return "both do, each by its own pods"


@criterion("unknown-path-404", "/x, a path without a rule, is answered 404")
def unknown_path_404(e: Evidence) -> str:
    host = _served_host(e)
    _must_be_404(e, "/x", host)
    return "no rule answers it"


@criterion("wrong-host-404", "the same paths under another host are answered 404")
def wrong_host_404(e: Evidence) -> str:
    host = _served_host(e)
    for other in (f"another.{host.partition('.')[2]}", lab_host("another", "example")):
        for path in PATHS:
            _must_be_404(e, path, other)
    return "no rule answers it"


@criterion("survives-a-killed-pod", "a pod of each path is deleted while the judge asks: only 200, and soon by the pod that replaces it")
def survives_a_killed_pod(e: Evidence) -> str:
    routes = _routes_to_two(e.client)
    stop = threading.Event()
    with ThreadPoolExecutor(len(routes)) as pool:
        loads = [pool.submit(_keep_asking, e.client, r, stop) for r in routes]
        try:
            before = {name_of(p) for p in e.client.state.all("Pod")}
            for pod in {r.ready[0].pod for r in routes}:  # both paths may lead to one Service
                e.client.core.delete_namespaced_pod(pod, e.client.namespace)
            for r in routes:
                _answered_by_newborn(e.client, r, before)
        finally:
            stop.set()
        failed = {r.path: f"{bad.status or 'no answer'}" for r, load in zip(routes, loads, strict=True) if (bad := load.result())}
    if failed:
        said = "; ".join(f"{path}: {status}" for path, status in failed.items())
        raise Unmet(f"while a pod was replaced, not every answer was 200 ({said})", "readinessProbe and preStop of the Deployments")
    return "no request failed, and the newborn pods answer"


@criterion("hidden-fault-met", "a hidden fault was put in with session.break_hop()")
def hidden_fault_met(e: Evidence) -> str:
    _hidden_truth(e)
    return "it was"


@criterion("broken-hop-named", f"the answer broken-hop names what the last hidden fault was: {', '.join(FAULTS)}")
def broken_hop_named(e: Evidence) -> str:
    truth, said = _hidden_truth(e), e.answers.get("answer.broken-hop")
    if said != truth:
        raise unlike(said, "the hops, from the inside to the outside: pods, EndpointSlice, Service, Ingress")
    return "named right"


CRITERIA = (
    predicted, both_paths_answer, unknown_path_404, wrong_host_404, survives_a_killed_pod, hidden_fault_met, broken_hop_named,
)  # fmt: skip


def _route(state: ClusterState, namespace: str, path: str) -> Route:
    return find_route(state, host_of(state, namespace, PATHS), path)


def _ask_path(e: Evidence, path: str) -> tuple[list[str], str]:
    """Names of the pods that answered a path, or [] and what was wrong. The entrance gets some seconds for its first right answer, and
    the picture that answers are compared with is a new one each time."""
    end = time.monotonic() + FIRST_ANSWER_S
    while True:
        before = _route(e.client.state, e.client.namespace, path)
        if not before.ingress:
            return [], "no Ingress rule fits"
        if not before.ready:
            return [], "no ready pod behind the Service that the rule names"
        replies = [e.client.get(path, before.host) for _ in range(EACH_PATH)]
        now = e.client.follower.catch_up()
        ours = {s.pod for s in (*before.ready, *_route(now, e.client.namespace, path).ready)}
        by = [answered_by(now, r.text) for r in replies if r.status == 200]
        if len(by) == EACH_PATH and set(by) <= ours:
            return by, ""
        if time.monotonic() > end:
            bad = next((r.status for r in replies if r.status != 200), None)
            return [], "200, and not by a ready pod of that Service" if bad is None else f"{bad or 'no answer'}"
        time.sleep(0.3)


def _served_host(e: Evidence) -> str:
    """The host under which at least one path is really served: without it, a 404 says nothing."""
    for path in PATHS:
        if _ask_path(e, path)[0]:
            return host_of(e.client.state, e.client.namespace, PATHS)
    raise Unmet("nothing is served under any host, so this 404 says nothing", LOOK)


def _must_be_404(e: Evidence, path: str, host: str) -> None:
    """Many namespaces share the entrance: an answer of another one's pod is not this learner's."""
    reply = e.client.get(path, host)
    ours = answered_by(e.client.state, reply.text) or find_route(e.client.state, host, path).ingress
    if reply.status != 404 and ours:
        raise Unmet(f"{path} is answered {reply.status or 'not at all'}", "spec.rules of the Ingress: host, path, pathType")


def _routes_to_two(client: NamespaceClient) -> list[Route]:
    """The routes of both paths, with at least two ready pods behind each; a rollout gets some seconds to end."""
    end = time.monotonic() + 12
    while True:
        routes = [_route(client.state, client.namespace, p) for p in PATHS]
        few = [r for r in routes if len(r.ready) < 2]
        if not few:
            return routes
        if not few[0].service_exists or time.monotonic() > end:
            raise Unmet(f"ready pods behind {few[0].path}: {len(few[0].ready)}; one of at least two is to be replaced", LOOK)
        time.sleep(0.3)


def _keep_asking(client: NamespaceClient, route: Route, stop: threading.Event) -> Reply | None:
    """Ask some fifteen times a second until told to stop; the first answer that is not 200."""
    while not stop.wait(0.06):
        reply = client.get(route.path, route.host)
        if reply.status != 200:
            return reply
    return None


def _answered_by_newborn(client: NamespaceClient, route: Route, before: set[str]) -> None:
    """Wait for a new ready pod behind the route, for an answer with its name, and for the deleted pod to be gone (or for 12 s)."""
    service = client.state.get("Service", route.service) or {"spec": {}}

    def newborn(now: ClusterState) -> str:
        fresh = (p for p in now.selected_by("Pod", service["spec"].get("selector")) if name_of(p) not in before and is_ready(p))
        return next(map(name_of, fresh), "")

    look_at = f"kubectl describe service {route.service}"
    name = newborn(client.wait_for(f"a new ready pod behind {route.path}", newborn, within_s=25, usually_s=4, look_at=look_at))
    poll(
        f"an answer of the new pod behind {route.path}",
        lambda: True if name in client.get(route.path, route.host).text else None,
        within_s=8,
        try_this=look_at,
    )
    gone_by = time.monotonic() + 12
    poll(
        f"the deleted pod behind {route.path} to be gone",
        lambda: True if client.state.get("Pod", route.ready[0].pod) is None or time.monotonic() > gone_by else None,
        within_s=15,
    )


def _hidden_truth(e: Evidence) -> str:
    """What the last hidden fault of the record was. Unmet when there was none, or when it is not the one that the lot drew."""
    hidden = [h for h in episodes(e.history) if h.name == HIDDEN]
    if not hidden:
        raise Unmet("none in the record", "session.break_hop()")
    last = hidden[-1]
    if last.fault != draw(LAB, e.client.namespace, last.number)[0]:
        raise Unmet("the last one in the record is not the one that was drawn", "session.break_hop()")
    return last.fault
