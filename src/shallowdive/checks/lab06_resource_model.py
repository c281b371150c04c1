"""Lab 6: one pod left its family by its label, another one lost its owner's name and got it back, and who writes what.

What happened to which pod is read from the judge's record. Then the judge takes an owner's name away itself, and deletes a pod."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from shallowdive.checks.acting import delete_pods, unless_gone
from shallowdive.checks.finding import OWNERS, bare_pods, the_only
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState, History
from shallowdive.objects import controller_uid, labels_of, name_of, uid_of
from shallowdive.objects.pods import is_ready

WANTED = 3
WRITTEN = ("readyReplicas", "observedGeneration", "conditions", "updatedReplicas")
"""Of the fields that a learner sorts, those under status. (`replicas` stands in both halves, and in no question.)"""
FIELDS = (*WRITTEN, "selector", "template", "strategy")


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions(
    "a prediction before a pod's label was changed and one before its owner's name was taken away", "after-label", "after-reference",
    got="both made",
)  # fmt: skip


@criterion("family-is-whole", f"one Deployment that wants {WANTED}, and {WANTED} ready pods that its ReplicaSet owns")
def family_is_whole(e: Evidence) -> str:
    deployment = the_only(e.state, "Deployment")
    pods = e.state.pods_of(deployment)
    wanted, ready = int(deployment["spec"].get("replicas", 1)), sum(map(is_ready, pods))
    if not wanted == ready == len(pods) == WANTED:
        raise Unmet(f"{wanted} wanted, {len(pods)} owned, {ready} of them ready", "kubectl get deployments,replicasets,pods")
    return f"{WANTED} wanted, {WANTED} owned and ready"


@criterion("one-orphan", "exactly one pod that nobody owns, which the ReplicaSet owned before its label was changed")
def one_orphan(e: Evidence) -> str:
    orphans = bare_pods(e.state)
    if len(orphans) != 1:
        raise Unmet(f"{len(orphans)} pods without an owner", OWNERS)
    orphan = orphans[0]
    was = [p for p in e.history.versions("Pod", uid_of(orphan)) if controller_uid(p) in sets_of(e.history)]
    if not was:
        raise Unmet("nobody ever owned it: it was made by hand", OWNERS)
    if labels_of(was[0]) == labels_of(orphan):
        raise Unmet("its labels are as they were", "kubectl get pods --show-labels")
    return "it left by its label"


@criterion("adopted-again", "a pod whose owner's name was taken away, and who has the same owner again, with the same UID and labels")
def adopted_again(e: Evidence) -> str:
    for uid in e.history.uids("Pod"):
        versions = e.history.versions("Pod", uid)
        for k, (before, lost) in enumerate(pairwise(versions), 1):
            if not controller_uid(before) or controller_uid(lost):
                continue
            back = next((p for p in versions[k:] if controller_uid(p)), None)
            until = versions[k - 1 : versions.index(back) + 1] if back is not None else []
            if (
                back is not None
                and controller_uid(back) == controller_uid(before)
                and all(labels_of(p) == labels_of(before) for p in until)
            ):
                return "the same owner came back for it"
    raise Unmet("no pod lost its owner and got it back", "the cell that takes the reference away")


@criterion("chain-named", "the kinds of a pod's owner, and of its owner's owner")
def chain_named(e: Evidence) -> str:
    deployment = the_only(e.state, "Deployment")
    pods = e.state.pods_of(deployment)
    truth = {
        (str(o["kind"]), str(deployment.get("kind", "Deployment")))
        for p in pods
        for o in p["metadata"]["ownerReferences"]
        if o.get("controller")
    }
    said = e.answers.get("answer.owners")
    if not isinstance(said, list) or tuple(map(str, said)) not in truth:
        raise unlike(said, "kubectl get pods,replicasets -o yaml, metadata.ownerReferences")
    return "named right"


@criterion("sorted", "which of the named fields the cluster writes: those under status")
def sorted_right(e: Evidence) -> str:
    truth = set(WRITTEN)
    said = e.answers.get("answer.written-by-the-cluster")
    if not isinstance(said, list) or {str(f) for f in said} != truth:
        got = (
            "no answer" if said is None else f"{len({str(f) for f in said} ^ truth) if isinstance(said, list) else 'all'} of them elsewhere"
        )
        raise Unmet(got, "kubectl get deployment -o yaml: is it under spec or under status?")
    return "sorted right"


@criterion("generation", "the generation of the Deployment after a change of its spec, which its controller has seen")
def generation(e: Evidence) -> str:
    deployment = the_only(e.state, "Deployment")
    now, seen = int(deployment["metadata"].get("generation", 0)), int((deployment.get("status") or {}).get("observedGeneration") or 0)
    said = e.answers.get("answer.generation")
    if isinstance(said, bool) or said != now:
        raise unlike(said, "kubectl get deployment -o yaml, metadata.generation")
    if now < 2 or seen < now:
        raise Unmet(
            "its spec was never changed" if now < 2 else "its controller has not seen the change yet", "kubectl get deployment -o yaml"
        )
    return "read right, and seen by its controller"


@criterion(
    "family-holds",
    "the judge takes an owner's name away and deletes another pod: the first is adopted, the second replaced, the orphan stays",
)
def family_holds(e: Evidence) -> str:
    now = e.client.state
    deployment, orphans = the_only(now, "Deployment"), {uid_of(o) for o in bare_pods(now)}
    pods = sorted(now.pods_of(deployment), key=name_of)
    if len(pods) < 2:
        raise Unmet(f"{len(pods)} owned pods to choose from", OWNERS)
    bare, victim = pods[0], pods[1]
    unless_gone(lambda: e.client.core.patch_namespaced_pod(name_of(bare), e.client.namespace, {"metadata": {"ownerReferences": None}}))
    e.client.wait_for(
        "the pod to be adopted again", lambda s: uid_of(bare) in {uid_of(p) for p in s.pods_of(deployment)}, within_s=60, usually_s=1
    )
    delete_pods(e.client, name_of(victim))

    def whole(s: ClusterState) -> bool:
        owned = {uid_of(p): is_ready(p) for p in s.pods_of(deployment)}
        return uid_of(victim) not in owned and uid_of(bare) in owned and len(owned) == len(pods) and all(owned.values())

    state = e.client.wait_for("another pod in the place of the deleted one", whole, within_s=90, usually_s=5)
    if {uid_of(o) for o in bare_pods(state)} != orphans:
        raise Unmet("the pods without an owner are others now", OWNERS)
    return "one adopted, one replaced"


CRITERIA = (predicted, family_is_whole, one_orphan, adopted_again, chain_named, sorted_right, generation, family_holds)


def sets_of(history: History) -> set[str]:
    """UIDs of every ReplicaSet that a Deployment owned."""
    return {uid_of(s.object) for s in history.of("ReplicaSet") if controller_uid(s.object)}
