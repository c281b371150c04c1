"""Lab 11: wrong and unusual work."""

from __future__ import annotations

from kubernetes import utils

from shallowdive.checks import LABS
from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, BUSYBOX
from shallowdive.lessons.place import drop_namespace, make_namespace
from shallowdive.objects import uid_of
from shallowdive.objects.pods import restarts
from tests.mutants import answer, case, forget_answers
from tests.mutants.flatmates import (
    ANSWERS,
    HERE,
    beside,
    deployment,
    drop,
    kill,
    live,
    loop,
    pod,
    ready,
    service,
    shut,
    stick,
    story,
    unless,
    web,
    words,
)  # fmt: skip

ALL = (
    "predicted", "two-containers", "shared-and-separate", "asks-next-door", "restarted", "replaced", "silent-not-restarted",
    "out-of-the-service", "liveness-restarted", "no-pod-left-broken", "answered",
)  # fmt: skip
NO_PAIR = tuple(c for c in ALL if c not in ("predicted", "no-pod-left-broken"))


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()))


@case("other names, another port, localhost, the side-car first of three, restarted by liveness only")
def other_names(place: NamespaceClient) -> None:
    quiet = {"name": "idle", "image": BUSYBOX, "command": ["sleep", "100000"]}
    paper = beside("paper", "http://localhost:9000/hostname", "/out", ports=[{"containerPort": 9999}])
    body = pod(paper, web("shop", 9000, "/srv", args=["netexec", "--http-port=9000"]), quiet, name="one")
    story(place, body, leave_out="kill", app="shop", front=service(ports=[{"port": 80, "targetPort": 9000}]))


@case("a native side-car with its script in a ConfigMap, made by utils.create_from_dict, made again under another name")
def native(place: NamespaceClient) -> None:
    script = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "script"}, "data": {"ask.sh": loop(HERE)[-1]}}
    mounts = [{"name": "pages", "mountPath": "/pages"}, {"name": "script", "mountPath": "/script"}]
    helper = beside(command=["sh", "/script/ask.sh"], volumeMounts=mounts, restartPolicy="Always")
    volumes = ("pages", {"name": "script", "configMap": {"name": "script"}})
    for body in (script, service(), made := pod(web(), initContainers=[helper], volumes=volumes)):
        utils.create_from_dict(place.api, body, namespace=place.namespace)
    first = ready(place)
    stick(place, first)
    shut(place, first)
    drop(place, first)
    made["metadata"]["name"] = "flat-2"
    utils.create_from_dict(place.api, made, namespace=place.namespace)
    kill(place, ready(place, uid_of(first)))
    words(place)


@case("a Deployment makes the pod again; the side-car listens too; readiness looks into the shared volume")
def by_deployment(place: NamespaceClient) -> None:
    app = web(readinessProbe=unless("/pages/closed"), mount="/pages")
    listens = "httpd -p 9090 -h /pages; " + loop(HERE)[-1]
    place.apply(service(), deployment("flat", pod(app, beside(command=["sh", "-c", listens]))["spec"]))
    first = ready(place)
    kill(place, first)
    drop(place, first)
    second = ready(place, uid_of(first))
    shut(place, second, "reader", "/pages/closed")
    stick(place, second)
    words(place)


@case("nothing done", *ALL)
def untouched(place: NamespaceClient) -> None:
    pass


@case("predictions and answers only", *ALL[1:])
def no_objects(place: NamespaceClient) -> None:
    words(place)


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()), leave_out="words")
    forget_answers(place)
    answer(place, **ANSWERS)


@case("everything in another namespace", *ALL[1:])
def elsewhere(place: NamespaceClient) -> None:
    other = NamespaceClient(place.access, make_namespace(place.access, LABS["11-pod"], "elsewhere"))
    try:
        with other.follower:
            other.apply(service(), pod(web(), beside()))
            kill(other, ready(other))
    finally:
        other.close()
        drop_namespace(place.access, other.namespace)
    words(place)


@case("the leftovers of another lab", *NO_PAIR)
def leftovers(place: NamespaceClient) -> None:
    one = {"name": "web", "image": AGNHOST, "args": ["netexec", "--http-port=8080"]}
    place.apply(service(), deployment("web", {"containers": [one]}, 2))
    ready(place, pods=2)
    words(place)


