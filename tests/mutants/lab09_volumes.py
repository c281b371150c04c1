"""Lab 9: wrong and unusual work."""

from __future__ import annotations

import copy

from kubernetes import utils

from shallowdive.checks import LABS, judge
from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, AGNHOST_BEFORE
from shallowdive.lessons.place import drop_namespace, make_namespace
from shallowdive.live import ClusterState
from shallowdive.objects import name_of, uid_of
from tests.mutants import case, forget_answers
from tests.mutants.guestbook import (
    HOST,
    LAZY,
    again,
    away_from,
    both,
    claim,
    deployment,
    drop,
    kill,
    move,
    of_claim,
    ready,
    shell,
    spec_of,
    story,
    unschedulable,
    waiting,
    web,
    words,
)

ALL = (
    "predicted", "claim-mounted", "claim-came-first", "why-it-waits", "restarted", "replaced", "tried-elsewhere", "pinned-to",
    "container-forgets", "pod-forgets", "claim-remembers",
)  # fmt: skip
NO_CLAIM_USED = tuple(c for c in ALL if c not in ("predicted", "why-it-waits", "pod-forgets"))


# ── right ────────────────────────────────────────────────────────────────────────────────────────────────────
@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place, both())


@case("a StatefulSet that takes a claim made beforehand, other names, busybox, made by utils.create_from_dict")
def stateful(place: NamespaceClient) -> None:
    c = shell(f"trap 'exit 3' TERM; {LAZY}", tmp="/quick", pages="/var/pages/")
    c["volumeMounts"][1]["subPath"] = "guests"
    spec = {
        "serviceName": "none",
        "selector": {"matchLabels": {"who": "guests"}},
        "template": {"metadata": {"labels": {"who": "guests"}}, "spec": spec_of(c, tmp={"emptyDir": {"medium": "Memory"}})},
        "volumeClaimTemplates": [{"metadata": {"name": "pages"}, "spec": claim()["spec"]}],
    }
    utils.create_from_dict(place.api, claim("pages-guests-0"), namespace=place.namespace)
    waiting(place, "pages-guests-0")
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "guests"}, "spec": spec}
    utils.create_from_dict(place.api, made, namespace=place.namespace)
    pod = ready(place)
    kill(place, pod)
    drop(place, pod)
    node = pod["spec"]["nodeName"]
    template = {"spec": {"template": {"spec": {"affinity": away_from({}, node)["affinity"]}}}}
    place.apps.patch_namespaced_stateful_set("guests", place.namespace, template)
    unschedulable(place)
    back = {"affinity": None, "nodeSelector": {HOST: node}}
    place.apps.patch_namespaced_stateful_set("guests", place.namespace, {"spec": {"template": {"spec": back}}})
    place.core.delete_namespaced_pod("guests-0", place.namespace)  # a StatefulSet does not replace a pod that waits
    ready(place)
    words(place)


@case("bare pods made again by hand, a program that no signal ends, the emptyDir in a second container")
def bare(place: NamespaceClient) -> None:
    beside = shell("sleep 100000", quick="/quick") | {"name": "beside"}
    spec = spec_of(shell("exec sleep 100000", book="/book"), beside, book=of_claim(), quick={"emptyDir": {}})
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": spec}
    place.apply(claim())
    waiting(place)
    place.apply(made)
    pod = ready(place)
    place.core.patch_namespaced_pod("one", place.namespace, {"spec": {"containers": [{"name": "web", "image": AGNHOST}]}})
    again(place, pod)
    drop(place, pod)
    place.apply(made | {"spec": away_from(spec, pod["spec"]["nodeName"])})
    unschedulable(place)
    drop(place, pod)
    place.apply(made)
    ready(place)
    words(place)


