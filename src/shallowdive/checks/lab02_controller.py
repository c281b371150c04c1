"""Lab 2: a loop in the notebook kept three bare pods alive, died, and caught up; a ReplicaSet keeps three without it.

What the loop did is read from the judge's history: the loop runs in the notebook, where the judge is not. What happens now that the
loop is dead is tried: pods of both are deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shallowdive.checks.acting import delete_pods
from shallowdive.checks.finding import OWNERS, bare_pods, wanted
from shallowdive.checks.keeping import Group, groups
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.errors import WaitTimeout
from shallowdive.live import ClusterState, History
from shallowdive.objects import Object, name_of, uid_of
from shallowdive.objects.pods import is_ready

WANTED, KILLS = 3, 3
QUIET_S = 6
"""A loop that looks at all looks sooner."""


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions(
    "a prediction before a pod was killed and one before the loop was dead", "while-it-ends", "loop-dead", got="both made"
)


@criterion("three-kills-survived", f"{KILLS} pods without an owner were killed, and each time somebody made another: {WANTED} ready again")
def three_kills_survived(e: Evidence) -> str:
    kept = find_kept(e)
    if kept.survived < KILLS:
        raise Unmet(f"{kept.survived} kills were answered while the loop ran", "the cell of the loop; kubectl get pods --watch")
    return "killed, and each time three were ready again"


@criterion(
    "never-too-many", f"{KILLS} kills in a row were survived with never more than {WANTED} pods at once, those on their way out aside"
)
def never_too_many(e: Evidence) -> str:
    kept = find_kept(e)
    if kept.in_a_row < KILLS:
        most = f"{kept.most} pods at once" if kept.most > WANTED else f"never more than {kept.most} pods, but too few kills"
        raise Unmet(f"{kept.in_a_row} in a row; {most}", "how the loop computes the number of pods to make; kubectl get pods --watch")
    return "never one too many"


@criterion("leaving-not-counted", f"{KILLS} of the killed pods were replaced before they were gone: a pod on its way out does not count")
def leaving_not_counted(e: Evidence) -> str:
    kept = find_kept(e)
    if kept.early < KILLS:
        raise Unmet(
            f"{kept.early} were replaced before they were gone, {kept.survived - kept.early} only afterwards",
            "which pods the loop counts: metadata.deletion_timestamp is set on a pod that is on its way out",
        )
    return "replaced while the old ones were still ending"


@criterion(
    "caught-up", f"two killed pods were gone before anybody made another: the loop was dead. It ran again, and {WANTED} were ready again"
)
def caught_up(e: Evidence) -> str:
    kept = find_kept(e)
    if not kept.filled_holes:
        raise Unmet(
            f"no time when two killed pods were gone, nobody had made another, and later {WANTED} were ready",
            "the cells that stop the loop, kill two pods, wait until they are gone, and start the loop again",
        )
    return "two were missing, and the loop made them without having seen them go"


@criterion("replicaset-has-three", f"a ReplicaSet that wants {WANTED} or more, with as many ready pods of its own")
def replicaset_has_three(e: Evidence) -> str:
    name = name_of(find_set(e.state))

    def full(now: ClusterState) -> bool:
        rs = now.get("ReplicaSet", name)
        return rs is not None and sum(map(is_ready, now.owned_by("Pod", rs))) >= wanted(rs) >= WANTED

    if not full(e.state):  # somebody may have killed one a moment ago
        e.client.wait_for("as many ready pods as wanted", full, within_s=30, usually_s=5, look_at=f"kubectl describe replicaset {name}")
    return "as many ready as wanted"


@criterion("replicaset-survives", "the judge deletes every pod of the ReplicaSet: as many others are ready soon")
def replicaset_survives(e: Evidence) -> str:
    name = name_of(find_set(e.client.state))
    old = {uid_of(p): name_of(p) for p in e.client.state.owned_by("Pod", find_set(e.client.state))}
    delete_pods(e.client, *old.values())

    def back(now: ClusterState) -> bool:
        rs = now.get("ReplicaSet", name)
        pods = now.owned_by("Pod", rs) if rs else []
        return rs is not None and sum(map(is_ready, pods)) >= wanted(rs) >= WANTED and not old.keys() & set(map(uid_of, pods))

    e.client.wait_for(
        "as many ready pods as wanted, all of them new", back, within_s=90, usually_s=5, look_at=f"kubectl describe replicaset {name}"
    )
    return "all deleted, as many others ready"


@criterion("loop-is-gone", "the judge deletes the pods without an owner that are left: nobody makes another, because the loop is dead")
def loop_is_gone(e: Evidence) -> str:
    find_kept(e)
    old = {uid_of(p): name_of(p) for p in bare_pods(e.client.state)}
    delete_pods(e.client, *old.values())
    try:
        e.client.wait_for("another", lambda now: {uid_of(p) for p in bare_pods(now)} - old.keys(), within_s=QUIET_S)
    except WaitTimeout:
        return "nobody came back"
    raise Unmet("another one was made: your loop still runs", "the cell that stops the loop: stop.set()")


CRITERIA = (
    predicted,
    three_kills_survived,
    never_too_many,
    leaving_not_counted,
    caught_up,
    replicaset_has_three,
    replicaset_survives,
    loop_is_gone,
)


def find_kept(e: Evidence) -> Group:
    """The bare pods that somebody kept alive best."""
    found = groups(e.history, WANTED)
    if not found:
        raise Unmet("there was never a pod without an owner", OWNERS)
    return found[0]


def find_set(state: ClusterState) -> Object:
    """A ReplicaSet, of its own or of a Deployment, that wants enough."""
    sets = state.all("ReplicaSet")
    enough = [rs for rs in sets if wanted(rs) >= WANTED]
    if not enough:
        raise Unmet(", ".join(f"{name_of(rs)} wants {wanted(rs)}" for rs in sets) or "no ReplicaSet", "kubectl get replicasets")
    return enough[0]
