"""Lab 4: a container is a process of its node. Which one, the judge finds out by itself: the cgroup of a process names its container.

It looks at the nodes from outside, as their owner may (kind only), and never at what the notebook printed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from shallowdive.checks.folders import run
from shallowdive.checks.pod_lives import lives
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.cluster.nodes import container_processes, look_into
from shallowdive.live import ClusterState, History
from shallowdive.objects import Object, is_helper, name_of
from shallowdive.objects.pods import is_ready, restarts
from shallowdive.objects.processes import Process, first_of, ids_of

FOLDER = "/tmp"
SAME = {"kernel"}
"""What two containers of one image on one node have in common, of what lab 4 asks about."""


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction for each of the three experiments", "same-in-both", "number-outside", "after-restart")


@criterion("twins", "two ready pods of one image")
def twins_there(e: Evidence) -> str:
    twins(e)
    return "two of one image"


@criterion("same-in-both", "what both pods have in common, as an answer")
def same_in_both(e: Evidence) -> str:
    said = e.answers.get("answer.same")
    if not isinstance(said, list) or set(map(str, said)) != SAME:
        raise unlike(said, "the table that the cell printed")
    return "named right"


@criterion("one-kernel", "the kernel's release, which every pod and every node of this machine names")
def one_kernel(e: Evidence) -> str:
    pod = twins(e)[0]
    truth = look_into(e.client.access, str(pod["spec"]["nodeName"]), "uname -r").strip()
    if e.answers.get("answer.kernel") != truth:
        raise unlike(e.answers.get("answer.kernel"), f"kubectl exec {name_of(pod)} -- uname -r")
    return "named right"


@criterion("files-apart", "a word of the judge's, written into a file of one pod, is not in the other")
def files_apart(e: Evidence) -> str:
    one, two = twins(e)
    container = str(one["spec"]["containers"][0]["name"]), str(two["spec"]["containers"][0]["name"])
    file, word = f"{FOLDER}/judge-{secrets.token_hex(4)}", f"word-{secrets.token_hex(8)}"
    run(e, one, container[0], f"echo {word} > {file}")
    if word not in run(e, one, container[0], f"cat {file}"):
        raise Unmet(f"nothing can be written in {FOLDER} of {name_of(one)}", "securityContext")
    seen = run(e, two, container[1], f"cat {file} 2>/dev/null || true")
    run(e, one, container[0], f"rm -f {file}")
    if word in seen:
        raise Unmet("it is in both: they share that folder", "volumes and volumeMounts of the two pods")
    return "only where it was written"


@criterion("restarted", "the program of one of the two was ended and started again, in the same pod")
def restarted(e: Evidence) -> str:
    restarted_one(e)
    return "started again"


@criterion("process-found", "the number that this program has on its node now: its cgroup names the container, and inside it is number 1")
def process_found(e: Evidence) -> str:
    pod, said = restarted_one(e), e.answers.get("answer.pid")
    if isinstance(said, bool) or not isinstance(said, int):
        raise unlike(said, "the cell that looks for the process")
    seen = container_processes(e.client.access, str(pod["spec"]["nodeName"]))
    if said in {p.pid for p in first_of(pod, seen)}:
        return "found: its cgroup names this container"
    raise Unmet(
        f"number {said} on its node is {whose(said, seen, e.state)}",
        f"cat /proc/{said}/cgroup on the node; kubectl get pod -o yaml: containerID",
    )


CRITERIA = (predicted, twins_there, same_in_both, one_kernel, files_apart, restarted, process_found)


def twins(e: Evidence) -> tuple[Object, Object]:
    """Two ready pods of one image; those that were restarted come first."""
    ready = [p for p in e.state.all("Pod") if is_ready(p) and not is_helper(p)]
    for one in sorted(ready, key=lambda p: (-restarts(p), name_of(p))):
        for two in ready:
            if two is not one and image_of(one) == image_of(two):
                return one, two
    raise Unmet(f"{len(ready)} ready pods, no two of one image", "kubectl get pods")


def image_of(pod: Object) -> str:
    return str(pod["spec"]["containers"][0]["image"])


def restarted_one(e: Evidence) -> Object:
    """A pod that was ready, was started again, and is ready now."""
    there = {p["metadata"]["uid"]: p for p in e.state.all("Pod") if is_ready(p) and not is_helper(p)}
    found = [there[x.uid] for x in lives(e.history) if x.uid in there and x.restarts()]
    if not found:
        raise Unmet("no ready pod was ever started again", "kubectl get pods, column RESTARTS")
    return found[-1]


def whose(pid: int, seen: list[Process], state: ClusterState) -> str:
    """In words, what a number on the node belongs to."""
    process = next((p for p in seen if p.pid == pid), None)
    if process is None:
        return "nobody's, or no container's"
    pods = [p for p in state.all("Pod") if process.container in ids_of(p)]
    if not pods:
        return f"{process.name}, of a container that is none of your pods'"
    return f"{process.name} of pod {name_of(pods[0])}, inside it number {process.inside}"
