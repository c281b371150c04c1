"""Lab 5: wrong and unusual work. Components of the control plane are switched off and on, straight."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import utils

from shallowdive.checks.hops import lab_host
from shallowdive.checks.lab05_architecture import API, CONTROLLERS, SCHEDULER
from shallowdive.checks.load import TRAFFIC, load_pod, start_load
from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.live import ClusterState, poll
from shallowdive.objects import is_helper, name_of, uid_of
from tests.mutants import answer, case
from tests.mutants.power import answers, component, pass_s

Body = dict[str, Any]
Plug = Callable[[NamespaceClient], str]
ALL = ("predicted", "no-node", "not-replaced", "served", "stored", "whole-again")
OFF_S = 6
AFTERWARDS_S = 4
"""Seconds of the clock after a component began: stamps have whole seconds, so what happens sooner may count as while it was off."""


def spec(**more: Any) -> Body:
    probe = {"httpGet": {"path": "/", "port": 9376}, "periodSeconds": 1}
    container = {"name": "web", "image": AGNHOST, "args": ["serve-hostname", "--port=9376"], "readinessProbe": probe}
    return {"terminationGracePeriodSeconds": 1, "containers": [container]} | more


def app(name: str = "web", replicas: int = 2, **more: Any) -> Body:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": spec(**more)}
    body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def service(name: str = "web") -> Body:
    body = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 9376}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": body}


def ingress(place: NamespaceClient, name: str = "web") -> Body:
    to = {"service": {"name": name, "port": {"number": 80}}}
    rule = {"host": lab_host("shop", place.namespace), "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": to}]}}
    body = {"ingressClassName": "traefik", "rules": [rule]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": body}


def bare(name: str, **more: Any) -> Body:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "bare"}}, "spec": spec(**more)}


def mine(now: ClusterState) -> list[Body]:
    return [p for p in now.all("Pod") if not is_helper(p)]


def ready(place: NamespaceClient, count: int) -> None:
    place.wait_for(
        f"{count} ready pods", lambda now: len(mine(now)) == count == len([p for p in now.ready_pods() if not is_helper(p)]), within_s=180
    )


def running(place: NamespaceClient, traffic: bool = True, name: str = "web") -> None:
    place.apply(app(name), service(name), ingress(place, name))
    ready(place, 2)
    if traffic:
        start_load(place, TRAFFIC, f"http://{name}")


@contextmanager
def without(place: NamespaceClient, name: str) -> Iterator[None]:
    component(place, name, on=False)
    try:
        yield
    finally:
        component(place, name, on=True)


def scale(place: NamespaceClient, replicas: int, name: str = "web") -> None:
    place.apps.patch_namespaced_deployment_scale(name, place.namespace, {"spec": {"replicas": replicas}})


def newest(place: NamespaceClient, before: set[str]) -> Body:
    now = place.wait_for("a new pod", lambda now: [p for p in mine(now) if uid_of(p) not in before], within_s=60)
    return next(p for p in mine(now) if uid_of(p) not in before)


def pull_scheduler(place: NamespaceClient) -> str:
    before = {uid_of(p) for p in mine(place.state)}
    with without(place, SCHEDULER):
        scale(place, 3)
        pod = newest(place, before)
        pass_s(place, OFF_S)
    ready(place, 3)
    return name_of(pod)


def pull_controllers(place: NamespaceClient) -> str:
    count, victim = len(mine(place.state)), name_of(mine(place.state)[0])
    with without(place, CONTROLLERS):
        place.core.delete_namespaced_pod(victim, place.namespace)
        place.wait_for("one less", lambda now: now.get("Pod", victim) is None, within_s=60)
        pass_s(place, OFF_S)
    ready(place, count)
    return victim


def pull_api(place: NamespaceClient) -> str:
    with without(place, API):
        pass_s(place, OFF_S)
        text = place.get("/", lab_host("shop", place.namespace)).text.strip()
    until_api(place)
    return text


def until_api(place: NamespaceClient) -> None:
    poll("the API server", lambda: answers(place) or None, within_s=120)


def words(place: NamespaceClient, **other: Any) -> None:
    said = {"predict_no_scheduler": "it runs", "predict_no_controllers": "replaced", "predict_no_api": "no answer"}
    answer(place, **said | {"answer_key": f"/registry/deployments/{place.namespace}/web"} | other)


def story(
    place: NamespaceClient, scheduler: Plug = pull_scheduler, controllers: Plug = pull_controllers, api: Plug = pull_api, **said: Any
) -> None:
    """The lab as it is meant."""
    evidence = {"answer_unscheduled": scheduler(place), "answer_unreplaced": controllers(place), "answer_served": api(place)}
    words(place, **evidence | said)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    running(place)
    story(place)


@case("the API server first, and another Deployment for the evidence, made by utils.create_from_dict")
def api_first(place: NamespaceClient) -> None:
    running(place)
    served = pull_api(place)

    def other(place: NamespaceClient) -> str:
        before = {uid_of(p) for p in mine(place.state)}
        with without(place, SCHEDULER):
            utils.create_from_dict(place.api, app("other", 1), namespace=place.namespace)
            pod = newest(place, before)
            pass_s(place, OFF_S)
        ready(place, 3)
        return name_of(pod)

    story(place, other, api=lambda _: served, answer_key=f"/registry/deployments/{place.namespace}/other")


@case("a pod that nobody owns as evidence for the scheduler, other names, another order, and more pods wanted at first")
def other_order(place: NamespaceClient) -> None:
    running(place, name="shop")
    for count in (4, 2):  # whoever once wanted more is not taken for one who wants less now
        scale(place, count, "shop")
        ready(place, count)
    gone = pull_controllers(place)

    def lonely(place: NamespaceClient) -> str:
        with without(place, SCHEDULER):
            place.apply(bare("lonely"))
            pass_s(place, OFF_S)
        ready(place, 3)
        return "lonely"

    story(place, lonely, lambda _: gone, answer_key=f"/registry/deployments/{place.namespace}/shop")


@case("nothing done", *ALL)
def nothing(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def not_predicted(place: NamespaceClient) -> None:
    running(place)
    evidence = {"answer_unscheduled": pull_scheduler(place), "answer_unreplaced": pull_controllers(place), "answer_served": pull_api(place)}
    answer(place, answer_key=f"/registry/deployments/{place.namespace}/web", **evidence)


@case("every plug left in, and pods named", "no-node", "not-replaced", "served")
def no_plug(place: NamespaceClient) -> None:
    running(place)
    scale(place, 3)
    ready(place, 3)
    victim, other, third = (name_of(p) for p in mine(place.state))
    place.core.delete_namespaced_pod(victim, place.namespace)
    ready(place, 3)
    words(place, answer_unscheduled=other, answer_unreplaced=victim, answer_served=third)


@case("Pending because no node fits, the scheduler on", "no-node")
def by_selector(place: NamespaceClient) -> None:
    running(place)

    def no_fit(place: NamespaceClient) -> str:
        pod = bare("no-fit", nodeSelector={"disk": "fast"})
        place.apply(pod)
        pass_s(place, OFF_S)
        place.core.delete_namespaced_pod("no-fit", place.namespace)
        ready(place, 2)
        return "no-fit"

    story(place, no_fit)


@case("Pending at a gate of its own, which is opened later", "no-node")
def by_gate(place: NamespaceClient) -> None:
    running(place)

    def gated(place: NamespaceClient) -> str:
        place.apply(bare("gated", schedulingGates=[{"name": "shallowdive/later"}]))
        pass_s(place, OFF_S)
        place.core.patch_namespaced_pod(
            "gated", place.namespace, {"spec": {"schedulingGates": []}}, _content_type="application/merge-patch+json"
        )
        ready(place, 3)
        return "gated"

    story(place, gated)


@case("a scheduler of another name is asked for, and the pod bound by hand", "no-node")
def by_name(place: NamespaceClient) -> None:
    running(place)

    def bound(place: NamespaceClient) -> str:
        place.apply(bare("mine", schedulerName="nobody"))
        pass_s(place, OFF_S)
        target = {"apiVersion": "v1", "kind": "Node", "name": mine(place.state)[0]["spec"]["nodeName"]}
        place.core.create_namespaced_binding(place.namespace, {"metadata": {"name": "mine"}, "target": target}, _preload_content=False)
        ready(place, 3)
        return "mine"

    story(place, bound)


@case("scaled down while the controller manager is on: nobody was to come", "not-replaced")
def scaled_down(place: NamespaceClient) -> None:
    running(place)

    def less(place: NamespaceClient) -> str:
        before = {name_of(p) for p in mine(place.state)}
        scale(place, len(before) - 1)
        ready(place, len(before) - 1)
        pass_s(place, OFF_S)
        scale(place, len(before))
        ready(place, len(before))
        return min(before - {name_of(p) for p in mine(place.state)})

    story(place, controllers=less)


@case("a pod without an owner is deleted", "not-replaced")
def nobodys(place: NamespaceClient) -> None:
    running(place)

    def lonely(place: NamespaceClient) -> str:
        place.apply(bare("lonely"))
        ready(place, 4)
        with without(place, CONTROLLERS):
            place.core.delete_namespaced_pod("lonely", place.namespace)
            ready(place, 3)
            pass_s(place, OFF_S)
        return "lonely"

    story(place, controllers=lonely)


@case("a pod that was replaced at once is named", "not-replaced")
def at_once(place: NamespaceClient) -> None:
    running(place)

    def replaced(place: NamespaceClient) -> str:
        pull_controllers(place)
        time.sleep(AFTERWARDS_S)
        victim = name_of(mine(place.state)[0])
        place.core.delete_namespaced_pod(victim, place.namespace)
        ready(place, 3)
        return victim

    story(place, controllers=replaced)


@case("asked while everything was plugged in", "served")
def api_left_in(place: NamespaceClient) -> None:
    running(place)
    story(place, api=lambda place: place.get("/", lab_host("shop", place.namespace)).text.strip())


@case("the API server off, and nobody who asked", "served")
def no_traffic(place: NamespaceClient) -> None:
    running(place, traffic=False)
    story(place)


@case("a program of the learner's own prints what a traffic pod prints", "served")
def printed(place: NamespaceClient) -> None:
    running(place, traffic=False)
    pod = load_pod(TRAFFIC, "http://web")
    pod["spec"]["containers"][0]["command"] = ["sh", "-c", "while true; do echo ok web-x; sleep 0.1; done"]
    place.apply(pod)
    ready(place, 2)
    story(place)


@case("a pod that does not exist is said to have answered", "served")
def made_up(place: NamespaceClient) -> None:
    running(place)
    story(place, answer_served="web-made-up")


@case("the key of another kind", "stored")
def wrong_key(place: NamespaceClient) -> None:
    running(place)
    story(place, answer_key=f"/registry/pods/{place.namespace}/web")


@case("a key of a Deployment that is not there", "stored")
def no_such_key(place: NamespaceClient) -> None:
    running(place)
    story(place, answer_key=f"/registry/deployments/{place.namespace}/shop")


@case("a plug is left out", "whole-again")
def left_out(place: NamespaceClient) -> None:
    running(place)
    story(place)
    component(place, SCHEDULER, on=False)
    time.sleep(1)


@case("the entrance is taken away", "whole-again")
def no_entrance(place: NamespaceClient) -> None:
    running(place)
    story(place)
    place.networking.delete_namespaced_ingress("web", place.namespace)
