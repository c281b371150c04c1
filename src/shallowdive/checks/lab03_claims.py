"""Lab 3: three things made in three orders came to the same, a missing image was accepted and did not run, and the evidence for it.

Orders are read from the judge's record: resource versions count for all kinds together. Whether an end is stable is tried by deleting
the pods of one of the three."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from shallowdive.checks.acting import delete_pods
from shallowdive.checks.container_ends import PULLS
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState, History
from shallowdive.objects import Object, controller_uid, labels_of, name_of, uid_of
from shallowdive.objects.pods import is_ready, waiting_reasons
from shallowdive.objects.together import Together, end_of, note_birth, together

KINDS = ("Deployment", "PersistentVolumeClaim", "Service")
ORDERS = 3


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions(
    "a prediction of which order fails, and one of what the API server says", "which-fails", "what-it-says", got="both made"
)


@criterion("three-orders", f"{ORDERS} Deployments, each with a claim that its pods mount and a Service, no two made in the same order")
def three_orders(e: Evidence) -> str:
    found = wholes(e.state, e.history)
    different = {t.order for t in found}
    if len(different) < ORDERS:
        raise Unmet(
            f"{len(found)} of them, {len(different)} different orders", "the cell that makes them; kubectl get deployments,pvc,services"
        )
    return "three different orders"


@criterion("same-end", "each of them came to the same: as many ready pods as wanted, a bound claim, an endpoint for each pod")
def same_end(e: Evidence) -> str:
    found = wholes(e.state, e.history)
    if len(found) < ORDERS:
        raise Unmet(f"{len(found)} Deployments with a claim and a Service", "kubectl get deployments,pvc,services")
    ends = [came_to(e.state, t) for t in found]
    for t, end in zip(found, ends, strict=True):
        if not end["wanted"] == end["ready"] == end["pods"] == end["endpoints"] != 0 or end["claim"] != "Bound":
            words = f"{end['ready']} of {end['wanted']} pods ready, {end['endpoints']} endpoints, claim {end['claim'] or 'missing'}"
            raise Unmet(f"one of them came to: {words}", f"kubectl get pods,pvc,endpointslices | grep {name_of(t.deployment)}")
    if any(end != ends[0] for end in ends):
        differing = next(k for k in ends[0] if any(end[k] != ends[0][k] for end in ends))
        raise Unmet(f"they differ in {differing}", "kubectl get deployments -o yaml")
    return "the same end, whatever the order"


@criterion("accepted-and-not-running", "a Deployment was accepted whose image does not exist, and its pod waited for it")
def accepted_and_not_running(e: Evidence) -> str:
    if not without_image(e.history):
        raise Unmet("no pod of a Deployment waited for an image", "the cell that asks for an image that does not exist")
    return "accepted, and its pod had no image"


@criterion("evidence", "the name of the event that says why the pod did not start")
def evidence(e: Evidence) -> str:
    said = e.answers.get("answer.evidence")
    if not isinstance(said, str):
        raise unlike(said, LOOK)
    event = next((s.object for s in e.history.of("Event") if name_of(s.object) == said), None)
    if event is None:
        raise Unmet(f"there is no event {said[:60]!r}", LOOK)
    about = str((event.get("involvedObject") or {}).get("uid", ""))
    if about not in without_image(e.history):
        raise Unmet("that event is about something else", LOOK)
    if event.get("type") != "Warning" or "pull" not in f"{event.get('reason')} {event.get('message')}".lower():
        raise Unmet(f"that event says {str(event.get('reason'))[:40]}, not why", LOOK)
    return "it is about that pod, and says why"


LOOK = "kubectl get events -o wide, column NAME"


@criterion("repaired", "the same Deployment has an image that exists, and its pods are ready")
def repaired(e: Evidence) -> str:
    broken = set(without_image(e.history).values())
    if not broken:
        raise Unmet("nothing was broken yet", "the cell that asks for an image that does not exist")
    there = [d for d in e.state.all("Deployment") if uid_of(d) in broken]
    ready = [d for d in there if _all_ready(e.state, d)]
    if not ready:
        got = "it is gone" if not there else "its pods are not ready"
        raise Unmet(got, "kubectl get deployments; kubectl describe pods")
    return "ready, with another image"


@criterion("comes-back-the-same", "the judge deletes the pods of one of the three; it comes to the same end again")
def comes_back_the_same(e: Evidence) -> str:
    now = e.client.state
    found = wholes(now, e.client.history)
    if len(found) < ORDERS:
        raise Unmet(f"{len(found)} Deployments with a claim and a Service", "kubectl get deployments,pvc,services")
    one = random.choice(found)
    before, pods = came_to(now, one), now.pods_of(one.deployment)
    if not pods:
        raise Unmet("it has no pods", "kubectl get pods")
    for pod in pods:
        delete_pods(e.client, name_of(pod))
    gone = {uid_of(p) for p in pods}

    def again(state: ClusterState) -> bool:
        same = next((t for t in wholes(state, e.client.history) if uid_of(t.deployment) == uid_of(one.deployment)), None)
        return same is not None and not gone & {uid_of(p) for p in state.pods_of(same.deployment)} and came_to(state, same) == before

    e.client.wait_for("the same end with other pods", again, within_s=120, usually_s=10)
    return "other pods, the same end"


CRITERIA = (predicted, three_orders, same_end, accepted_and_not_running, evidence, repaired, comes_back_the_same)


def wholes(state: ClusterState, history: History) -> list[Together]:
    """Deployments that have a claim and a Service."""
    born: dict[str, int] = {}
    for seen in history.events:
        if seen.kind in KINDS:
            note_birth(born, seen.object)
    return [t for t in together(state.all, born) if t.whole]


def came_to(state: ClusterState, t: Together) -> dict[str, Any]:
    service = name_of(t.service) if t.service else ""
    slices = [s for s in state.all("EndpointSlice") if labels_of(s).get("kubernetes.io/service-name") == service]
    ready = sum(1 for s in slices for p in s.get("endpoints") or [] if (p.get("conditions") or {}).get("ready"))
    return end_of(t, state.pods_of(t.deployment), ready)


def without_image(history: History) -> dict[str, str]:
    """UIDs of pods that waited for an image which could not be had, each with the UID of its Deployment."""
    sets: dict[str, str] = {}
    found: dict[str, str] = {}
    for seen in history.events:
        owner = controller_uid(seen.object)
        if seen.kind == "ReplicaSet" and owner:
            sets[uid_of(seen.object)] = owner
        if seen.kind == "Pod" and any(r in PULLS for r in waiting_reasons(seen.object)):
            found[uid_of(seen.object)] = owner
    return {pod: sets[rs] for pod, rs in found.items() if rs in sets}


def _all_ready(state: ClusterState, deployment: Object) -> bool:
    pods = state.pods_of(deployment)
    wanted = int(deployment["spec"].get("replicas", 1))
    return wanted > 0 and len(pods) == wanted and all(map(is_ready, pods))
