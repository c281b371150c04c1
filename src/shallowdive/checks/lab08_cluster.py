"""Lab 8: a node loses its power. Who is moved, when, and that nothing moves back.

What happened is read from the judge's record: the cluster's own words about the pods of the lost node, and the mark that a taint leaves
on a pod that it drives away. That the node itself was lost, its condition tells, which only its kubelet and the node controller write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shallowdive.checks.finding import namespace_made_s
from shallowdive.checks.node_losses import AT_ONCE_S, Loss, losses
from shallowdive.checks.pod_lives import lives
from shallowdive.checks.result import CheckResult, Evidence, Unmet, compare, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState, History
from shallowdive.objects import Object, condition, is_helper, name_of
from shallowdive.objects.pods import is_ready, moment

SHORT_S = 60
"""A toleration of at most so many seconds is a short one; the default is 300."""
STEPS = ("lost", "evicted", "replaced", "back")
UNREACHABLE = "node.kubernetes.io/unreachable"


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction for each of the three experiments", "notice", "who-moves", "moved-back")


@criterion("node-lost", "a worker with ready pods of yours was lost, and the cluster said so")
def node_lost(e: Evidence) -> str:
    loss = the_loss(e)
    began = namespace_made_s(e.client)
    node = next((n for n in nodes(e) if name_of(n) == loss.node), None)
    changed = [c for c in ((node or {}).get("status") or {}).get("conditions") or [] if c["type"] == "Ready"]
    if not changed or moment(changed[0].get("lastTransitionTime")) < began:
        raise Unmet(f"{loss.node} was Ready all the time", f"kubectl describe node {loss.node}: Conditions")
    return "lost, and noticed"


@criterion("moved-in-time", "a pod with a short toleration was driven from the lost node, and another one in its place was ready elsewhere")
def moved_in_time(e: Evidence) -> str:
    evicted = the_loss(e).evicted
    if not evicted:
        raise Unmet(
            "no pod of the lost node was driven away by the taint", "kubectl get events --field-selector reason=TaintManagerEviction"
        )
    if not [x for x in evicted if x.replaced_s]:
        raise Unmet("none that was driven away was replaced on another node", "kubectl get pods -o wide")
    return "driven away, and replaced"


@criterion("left-alone", "a pod that tolerates more was left on the lost node, and was ready there again, the same one")
def left_alone(e: Evidence) -> str:
    loss = the_loss(e)
    if loss.to_s is None:
        raise Unmet("no pod of the lost node was ready there again", f"kubectl get node {loss.node}; kubectl get pods -o wide")
    return "the same pod, after the silence"


@criterion("order", "the four steps in the order in which they came, as the events tell")
def order(e: Evidence) -> str:
    times = steps(the_loss(e))
    truth, said = [word for _, word in sorted((t, w) for w, t in times.items())], e.answers.get("answer.order")
    if len(truth) < len(STEPS):
        raise Unmet(f"not all of it happened: {', '.join(w for w in STEPS if w not in times)} is missing", "kubectl get events")
    if said != truth:
        raise unlike(said, "kubectl get events --sort-by=.lastTimestamp")
    return "in order"


@criterion("moved-back", "how many pods the cluster moved back to the node that had returned, as an answer")
def moved_back(e: Evidence) -> str:
    return compare(e, "moved-back", returned(e, the_loss(e)), "kubectl get pods -o wide, columns AGE and NODE")


@criterion("spread-again", "every Deployment has its ready pods on all workers again, on none more than one more than on another")
def spread_again(e: Evidence) -> str:
    workers = [name_of(n) for n in nodes(e) if takes_pods(n)]
    deployments = [d for d in e.state.all("Deployment") if not is_helper(d)]
    if not deployments:
        raise Unmet("no Deployment is there", "kubectl get deployments")
    for d in deployments:
        ready = [p for p in e.state.pods_of(d) if is_ready(p)]
        if not ready or len(ready) < int((d.get("spec") or {}).get("replicas") or 0):
            raise Unmet(f"{name_of(d)}: {len(ready)} ready pods", "kubectl get pods -o wide")
        count = sorted(sum(1 for p in ready if p["spec"]["nodeName"] == w) for w in workers)
        if count[-1] - count[0] > 1:
            raise Unmet(f"{name_of(d)}: {count[-1]} on one worker, {count[0]} on another", "kubectl get pods -o wide")
    return "spread"


@criterion("still-short", "a Deployment of two or more pods still has its short toleration, and another one the usual")
def still_short(e: Evidence) -> str:
    found = [patience_s(d) for d in e.state.all("Deployment") if not is_helper(d) and int(d["spec"].get("replicas") or 0) > 1]
    if not [s for s in found if s <= SHORT_S]:
        raise Unmet("none tolerates a lost node for less than a minute", "kubectl get deployments -o yaml: tolerations")
    if not [s for s in found if s > SHORT_S]:
        raise Unmet("none tolerates a lost node for as long as usual", "kubectl get deployments -o yaml: tolerations")
    return "both are there"


@criterion("cluster-whole", "every node is Ready and takes what it took before")
def cluster_whole(e: Evidence) -> str:
    wrong = [name_of(n) for n in nodes(e) if condition(n, "Ready") != "True" or n["spec"].get("unschedulable")]
    if wrong:
        raise Unmet(f"not Ready, or closed: {', '.join(wrong)}", "kubectl get nodes")
    return "all Ready"


CRITERIA = (predicted, node_lost, moved_in_time, left_alone, order, moved_back, spread_again, still_short, cluster_whole)


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────
def the_loss(e: Evidence) -> Loss:
    """The one that tells most, the last of several: with an eviction, and with an end."""
    found = losses(e.history)
    if not found:
        raise Unmet("no node with pods of yours was lost", "kubectl get events --field-selector reason=NodeNotReady")
    return max(enumerate(found), key=lambda n: (bool(n[1].evicted) + (n[1].to_s is not None), n[0]))[1]


def steps(loss: Loss) -> dict[str, float]:
    """When each of STEPS was, for those that were. Of several evictions the first that was made good."""
    times = {"lost": loss.from_s}
    first = next((x for x in sorted(loss.evicted, key=lambda x: x.at_s) if x.replaced_s), None)
    if first and first.replaced_s:
        times |= {"evicted": first.at_s, "replaced": first.replaced_s}
    return times | ({"back": loss.to_s} if loss.to_s else {})


def returned(e: Evidence, loss: Loss) -> int:
    """Pods that were made on the node after it was back, before the learner changed a Deployment or took a pod away. What is made of such
    a change may be seen before the change itself: another watch tells of it."""
    if loss.to_s is None:
        raise Unmet("the node did not come back", "kubectl get nodes")
    changed, generations = [], dict[str, int]()
    for seen in e.history.of("Deployment"):
        old, new = generations.get(name_of(seen.object)), int(seen.object["metadata"].get("generation") or 0)
        generations[name_of(seen.object)] = new
        changed += [seen.at_s] if seen.at_s > loss.to_s and new != old else []
    evicted = {x.uid for x in loss.evicted}
    everything = lives(e.history)
    changed += [x.left_at for x in everything if x.left_at and x.left_at > loss.to_s and x.uid not in evicted]
    until = min(changed, default=float("inf"))
    there = [x for x in everything if x.was_ready and x.pod["spec"].get("nodeName") == loss.node]
    return sum(1 for x in there if loss.to_s < x.looks[0].at_s < until - AT_ONCE_S)


# ── the cluster ──────────────────────────────────────────────────────────────────────────────────────────────
def nodes(e: Evidence) -> list[Object]:
    answer: Any = e.client.core.list_node(_preload_content=False, _request_timeout=10)
    return list(json.loads(answer.data)["items"])


def takes_pods(node: Object) -> bool:
    return not node["spec"].get("unschedulable") and not [t for t in node["spec"].get("taints") or [] if t["effect"] != "PreferNoSchedule"]


def patience_s(deployment: Object) -> float:
    """How long its pods tolerate a node of which nothing is heard: 300 s where it says nothing."""
    rows = deployment["spec"]["template"]["spec"].get("tolerations") or []
    fits = [t for t in rows if t.get("key") in (None, "", UNREACHABLE) and t.get("effect") in (None, "", "NoExecute")]
    return float(min((t.get("tolerationSeconds", float("inf")) for t in fits), default=300))
