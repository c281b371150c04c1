"""Lab 7: nodes as bins. Equal pods until one finds no room; a wide one that fits into no single gap; how wide the next may be.

What happened is read from the judge's record: which pods had a node while another, of the same request, was refused for want of CPU. How
large the next pod may be is tried, with pods of the judge's that request so much, and a little more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from shallowdive.checks.load import stop_load
from shallowdive.checks.refusals import Refusal, refusals
from shallowdive.checks.result import CheckResult, Evidence, Unmet, compare, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.live import ClusterState, History
from shallowdive.objects import ROLE, Object, is_helper, name_of, uid_of, whose
from shallowdive.objects.quantities import amount, asked

AS_LIMIT = "as wide as its limit"
PROBE = "judge-probe"
A_LITTLE_M = 100
"""Millicores: so much more must not find a node. Other people's pods come and go; theirs are small."""
DECIDED_S = 60
"""Seconds in which the scheduler decides; usually less than one."""


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction for each of the three experiments", "fits", "wide", "limits-only")


@criterion("nodes-filled", "several equal pods with a CPU request, so many that one of them found no node, for want of CPU alone")
def nodes_filled(e: Evidence) -> str:
    fullest(e)
    return "filled: one more found no node"


@criterion("fits-counted", "how many of them had a node while one waited, as an answer")
def fits_counted(e: Evidence) -> str:
    return compare(e, "fits", fullest(e).placed, "kubectl get pods -o wide, column NODE; kubectl describe nodes: Allocated resources")


@criterion("refusal-read", "on how many nodes there was too little CPU, as the event of the waiting pod says")
def refusal_read(e: Evidence) -> str:
    counts = {r.short_of_cpu for r in waited(e)}
    said = e.answers.get("answer.short-nodes")
    if isinstance(said, bool) or said not in counts:
        raise unlike(said, "kubectl get events --field-selector reason=FailedScheduling")
    return "read right"


@criterion("too-wide", "a pod that requested more than one of the equal ones, and found no node for want of CPU")
def too_wide(e: Evidence) -> str:
    wide_ones(e)
    return "it waited"


@criterion(
    "wide-has-a-node", "that pod, or one in its place that still requests CPU, has a node now; equal ones run beside it; nothing waits"
)
def wide_has_a_node(e: Evidence) -> str:
    wide, size = {whose(p) for p in wide_ones(e)}, fullest(e).size
    pods = [p for p in e.state.all("Pod") if not is_helper(p) and not p["metadata"].get("deletionTimestamp")]
    waiting = [p for p in pods if not p["spec"].get("nodeName")]
    if waiting:
        raise Unmet(f"{len(waiting)} pods without a node", f"kubectl describe pod {name_of(waiting[0])}")
    there = [p for p in pods if whose(p) in wide]
    if not there:
        raise Unmet("the pod that waited is not there any more", "kubectl get pods")
    if not any(asked(p, "cpu") for p in there):
        raise Unmet(
            "it requests no CPU now: its box has no width, and nobody keeps room for it", f"kubectl describe pod {name_of(there[0])}"
        )
    if not [p for p in pods if asked(p, "cpu") == size and whose(p) not in wide]:
        raise Unmet("none of the equal pods is left", "kubectl get pods")
    return "it has one, and nothing waits"


@criterion("limit-alone", "how wide the box of a pod is that has a CPU limit and no request; the judge has the API server fill one in")
def limit_alone(e: Evidence) -> str:
    answered = e.client.core.create_namespaced_pod(e.client.namespace, cast(Any, probe({"limits": {"cpu": "10m"}})), dry_run="All")
    kept: Any = e.client.api.sanitize_for_serialization(answered)
    truth = AS_LIMIT if asked(kept, "cpu") == amount("10m") else "it has no width"
    said = e.answers.get("answer.limits-only")
    if said != truth:
        raise unlike(said, "kubectl create --dry-run=server -o yaml, a pod with limits and no requests")
    return "named right"


