"""Lab 14, the capstone: a shop with five faults, found by their evidence and repaired without giving anything up.

Which faults a student got is drawn from the name on the namespace and looked for in the judge's record; whether the shop works is tried
from outside, before and after the judge has deleted every pod of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shallowdive.checks import shop
from shallowdive.checks.acting import delete_pods
from shallowdive.checks.hops import answered_by, host_of, lab_host
from shallowdive.checks.result import CheckResult, Criterion, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.checks.student import student_of
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.errors import WaitTimeout
from shallowdive.live import ClusterState, History, poll
from shallowdive.objects import Object, is_helper, name_of, uid_of
from shallowdive.objects.pods import is_ready, restarts
from shallowdive.objects.quantities import amount
from shallowdive.objects.route import find_route

PATHS = tuple(map(shop.path_of, shop.PARTS))
SENTENCE = 25
"""Characters of an explanation: fewer are no sentence."""
ANSWER_S, BACK_S, QUIET_S = 10, 90, 8
"""Seconds for a path to answer; for pods to be back (usually 5); in which none of them is started again."""
LOOK = "kubectl get ingress,service,endpointslice,pods --show-labels"


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


def deliver(client: NamespaceClient) -> bool:
    """Put the student's broken shop there; False when a part of it stands there already."""
    client.follower.catch_up()
    if any(client.state.get("Deployment", part) for part in shop.PARTS):
        return False
    client.apply(*shop.broken(lab_host("shop", client.namespace), drawn_for(client)).values(), manager="somebody")
    return True


def drawn_for(client: NamespaceClient) -> tuple[shop.Drawn, ...]:
    return shop.draw(student_of(client))


predicted = predictions("a prediction of what a restart repairs, and of what is left when one fault is", "restart-repairs", "after-one")


@criterion("shop-delivered", "the shop that was drawn for this student, with its five faults, is in the record")
def shop_delivered(e: Evidence) -> str:
    host = lab_host("shop", e.client.namespace)
    good, bad = shop.whole(host), shop.broken(host, drawn_for(e.client))
    missing = 0
    for (kind, name), body in bad.items():
        seen = [s.object for s in e.history.of(kind) if name_of(s.object) == name]
        missing += sum(not any(shop.holds(o, *field) for o in seen) for field in shop.changed(good[kind, name], body))
    if missing:
        raise Unmet(f"{missing} of its five faults were never there", "session.open_shop()")
    return "five faults, as drawn"


def evidence_of(family: str) -> Criterion:
    """Which part is broken and what tells so, of one family."""

    def test(e: Evidence) -> str:
        truth = next(d for d in drawn_for(e.client) if d.fault.family == family).answer
        said = e.answers.get(f"answer.evidence-{family}")
        if said != truth:
            raise unlike(said, WHERE[family])
        return "the right part, the right words"

    return Criterion(f"evidence-{family}", f"which part has the fault of the family {family}, and the words that tell it", test)


WHERE = {
    "node": "kubectl get events --field-selector reason=FailedScheduling",
    "storage": "kubectl describe pvc; kubectl describe pods: Events",
    "container": "kubectl get pods; kubectl describe pod NAME: State, Last State",
    "probe": "kubectl get events --field-selector reason=Unhealthy",
    "way-in": "kubectl get ingress,service,endpointslice; session.trace(path, host)",
}


@criterion("explained", "a sentence for each of the five: what was wrong, and how you knew")
def explained(e: Evidence) -> str:
    short = [f for f in shop.FAMILIES if len(str(e.answers.get(f"answer.because-{f}", "")).strip()) < SENTENCE]
    if short:
        raise Unmet(f"no sentence for {', '.join(short)}", "the cells that begin with session.answer('because-…'")
    return "five sentences"


@criterion("every-path-answers", "every part answers its path through the entrance, by a ready pod of its own")
def every_path_answers(e: Evidence) -> str:
    wrong = {part: said for part in shop.PARTS if (said := silence_of(e.client, part))}
    if wrong:
        raise Unmet("; ".join(f"{shop.path_of(part)}: {said}" for part, said in wrong.items()), LOOK)
    return "three parts, three answers"


@criterion("nothing-given-up", "what the shop had is still there: CPU requests, memory limits, probes, a bound claim for the ledger")
def nothing_given_up(e: Evidence) -> str:
    lost = [f"{part}: {what}" for part in shop.PARTS for what in given_up(e.state, part)]
    if lost:
        raise Unmet(f"not there any more: {'; '.join(lost)}", "kubectl get deployments -o yaml")
    return "all of it"


