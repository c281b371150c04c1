"""Lab 4: wrong and unusual work. On kind only: the numbers are those of its nodes."""

from __future__ import annotations

from typing import Any

from kubernetes import utils

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.cluster.nodes import container_processes, look_into
from shallowdive.objects.pods import is_ready, restarts
from shallowdive.objects.processes import Process, first_of, ids_of
from tests.mutants import answer, case, forget_answers

Body = dict[str, Any]
ALL = ("predicted", "twins", "same-in-both", "one-kernel", "files-apart", "restarted", "process-found")
SERVE = ["netexec", "--http-port=8080", "--udp-port=-1"]


def pod(name: str, **spec: Any) -> Body:
    container = {"name": "main", "image": AGNHOST, "args": SERVE} | spec.pop("container", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1} | spec,
    }


def ready(place: NamespaceClient, n: int = 2) -> None:
    place.wait_for(f"{n} ready pods", lambda now: len([p for p in now.all("Pod") if is_ready(p)]) == n == len(now.all("Pod")), within_s=120)


def restart(place: NamespaceClient, name: str = "one") -> None:
    count = restarts(place.state.get("Pod", name) or {})
    place.exec(name, ("sh", "-c", "(sleep 1; kill 1) > /dev/null 2>&1 &"))

    def again(now: Any) -> bool:
        p = now.get("Pod", name)
        return p is not None and restarts(p) > count and is_ready(p)

    place.wait_for(f"{name} to be started again", again, within_s=120)


def seen(place: NamespaceClient, name: str) -> tuple[Body, list[Process]]:
    found = place.state.get("Pod", name)
    assert found is not None
    return found, container_processes(place.access, found["spec"]["nodeName"])


def number(place: NamespaceClient, name: str = "one") -> int:
    return first_of(*seen(place, name))[0].pid


def words(place: NamespaceClient, name: str = "one", **other: Any) -> None:
    found, _ = seen(place, name)
    said = {
        "predict_same_in_both": 2,
        "predict_number_outside": "1, too",
        "predict_after_restart": "the same number",
        "answer_same": ["kernel"],
        "answer_kernel": look_into(place.access, found["spec"]["nodeName"], "uname -r").strip(),
    }
    answer(place, **said | ({} if "answer_pid" in other else {"answer_pid": number(place, name)}) | other)


def story(place: NamespaceClient, *bodies: Body, **said: Any) -> None:
    place.apply(*(bodies or (pod("one"), pod("two"))))
    ready(place)
    restart(place)
    words(place, **said)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place)


@case("other names, made by utils.create_from_dict, restarted twice")
def created(place: NamespaceClient) -> None:
    for name in ("left", "right"):
        utils.create_from_dict(place.api, pod(name), namespace=place.namespace)
    ready(place)
    restart(place, "right")
    restart(place, "right")
    words(place, "right")


@case("two pods of one Deployment, with a side-car each")
def deployed(place: NamespaceClient) -> None:
    body = pod("x", container={"args": SERVE})["spec"]
    body["containers"].append({"name": "side", "image": AGNHOST, "args": ["pause"]})
    labels = {"app": "twins"}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": body}}
    place.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "twins"}, "spec": spec})
    ready(place)
    name = place.state.all("Pod")[0]["metadata"]["name"]
    count = restarts(place.state.all("Pod")[0])
    place.exec(name, ("sh", "-c", "(sleep 1; kill 1) > /dev/null 2>&1 &"), container="main")
    place.wait_for(
        "started again", lambda now: restarts(now.get("Pod", name) or {}) > count and is_ready(now.get("Pod", name)), within_s=120
    )
    words(place, name)


@case("nothing done", *ALL)
def nothing(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def not_predicted(place: NamespaceClient) -> None:
    story(place)
    forget_answers(place)
    found, _ = seen(place, "one")
    kernel = look_into(place.access, found["spec"]["nodeName"], "uname -r").strip()
    answer(place, answer_same=["kernel"], answer_kernel=kernel, answer_pid=number(place))


@case("one pod only", "twins", "one-kernel", "files-apart")
def single(place: NamespaceClient) -> None:
    place.apply(pod("one"))
    ready(place, 1)
    restart(place)
    words(place)


@case("two pods of two images", "twins", "one-kernel", "files-apart")
def two_images(place: NamespaceClient) -> None:
    story(place, pod("one"), pod("two", container={"image": AGNHOST.replace("2.66.1", "2.63.0")}))


@case("the host name is taken for shared, too", "same-in-both")
def shared_name(place: NamespaceClient) -> None:
    story(place, answer_same=["kernel", "host name"])


@case("another kernel is named", "one-kernel")
def other_kernel(place: NamespaceClient) -> None:
    story(place, answer_kernel="5.15.0-generic")


@case("both mount one claim at the place of the files", "files-apart")
def one_claim(place: NamespaceClient) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    place.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "both"}, "spec": spec})
    shared = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "both"}}]}
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/tmp"}]}
    story(place, *(pod(name, container=mount, **shared) for name in ("one", "two")))


@case("the program was never ended", "restarted", "process-found")
def never(place: NamespaceClient) -> None:
    place.apply(pod("one"), pod("two"))
    ready(place)
    words(place)


@case("the pod was deleted and made again instead", "restarted", "process-found")
def made_again(place: NamespaceClient) -> None:
    place.apply(pod("one"), pod("two"))
    ready(place)
    place.core.delete_namespaced_pod("one", place.namespace)
    place.wait_for("it to be gone", lambda now: now.get("Pod", "one") is None, within_s=60)
    place.apply(pod("one"))
    ready(place)
    words(place)


@case("the number from before the restart", "process-found")
def stale(place: NamespaceClient) -> None:
    place.apply(pod("one"), pod("two"))
    ready(place)
    old = number(place)
    restart(place)
    words(place, answer_pid=old)


@case("the twin's number", "process-found")
def the_twins(place: NamespaceClient) -> None:
    story(place)
    words(place, answer_pid=number(place, "two"))


@case("the number inside", "process-found")
def inside(place: NamespaceClient) -> None:
    story(place, answer_pid=1)


@case("the pause container's number", "process-found")
def paused(place: NamespaceClient) -> None:
    story(place)
    found, processes = seen(place, "one")
    mine = {p.container for p in first_of(found, processes)}
    place_of_pause = next(p.pid for p in processes if p.name == "pause" and p.container not in mine)
    words(place, answer_pid=place_of_pause)


@case("another program in the same container", "process-found")
def a_child(place: NamespaceClient) -> None:
    story(place)
    place.exec("one", ("sh", "-c", "sleep 600 > /dev/null 2>&1 &"))
    found, processes = seen(place, "one")
    child = next(p.pid for p in processes if p.container in ids_of(found) and p.inside != 1)
    words(place, answer_pid=child)


@case("a guess", "process-found")
def guess(place: NamespaceClient) -> None:
    story(place, answer_pid=4_000_000)
