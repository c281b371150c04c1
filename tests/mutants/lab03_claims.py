"""Lab 3: wrong and unusual work."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from kubernetes import utils

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, AGNHOST_BEFORE
from shallowdive.objects import name_of
from shallowdive.objects.pods import waiting_reasons
from tests.mutants import answer, case

Body = dict[str, Any]
NO_SUCH_IMAGE = "registry.k8s.io/e2e-test-images/agnhost:0.0.1"
DONE = ("predicted", "three-orders", "same-end", "accepted-and-not-running", "evidence", "repaired", "comes-back-the-same")
THREE = ("three-orders", "same-end", "comes-back-the-same")
GHOST = ("accepted-and-not-running", "evidence", "repaired")


def deployment(name: str, image: str = AGNHOST, claim: str = "", replicas: int = 1, mount: str = "/data") -> Body:
    container: Body = {"name": "web", "image": image, "args": ["netexec", "--http-port=8080"]}
    container["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    pod: Body = {"containers": [container], "terminationGracePeriodSeconds": 1}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": mount}]
        pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str, app: str = "") -> Body:
    spec = {"selector": {"app": app or name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def claim(name: str) -> Body:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def parts(name: str, **more: Any) -> dict[str, Body]:
    return {"s": service(name), "c": claim(name), "d": deployment(name, claim=name, **more)}


def stand(place: NamespaceClient, orders: Sequence[str] = ("scd", "dsc", "cds"), **more: Any) -> None:
    """A shop for each order, then all of them ready."""
    for i, order in enumerate(orders):
        made = parts(f"shop-{i}", **more)
        for letter in order:
            place.apply(made[letter])
    ready(place, *(f"shop-{i}" for i in range(len(orders))))


def ready(place: NamespaceClient, *names: str) -> None:
    for name in names:
        place.wait_for(f"{name} ready", lambda now, n=name: now.ready_pods(app=n), within_s=120)


def ghost(place: NamespaceClient, name: str = "ghost", repair: str = AGNHOST) -> str:
    """Ask for an image that does not exist, wait until its pod says so, repair; the name of the event that says why."""
    place.apply(deployment(name, NO_SUCH_IMAGE))

    def waits(now: Any) -> bool:
        return any(r in ("ErrImagePull", "ImagePullBackOff") for p in now.selected_by("Pod", {"app": name}) for r in waiting_reasons(p))

    place.wait_for("a pod without its image", waits, within_s=90)

    def told(now: Any) -> Any:
        pods = {name_of(p) for p in now.selected_by("Pod", {"app": name})}
        events = [x for x in now.all("Event") if (x.get("involvedObject") or {}).get("name") in pods]
        return next((x for x in events if x.get("type") == "Warning" and "pull" in str(x.get("message")).lower()), None)

    event = name_of(told(place.wait_for("the event", told, within_s=60)))
    if repair:
        place.apply(deployment(name, repair))
        place.wait_for(
            "the repaired one", lambda now: len(now.ready_pods(app=name)) == len(now.selected_by("Pod", {"app": name})) == 1, within_s=90
        )
    return event


def words(place: NamespaceClient, event: str, **other: Any) -> None:
    answer(place, **{"predict_which_fails": "none", "predict_what_it_says": "created", "answer_evidence": event} | other)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    stand(place)
    words(place, ghost(place))


@case("other names, made by utils.create_from_dict, with two replicas each")
def created(place: NamespaceClient) -> None:
    for i, order in enumerate(("csd", "dcs", "sdc")):
        made = parts(f"stall{i}", replicas=2)
        for letter in order:
            utils.create_from_dict(place.api, made[letter], namespace=place.namespace)
    for i in range(3):
        place.wait_for("two ready", lambda now, n=f"stall{i}": len(now.ready_pods(app=n)) == 2, within_s=120)
    words(place, ghost(place, "nobody"))


@case("four of them, the claim and the Service named otherwise, the image repaired to an older one")
def four(place: NamespaceClient) -> None:
    for i, order in enumerate(("scd", "dsc", "cds", "scd")):
        name = f"app-{i}"
        made = {"s": service(f"front-{i}", name), "c": claim(f"disk-{i}"), "d": deployment(name, claim=f"disk-{i}")}
        for letter in order:
            place.apply(made[letter])
    ready(place, *(f"app-{i}" for i in range(4)))
    words(place, ghost(place, repair=AGNHOST_BEFORE))


@case("nothing done", *DONE)
def untouched(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    stand(place)
    answer(place, answer_evidence=ghost(place))


@case("one order only", "three-orders")
def one_order(place: NamespaceClient) -> None:
    stand(place, ("scd", "scd", "scd"))
    words(place, ghost(place))


@case("two orders, one of them twice", "three-orders")
def two_orders(place: NamespaceClient) -> None:
    stand(place, ("scd", "dsc", "scd"))
    words(place, ghost(place))


@case("a claim that no pod mounts", *THREE)
def unmounted(place: NamespaceClient) -> None:
    for i, order in enumerate(("scd", "dsc", "cds")):
        made = {"s": service(f"shop-{i}"), "c": claim(f"shop-{i}"), "d": deployment(f"shop-{i}")}
        for letter in order:
            place.apply(made[letter])
    ready(place, "shop-0", "shop-1", "shop-2")
    words(place, ghost(place))


@case("one of them runs another program", "same-end")
def another_program(place: NamespaceClient) -> None:
    stand(place)
    body = copy.deepcopy(deployment("shop-2", AGNHOST_BEFORE, claim="shop-2"))
    place.apply(body)
    place.wait_for(
        "the other image",
        lambda now: (
            {p["spec"]["containers"][0]["image"] for p in now.ready_pods(app="shop-2")} == {AGNHOST_BEFORE}
            and len(now.selected_by("Pod", {"app": "shop-2"})) == 1
        ),
        within_s=120,
    )
    words(place, ghost(place))


@case("one of them wants nothing", "same-end", also=("comes-back-the-same",))
def at_zero(place: NamespaceClient) -> None:
    stand(place)
    place.apps.patch_namespaced_deployment_scale("shop-1", place.namespace, {"spec": {"replicas": 0}})
    place.wait_for("none left", lambda now: not now.selected_by("Pod", {"app": "shop-1"}), within_s=60)
    words(place, ghost(place))


@case("no image was ever missing, and the evidence is a word", *GHOST)
def never_broken(place: NamespaceClient) -> None:
    stand(place)
    words(place, "ImagePullBackOff")


@case("the missing image in a bare pod", *GHOST)
def bare_pod(place: NamespaceClient) -> None:
    stand(place)
    spec = deployment("ghost", NO_SUCH_IMAGE)["spec"]["template"]["spec"]
    place.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ghost"}, "spec": spec})
    place.wait_for("no image", lambda now: any(waiting_reasons(p) for p in now.all("Pod") if name_of(p) == "ghost"), within_s=90)
    words(place, "Failed")


@case("the status copied instead of the event's name", "evidence")
def copied(place: NamespaceClient) -> None:
    stand(place)
    ghost(place)
    words(place, "ErrImagePull")


@case("the event of another pod", "evidence")
def elsewhere(place: NamespaceClient) -> None:
    stand(place)
    ghost(place)
    pods = {name_of(p) for p in place.state.selected_by("Pod", {"app": "shop-0"})}
    words(place, next(name_of(x) for x in place.state.all("Event") if (x.get("involvedObject") or {}).get("name") in pods))


@case("the event that a node was found", "evidence")
def scheduled(place: NamespaceClient) -> None:
    stand(place)
    event = ghost(place)
    about = next(s.object["involvedObject"]["uid"] for s in place.history.of("Event") if name_of(s.object) == event)
    events = [s.object for s in place.history.of("Event") if s.object["involvedObject"].get("uid") == about]
    words(place, next(name_of(x) for x in events if x.get("reason") == "Scheduled"))


@case("left broken", "repaired")
def left_broken(place: NamespaceClient) -> None:
    stand(place)
    words(place, ghost(place, repair=""))


@case("deleted and made anew instead of repaired", "repaired")
def made_anew(place: NamespaceClient) -> None:
    stand(place)
    event = ghost(place, repair="")
    place.apps.delete_namespaced_deployment("ghost", place.namespace)
    place.wait_for("it gone", lambda now: not now.selected_by("Pod", {"app": "ghost"}), within_s=60)
    place.apply(deployment("ghost"))
    ready(place, "ghost")
    words(place, event)


@case("a quota that lets no new pod in: what is deleted does not come back", "comes-back-the-same")
def held_back(place: NamespaceClient) -> None:
    stand(place)
    words(place, ghost(place))
    quota = {"hard": {"pods": "0"}}
    place.core.create_namespaced_resource_quota(place.namespace, {"metadata": {"name": "none-more"}, "spec": quota})
