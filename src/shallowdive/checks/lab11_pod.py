"""Lab 11: two containers that share an address and a volume and nothing else; a restart keeps the pod, a deletion does not.

What happened during the lab is read from the judge's history. What is shared, and whether the side-car asks its neighbour, is tried."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shallowdive.checks.folders import mounts_of, room_of, run
from shallowdive.checks.pod_lives import Life, Restart, Silence, endpoint_was_out, is_judges, liveness_kills, lives
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria
from shallowdive.checks.stand_in import TCP_LISTEN, sockets, stand_in
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.errors import WaitTimeout
from shallowdive.live import ClusterState, History
from shallowdive.objects import Object, is_helper, name_of, uid_of
from shallowdive.objects.pods import container_statuses, is_ready, long_running, pod_state, restarts

PREDICTIONS = (
    "kill-uid", "kill-address", "kill-restarts", "kill-shared-file", "kill-own-file", "delete-comes-back", "delete-uid",
    "delete-shared-file", "closed",
)  # fmt: skip
SAME, OTHER = "the same", "another"
EVENT_S = 10
"""The kubelet sends events on their own way; on a busy machine one comes seconds after the restart that it tells of."""
RELAPSE_S = 4
"""A server that finds its port taken ends within a second."""


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction before each of the three experiments", *PREDICTIONS)


@criterion("two-containers", "one pod with two containers, all of them ready")
def two_containers(e: Evidence) -> str:
    pod = find_pod(e)
    if not is_ready(pod):
        waiting = [c["name"] for c in container_statuses(pod) if not c.get("ready")]
        raise Unmet(f"not ready: {', '.join(waiting) or 'the pod'}", f"kubectl describe pod {name_of(pod)}")
    return "all its containers are ready"


@criterion("shared-and-separate", "a file in the pod's emptyDir volume is seen by the other container, a file beside it is not")
def shared_and_separate(e: Evidence) -> str:
    pod = find_pod(e)
    here, there = shared_mounts(pod)
    file = f"judge-{secrets.token_hex(4)}"
    inside, outside = f"{here[1]}/{file}", f"{room_of(pod, here[0])}/{file}"
    try:
        run(e, pod, here[0], f"echo seen > {inside}; echo seen > {outside} || true")
        if run(e, pod, there[0], f"cat {there[1]}/{file} 2>/dev/null || true").strip() != "seen":
            raise Unmet(f"a file that {here[0]} wrote into the volume is not where {there[0]} mounts it", "volumeMounts of both containers")
        if run(e, pod, there[0], f"cat {outside} 2>/dev/null || true").strip():
            raise Unmet(f"a file that {here[0]} wrote outside the volume is there in {there[0]}", "volumes and volumeMounts")
    finally:
        with suppress(Unmet):
            run(e, pod, here[0], f"rm -f {inside} {outside}")
    return "the volume is shared, the other files are not"


@criterion("asks-next-door", "the side-car asks the app at 127.0.0.1 and writes what it hears into the shared volume")
def asks_next_door(e: Evidence) -> str:
    pod = find_pod(e)
    shared_mounts(pod)
    servers = {c["name"]: ports for c in long_running(pod) if (ports := ports_of(e, pod, c["name"]))}
    if not servers:
        raise Unmet("no container of the pod listens on a port", f"kubectl logs {name_of(pod)} --all-containers")
    by_address = False
    for name, ports in servers.items():
        folders = [m["mountPath"] for v in shared_volumes(pod) for c, m in mounts_of(pod, v) if c == name]
        if folders:
            heard = stand_in(e.client, pod, name, ports, folders)
            if heard.word and not heard.by_own_address:
                return "a word that only the server knew came through"
            by_address |= heard.by_own_address
    if by_address:
        raise Unmet("the word came through, but the pod was asked at its own IP", "the address in the side-car's command")
    raise Unmet(
        "another server stood in for the app: its word did not reach the volume",
        "the side-car's command: what it asks, and where it writes",
    )


@criterion("restarted", "a container was restarted in a pod that stayed: restart count up, UID the same")
def restarted(e: Evidence) -> str:
    if not all_restarts(e):
        raise Unmet("in no pod did the restart count rise and the pod become ready again", "kubectl get pods")
    return "the count rose, the UID stayed"


@criterion("replaced", "the pod was deleted and another one took its place: another UID")
def replaced(e: Evidence) -> str:
    if not all_replacements(e):
        raise Unmet("no pod with two containers was deleted and followed by another one", "kubectl get pods; kubectl delete pod NAME")
    return "another pod, another UID"


@criterion("silent-not-restarted", "the pod was running and not ready for a while, became ready again, and nothing was restarted")
def silent_not_restarted(e: Evidence) -> str:
    if not all_silences(e):
        raise Unmet("no such time is in the record", "readinessProbe of the app: make its question fail, then succeed")
    return "not ready, then ready, and no restart"


@criterion("out-of-the-service", "while it was not ready, a Service had taken it out of its list")
def out_of_the_service(e: Evidence) -> str:
    silences = all_silences(e)
    if not silences:
        raise Unmet("there was no time of not being ready, so nothing to take out", "kubectl get endpointslices")
    if not any(endpoint_was_out(e.history, s) for s in silences):
        raise Unmet("no EndpointSlice marked the pod as not ready at that time", "kubectl get services,endpointslices -o wide")
    return "the Service knew"


@criterion("liveness-restarted", "a failed liveness probe had a container restarted")
def liveness_restarted(e: Evidence) -> str:
    asked = {x.uid for x in pair_lives(e) if x.restarts() and any(c.get("livenessProbe") for c in long_running(x.pod))}
    if asked:
        with suppress(WaitTimeout):
            e.client.wait_for("the kubelet's event", lambda _: asked & liveness_kills(e.history), within_s=EVENT_S)
    if not asked & liveness_kills(e.history):
        raise Unmet("no restart was asked for by a liveness probe", "kubectl get events --field-selector reason=Killing")
    return "it was restarted"


@criterion("no-pod-left-broken", "every pod that is left is ready, and stays so")
def no_pod_left_broken(e: Evidence) -> str:
    pods = [p for p in e.state.all("Pod") if not is_judges(p) and not p["metadata"].get("deletionTimestamp")]
    if not pods:
        raise Unmet("no pod at all", "kubectl get pods")
    known = {x.uid for x in pair_lives(e)}
    others = [p for p in pods if uid_of(p) not in known]
    broken = [name_of(p) for p in others if not is_ready(p) and pod_state(p) != "succeeded"]
    if broken:
        raise Unmet(f"not ready: {', '.join(broken)}", f"kubectl describe pod {broken[0]}")
    shaky = {name_of(p) for p in others if restarts(p)}
    if shaky:
        with suppress(WaitTimeout):
            e.client.wait_for("a relapse", lambda now: shaky - {name_of(p) for p in now.ready_pods()}, within_s=RELAPSE_S)
            raise Unmet(f"restarted again and again: {', '.join(sorted(shaky))}", "kubectl get pods")
    return "nothing is left broken"


@criterion("answered", "what stayed the same after the restart, and after the deletion: UID and address")
def answered(e: Evidence) -> str:
    restarted_pods, replacements = all_restarts(e), all_replacements(e)
    if not restarted_pods or not replacements:
        raise Unmet("there was no restart or no deletion to compare with", "kubectl get pods")
    truths = {
        "uid-after-restart": {SAME},
        "address-after-restart": {same(r.address_before, r.address_after) for r in restarted_pods},
        "uid-after-deletion": {OTHER},
        "address-after-deletion": {same(a.last_address, b.first_address) for a, b in replacements},
    }
    missing = [q for q in truths if f"answer.{q}" not in e.answers]
    wrong = [q for q, truth in truths.items() if q not in missing and e.answers[f"answer.{q}"] not in truth]
    if missing or wrong:
        said = [f"no answer {', '.join(missing)}"] * bool(missing) + [f"the record says otherwise for {', '.join(wrong)}"] * bool(wrong)
        raise Unmet("; ".join(said), "the cells that begin with session.answer")
    return "all as it was"


CRITERIA = (
    predicted, two_containers, shared_and_separate, asks_next_door, restarted, replaced, silent_not_restarted, out_of_the_service,
    liveness_restarted, no_pod_left_broken, answered,
)  # fmt: skip


def same(one: str, two: str) -> str:
    return SAME if one == two else OTHER


# ── the pod and its containers ───────────────────────────────────────────────────────────────────────────────
def find_pod(e: Evidence) -> Object:
    """The pod that is judged: of those with two containers the ready one, then one with a shared volume, then the newest."""
    pods = [p for p in e.client.state.all("Pod") if not is_judges(p)]
    pairs = [p for p in pods if len(long_running(p)) >= 2 and not p["metadata"].get("deletionTimestamp")]
    if not pairs:
        there = ", ".join(f"{name_of(p)} ({len(long_running(p))} container)" for p in pods if not is_helper(p))
        raise Unmet(f"no pod has two; pods there: {there or 'none'}", "kubectl get pods")
    ready_once = [p for p in pairs if Life.of(e.history, uid_of(p)).was_ready]
    return sorted(ready_once or pairs, key=lambda p: (bool(shared_volumes(p)), is_ready(p)))[-1]


def shared_volumes(pod: Object) -> list[str]:
    """Names of the emptyDir volumes that two containers mount."""
    empty = [v["name"] for v in pod["spec"].get("volumes") or [] if "emptyDir" in v]
    return [v for v in empty if len({c for c, _ in mounts_of(pod, v)}) >= 2]


def shared_mounts(pod: Object) -> tuple[tuple[str, str], tuple[str, str]]:
    """(container, folder) of one that may write into the shared volume and of another one."""
    for volume in shared_volumes(pod):
        mounts = mounts_of(pod, volume)
        writer = next(((c, m["mountPath"]) for c, m in mounts if not m.get("readOnly")), None)
        reader = next(((c, m["mountPath"]) for c, m in mounts if writer and c != writer[0]), None)
        if writer and reader:
            return writer, reader
    raise Unmet("no emptyDir volume is mounted in two of its containers", f"kubectl get pod {name_of(pod)} -o yaml")


def ports_of(e: Evidence, pod: Object, container: str) -> list[int]:
    """The ports on which this container's own processes listen: the pod's sockets whose inode one of them holds open."""
    with suppress(Unmet):
        text = run(e, pod, container, "cat /proc/net/tcp /proc/net/tcp6; ls -l /proc/[0-9]*/fd; true")
        held = set(re.findall(r"socket:\[(\d+)\]", text))
        return sorted({s.port for s in sockets(text) if s.state == TCP_LISTEN and s.inode in held})
    return []


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────
def pair_lives(e: Evidence) -> list[Life]:
    """Lives of the pods with two containers that were ready once; those with a shared volume, where there are such."""
    pairs = [x for x in lives(e.history) if x.was_ready and len(long_running(x.pod)) >= 2]
    return [x for x in pairs if shared_volumes(x.pod)] or pairs


def all_restarts(e: Evidence) -> list[Restart]:
    return [r for life in pair_lives(e) for r in life.restarts()]


def all_silences(e: Evidence) -> list[Silence]:
    return [s for life in pair_lives(e) for s in life.silences()]


def all_replacements(e: Evidence) -> list[tuple[Life, Life]]:
    """Each pod that was deleted, with the first one that became ready afterwards."""
    found = []
    for old in (x for x in pair_lives(e) if x.left_at is not None):
        later = [x for x in pair_lives(e) if x.uid != old.uid and x.ready_at > (old.left_at or 0)]
        if later:
            found.append((old, min(later, key=lambda x: x.ready_at)))
    return found
