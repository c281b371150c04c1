"""Lab 1: wrong and unusual work."""

from __future__ import annotations

from typing import Any

from kubernetes import client, utils

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.objects import name_of, uid_of
from tests.mutants import answer, case

Body = dict[str, Any]
ALL = (
    "predicted", "five-ready", "nothing-else-runs", "one-was-replaced", "all-were-replaced", "stopped-by-asking", "who-makes-them",
    "count-comes-back",
)  # fmt: skip


def deployment(name: str = "web", replicas: int = 3, probe_port: int = 8080) -> Body:
    container = {
        "name": "web",
        "image": AGNHOST,
        "args": ["netexec", "--http-port=8080"],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": probe_port}, "periodSeconds": 1},
    }
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def words(place: NamespaceClient, owner: str = "ReplicaSet") -> None:
    answer(place, predict_after_one=2, predict_after_all=0, answer_owner=owner)


def ready(place: NamespaceClient, n: int, name: str = "web") -> None:
    place.wait_for(f"{n} ready", lambda now: len(list(now.all("Pod"))) == n == len(now.ready_pods(app=name)), within_s=120)


def kill(place: NamespaceClient, n: int, name: str = "web", wanted: int = 3) -> None:
    victims = place.state.ready_pods(app=name)[:n]
    for pod in victims:
        place.core.delete_namespaced_pod(name_of(pod), place.namespace, grace_period_seconds=1)
    gone = {uid_of(p) for p in victims}
    place.wait_for(
        "others",
        lambda now: len(now.all("Pod")) == wanted == len([p for p in now.ready_pods(app=name) if uid_of(p) not in gone]),
        within_s=120,
    )


def scale(place: NamespaceClient, n: int, name: str = "web") -> None:
    place.apps.patch_namespaced_deployment_scale(name, place.namespace, {"spec": {"replicas": n}})
    ready(place, n, name)


def story(place: NamespaceClient, *, name: str = "web", stop: bool = True, one: bool = True, every: bool = True, last: int = 5) -> None:
    ready(place, 3, name)
    if one:
        kill(place, 1, name)
    if every:
        kill(place, 3, name)
    if stop:
        scale(place, 0, name)
    scale(place, last, name)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    words(place)


@case("other names, made from YAML by utils.create_from_dict")
def created(place: NamespaceClient) -> None:
    utils.create_from_dict(place.api, deployment("shop"), namespace=place.namespace)
    story(place, name="shop")
    words(place)


@case("replaced as a whole object, all deleted before one")
def other_order(place: NamespaceClient) -> None:
    place.apply(deployment())
    ready(place, 3)
    kill(place, 3)
    kill(place, 1)
    for n in (0, 5):
        body: Any = place.apps.read_namespaced_deployment("web", place.namespace)
        body.spec.replicas = n
        place.apps.replace_namespaced_deployment(
            "web", place.namespace, client.V1Deployment(metadata=client.V1ObjectMeta(name="web"), spec=body.spec)
        )
        ready(place, n)
    words(place)


@case("nothing done", *[c for c in ALL if c != "nothing-else-runs"])
def untouched(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    answer(place, answer_owner="ReplicaSet")


@case("five bare pods instead of a Deployment", *[c for c in ALL if c != "predicted"])
def bare_pods(place: NamespaceClient) -> None:
    spec = deployment()["spec"]["template"]["spec"]
    place.apply(
        *({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{i}", "labels": {"app": "web"}}, "spec": spec} for i in range(5))
    )
    ready(place, 5)
    words(place)


@case(
    "the right number, never ready", *[c for c in ALL if c not in ("predicted", "nothing-else-runs", "stopped-by-asking", "who-makes-them")]
)
def never_ready(place: NamespaceClient) -> None:
    place.apply(deployment(probe_port=9090))
    for n in (3, 0, 5):
        place.apps.patch_namespaced_deployment_scale("web", place.namespace, {"spec": {"replicas": n}})
        running = lambda now, n=n: len(now.all("Pod")) == n == len([p for p in now.all("Pod") if p["status"].get("phase") == "Running"])  # noqa: E731
        place.wait_for(f"{n} running", running, within_s=90)
    words(place)


@case("four of its own and a stranger with the same label", "five-ready", "nothing-else-runs")
def faked_label(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place, last=4)
    spec = deployment()["spec"]["template"]["spec"]
    place.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger", "labels": {"app": "web"}}, "spec": spec})
    place.wait_for("five with the label", lambda now: len(now.ready_pods(app="web")) == 5, within_s=60)
    words(place)


@case("an orphan made by hand beside it", "nothing-else-runs")
def orphan(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    pod = place.state.ready_pods(app="web")[0]
    labels = {"app": "lost", "pod-template-hash": None}
    place.core.patch_namespaced_pod(name_of(pod), place.namespace, {"metadata": {"labels": labels}})
    place.wait_for("five and one", lambda now: len(now.all("Pod")) == 6 and len(now.ready_pods(app="web")) == 5, within_s=60)
    words(place)


@case("only ever asked for five", "one-was-replaced", "all-were-replaced", "stopped-by-asking")
def five_at_once(place: NamespaceClient) -> None:
    place.apply(deployment(replicas=5))
    ready(place, 5)
    words(place)


@case("one was deleted, never all", "all-were-replaced")
def only_one(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place, every=False)
    words(place)


@case("all were deleted, never one", "one-was-replaced")
def only_all(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place, one=False)
    words(place)


@case("never stopped by asking", "stopped-by-asking")
def never_stopped(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place, stop=False)
    words(place)


@case("stopped by deleting the Deployment, then made anew", "one-was-replaced", "all-were-replaced", "stopped-by-asking")
def made_anew(place: NamespaceClient) -> None:
    place.apply(deployment())
    ready(place, 3)
    kill(place, 1)
    kill(place, 3)
    place.apps.delete_namespaced_deployment("web", place.namespace)
    place.wait_for("nothing left", lambda now: not now.all("Pod") and not now.all("ReplicaSet"), within_s=60)
    place.apply(deployment(replicas=5))
    ready(place, 5)
    words(place)


@case("the wrong owner named", "who-makes-them")
def wrong_owner(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    words(place, owner="Deployment")


@case("still three", "five-ready")
def still_three(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place, last=3)
    words(place)
