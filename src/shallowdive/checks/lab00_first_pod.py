"""Lab 0: a cluster that is whole, a pod that was made, deleted and made again, and what the learner read from it.

Nodes and images are looked at by the judge itself. What happened to the pod is read from its record; then it asks the pod something."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from shallowdive.checks.pod_lives import Life, lives
from shallowdive.checks.result import CheckResult, Evidence, Unmet, compare, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.access import TIMEOUT_S
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.cluster.images import AGNHOST, AGNHOST_BEFORE
from shallowdive.live import ClusterState, History
from shallowdive.objects import controller_uid, name_of
from shallowdive.objects.pods import is_ready

IMAGES = (AGNHOST, AGNHOST_BEFORE)
"""What every lab after this one runs."""


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions(
    "a prediction of how many machines there are, of the first seconds of a pod, and of what follows its deletion",
    "machines", "after-three", "after-deletion", got="all three made",
)  # fmt: skip


@criterion("cluster-is-whole", "every node of the cluster is ready, and those that take pods have the images of the labs")
def cluster_is_whole(e: Evidence) -> str:
    found = nodes(e)
    broken = [n.metadata.name for n in found if not any(c.type == "Ready" and c.status == "True" for c in n.status.conditions or [])]
    if broken:
        raise Unmet(f"{len(broken)} of {len(found)} nodes not ready", "kubectl get nodes")
    taking = [n for n in found if not any(t.effect == "NoSchedule" for t in n.spec.taints or [])]
    there = [{name for image in n.status.images or [] for name in image.names or []} for n in taking]
    missing = [image for image in IMAGES if not all(image in names for names in there)]
    if missing:
        raise Unmet(f"missing on some node: {', '.join(missing)}", "kubectl get nodes -o yaml, field status.images")
    return "all ready, the images are there"


@criterion("a-pod-of-yours", "one pod of your own is ready, and nothing else owns it")
def a_pod_of_yours(e: Evidence) -> str:
    mine_now(e)
    return "there, and ready"


@criterion("gone-for-good", "a ready pod was deleted and nothing came in its place; you made the next one yourself")
def gone_for_good(e: Evidence) -> str:
    first, second = two_lives(e)
    if second.looks[0].at_s <= (first.left_at or 0):
        raise Unmet("the second pod was there before the first one was gone", "the cells that delete the pod and make it again")
    return "one went, another one came when you asked"


@criterion("machines-counted", "your count of the nodes, as the API server lists them")
def machines_counted(e: Evidence) -> str:
    return compare(e, "nodes", len(nodes(e)), "kubectl get nodes")


@criterion("node-named", "the node that your pod runs on, from its spec")
def node_named(e: Evidence) -> str:
    where = {str(x.pod["spec"].get("nodeName", "")) for x in mine(e)}
    said = e.answers.get("answer.node")
    if not isinstance(said, str) or said not in where:
        raise unlike(said, "kubectl get pods -o wide, column NODE")
    return "named right"


@criterion("it-answers", "the judge gives your pod a word, and a program in it gives it back")
def it_answers(e: Evidence) -> str:
    word = f"word-{secrets.token_hex(6)}"
    try:
        heard = e.client.exec(name_of(mine_now(e).pod), ("echo", word))
    except RuntimeError as exc:
        raise Unmet("nothing could be run in it", "kubectl exec POD -- echo hello") from exc
    if heard.strip() != word:
        raise Unmet("something else came back", "kubectl exec POD -- echo hello")
    return "it came back"


CRITERIA = (predicted, cluster_is_whole, a_pod_of_yours, gone_for_good, machines_counted, node_named, it_answers)


def nodes(e: Evidence) -> list[Any]:
    """The judge's own look at the nodes."""
    return list(e.client.core.list_node(_request_timeout=TIMEOUT_S).items)


def mine(e: Evidence) -> list[Life]:
    """Lives of pods that no controller made and that were ready once, in order."""
    found = [x for x in lives(e.history) if x.was_ready and not controller_uid(x.pod)]
    if not found:
        raise Unmet("no pod of your own was ready yet", "kubectl get pods")
    return found


def mine_now(e: Evidence) -> Life:
    there = {name_of(p) for p in e.state.all("Pod") if is_ready(p)}
    found = [x for x in mine(e) if x.left_at is None and name_of(x.pod) in there]
    if not found:
        raise Unmet("no pod of your own is ready now", "kubectl get pods")
    return found[-1]


def two_lives(e: Evidence) -> tuple[Life, Life]:
    """The first pod that was deleted, and the next one that was ready."""
    found = mine(e)
    first = next((x for x in found if x.left_at is not None), None)
    later = [x for x in found if first is not None and x.uid != first.uid and x.ready_at > (first.left_at or 0)]
    if first is None or not later:
        raise Unmet("no pod was deleted and made again", "the cells that delete the pod and make it again")
    return first, later[0]