@criterion("comes-back-whole", "the judge deletes every pod of the shop: others answer, and none is started again meanwhile")
def comes_back_whole(e: Evidence) -> str:
    before = {uid_of(p): name_of(p) for part in shop.PARTS for p in pods_of(e.client.state, part)}
    if not before:
        raise Unmet("no pod of the shop is there", "kubectl get pods")
    delete_pods(e.client, *before.values())

    def back(now: ClusterState) -> bool:
        pods = {part: pods_of(now, part) for part in shop.PARTS}
        return all(found and all(is_ready(p) and uid_of(p) not in before for p in found) for found in pods.values())

    e.client.wait_for("other ready pods of all three parts", back, within_s=BACK_S, usually_s=5)
    silent = {part: said for part in shop.PARTS if (said := silence_of(e.client, part))}
    if silent:
        raise Unmet("; ".join(f"{shop.path_of(part)}: {said}" for part, said in silent.items()), LOOK)

    began = {uid_of(p): restarts(p) for part in shop.PARTS for p in pods_of(e.client.state, part)}

    def again(now: ClusterState) -> bool:
        """Beyond the restarts of a slow beginning: a program that answers late may be killed once."""
        return any(restarts(p) > began.get(uid_of(p), 0) for part in shop.PARTS for p in pods_of(now, part))

    with suppress(WaitTimeout):
        e.client.wait_for("a restart", again, within_s=QUIET_S)
        raise Unmet("one of them was started again at once", "kubectl get pods, column RESTARTS; kubectl describe pod NAME: Events")
    return "others answer, and stay"


CRITERIA = (
    predicted, shop_delivered, *map(evidence_of, shop.FAMILIES), explained, every_path_answers, nothing_given_up, comes_back_whole,
)  # fmt: skip


# ── the shop as it is ────────────────────────────────────────────────────────────────────────────────────────
def pods_of(state: ClusterState, part: str) -> list[Object]:
    deployment = state.get("Deployment", part)
    return [p for p in state.pods_of(deployment) if not is_helper(p)] if deployment else []


def silence_of(client: NamespaceClient, part: str) -> str:
    """Why the part does not answer its path; '' when a ready pod of its own does, within ANSWER_S."""
    path, last = shop.path_of(part), "no Ingress rule fits"

    def ask() -> bool | None:
        nonlocal last
        ours = {name_of(p) for p in pods_of(client.state, part) if is_ready(p)}
        host = host_of(client.state, client.namespace, PATHS)
        if not find_route(client.state, host, path).ingress:
            return None
        reply = client.get(path, host)
        last = f"{reply.status or 'no answer'}" if reply.status != 200 else "another pod answers"
        return True if reply.status == 200 and answered_by(client.state, reply.text) in ours else None

    try:
        poll(f"an answer on {path}", ask, within_s=ANSWER_S / client.access.speed + 2)
    except WaitTimeout:
        return last
    return ""


def given_up(state: ClusterState, part: str) -> list[str]:
    """What a part of the shop had and has not any more."""
    deployment = state.get("Deployment", part)
    if deployment is None:
        return ["its Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    containers = pod["containers"]
    lost = [] if int(deployment["spec"].get("replicas", 1)) else ["a pod"]
    if not any(amount(((c.get("resources") or {}).get("requests") or {}).get("cpu", 0)) for c in containers):
        lost.append("a CPU request")
    if not any(((c.get("resources") or {}).get("limits") or {}).get("memory") for c in containers):
        lost.append("a memory limit")
    for key, words in (("readinessProbe", "a readiness probe"), ("livenessProbe", "a liveness probe")):
        lost += [] if any(c.get(key) for c in containers) else [words]
    if part == "ledger" and not mounts_bound_claim(state, pod):
        lost.append("a bound claim that is mounted")
    return lost


def mounts_bound_claim(state: ClusterState, pod: Object) -> bool:
    mounted = {m["name"] for c in pod["containers"] for m in c.get("volumeMounts") or []}
    named = [(v.get("persistentVolumeClaim") or {}).get("claimName") for v in pod.get("volumes") or [] if v["name"] in mounted]
    claims = (state.get("PersistentVolumeClaim", str(name)) for name in named if name)
    return any(claim and (claim.get("status") or {}).get("phase") == "Bound" for claim in claims)