@case("the emptyDir in a twin, a rolling update, sent away by a nodeSelector, killed by another image")
def twin(place: NamespaceClient) -> None:
    keeps = deployment(spec_of(web(book="/book"), book=of_claim()), strategy="RollingUpdate")
    forgets = deployment(spec_of(web(book="/book"), book={"emptyDir": {}}), name="twin", strategy="RollingUpdate")
    place.apply(forgets, claim())
    waiting(place)
    place.apply(keeps)
    ready(place, pods=2)
    pod = next(p for p in place.state.all("Pod") if name_of(p).startswith("guestbook"))
    place.core.patch_namespaced_pod(name_of(pod), place.namespace, {"spec": {"containers": [{"name": "web", "image": AGNHOST_BEFORE}]}})
    again(place, pod)
    place.core.delete_namespaced_pod(name_of(pod), place.namespace)
    ready(place, uid_of(pod), pods=2)
    others = [n.metadata.labels[HOST] for n in place.core.list_node().items if not n.spec.taints]
    other = next(n for n in others if n != pod["spec"]["nodeName"])
    there = copy.deepcopy(keeps)
    there["spec"]["template"]["spec"]["nodeSelector"] = {HOST: other}
    place.apply(there)
    unschedulable(place)
    place.apps.patch_namespaced_deployment("guestbook", place.namespace, {"spec": {"template": {"spec": {"nodeSelector": None}}}})
    ready(place, pods=2)
    words(place, answer_pinned_to=pod["spec"]["nodeName"])


# ── wrong ────────────────────────────────────────────────────────────────────────────────────────────────────
@case("nothing done", *ALL)
def untouched(place: NamespaceClient) -> None:
    pass


@case("predictions and answers only", *ALL[1:])
def no_objects(place: NamespaceClient) -> None:
    words(place)


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    story(place, both())
    forget_answers(place)
    words(place, predict_claim_alone=None, predict_after_kill=None, predict_after_delete=None, predict_elsewhere=None)


@case("everything in another namespace", *ALL[1:])
def elsewhere(place: NamespaceClient) -> None:
    other = NamespaceClient(place.access, make_namespace(place.access, LABS["09-volumes"], "elsewhere"))
    try:
        with other.follower:
            story(other, both())
            node = other.state.all("Pod")[0]["spec"]["nodeName"]
    finally:
        other.close()
        drop_namespace(place.access, other.namespace)
    words(place, answer_pinned_to=node)


@case("the leftovers of another lab", *ALL[1:])
def leftovers(place: NamespaceClient) -> None:
    place.apply(deployment(spec_of(web()), "web"))
    drop(place, ready(place))
    words(place)


@case("a claim in another namespace than the pod", *ALL[1:])
def claim_elsewhere(place: NamespaceClient) -> None:
    other = NamespaceClient(place.access, make_namespace(place.access, LABS["09-volumes"], "elsewhere"))
    try:
        with other.follower:
            other.apply(claim())
            waiting(other)
            place.apply(deployment(both()))
            unschedulable(place, "not found")
    finally:
        other.close()
        drop_namespace(place.access, other.namespace)
    words(place)


@case("hostPath instead of the claim", *NO_CLAIM_USED, also=("pod-forgets",))
def host_path(place: NamespaceClient) -> None:
    """On kind a namespace of the course takes no such pod."""
    place.apply(claim())
    waiting(place)
    place.apply(deployment(spec_of(web(scratch="/scratch", book="/book"), scratch={"emptyDir": {}}, book={"hostPath": {"path": "/tmp"}})))

    def taken_or_refused(now: ClusterState) -> bool:
        return bool(now.ready_pods(app="guestbook")) or any("hostPath" in e["message"] for e in now.all("Event"))

    place.wait_for("a pod or a refusal", taken_or_refused, within_s=60)
    for pod in place.state.ready_pods(app="guestbook"):
        kill(place, pod)
        drop(place, pod)
    words(place)


@case("emptyDir instead of the claim", *NO_CLAIM_USED)
def empty_dir(place: NamespaceClient) -> None:
    spec = spec_of(web(scratch="/scratch", book="/book"), scratch={"emptyDir": {}}, book={"emptyDir": {}})
    place.apply(claim())
    waiting(place)
    place.apply(deployment(spec))
    pod = ready(place)
    kill(place, pod)
    drop(place, pod)
    words(place)


@case("the claim bound, and named by the pod, and not mounted", *NO_CLAIM_USED)
def not_mounted(place: NamespaceClient) -> None:
    spec = spec_of(web(scratch="/book"), scratch={"emptyDir": {}}, book=of_claim())
    place.apply(claim())
    waiting(place)
    place.apply(deployment(spec))
    pod = ready(place)
    kill(place, pod)
    drop(place, pod)
    words(place)