@criterion("next-one", f"the most that one more pod may request (millicores); the judge tries it, and {A_LITTLE_M} more")
def next_one(e: Evidence) -> str:
    said = e.answers.get("answer.next")
    if isinstance(said, bool) or not isinstance(said, int) or not 0 < said <= 1_000_000:
        raise unlike(said, "kubectl describe nodes: Allocatable and Allocated resources")
    if not finds_a_node(e.client, said):
        raise Unmet("a pod of the judge's that requests so much finds no node", "the widest gap on one node, not all gaps together")
    if finds_a_node(e.client, said + A_LITTLE_M):
        raise Unmet(f"one that requests {A_LITTLE_M} more finds a node too", "kubectl describe nodes: the gap of the emptiest one")
    return "tried: so much finds a node, more does not"


CRITERIA = (predicted, nodes_filled, fits_counted, refusal_read, too_wide, wide_has_a_node, limit_alone, next_one)


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Full:
    """So many pods that request `size` had a node while another one was refused."""

    size: Fraction
    placed: int


def waited(e: Evidence) -> list[Refusal]:
    """Refusals for want of CPU and for nothing else that the learner could have arranged."""
    return [r for r in refusals(e.history) if r.short_of_cpu and r.nothing_else]


def fullest(e: Evidence) -> Full:
    """The most equal pods at a time, with one more of them waiting; where several sizes were tried, the size with the most pods."""
    pods = {uid_of(s.object): s.object for s in e.history.of("Pod") if not is_helper(s.object)}
    sizes = {asked(pods[r.uid], "cpu") for r in waited(e) if r.uid in pods}
    found = [full for size in sizes if size and (full := _full(e.history, size)).placed > 1]
    if not found:
        raise Unmet("no event says that one of several equal pods found too little CPU", "kubectl get events; kubectl get pods")
    return max(found, key=lambda full: full.placed)


def _full(history: History, size: Fraction) -> Full:
    most = 0
    for state in _states(history):
        equal = [p for p in state.all("Pod") if not is_helper(p) and asked(p, "cpu") == size and not p["metadata"].get("deletionTimestamp")]
        placed = [p for p in equal if p["spec"].get("nodeName")]
        most = max(most, len(placed) if len(placed) < len(equal) else 0)
    return Full(size, most)


def _states(history: History) -> Iterator[ClusterState]:
    return (state for _, state in History([s for s in history.events if s.kind == "Pod"]).states())


def wide_ones(e: Evidence) -> list[Object]:
    """Pods that were refused for want of CPU and requested more than one of the equal ones."""
    size = fullest(e).size
    refused = {r.uid for r in waited(e)}
    found = {uid_of(s.object): s.object for s in e.history.of("Pod") if uid_of(s.object) in refused and asked(s.object, "cpu") > size}
    if not found:
        raise Unmet("no wider pod was refused", "kubectl get events --field-selector reason=FailedScheduling")
    return list(found.values())


# ── the judge's probes ───────────────────────────────────────────────────────────────────────────────────────
def probe(resources: dict[str, Any]) -> Object:
    container = {"name": "probe", "image": AGNHOST, "args": ["pause"], "resources": resources}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": PROBE, "labels": {ROLE: "judge"}}, "spec": spec}


def finds_a_node(client: NamespaceClient, millicores: int) -> bool:
    """Whether the scheduler has room for a pod that requests so much."""

    def decided(now: ClusterState) -> bool:
        pod = now.get("Pod", PROBE)
        conditions = (pod.get("status") or {}).get("conditions") or [] if pod else []
        return any(c["type"] == "PodScheduled" for c in conditions)

    stop_load(client, PROBE)
    client.apply(probe({"requests": {"cpu": f"{millicores}m"}}), manager="shallowdive-judge")
    try:
        now = client.wait_for("the scheduler's word on the judge's pod", decided, within_s=DECIDED_S, usually_s=1)
        return bool((now.get("Pod", PROBE) or {}).get("spec", {}).get("nodeName"))
    finally:
        stop_load(client, PROBE)
