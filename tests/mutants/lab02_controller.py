"""Lab 2: wrong and unusual work. A learner's loop runs here in a thread, as in the notebook, and somebody kills its pods."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client, utils, watch

from shallowdive.checks import LABS
from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.lessons.place import drop_namespace, make_namespace
from shallowdive.objects import controller_uid, name_of, uid_of
from tests.mutants import answer, case

Body = dict[str, Any]
Loop = Callable[[NamespaceClient, threading.Event], None]
LABELS = {"app": "mine"}
ALL = (
    "predicted", "three-kills-survived", "never-too-many", "leaving-not-counted", "caught-up", "replicaset-has-three",
    "replicaset-survives", "loop-is-gone",
)  # fmt: skip
LOOP, SET = ALL[1:5], ALL[5:7]


def spec() -> Body:
    """A pod that takes ten seconds to end."""
    container = {
        "name": "web",
        "image": AGNHOST,
        "args": ["netexec", "--http-port=8080"],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
    }
    return {"containers": [container]}


def replica_set(name: str = "theirs", replicas: int = 3, labels: dict[str, str] | None = None, kind: str = "ReplicaSet") -> Body:
    labels = labels or {"app": name}
    template = {"metadata": {"labels": labels}, "spec": spec()}
    wish = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": wish}


# ── loops ────────────────────────────────────────────────────────────────────────────────────────────────────
def there(place: NamespaceClient, labels: dict[str, str] = LABELS) -> list[Any]:
    selector = ",".join(f"{k}={v}" for k, v in labels.items())
    return list(client.CoreV1Api(place.api).list_namespaced_pod(place.namespace, label_selector=selector).items)


def create(place: NamespaceClient, labels: dict[str, str] = LABELS) -> None:
    body = {"metadata": {"generateName": "mine-", "labels": labels}, "spec": spec()}
    client.CoreV1Api(place.api).create_namespaced_pod(place.namespace, body)


def not_leaving(pods: list[Any]) -> list[Any]:
    return [p for p in pods if not p.metadata.deletion_timestamp]


def level(count: Callable[[list[Any]], list[Any]] = not_leaving, wanted: int = 3, labels: dict[str, str] = LABELS) -> Loop:
    """The loop of the lab: look, compare, act, wait. `count`: which pods it counts."""

    def run(place: NamespaceClient, stop: threading.Event) -> None:
        while not stop.is_set():
            for _ in range(wanted - len(count(there(place, labels)))):
                create(place, labels)
            stop.wait(0.3)

    return run


def once(place: NamespaceClient, stop: threading.Event) -> None:
    """Makes three and never looks again."""
    for _ in range(3 - len(there(place))):
        create(place)
    stop.wait()


def edge(place: NamespaceClient, stop: threading.Event) -> None:
    """Makes three at first; from then on one for each pod of which it hears that it is on its way out. What it does not hear is lost."""
    heard: set[str] = set()
    follow(place, stop, lambda uid: uid in heard or heard.add(uid) or create(place))


def doubled(place: NamespaceClient, stop: threading.Event) -> None:
    """Two for each pod that leaves: as if each message came twice."""
    heard: set[str] = set()
    follow(place, stop, lambda uid: uid in heard or heard.add(uid) or (create(place), create(place)))


def follow(place: NamespaceClient, stop: threading.Event, leaves: Callable[[str], Any]) -> None:
    """Make three where there is none; then call `leaves` for each message about a pod that is on its way out and not gone yet. It
    hears everything from before the first pod on: what is killed at once is not missed."""
    core = client.CoreV1Api(place.access.connect())
    version = core.list_namespaced_pod(place.namespace).metadata.resource_version
    for _ in range(0 if there(place) else 3):
        create(place)
    for event in watch.Watch().stream(
        core.list_namespaced_pod, place.namespace, label_selector="app=mine", resource_version=version, timeout_seconds=60
    ):
        if stop.is_set():
            return
        if event["type"] == "MODIFIED" and event["object"].metadata.deletion_timestamp:
            leaves(event["object"].metadata.uid)


@contextmanager
def running(place: NamespaceClient, loop: Loop) -> Iterator[None]:
    """The loop runs as long as the block; when it ends, the loop is as dead as a notebook's."""
    stop = threading.Event()
    thread = threading.Thread(target=loop, args=(place, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        if loop not in (edge, doubled):  # these hear of the end with the next message
            thread.join(10)


# ── what is done to them ─────────────────────────────────────────────────────────────────────────────────────
def ready(place: NamespaceClient, n: int = 3, labels: dict[str, str] = LABELS) -> None:
    place.wait_for(f"{n} ready", lambda now: len(now.ready_pods(**labels)) >= n, within_s=120)


def kill(place: NamespaceClient, n: int = 1, labels: dict[str, str] = LABELS) -> None:
    """Delete ready pods and wait until each is known to leave."""
    victims = {uid_of(p): name_of(p) for p in place.state.ready_pods(**labels)[:n]}
    for name in victims.values():
        place.core.delete_namespaced_pod(name, place.namespace)
    place.wait_for("they leave", lambda now: not victims.keys() & {uid_of(p) for p in now.ready_pods(**labels)}, within_s=30)


def chaos(place: NamespaceClient, times: int = 3, labels: dict[str, str] = LABELS) -> None:
    """Kill one, wait for three; so many times."""
    for _ in range(times):
        kill(place, 1, labels)
        ready(place, 3, labels)


def hole(place: NamespaceClient, labels: dict[str, str] = LABELS, n: int = 2) -> None:
    """So many are killed, and nothing happens until they are gone."""
    before = {uid_of(p) for p in place.state.selected_by("Pod", labels)}
    kill(place, n, labels)
    left = len(place.state.ready_pods(**labels))
    place.wait_for("those that leave to be gone", lambda now: len(now.selected_by("Pod", labels)) == left, within_s=60)
    assert {uid_of(p) for p in place.state.selected_by("Pod", labels)} < before, "somebody made one meanwhile"


def words(place: NamespaceClient) -> None:
    answer(place, predict_while_it_ends=3, predict_loop_dead=3)


def my_part(place: NamespaceClient, loop: Loop | None = None, labels: dict[str, str] = LABELS) -> None:
    """Three kills, the loop's end, two kills, and the loop again."""
    loop = loop or level(labels=labels)
    with running(place, loop):
        ready(place, 3, labels)
        chaos(place, 3, labels)
    hole(place, labels)
    with running(place, loop):
        ready(place, 3, labels)


def their_part(place: NamespaceClient, body: Body | None = None, labels: dict[str, str] | None = None) -> None:
    body = body or replica_set()
    place.apply(body)
    ready(place, 3, labels or body["spec"]["selector"]["matchLabels"])


# ── right work ───────────────────────────────────────────────────────────────────────────────────────────────
@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    my_part(place)
    their_part(place)
    kill(place, 2)
    kill(place, 2, {"app": "theirs"})
    ready(place, 3, {"app": "theirs"})
    words(place)


@case("other names, a Deployment made from YAML by utils.create_from_dict")
def other_names(place: NamespaceClient) -> None:
    labels = {"tier": "front", "keeper": "loop"}
    my_part(place, labels=labels)
    utils.create_from_dict(place.api, replica_set("shop", kind="Deployment"), namespace=place.namespace)
    ready(place, 3, {"app": "shop"})
    words(place)


@case("a ReplicaSet that adopts the pods of the loop")
def adopted(place: NamespaceClient) -> None:
    my_part(place)
    place.apply(replica_set("heir", labels=LABELS))
    place.wait_for("all adopted", lambda now: len([p for p in now.ready_pods(**LABELS) if controller_uid(p)]) == 3, within_s=60)
    words(place)


@case("a mistake first, mended: too many, cleared away, then the lab as it is meant")
def mended(place: NamespaceClient) -> None:
    with running(place, level(wanted=5)):
        ready(place, 5)
        kill(place)
        ready(place, 5)
    place.core.delete_collection_namespaced_pod(place.namespace, label_selector="app=mine", grace_period_seconds=1)
    place.wait_for("none left", lambda now: not now.all("Pod"), within_s=60)
    plain.stage(place)


@case("the loop waits for messages, and looks at everything for each")
def looks_when_told(place: NamespaceClient) -> None:
    def run(place: NamespaceClient, stop: threading.Event) -> None:
        seen = None
        while not stop.is_set():
            if seen is not place.state:
                seen = place.state
                for _ in range(3 - len(not_leaving(there(place)))):
                    create(place)
            with place.follower.changed:
                place.follower.changed.wait(0.3)

    my_part(place, run)
    their_part(place)
    words(place)


# ── wrong work ───────────────────────────────────────────────────────────────────────────────────────────────
@case("nothing done", *ALL)
def untouched(place: NamespaceClient) -> None:
    pass


@case("predictions only", *ALL[1:])
def no_objects(place: NamespaceClient) -> None:
    words(place)


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    my_part(place)
    their_part(place)


@case("everything in another namespace", *ALL[1:])
def elsewhere(place: NamespaceClient) -> None:
    other = NamespaceClient(place.access, make_namespace(place.access, LABS["02-controller"], "elsewhere"))
    try:
        with other.follower:
            my_part(other)
            their_part(other)
    finally:
        other.close()
        drop_namespace(place.access, other.namespace)
    words(place)


@case("the leftovers of another lab: a Deployment of three", *LOOP, "loop-is-gone")
def leftovers(place: NamespaceClient) -> None:
    their_part(place, replica_set("web", kind="Deployment"))
    chaos(place, 3, {"app": "web"})
    words(place)


@case("a ReplicaSet does the work of the loop, too", *LOOP, "loop-is-gone")
def never_bare(place: NamespaceClient) -> None:
    place.apply(replica_set("mine"))
    ready(place)
    chaos(place)
    their_part(place)
    words(place)


@case("a loop that never looks", *LOOP)
def never_looks(place: NamespaceClient) -> None:
    with running(place, once):
        ready(place)
        for _ in range(3):
            kill(place)
        place.wait_for("all gone", lambda now: not now.all("Pod"), within_s=60)
    their_part(place)
    words(place)


@case("a loop that makes two for each that leaves", "never-too-many", "caught-up")
def too_many(place: NamespaceClient) -> None:
    with running(place, doubled):
        ready(place)
        for then in (4, 5, 6):  # each kill is answered before the loop ends: three are ready sooner than that
            kill(place)
            ready(place, then)
    their_part(place)
    words(place)


@case("a loop that wants four", "never-too-many")
def wants_four(place: NamespaceClient) -> None:
    loop = level(wanted=4)
    with running(place, loop):
        ready(place, 4)
        for _ in range(3):
            kill(place)
            ready(place, 4)
    hole(place, n=3)
    with running(place, loop):
        ready(place, 4)
    their_part(place)
    words(place)


@case("a loop that counts pods on their way out", "leaving-not-counted")
def counts_leaving(place: NamespaceClient) -> None:
    my_part(place, level(count=list))
    their_part(place)
    words(place)


@case("pods that are gone at once show nothing about counting", "leaving-not-counted")
def no_grace(place: NamespaceClient) -> None:
    with running(place, level()):
        ready(place)
        for _ in range(3):
            old = name_of(place.state.ready_pods(**LABELS)[0])
            place.core.delete_namespaced_pod(old, place.namespace, grace_period_seconds=0)
            place.wait_for("gone", lambda now, old=old: now.get("Pod", old) is None, within_s=30)
            ready(place)
    hole(place)
    with running(place, level()):
        ready(place)
    their_part(place)
    words(place)


@case("a loop that acts on messages and does not look", "caught-up")
def acts_on_messages(place: NamespaceClient) -> None:
    with running(place, edge):
        ready(place)
        chaos(place)
    hole(place)
    with running(place, edge):
        place.wait_for("all but one gone", lambda now: len(now.all("Pod")) == 1, within_s=60)
    their_part(place)
    words(place)


@case("the loop was never stopped before the end", "caught-up")
def never_stopped(place: NamespaceClient) -> None:
    with running(place, level()):
        ready(place)
        chaos(place, 4)
    their_part(place)
    words(place)


@case("the loop was stopped and never came back", "caught-up")
def never_back(place: NamespaceClient) -> None:
    with running(place, level()):
        ready(place)
        chaos(place)
    hole(place)
    their_part(place)
    words(place)


@case("two kills only", "three-kills-survived", "never-too-many", "leaving-not-counted")
def two_kills(place: NamespaceClient) -> None:
    """The two that nobody answered for a while are no kills that a loop survived."""
    with running(place, level()):
        ready(place)
        chaos(place, 2)
    hole(place)
    with running(place, level()):
        ready(place)
    their_part(place)
    words(place)


@case("the ReplicaSet at 0", *SET)
def at_zero(place: NamespaceClient) -> None:
    my_part(place)
    place.apply(replica_set(replicas=0))
    place.wait_for("the ReplicaSet", lambda now: now.all("ReplicaSet"), within_s=30)
    words(place)


@case("two in the ReplicaSet", *SET)
def at_two(place: NamespaceClient) -> None:
    my_part(place)
    place.apply(replica_set(replicas=2))
    ready(place, 2, {"app": "theirs"})
    words(place)


@case("three more bare pods with the label of a ReplicaSet that is not there", *SET)
def bare_instead(place: NamespaceClient) -> None:
    my_part(place)
    for _ in range(3):
        create(place, {"app": "theirs"})
    ready(place, 3, {"app": "theirs"})
    words(place)


@case("a ReplicaSet whose template is broken by now", "replicaset-survives")
def broken_template(place: NamespaceClient) -> None:
    """The three that are there were made of an earlier template."""
    my_part(place)
    their_part(place)
    image = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "registry.k8s.io/no-such-image:0"}]
    place.apps.patch_namespaced_replica_set("theirs", place.namespace, image)
    words(place)


@case("the loop still runs when the judge comes", "loop-is-gone")
def still_runs(place: NamespaceClient) -> None:
    my_part(place)
    their_part(place)
    words(place)
    threading.Thread(target=_until_the_end, args=(place,), daemon=True).start()
    ready(place)


def _until_the_end(place: NamespaceClient) -> None:
    """A loop that nobody stops; it ends with its namespace."""
    try:
        level()(place, threading.Event())
    except client.ApiException as exc:
        if exc.status not in (403, 404):
            raise
