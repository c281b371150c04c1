"""Lab 8: wrong and unusual work. A worker loses its power in each story, and has it again at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import utils

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.objects import name_of, uid_of
from tests.mutants import answer, case, forget_answers
from tests.mutants.power import nodes_of, pass_s, power, until_node

Body = dict[str, Any]
ALL = (
    "predicted", "node-lost", "moved-in-time", "left-alone", "order", "moved-back", "spread-again", "still-short", "cluster-whole",
)  # fmt: skip
STEPS = ["lost", "evicted", "replaced", "back"]
WHAT_HAPPENED = ("node-lost", "moved-in-time", "left-alone", "order", "moved-back")


def tolerations(seconds: int) -> list[Body]:
    keys = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
    return [{"key": k, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds} for k in keys]


def spec(**more: Any) -> Body:
    probe = {"httpGet": {"path": "/", "port": 9376}, "periodSeconds": 1}
    container = {"name": "web", "image": AGNHOST, "args": ["serve-hostname", "--port=9376"], "readinessProbe": probe}
    return {"terminationGracePeriodSeconds": 1, "containers": [container]} | more


def app(name: str, **more: Any) -> Body:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": spec(**more)}
    body = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def workers(place: NamespaceClient) -> list[str]:
    return sorted(name_of(n) for n in nodes_of(place) if not n["spec"].get("taints"))


def pods_on(place: NamespaceClient, node: str, name: str = "") -> list[Body]:
    pods = [p for p in place.state.all("Pod") if p["spec"].get("nodeName") == node and not p["metadata"].get("deletionTimestamp")]
    return [p for p in pods if not name or p["metadata"]["labels"]["app"] == name]


def ready(place: NamespaceClient, count: int = 4) -> None:
    place.wait_for(f"{count} ready pods", lambda now: len(now.ready_pods()) == count, within_s=180)


def running(place: NamespaceClient, *bodies: Body) -> str:
    """These run, on all workers; the node that will be lost."""
    place.apply(*bodies)
    ready(place)
    return workers(place)[-1]


@contextmanager
def dark(place: NamespaceClient, node: str) -> Iterator[None]:
    """Lost, and there again, with all pods ready."""
    power(place, node, on=False)
    try:
        until_node(place, node, ready=False)
        yield
    finally:
        power(place, node, on=True)
        until_node(place, node, ready=True)


def replaced(place: NamespaceClient, node: str, name: str = "quick") -> None:
    """The pods of this name are ready elsewhere."""
    place.wait_for(
        "others elsewhere", lambda now: len([p for p in now.ready_pods(app=name) if p["spec"]["nodeName"] != node]) == 2, within_s=120
    )


def anew(place: NamespaceClient, name: str, change: Callable[[], object]) -> None:
    """Change the template, and wait for the end of the rollout."""
    before = {uid_of(p) for p in place.state.all("Pod") if p["metadata"]["labels"].get("app") == name}
    change()
    place.wait_for(
        "new pods", lambda now: len([p for p in now.ready_pods(app=name) if uid_of(p) not in before]) == 2 and len(now.ready_pods()) == 4,
        within_s=120,
    )  # fmt: skip


def restart(place: NamespaceClient, name: str = "quick") -> None:
    """As `kubectl rollout restart`, to the end; once more where both new pods came to one node, which a busy scheduler may choose."""
    for time in range(3):
        note = {"spec": {"template": {"metadata": {"annotations": {"restarted": str(time)}}}}}
        anew(place, name, lambda note=note: place.apps.patch_namespaced_deployment(name, place.namespace, note))  # type: ignore[misc]
        if len({p["spec"]["nodeName"] for p in place.state.ready_pods(app=name)}) == 2:
            return


def words(place: NamespaceClient, **other: Any) -> None:
    said = {"predict_notice": 5, "predict_who_moves": "both", "predict_moved_back": 1, "answer_order": STEPS, "answer_moved_back": 0}
    answer(place, **said | other)


def story(
    place: NamespaceClient, quick: Body | None = None, patient: Body | None = None, *, mend: Callable[[NamespaceClient], None] = restart,
    **said: Any,
) -> str:  # fmt: skip
    """The lab as it is meant; the node that was lost."""
    node = running(place, quick or app("quick", tolerations=tolerations(10)), patient or app("patient"))
    with dark(place, node):
        replaced(place, node)
    ready(place)
    mend(place)
    words(place, **said)
    return node


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place)


@case("no toleration to speak of, made by utils.create_from_dict, spread again by a topology constraint")
def constraint(place: NamespaceClient) -> None:
    for body in (app("quick", tolerations=tolerations(2)), app("patient")):
        utils.create_from_dict(place.api, body, namespace=place.namespace)
    ready(place)
    node = workers(place)[-1]
    with dark(place, node):
        replaced(place, node)
    ready(place)
    rule = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor"}
    rule |= {"labelSelector": {"matchLabels": {"app": "quick"}}, "matchLabelKeys": ["pod-template-hash"]}
    anew(place, "quick", lambda: place.apply(app("quick", tolerations=tolerations(2), topologySpreadConstraints=[rule])))
    words(place)


@case("one toleration for every taint, and the pod that is one too many is deleted by hand afterwards")
def by_hand_afterwards(place: NamespaceClient) -> None:
    every = [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]

    def delete_one(place: NamespaceClient) -> None:
        crowded = next(n for n in workers(place) if len(pods_on(place, n, "quick")) == 2)
        place.core.delete_namespaced_pod(name_of(pods_on(place, crowded, "quick")[0]), place.namespace)
        place.wait_for("both workers", lambda now: {p["spec"]["nodeName"] for p in now.ready_pods(app="quick")} == set(workers(place)))
        ready(place)

    story(place, app("quick", tolerations=every), mend=delete_one)


@case("nothing done", *ALL[:-1])
def nothing(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def not_predicted(place: NamespaceClient) -> None:
    story(place)
    forget_answers(place)
    answer(place, answer_order=STEPS, answer_moved_back=0)


@case("everything said, and no node lost", *WHAT_HAPPENED)
def only_words(place: NamespaceClient) -> None:
    running(place, app("quick", tolerations=tolerations(10)), app("patient"))
    words(place)


@case("an event that says so, written by hand", *WHAT_HAPPENED, also=("spread-again",))
def forged_event(place: NamespaceClient) -> None:
    node = running(place, app("quick", tolerations=tolerations(10)), app("patient"))
    for pod in pods_on(place, node):
        about = {"kind": "Pod", "name": name_of(pod), "namespace": place.namespace, "uid": uid_of(pod)}
        said = {"involvedObject": about, "reason": "NodeNotReady", "message": "Node is not ready", "type": "Warning"}
        place.core.create_namespaced_event(place.namespace, {"metadata": {"generateName": "mine-"}, **said})
    place.core.delete_namespaced_pod(name_of(pods_on(place, node, "quick")[0]), place.namespace)
    pass_s(place, 5)
    ready(place)
    words(place)


@case("the node is started before anything was driven away", "moved-in-time", "order")
def too_early(place: NamespaceClient) -> None:
    node = running(place, app("quick", tolerations=tolerations(60)), app("patient"))
    with dark(place, node):
        pass
    ready(place)
    words(place)


@case("the pods of the lost node deleted by hand", "moved-in-time", "order", also=("moved-back",))
def by_hand(place: NamespaceClient) -> None:
    node = running(place, app("quick", tolerations=tolerations(60)), app("patient"))
    with dark(place, node):
        for pod in pods_on(place, node, "quick"):
            place.core.delete_namespaced_pod(name_of(pod), place.namespace)
        replaced(place, node)
    ready(place)
    restart(place)
    words(place)


@case("what was driven away finds no other node", "moved-in-time", "order", "spread-again")
def bound_to_it(place: NamespaceClient) -> None:
    node = workers(place)[-1]
    there = {"kubernetes.io/hostname": node}
    running(place, app("quick", tolerations=tolerations(5), nodeSelector=there), app("patient"))
    with dark(place, node):
        place.wait_for("another one, Pending", lambda now: any(not p["spec"].get("nodeName") for p in now.all("Pod")), within_s=120)
    ready(place)
    words(place)


@case("all of them have a short toleration", "left-alone", "order", "moved-back", "still-short")
def all_short(place: NamespaceClient) -> None:
    short = tolerations(5)
    node = running(place, app("quick", tolerations=short), app("patient", tolerations=short))
    with dark(place, node):
        replaced(place, node)
        replaced(place, node, "patient")
    ready(place)
    restart(place)
    restart(place, "patient")
    words(place)


@case("the order as one would like it", "order")
def wrong_order(place: NamespaceClient) -> None:
    story(place, answer_order=["evicted", "lost", "replaced", "back"])


@case("one is thought to have moved back", "moved-back")
def moved(place: NamespaceClient) -> None:
    story(place, answer_moved_back=1)


@case("what was driven away stays where it went", "spread-again")
def not_spread(place: NamespaceClient) -> None:
    story(place, mend=lambda _: None)


@case("scaled to one: nothing left to spread", "still-short")
def scaled_down(place: NamespaceClient) -> None:
    def one(place: NamespaceClient) -> None:
        place.apps.patch_namespaced_deployment_scale("quick", place.namespace, {"spec": {"replicas": 1}})
        place.wait_for("three pods", lambda now: len(now.all("Pod")) == 3, within_s=60)
        ready(place, 3)

    story(place, mend=one)


@case("the short toleration is taken away at the end", "still-short")
def made_patient(place: NamespaceClient) -> None:
    story(place, mend=lambda place: anew(place, "quick", lambda: place.apply(app("quick"))))


@case("a node is left closed", "cluster-whole", also=("spread-again",))
def cordoned(place: NamespaceClient) -> None:
    node = story(place)
    place.core.patch_node(node, {"spec": {"unschedulable": True}})