@case("bound by a pod that is gone; the one that is left uses an emptyDir", *(c for c in NO_CLAIM_USED if c not in ("restarted",)))
def bound_before(place: NamespaceClient) -> None:
    place.apply(claim())
    waiting(place)
    place.apply(deployment(both(), "first"))
    pod = ready(place)
    kill(place, pod)
    place.apps.delete_namespaced_deployment("first", place.namespace)
    place.wait_for("gone", lambda now: not now.all("Pod"), within_s=60)
    place.apply(deployment(spec_of(web(book="/book"), book={"emptyDir": {}})))
    ready(place)
    words(place)


@case("the words known to the notebook written at each start, the rest cleared", "claim-remembers")
def echoed(place: NamespaceClient) -> None:
    script = f"rm -rf /book/*; echo ann > /book/guests; trap 'exit 3' TERM; {LAZY}"
    story(place, spec_of(shell(script, scratch="/scratch", book="/book"), scratch={"emptyDir": {}}, book=of_claim()))


@case("the emptyDir saved in the claim and brought back", "pod-forgets")
def saved(place: NamespaceClient) -> None:
    script = f"cp -r /book/saved/. /scratch/; trap 'mkdir -p /book/saved; cp -r /scratch/. /book/saved/; exit 3' TERM; {LAZY}"
    story(place, spec_of(shell(script, scratch="/scratch", book="/book"), scratch={"emptyDir": {}}, book=of_claim()))


@case("two folders, both of the claim", "pod-forgets")
def no_empty_dir(place: NamespaceClient) -> None:
    story(place, spec_of(web(scratch="/scratch", book="/book"), scratch=of_claim(), book=of_claim()))


@case("the container's own files saved in the emptyDir and brought back", "container-forgets")
def carried(place: NamespaceClient) -> None:
    script = f"cp -r /scratch/. /tmp/; trap 'cp -r /tmp/. /scratch/; exit 3' TERM; {LAZY}"
    story(place, spec_of(shell(script, scratch="/scratch", book="/book"), scratch={"emptyDir": {}}, book=of_claim()))


@case("the pod first, the claim after it", "claim-came-first", also=("why-it-waits",))
def pod_first(place: NamespaceClient) -> None:
    body = deployment(both())
    place.apply(body)
    unschedulable(place, "not found")
    place.apply(claim())
    pod = ready(place)
    kill(place, pod)
    drop(place, pod)
    move(place, body)
    words(place)


@case("never killed", "restarted")
def never_killed(place: NamespaceClient) -> None:
    story(place, both(), leave_out="kill")


@case("never deleted", "replaced")
def never_deleted(place: NamespaceClient) -> None:
    """Sent away by a rolling update: the old pod stays all the time."""
    body = deployment(both(), strategy="RollingUpdate")
    place.apply(claim())
    waiting(place)
    place.apply(body)
    pod = ready(place)
    kill(place, pod)
    move(place, body)
    words(place)


@case("neither killed nor deleted, and judged before: the judge's own acts do not count", "restarted", "replaced")
def judged_before(place: NamespaceClient) -> None:
    body = deployment(both(), strategy="RollingUpdate")
    place.apply(claim())
    waiting(place)
    place.apply(body)
    ready(place)
    move(place, body)
    words(place)
    judge(LABS["09-volumes"], place)


@case("never sent away", "tried-elsewhere")
def never_moved(place: NamespaceClient) -> None:
    story(place, both(), leave_out="move")


@case("Pending by a nodeSelector that fits no node at all", "tried-elsewhere")
def no_such_node(place: NamespaceClient) -> None:
    story(place, both(), leave_out="move")
    there = deployment(both())
    there["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "golden"}
    place.apply(there)
    unschedulable(place, "node affinity/selector")
    place.apps.patch_namespaced_deployment("guestbook", place.namespace, {"spec": {"template": {"spec": {"nodeSelector": None}}}})
    ready(place)


@case("left where it cannot run", *(c for c in NO_CLAIM_USED if c not in ("restarted", "replaced", "tried-elsewhere")), "pod-forgets")
def left_away(place: NamespaceClient) -> None:
    story(place, both(), leave_out="move")
    node = place.state.all("Pod")[0]["spec"]["nodeName"]
    place.apply(deployment(away_from(both(), node)))
    unschedulable(place)


@case("the wrong reason, and the wrong node", "why-it-waits", "pinned-to")
def wrong_answers(place: NamespaceClient) -> None:
    story(place, both())
    words(place, answer_pending_because="ProvisioningFailed", answer_pinned_to="shallowdive-control-plane")
