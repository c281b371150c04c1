"""Lab 6: wrong and unusual work."""

from __future__ import annotations

from typing import Any

from kubernetes import utils

from shallowdive.checks.lab06_resource_model import FIELDS, WRITTEN
from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.objects import Object, controller_uid, name_of, uid_of
from shallowdive.objects.pods import is_ready
from tests.mutants import answer, case

Body = dict[str, Any]
ALL = ("predicted", "family-is-whole", "one-orphan", "adopted-again", "chain-named", "sorted", "generation", "family-holds")
STATUS = list(WRITTEN)


def deployment(name: str = "web", replicas: int = 3, probe_port: int = 8080, **spec: Any) -> Body:
    container = {"name": "web", "image": AGNHOST, "args": ["netexec", "--http-port=8080"]}
    container["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": probe_port}, "periodSeconds": 1}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}
    base = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": base | spec}


def owned(place: NamespaceClient, name: str = "web") -> list[Object]:
    found = place.state.get("Deployment", name)
    return place.state.pods_of(found) if found else []


def whole(place: NamespaceClient, n: int = 3, name: str = "web") -> None:
    place.wait_for(f"{n} owned and ready", lambda now: _whole(now, n, name), within_s=120)


def _whole(now: Any, n: int, name: str) -> bool:
    found = now.get("Deployment", name)
    pods = now.pods_of(found) if found else []
    return len(pods) == n == len([p for p in now.ready_pods() if controller_uid(p) and p in pods])


def relabel(place: NamespaceClient, name: str = "web", labels: Body | None = None) -> None:
    pod = owned(place, name)[0]
    place.core.patch_namespaced_pod(name_of(pod), place.namespace, {"metadata": {"labels": labels or {"app": "elsewhere"}}})
    place.wait_for("an orphan", lambda now: any(uid_of(p) == uid_of(pod) and not controller_uid(p) for p in now.all("Pod")), within_s=60)
    whole(place, name=name)


def unname(place: NamespaceClient, name: str = "web") -> None:
    """Take the owner's name away; its ReplicaSet adopts it again."""
    pod = owned(place, name)[0]
    place.core.patch_namespaced_pod(name_of(pod), place.namespace, {"metadata": {"ownerReferences": None}})
    place.wait_for("the loss seen", lambda now: any(not controller_uid(v) for v in place.history.versions("Pod", uid_of(pod))), within_s=60)
    whole(place, name=name)


def change(place: NamespaceClient, name: str = "web") -> None:
    place.apps.patch_namespaced_deployment(name, place.namespace, {"spec": {"minReadySeconds": 1}})
    place.wait_for("the change seen", lambda now: now.get("Deployment", name)["status"].get("observedGeneration", 0) >= 2, within_s=60)


def words(place: NamespaceClient, name: str = "web", **other: Any) -> None:
    found = place.apps.read_namespaced_deployment(name, place.namespace)
    said = {
        "predict_after_label": 3,
        "predict_after_reference": 3,
        "answer_owners": ["ReplicaSet", "Deployment"],
        "answer_written_by_the_cluster": STATUS,
        "answer_generation": found.metadata.generation,
    }
    answer(place, **said | other)


def story(place: NamespaceClient, name: str = "web") -> None:
    whole(place, name=name)
    relabel(place, name)
    unname(place, name)
    change(place, name)
    whole(place, name=name)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    words(place)


@case("another name, made by utils.create_from_dict, in another order")
def created(place: NamespaceClient) -> None:
    utils.create_from_dict(place.api, deployment("shop"), namespace=place.namespace)
    whole(place, name="shop")
    change(place, "shop")
    unname(place, "shop")
    relabel(place, "shop")
    words(place, "shop", answer_written_by_the_cluster=STATUS[::-1])


@case("the label is taken away instead of changed, and the spec is changed twice")
def label_gone(place: NamespaceClient) -> None:
    place.apply(deployment())
    whole(place)
    relabel(place, labels={"app": None})
    unname(place)
    change(place)
    place.apps.patch_namespaced_deployment("web", place.namespace, {"spec": {"minReadySeconds": 0}})
    place.wait_for("seen", lambda now: now.get("Deployment", "web")["status"].get("observedGeneration", 0) >= 3, within_s=60)
    words(place)