@case("the side-car in a second pod", *NO_PAIR)
def second_pod(place: NamespaceClient) -> None:
    place.apply(service(), pod(web()))
    first = ready(place)
    place.apply(pod(beside(url=f"http://{first['status']['podIP']}:8080/hostname"), name="reader"))
    ready(place, pods=2)
    stick(place, first)
    words(place)


@case("one container that does both", *NO_PAIR)
def one_container(place: NamespaceClient) -> None:
    both = web(command=["sh", "-c", f"/agnhost netexec --http-port=8080 & {loop(HERE)[-1]}"], args=None)
    place.apply(service(), pod(both))
    first = ready(place)
    shut(place, first)
    stick(place, first)
    drop(place, first)
    place.apply(pod(both))
    ready(place)
    words(place)


@case("the pod's IP instead of 127.0.0.1", "asks-next-door")
def own_address(place: NamespaceClient) -> None:
    env = [{"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    story(place, pod(web(), beside(url="http://$ME:8080/hostname", env=env)))


@case("the Service's name instead of 127.0.0.1", "asks-next-door")
def by_service(place: NamespaceClient) -> None:
    story(place, pod(web(), beside(url="http://flat/hostname")))


@case("the side-car writes the expected word without asking", "asks-next-door")
def echoed(place: NamespaceClient) -> None:
    story(place, pod(web(), beside(command=["sh", "-c", "while true; do echo flat >> /pages/seen; sleep 1; done  # 127.0.0.1"])))


@case("the file written by hand, the side-car asleep", "asks-next-door")
def by_hand(place: NamespaceClient) -> None:
    body = pod(web(), beside(command=["sleep", "100000"]))
    story(place, body)
    place.exec("flat", ("sh", "-c", "wget -qO- http://127.0.0.1:8080/hostname > /pages/seen"), container="reader")


@case("a volume for each, none shared", "shared-and-separate", "asks-next-door")
def two_volumes(place: NamespaceClient) -> None:
    own = [{"name": "mine", "mountPath": "/pages"}]
    story(place, pod(web(), beside(volumeMounts=own), volumes=("pages", "mine")))


@case("restarted by deletion only", "restarted", "liveness-restarted", also=("answered",))
def only_deleted(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()), leave_out="kill stick")


@case("never deleted", "replaced", "answered")
def never_deleted(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()), leave_out="delete kill")


@case("readiness never failed", "silent-not-restarted", "out-of-the-service")
def never_silent(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()), leave_out="shut")


@case("no liveness probe: killed only", "liveness-restarted")
def no_liveness(place: NamespaceClient) -> None:
    story(place, pod(web(livenessProbe=None), beside()), leave_out="stick")


@case("one question for both probes: not ready was always followed by a restart", "silent-not-restarted", also=("out-of-the-service",))
def same_question(place: NamespaceClient) -> None:
    story(place, pod(web(readinessProbe=unless("/tmp/stuck")), beside()), leave_out="shut kill")


@case("no Service in front", "out-of-the-service")
def no_service(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()), front=service(selector={"app": "nobody"}), leave_out="unseen")


@case("a Service that also publishes pods that are not ready", "out-of-the-service")
def publishes_all(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()), front=service(publishNotReadyAddresses=True), leave_out="unseen kill")


@case("left not ready", "two-containers", "silent-not-restarted", also=("out-of-the-service",))
def left_silent(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()), leave_out="shut")
    place.exec("flat", ("touch", "/tmp/closed"), container="app")
    place.wait_for("not ready", lambda now: not live(now), within_s=60)


@case("both on one port, left as it is", "no-pod-left-broken")
def left_clash(place: NamespaceClient) -> None:
    plainly = {"readinessProbe": None, "livenessProbe": None, "volumeMounts": None}
    clash = pod(web("one", **plainly), web("two", **plainly), name="clash", volumes=())
    clash["metadata"]["labels"] = {"app": "clash"}
    place.apply(clash)
    story(place, pod(web(), beside()))
    place.wait_for("a failed neighbour", lambda now: restarts(now.get("Pod", "clash") or {}) > 0, within_s=60)


@case("the answers of somebody who did not look", "answered")
def wrong_answers(place: NamespaceClient) -> None:
    story(place, pod(web(), beside()))
    words(place, answer_uid_after_deletion="the same", answer_address_after_restart="another")
