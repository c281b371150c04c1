"""Lab 9: what a container, a pod and a claim remember, and what a claim's volume does to the pods that use it.

What happened during the lab is read from the judge's history. What is remembered is tried: the judge writes words that nobody can know,
ends a container, deletes a pod, and reads. A pod is marked before that, so that nothing of it counts as the learner's."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shallowdive.checks.folders import mounts_of, room_of, run
from shallowdive.checks.pod_lives import Life, lives
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.checks.stand_in import is_token
from shallowdive.checks.successors import replace, start_again
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState, History
from shallowdive.objects import Object, annotations_of, is_helper, name_of, uid_of
from shallowdive.objects.pods import is_ready, pod_state
from shallowdive.objects.scheduling import VOLUME_ELSEWHERE

JUDGED = "shallowdive/judged"
"""Annotation of a pod that the judge has begun to act on."""
KEPT_AWAY = re.compile(VOLUME_ELSEWHERE)
WAITS = "WaitForFirstConsumer"


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction before each of the four experiments", "claim-alone", "after-kill", "after-delete", "elsewhere")


@criterion("claim-mounted", "a ready pod that mounts a bound claim into a container")
def claim_mounted(e: Evidence) -> str:
    find_pod(e.state)
    return "mounted, and bound"


@criterion("claim-came-first", "the claim was there, Pending, before any pod that uses it")
def claim_came_first(e: Evidence) -> str:
    claim = claim_of(e.state, find_pod(e.state))
    for state in _states(e.history):
        then = state.get("PersistentVolumeClaim", name_of(claim))
        alone = not [p for p in state.all("Pod") if name_of(claim) in named_by(p)]
        if then and alone and uid_of(then) == uid_of(claim) and phase_of(then) == "Pending":
            return "Pending alone, bound later"
    raise Unmet("it was never seen Pending without a pod that names it", "delete both, make the claim first: kubectl get pvc")


@criterion("why-it-waits", "the reason that the event about the waiting claim gives, in one word")
def why_it_waits(e: Evidence) -> str:
    about = {s.object.get("reason") for s in e.history.of("Event") if kind_of(s.object) == "PersistentVolumeClaim"}
    said = e.answers.get("answer.pending-because")
    if WAITS not in about:
        raise Unmet("no event told of a claim that waits for its first pod", "kubectl get events")
    if said != WAITS:
        raise unlike(said, "kubectl describe pvc, the events at its end")
    return "named right"


@criterion("restarted", "a container of the pod was ended and started again, and the pod stayed")
def restarted(e: Evidence) -> str:
    if not [r for life in pod_lives(e.history) for r in life.restarts()]:
        raise Unmet("in no pod with a claim did the restart count rise and the pod become ready again", "kubectl get pods")
    return "the count rose, the pod stayed"


@criterion("replaced", "the pod was deleted, and another one mounted the same claim")
def replaced(e: Evidence) -> str:
    found = pod_lives(e.history)
    for old in (x for x in found if x.left_at is not None):
        for new in found:
            if new.ready_at > (old.left_at or 0) and set(claims_in(old.pod)) & set(claims_in(new.pod)):
                return "another pod, the same claim"
    raise Unmet("no pod with a claim was deleted and followed by another one", "kubectl get pods; kubectl delete pod NAME")


@criterion("tried-elsewhere", "a pod of the claim was sent away from the volume's node, and no node would have it")
def tried_elsewhere(e: Evidence) -> str:
    users = {uid_of(s.object) for s in e.history.of("Pod") if claims_in(s.object)}
    for event in (s.object for s in e.history.of("Event")):
        if event["involvedObject"].get("uid") in users and KEPT_AWAY.search(str(event.get("message"))):
            return "it stayed Pending, because of its volume"
    raise Unmet(
        "no event says that a node did not match the volume of such a pod", "kubectl get events --field-selector reason=FailedScheduling"
    )


@criterion("pinned-to", "the name of the node that the claim's volume is on")
def pinned_to(e: Evidence) -> str:
    pod = find_pod(e.state)
    said = e.answers.get("answer.pinned-to")
    if said != pod["spec"].get("nodeName"):
        raise unlike(said, "kubectl get pods -o wide; kubectl get pvc -o yaml")
    return "named right"


@criterion("container-forgets", "a word of the judge's in the container's own files is gone when the container was started again")
def container_forgets(e: Evidence) -> str:
    at = place_in(find_pod(e.client.state), "persistentVolumeClaim")
    room = room_of(at.pod, at.container)
    file = f"{room}/judge-{secrets.token_hex(4)}"
    word = leave(e, Place(at.pod, at.container, room), file)
    again = start_again(e, at.pod, at.container)
    if word in run(e, again, at.container, f"cat {file} 2>/dev/null || true"):
        raise Unmet("it was still there: something carries the files over", "the command of the container")
    return "gone with the container"


@criterion("pod-forgets", "a word of the judge's in an emptyDir volume is gone when another pod has taken the pod's place")
def pod_forgets(e: Evidence) -> str:
    at = next(iter(places(e, "emptyDir")), None)
    if at is None:
        raise Unmet("no ready pod mounts an emptyDir volume", "volumes and volumeMounts of the pod")
    file = f"{at.folder}/judge-{secrets.token_hex(4)}"
    word = leave(e, at, file)
    new = replace(e, at.pod)
    if word in run(e, new, at.container, f"cat {file} 2>/dev/null || true"):
        raise Unmet("it was still there: something carries the files over", "the volumes of the pod, and the command of its container")
    return "gone with the pod"


@criterion("claim-remembers", "a word of the judge's, written through the pod into the claim, is read in the pod that takes its place")
def claim_remembers(e: Evidence) -> str:
    at = place_in(find_pod(e.client.state), "persistentVolumeClaim")
    file = f"{at.folder}/judge-{secrets.token_hex(4)}"
    word = leave(e, at, file)
    new = replace(e, at.pod)
    found = run(e, new, at.container, f"cat {file} 2>/dev/null || true")
    with suppress(Unmet):
        run(e, new, at.container, f"rm -f {file}")
    if word not in found:
        raise Unmet("the next pod did not have it", "the command of the container: does it clear the folder?")
    return "still there in another pod"


CRITERIA = (
    predicted, claim_mounted, claim_came_first, why_it_waits, restarted, replaced, tried_elsewhere, pinned_to, container_forgets,
    pod_forgets, claim_remembers,
)  # fmt: skip


# ── pods and their claims ────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Place:
    """A folder in a container of a pod."""

    pod: Object
    container: str
    folder: str


def places_in(pod: Object, kind: str) -> Iterator[Place]:
    """Folders of the pod's containers that can be written and lie in a volume of this kind."""
    for volume in pod["spec"].get("volumes") or []:
        if kind in volume and not (volume[kind] or {}).get("readOnly"):
            yield from (Place(pod, c, m["mountPath"].rstrip("/")) for c, m in mounts_of(pod, volume["name"]) if not m.get("readOnly"))