@case("nothing done", *ALL)
def untouched(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    found = place.apps.read_namespaced_deployment("web", place.namespace)
    answer(
        place, answer_owners=["ReplicaSet", "Deployment"], answer_written_by_the_cluster=STATUS, answer_generation=found.metadata.generation
    )


@case("four bare pods", *(c for c in ALL if c not in ("predicted", "sorted")))
def bare_pods(place: NamespaceClient) -> None:
    spec = deployment()["spec"]["template"]["spec"]
    for i in range(4):
        meta = {"name": f"web-{i}", "labels": {"app": "web" if i else "elsewhere"}}
        place.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    place.wait_for("four ready", lambda now: len(now.ready_pods()) == 4, within_s=90)
    said = {"predict_after_label": 3, "predict_after_reference": 3, "answer_owners": ["ReplicaSet", "Deployment"], "answer_generation": 2}
    answer(place, **said, answer_written_by_the_cluster=STATUS)


@case("the right count, and not ready", "family-is-whole", "family-holds")
def not_ready(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    body = {"spec": {"template": deployment(probe_port=9)["spec"]["template"], "strategy": {"type": "Recreate", "rollingUpdate": None}}}
    place.apps.patch_namespaced_deployment("web", place.namespace, body)

    def asked_at_9(pod: Object) -> bool:
        return bool(pod["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] == 9 and not is_ready(pod))

    place.wait_for(
        "three new ones that are not ready", lambda now: len(owned(place)) == 3 and all(map(asked_at_9, owned(place))), within_s=90
    )
    words(place)


@case("an orphan made by hand", "one-orphan")
def made_by_hand(place: NamespaceClient) -> None:
    place.apply(deployment())
    whole(place)
    unname(place)
    change(place)
    spec = deployment()["spec"]["template"]["spec"]
    place.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-x", "labels": {"app": "elsewhere"}}, "spec": spec})
    place.wait_for("it ready", lambda now: len(now.ready_pods()) == 4, within_s=60)
    words(place)


@case("no orphan", "one-orphan")
def no_orphan(place: NamespaceClient) -> None:
    place.apply(deployment())
    whole(place)
    unname(place)
    change(place)
    words(place)


@case("two orphans", "one-orphan")
def two_orphans(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    relabel(place)
    words(place)


@case("the reference was never taken away", "adopted-again")
def never_unnamed(place: NamespaceClient) -> None:
    place.apply(deployment())
    whole(place)
    relabel(place)
    change(place)
    words(place)


@case("the orphan brought home by its label is not a reference that came back", "one-orphan", "adopted-again")
def brought_home(place: NamespaceClient) -> None:
    place.apply(deployment())
    whole(place)
    relabel(place)
    orphan = next(p for p in place.state.all("Pod") if not controller_uid(p))
    place.core.patch_namespaced_pod(name_of(orphan), place.namespace, {"metadata": {"labels": {"app": "web"}}})
    place.wait_for("nobody alone", lambda now: all(map(controller_uid, now.all("Pod"))) and len(now.all("Pod")) == 3, within_s=60)
    whole(place)
    change(place)
    words(place)


@case("the Deployment is taken for the pod's owner", "chain-named")
def wrong_chain(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    words(place, answer_owners=["Deployment", "ReplicaSet"])


@case("all fields said to be the cluster's", "sorted")
def unsorted(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    words(place, answer_written_by_the_cluster=list(FIELDS))


@case("a guess at the generation", "generation")
def guessed(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    words(place, answer_generation=17)


@case("the spec never changed", "generation")
def unchanged(place: NamespaceClient) -> None:
    place.apply(deployment())
    whole(place)
    relabel(place)
    unname(place)
    words(place)


@case("two pods wanted", "family-is-whole")
def two_wanted(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    place.apps.patch_namespaced_deployment_scale("web", place.namespace, {"spec": {"replicas": 2}})
    whole(place, 2)
    words(place)


@case("a quota lets no new pod in: what is deleted is not replaced", "family-holds")
def held_back(place: NamespaceClient) -> None:
    place.apply(deployment())
    story(place)
    words(place)
    place.core.create_namespaced_resource_quota(place.namespace, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
