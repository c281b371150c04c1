"""Lab 0: wrong and unusual work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubernetes import utils

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, BUSYBOX
from tests.mutants import answer, case

Body = dict[str, Any]
ALL = ("predicted", "cluster-is-whole", "a-pod-of-yours", "gone-for-good", "machines-counted", "node-named", "it-answers")
POD_MISSING = ("a-pod-of-yours", "gone-for-good", "node-named", "it-answers")


def pod(name: str = "first", image: str = AGNHOST, **container: Any) -> Body:
    base = {"name": "app", "image": image} | (container or {"args": ["pause"]})
    spec = {"containers": [base], "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def ready(place: NamespaceClient, name: str = "first") -> None:
    def there(now: Any) -> bool:
        found = now.get("Pod", name)
        return bool(found and found in now.ready_pods())

    place.wait_for(f"{name} ready", there, within_s=90)


def gone(place: NamespaceClient, name: str = "first") -> None:
    place.core.delete_namespaced_pod(name, place.namespace)
    place.wait_for(f"{name} gone", lambda now: now.get("Pod", name) is None, within_s=60)


def words(place: NamespaceClient, name: str = "first", **other: Any) -> None:
    """What a learner reads from the cluster."""
    count = len(place.core.list_node().items)
    node = place.core.read_namespaced_pod(name, place.namespace).spec.node_name
    said = {"predict_machines": 1, "predict_after_three": 1, "predict_after_deletion": 1, "answer_nodes": count, "answer_node": node}
    answer(place, **said | other)


def story(place: NamespaceClient, body: Body | None = None) -> None:
    body = body or pod()
    name = body["metadata"]["name"]
    for last in (False, True):
        place.apply(body)
        ready(place, name)
        if not last:
            gone(place, name)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place)
    words(place)


@case("another name and image, made with utils.create_from_dict")
def created(place: NamespaceClient) -> None:
    body = pod("mine", BUSYBOX, command=["sleep", "3600"])
    for last in (False, True):
        utils.create_from_dict(place.api, body, namespace=place.namespace)
        ready(place, "mine")
        if not last:
            gone(place, "mine")
    words(place, "mine")


@case("the second pod has another name, and a first one is still there")
def another(place: NamespaceClient) -> None:
    place.apply(pod("zero"), pod("first"))
    ready(place, "zero")
    ready(place)
    gone(place)
    place.apply(pod("second"))
    ready(place, "second")
    words(place, "second")


@case("nothing done", *(c for c in ALL if c != "cluster-is-whole"))
def untouched(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    story(place)
    node = place.core.read_namespaced_pod("first", place.namespace).spec.node_name
    answer(place, answer_nodes=len(place.core.list_node().items), answer_node=node)


@case("a Deployment makes the pod", *POD_MISSING)
def by_deployment(place: NamespaceClient) -> None:
    template = {"metadata": {"labels": {"app": "first"}}, "spec": pod()["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "first"}}, "template": template}
    template["spec"].pop("terminationGracePeriodSeconds")
    place.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "first"}, "spec": spec})
    place.wait_for("its pod", lambda now: now.ready_pods(app="first"), within_s=90)
    name = place.state.ready_pods(app="first")[0]["metadata"]["name"]
    words(place, name)


@case("never deleted", "gone-for-good")
def once(place: NamespaceClient) -> None:
    place.apply(pod())
    ready(place)
    words(place)


@case("deleted and left so", "a-pod-of-yours", "gone-for-good", "it-answers")
def left_gone(place: NamespaceClient) -> None:
    place.apply(pod())
    ready(place)
    words(place)
    gone(place)


@case("a second pod beside the first, which is deleted then", "gone-for-good")
def overlapping(place: NamespaceClient) -> None:
    place.apply(pod(), pod("second"))
    ready(place)
    ready(place, "second")
    gone(place)
    words(place, "second")


@case("a pod whose image does not exist", *POD_MISSING)
def no_image(place: NamespaceClient) -> None:
    place.apply(pod(image="registry.k8s.io/e2e-test-images/agnhost:no-such-tag"))
    place.wait_for("a node for it", lambda now: (now.get("Pod", "first") or {"spec": {}})["spec"].get("nodeName"), within_s=60)
    words(place)


class Lacking:
    """The client as it is, with one fault in its list of nodes: no node is taken from a cluster on which others work."""

    def __init__(self, core: Any, harm: Callable[[Any], None]) -> None:
        self._core, self._harm = core, harm

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def list_node(self, **how: Any) -> Any:
        found = self._core.list_node(**how)
        self._harm(found.items[-1])
        return found


@case("a node is lost", "cluster-is-whole")
def node_lost(place: NamespaceClient) -> None:
    story(place)
    words(place)

    def lose(node: Any) -> None:
        next(c for c in node.status.conditions if c.type == "Ready").status = "Unknown"

    place.core = Lacking(place.core, lose)  # type: ignore[assignment]


@case("a node lacks the images of the labs", "cluster-is-whole")
def images_missing(place: NamespaceClient) -> None:
    story(place)
    words(place)

    def empty(node: Any) -> None:
        node.status.images = []

    place.core = Lacking(place.core, empty)  # type: ignore[assignment]


@case("only the workers are counted", "machines-counted")
def workers_only(place: NamespaceClient) -> None:
    story(place)
    words(place, answer_nodes=len(place.core.list_node().items) - 1)


@case("the count as a word", "machines-counted")
def in_letters(place: NamespaceClient) -> None:
    story(place)
    words(place, answer_nodes="three")


@case("the control plane is guessed as the node", "node-named")
def guessed(place: NamespaceClient) -> None:
    story(place)
    words(place, answer_node=next(n.metadata.name for n in place.core.list_node().items if n.spec.taints))


@case("an image without programs: nothing can be run in it", "it-answers")
def bare_image(place: NamespaceClient) -> None:
    image = "registry.k8s.io/pause:3.10.2"
    story(place, {**pod(), "spec": {"containers": [{"name": "app", "image": image}], "terminationGracePeriodSeconds": 1}})
    words(place)