def place_in(pod: Object, kind: str) -> Place:
    found = next(places_in(pod, kind), None)
    if found is None:
        raise Unmet("the claim is mounted read-only", f"kubectl get pod {name_of(pod)} -o yaml")
    return found


def places(e: Evidence, kind: str) -> Iterator[Place]:
    """Such folders in ready pods, first in the one that mounts the claim."""
    with suppress(Unmet):
        yield from places_in(find_pod(e.client.state), kind)
    yield from (at for p in e.client.state.all("Pod") if is_ready(p) and not is_helper(p) for at in places_in(p, kind))


def named_by(pod: Object) -> list[str]:
    """Claims that a pod names, mounted or not."""
    volumes = (v.get("persistentVolumeClaim") or {} for v in pod["spec"].get("volumes") or [])
    return [str(v["claimName"]) for v in volumes if v.get("claimName")]


def claims_in(pod: Object) -> list[str]:
    """Claims that a container of the pod mounts."""
    volumes = [v for v in pod["spec"].get("volumes") or [] if "persistentVolumeClaim" in v]
    return [str(v["persistentVolumeClaim"]["claimName"]) for v in volumes if mounts_of(pod, v["name"])]


def phase_of(claim: Object) -> str:
    return str((claim.get("status") or {}).get("phase", "Pending"))


def kind_of(event: Object) -> str:
    return str((event.get("involvedObject") or {}).get("kind"))


def find_pod(state: ClusterState) -> Object:
    """The pod that is judged: ready, with a bound claim mounted; of several one that also mounts an emptyDir, then the newest."""
    bound = {name_of(c) for c in state.all("PersistentVolumeClaim") if phase_of(c) == "Bound"}
    users = [p for p in state.all("Pod") if is_ready(p) and not is_helper(p) and bound & set(claims_in(p))]
    if not users:
        claims = ", ".join(f"{name_of(c)} ({phase_of(c)})" for c in state.all("PersistentVolumeClaim"))
        pods = ", ".join(f"{name_of(p)} ({pod_state(p)}, mounts {mounted(p)})" for p in state.all("Pod") if not is_helper(p))
        raise Unmet(f"claims there: {claims or 'none'}; pods there: {pods or 'none'}", "kubectl get pvc; kubectl describe pods")
    return sorted(users, key=lambda p: (next(places_in(p, "emptyDir"), None) is not None, p["metadata"]["creationTimestamp"]))[-1]


def mounted(pod: Object) -> str:
    """Kinds of the volumes that a container mounts."""
    volumes = [v for v in pod["spec"].get("volumes") or [] if mounts_of(pod, v["name"]) and not is_token(v)]
    return " and ".join(next(k for k in v if k != "name") for v in volumes) or "nothing"


def claim_of(state: ClusterState, pod: Object) -> Object:
    found = (state.get("PersistentVolumeClaim", name) for name in claims_in(pod))
    return next(c for c in found if c is not None and phase_of(c) == "Bound")


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────
def pod_lives(history: History) -> list[Life]:
    """Lives of the pods that mounted a claim and were ready once, each until the judge touched it."""
    mine = History([s for s in history.of("Pod") if JUDGED not in annotations_of(s.object)])
    return [x for x in lives(mine) if x.was_ready and claims_in(x.pod)]


def _states(history: History) -> Iterator[ClusterState]:
    return (state for _, state in History([s for s in history.events if s.kind in ("Pod", "PersistentVolumeClaim")]).states())


# ── acting ───────────────────────────────────────────────────────────────────────────────────────────────────
def leave(e: Evidence, at: Place, file: str) -> str:
    """Write a word that nobody can know; Unmet where it cannot be read at once."""
    word = f"word-{secrets.token_hex(8)}"
    e.client.core.patch_namespaced_pod(name_of(at.pod), e.client.namespace, {"metadata": {"annotations": {JUDGED: "yes"}}})
    run(e, at.pod, at.container, f"echo {word} > {file}; sync; true")
    if word not in run(e, at.pod, at.container, f"cat {file} 2>/dev/null || true"):
        raise Unmet(
            f"nothing can be written in {at.folder or 'a folder outside the volumes'} of container {at.container}", "securityContext"
        )
    return word
