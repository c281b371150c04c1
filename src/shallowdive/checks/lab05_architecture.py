"""Lab 5: one plug after the other is pulled out of the control plane, and something does not happen that otherwise does.

For each plug the learner names one piece of evidence, a pod. What became of that pod is read from the judge's record; that the component
was off meanwhile, from the moment at which the one began that runs now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shallowdive.checks.acting import delete_pods
from shallowdive.checks.finding import namespace_made_s, wanted
from shallowdive.checks.hops import answered_by, host_of
from shallowdive.checks.load import is_load, requests
from shallowdive.checks.pod_lives import Life, lives
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.backend import COMPONENTS
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.cluster.components import started_s, stored
from shallowdive.errors import WaitTimeout
from shallowdive.live import ClusterState, History, poll
from shallowdive.objects import condition, controller_uid, is_helper, name_of, uid_of
from shallowdive.objects.pods import is_ready, moment
from shallowdive.objects.traffic import Second

SCHEDULER, CONTROLLERS, API = "kube-scheduler", "kube-controller-manager", "kube-apiserver"
LEAST_S = 3
"""Cluster seconds without a node, or without a successor: what is on acts within one."""
SERVED_S = 3
"""Seconds before the API server began in which requests must have been answered."""
FAILED_OF = 5
"""One request in so many may fail: on a laptop that restarts an API server one waits too long now and then. Without an entrance, or with
dead pods behind it, most do."""
BACK_S, ANSWER_S = 120, 90
"""The entrance watches too: after minutes without an API server it waits up to half a minute before it asks again."""


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction for each of the three plugs", "no-scheduler", "no-controllers", "no-api")


@criterion("no-node", "a pod that nobody gave a node while the scheduler was off, and that had one afterwards")
def no_node(e: Evidence) -> str:
    pod = named(e, "unscheduled")
    looks = [s for s in e.history.of("Pod") if uid_of(s.object) == pod.uid and s.type != "DELETED"]
    placed = next((s.at_s for s in looks if s.object["spec"].get("nodeName")), None)
    if placed is None:
        raise Unmet(f"{name_of(pod.pod)} never had a node", "kubectl get pods -o wide")
    if (placed - looks[0].at_s) * e.client.access.speed < LEAST_S:
        raise Unmet(f"{name_of(pod.pod)} had a node at once", "kubectl get pods -o wide")
    spec = looks[0].object["spec"]
    if spec.get("schedulingGates") or spec.get("schedulerName", "default-scheduler") != "default-scheduler":
        raise Unmet(f"{name_of(pod.pod)} asked that the scheduler leave it alone", "kubectl get pod -o yaml")
    before = [s.object for s in looks if s.at_s < placed]
    if any(condition(o, "PodScheduled") for o in before):
        raise Unmet(f"the scheduler looked at {name_of(pod.pod)} and refused it: it was on", f"kubectl describe pod {name_of(pod.pod)}")
    was_off(e, SCHEDULER, moment(pod.pod["metadata"].get("creationTimestamp")))
    return "no node, and nobody who said why"


@criterion("not-replaced", "a deleted pod in whose place no other came while the controller manager was off, and one did afterwards")
def not_replaced(e: Evidence) -> str:
    pod = named(e, "unreplaced")
    if not pod.was_ready or pod.left_at is None:
        raise Unmet(f"{name_of(pod.pod)} was not deleted", "kubectl get pods")
    owner = controller_uid(pod.pod)
    if not owner:
        raise Unmet(f"{name_of(pod.pod)} had no owner: nobody would replace it", "kubectl get pod -o yaml: ownerReferences")
    siblings = [x for x in lives(e.history) if controller_uid(x.pod) == owner and x.uid != pod.uid and x.looks]
    after = min((x.looks[0].at_s for x in siblings if x.looks[0].at_s > pod.left_at), default=None)
    if after is None:
        raise Unmet(f"nobody came in the place of {name_of(pod.pod)}, to this day", "kubectl get pods")
    if (after - pod.left_at) * e.client.access.speed < LEAST_S:
        raise Unmet(f"another pod came in the place of {name_of(pod.pod)} at once", "kubectl get pods")
    left = [x for x in siblings if x.looks[0].at_s <= pod.left_at and (x.left_at is None or x.left_at > pod.left_at)]
    almost = after - LEAST_S / 2 / e.client.access.speed  # who scales up again has a new pod at once, or nearly
    if least_wanted(e.history, owner, pod.left_at, almost) <= len(left):
        raise Unmet("its owner wanted fewer pods then, or was gone", "kubectl get replicasets")
    grace_s = float(pod.pod["spec"].get("terminationGracePeriodSeconds") or 0)
    was_off(e, CONTROLLERS, moment(pod.pod["metadata"].get("deletionTimestamp")) - grace_s)
    return "missing, and nobody who counts"


@criterion("served", "users were answered while the API server was off: the pod that answered you, and the traffic that went on")
def served(e: Evidence) -> str:
    pod, began = named(e, "served"), started_s(e.client.access, API)
    if not pod.was_ready:
        raise Unmet(f"{name_of(pod.pod)} was never ready", "kubectl get pods")
    was_off(e, API, namespace_made_s(e.client))
    counted = [s for s in traffic(e) if began - SERVED_S <= s.at_s < began]
    if not any(s.answered for s in counted):
        raise Unmet("no traffic pod was answered in the seconds before the API server came back", "session.traffic(…), before the plug")
    if FAILED_OF * sum(s.failed for s in counted) > sum(s.failed + s.answered for s in counted):
        raise Unmet(f"more than one in {FAILED_OF} requests of the traffic pod failed in those seconds", "kubectl logs traffic")
    return "answered while it was off"


@criterion("stored", "the key under which one of your Deployments is stored; the judge asks the store")
def stored_there(e: Evidence) -> str:
    said = e.answers.get("answer.key")
    right = {f"/registry/deployments/{e.client.namespace}/{name_of(d)}" for d in e.state.all("Deployment")}
    if said not in right or said not in stored(e.client.access, str(said)):
        raise unlike(said, "session.power.stored('/registry/deployments/…')")
    return "there it is"


@criterion(
    "whole-again", "everything is plugged in: the judge deletes a pod, another one is made and gets a node, and a pod of yours answers"
)
def whole_again(e: Evidence) -> str:
    off = [c for c in COMPONENTS if not started_s(e.client.access, c)]
    if off:
        raise Unmet(f"off: {', '.join(off)}", "shallowdive restore")
    mine = [p for p in e.client.state.all("Pod") if is_ready(p) and not is_helper(p) and controller_uid(p)]
    if not mine:
        raise Unmet("no ready pod that anybody would replace", "kubectl get pods")
    victim = mine[0]
    before, owner = {uid_of(p) for p in e.client.state.all("Pod")}, controller_uid(victim)
    delete_pods(e.client, name_of(victim))

    def made_again(now: ClusterState) -> bool:
        return any(is_ready(p) and uid_of(p) not in before and controller_uid(p) == owner for p in now.all("Pod"))

    e.client.wait_for("another pod in its place", made_again, within_s=BACK_S, usually_s=3)
    host = host_of(e.client.state, e.client.namespace, ("/",))

    def ask() -> bool | None:
        reply = e.client.get("/", host)
        return True if reply.status == 200 and answered_by(e.client.state, reply.text) else None

    try:
        poll("an answer through the entrance", ask, within_s=ANSWER_S)
    except WaitTimeout:
        raise Unmet("no pod of yours answers through the entrance", "kubectl get ingress,service,endpointslice") from None
    return "made again, placed, answered"


CRITERIA = (predicted, no_node, not_replaced, served, stored_there, whole_again)


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────
def named(e: Evidence, answer: str) -> Life:
    """The pod that an answer names; of several of one name the last."""
    said = e.answers.get(f"answer.{answer}")
    found = [x for x in lives(e.history) if name_of(x.pod) == said and not is_helper(x.pod)]
    if not found:
        raise unlike(said, "kubectl get pods: a name from its first column")
    return found[-1]


def was_off(e: Evidence, component: str, after_s: float) -> None:
    """A component that was off began anew, later than this, or is off still."""
    if 0 < started_s(e.client.access, component) < after_s - 1:
        raise Unmet(f"{component} ran all the time", f"with session.power.unplugged({component!r}):")


def least_wanted(history: History, owner: str, from_s: float, to_s: float) -> int:
    """The fewest pods that this owner wanted at any moment between; 0 when it was gone."""
    seen = [s for s in history.events if uid_of(s.object) == owner and s.at_s <= to_s]
    wishes = [(s.at_s, 0 if s.type == "DELETED" or s.object["metadata"].get("deletionTimestamp") else wanted(s.object)) for s in seen]
    first = [n for at_s, n in wishes if at_s <= from_s][-1:]
    return min([*first, *(n for at_s, n in wishes if at_s > from_s)], default=0)


def traffic(e: Evidence) -> list[Second]:
    pods = [p for p in e.client.state.all("Pod") if is_load(p) and is_ready(p)]
    return [second for p in pods for second in requests(e.client.core, e.client.namespace, name_of(p))]
