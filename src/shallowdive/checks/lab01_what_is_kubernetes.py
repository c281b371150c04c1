"""Lab 1: three were asked for, deleted pods were replaced by others, the app was stopped by asking, and five are wanted now.

What happened is read from the judge's history; whether the count comes back is tried again by deleting two pods."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from shallowdive.checks.acting import delete_pods
from shallowdive.checks.finding import the_only, wanted
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState, History
from shallowdive.objects import labels_of, name_of, uid_of
from shallowdive.objects.pods import is_ready

FIRST, LAST = 3, 5


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction before one pod was deleted and one before all were", "after-one", "after-all", got="both made")


@criterion("five-ready", f"a Deployment that wants {LAST} pods, and {LAST} ready pods that its ReplicaSet owns")
def five_ready(e: Evidence) -> str:
    deployment = the_only(e.state, "Deployment")
    ready = sum(map(is_ready, e.state.pods_of(deployment)))
    if wanted(deployment) != LAST or ready != LAST:
        raise Unmet(f"{wanted(deployment)} wanted, {ready} ready", f"kubectl get deployment {name_of(deployment)}; kubectl get pods")
    return f"{LAST} wanted, {LAST} ready"


@criterion("nothing-else-runs", "no pod beside those that the Deployment owns")
def nothing_else_runs(e: Evidence) -> str:
    owned = {uid_of(p) for d in e.state.all("Deployment") for p in e.state.pods_of(d)}
    strays = [p for p in e.state.all("Pod") if uid_of(p) not in owned and labels_of(p).get("shallowdive/role") != "traffic"]
    if strays:
        raise Unmet(
            f"{len(strays)} pods that no Deployment owns",
            "kubectl get pods -o custom-columns=NAME:.metadata.name,OWNER:.metadata.ownerReferences[0].name",
        )
    return "every pod has its owner"


@criterion("one-was-replaced", f"with {FIRST} wanted, one pod was deleted and {FIRST} were ready again, one of them new")
def one_was_replaced(e: Evidence) -> str:
    full = generations(e)
    if not any(len(before & after) == FIRST - 1 for i, before in enumerate(full) for after in full[i + 1 :]):
        raise Unmet("no moment with two old pods and one new one", "the cell that deletes one pod")
    return "two stayed, one was new"


@criterion("all-were-replaced", f"with {FIRST} wanted, all pods were deleted and {FIRST} others were ready")
def all_were_replaced(e: Evidence) -> str:
    full = generations(e)
    if not any(not before & after for i, before in enumerate(full) for after in full[i + 1 :]):
        raise Unmet(f"no moment with {FIRST} ready pods that were all new", "the cell that deletes every pod")
    return "none of the old ones came back"


@criterion("stopped-by-asking", "the app was stopped by wanting 0, and started again by the same Deployment")
def stopped_by_asking(e: Evidence) -> str:
    me = uid_of(the_only(e.state, "Deployment"))
    none_left = False
    for state in _states(e):
        d = next((d for d in state.all("Deployment") if uid_of(d) == me), None)
        if d is not None and wanted(d) == 0 and not state.pods_of(d) and int((d.get("status") or {}).get("observedGeneration") or 0) > 1:
            none_left = True
    if not none_left:
        raise Unmet("it never wanted 0 with no pod left", "the cell that scales to 0")
    return "0 wanted, 0 there"


@criterion("who-makes-them", "the kind of the object that made the new pods, as a pod's ownerReferences name it")
def who_makes_them(e: Evidence) -> str:
    pods = e.state.pods_of(the_only(e.state, "Deployment"))
    truth = {o["kind"] for p in pods for o in p["metadata"].get("ownerReferences") or [] if o.get("controller")}
    said = e.answers.get("answer.owner")
    if said not in truth:
        raise unlike(said, "kubectl get pods -o yaml, field metadata.ownerReferences")
    return "named right"


@criterion("count-comes-back", "the judge deletes two pods: as many are ready again as wanted, and the two are other pods")
def count_comes_back(e: Evidence) -> str:
    name = name_of(the_only(e.client.state, "Deployment"))
    before = {uid_of(p): name_of(p) for p in e.client.state.pods_of(the_only(e.client.state, "Deployment"))}
    victims = random.sample(sorted(before), min(2, len(before)))
    if len(victims) < 2:
        raise Unmet(f"{len(before)} pods to choose from", "kubectl get pods")
    for uid in victims:
        delete_pods(e.client, before[uid])

    def back(now: ClusterState) -> bool:
        d = now.get("Deployment", name)
        pods = now.pods_of(d) if d else []
        alive = {uid_of(p) for p in pods if is_ready(p)}
        return d is not None and len(alive) == wanted(d) == len(pods) and not alive & set(victims)

    e.client.wait_for("as many ready pods as wanted, the deleted ones gone", back, within_s=90, usually_s=5)
    return "two deleted, two new ones ready"


CRITERIA = (
    predicted,
    five_ready,
    nothing_else_runs,
    one_was_replaced,
    all_were_replaced,
    stopped_by_asking,
    who_makes_them,
    count_comes_back,
)


def generations(e: Evidence) -> list[frozenset[str]]:
    """Each set of UIDs that were, all together, the ready pods of the Deployment while FIRST were wanted; in order, no repeats."""
    me = uid_of(the_only(e.state, "Deployment"))
    found: list[frozenset[str]] = []
    for state in _states(e):
        d = next((d for d in state.all("Deployment") if uid_of(d) == me), None)
        if d is None or wanted(d) != FIRST:
            continue
        ready = frozenset(uid_of(p) for p in state.pods_of(d) if is_ready(p))
        if len(ready) == FIRST and ready not in found[-1:]:
            found.append(ready)
    return found


def _states(e: Evidence) -> Iterator[ClusterState]:
    """The record's pictures, without events that cannot change the answer."""
    return (state for _, state in History([s for s in e.history.events if s.kind in ("Deployment", "ReplicaSet", "Pod")]).states())
