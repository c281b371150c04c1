"""Lab 11: objects and steps from which its cases are staged."""

from __future__ import annotations

from typing import Any

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, BUSYBOX
from shallowdive.live import ClusterState
from shallowdive.objects import Object, name_of, uid_of
from shallowdive.objects.pods import is_ready, restarts
from tests.mutants import answer

Body = dict[str, Any]
PREDICTIONS = {
    "predict_kill_uid": "another", "predict_kill_address": "another", "predict_kill_restarts": 0, "predict_kill_shared_file": "gone",
    "predict_kill_own_file": "kept", "predict_delete_comes_back": "yes", "predict_delete_uid": "the same",
    "predict_delete_shared_file": "kept", "predict_closed": "it is restarted",
}  # fmt: skip
ANSWERS = {
    "answer_uid_after_restart": "the same", "answer_address_after_restart": "the same",
    "answer_uid_after_deletion": "another", "answer_address_after_deletion": "another",
}  # fmt: skip
HERE = "http://127.0.0.1:8080/hostname"


def loop(url: str, file: str = "/pages/seen") -> list[str]:
    return ["sh", "-c", f'while true; do wget -qO- -T 2 "{url}" >> {file}; echo >> {file}; sleep 1; done']


def unless(file: str, **more: Any) -> Body:
    """A probe that fails while this file is there."""
    return {"exec": {"command": ["test", "!", "-e", file]}, "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 1} | more


def web(name: str = "app", port: int = 8080, mount: str = "/pages", **changes: Any) -> Body:
    """The server. `None` takes a field away."""
    body = {
        "name": name,
        "image": AGNHOST,
        "args": ["netexec", f"--http-port={port}", "--udp-port=-1"],
        "readinessProbe": unless("/tmp/closed"),
        "livenessProbe": unless("/tmp/stuck"),
        "volumeMounts": [{"name": "pages", "mountPath": mount}],
    } | changes
    return {k: v for k, v in body.items() if v is not None}


def beside(name: str = "reader", url: str = HERE, mount: str = "/pages", **changes: Any) -> Body:
    """The side-car."""
    return {
        "name": name,
        "image": BUSYBOX,
        "command": loop(url, f"{mount}/seen"),
        "volumeMounts": [{"name": "pages", "mountPath": mount}],
    } | changes


def pod(*containers: Body, name: str = "flat", volumes: tuple[Any, ...] = ("pages",), **spec: Any) -> Body:
    """`volumes`: names of emptyDir volumes, or whole volumes."""
    kinds = [{"name": v, "emptyDir": {}} if isinstance(v, str) else v for v in volumes]
    base = {"terminationGracePeriodSeconds": 1, "volumes": kinds, "containers": list(containers)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "flat"}}, "spec": base | spec}


def deployment(name: str, spec: Body, replicas: int = 1) -> Body:
    template = {"metadata": {"labels": {"app": "flat"}}, "spec": spec}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "flat"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(**spec: Any) -> Body:
    base = {"selector": {"app": "flat"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "flat"}, "spec": base | spec}


def live(now: ClusterState) -> list[Object]:
    return now.ready_pods(app="flat")


def ready(place: NamespaceClient, other_than: str = "", pods: int = 1) -> Object:
    """The one ready pod of the role, of another UID than this."""
    now = place.wait_for("ready", lambda now: len(live(now)) == pods and all(uid_of(p) != other_than for p in live(now)), within_s=120)
    return live(now)[0]


def kill(place: NamespaceClient, at: Object, container: str = "reader", port: int = 8080) -> None:
    """The server's process is made to exit, by its neighbour."""
    before = restarts(at)
    place.exec(name_of(at), ("sh", "-c", f"wget -qO- 'http://127.0.0.1:{port}/exit?code=1' || true"), container=container)
    again(place, before)


def stick(place: NamespaceClient, at: Object, container: str = "app", file: str = "/tmp/stuck") -> None:
    """The liveness probe fails until the container is restarted."""
    before = restarts(at)
    place.exec(name_of(at), ("touch", file), container=container)
    again(place, before)


def again(place: NamespaceClient, before: int) -> None:
    place.wait_for("restarted", lambda now: any(restarts(p) > before for p in live(now)), within_s=120)


def shut(place: NamespaceClient, at: Object, container: str = "app", file: str = "/tmp/closed", *, seen: bool = True) -> None:
    """The readiness probe fails for a while; `seen`: until the Service has noticed."""
    place.exec(name_of(at), ("touch", file), container=container)
    place.wait_for("not ready", lambda now: not is_ready(now.get("Pod", name_of(at)) or at), within_s=60)
    if seen:
        place.wait_for("out of the Service", lambda now: any(x["conditions"]["ready"] is False for x in endpoints(now)), within_s=60)
    place.exec(name_of(at), ("rm", file), container=container)
    ready(place)


def endpoints(now: ClusterState) -> list[Body]:
    return [x for s in now.all("EndpointSlice") for x in s.get("endpoints") or []]


def drop(place: NamespaceClient, at: Object) -> None:
    place.core.delete_namespaced_pod(name_of(at), place.namespace)
    place.wait_for("gone", lambda now: all(uid_of(p) != uid_of(at) for p in now.all("Pod")), within_s=60)


def words(place: NamespaceClient, **other: Any) -> None:
    answer(place, **(PREDICTIONS | ANSWERS | other))


def story(
    place: NamespaceClient,
    body: Body,
    *,
    front: Body | None = None,
    leave_out: str = "",
    app: str = "app",
    reader: str = "reader",
    port: int = 8080,
) -> None:
    """kill, delete and make again, shut, stick; `leave_out` names the steps that are not done."""
    place.apply(front or service(), body)
    first = ready(place)
    if "kill" not in leave_out:
        kill(place, first, reader, port)
    if "delete" not in leave_out:
        drop(place, first)
        place.apply(body)
        first = ready(place, uid_of(first))
    if "shut" not in leave_out:
        shut(place, first, app, seen="unseen" not in leave_out)
    if "stick" not in leave_out:
        stick(place, first, app)
    words(place)
