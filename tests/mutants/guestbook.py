"""Lab 9: objects and steps from which its cases are staged."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, BUSYBOX
from shallowdive.errors import ClusterError, WaitTimeout
from shallowdive.live import ClusterState
from shallowdive.objects import Object, controller_uid, name_of, uid_of
from shallowdive.objects.pods import is_ready, restarts
from tests.mutants import answer

Body = dict[str, Any]
HOST = "kubernetes.io/hostname"
LAZY = "while true; do sleep 0.2; done"
"""A program that never ends and starts others, so that its shell hears of signals."""


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────
def claim(name: str = "book") -> Body:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def of_claim(name: str = "book") -> Body:
    return {"persistentVolumeClaim": {"claimName": name}}


def web(**folders: str) -> Body:
    """The container of the lab; `volume="/path"` for each mount."""
    mounts = [{"name": v, "mountPath": path} for v, path in folders.items()]
    return {"name": "web", "image": AGNHOST, "args": ["netexec", "--http-port=8080", "--udp-port=-1"], "volumeMounts": mounts}


def shell(script: str, **folders: str) -> Body:
    c = {k: v for k, v in web(**folders).items() if k != "args"}
    return c | {"image": BUSYBOX, "command": ["sh", "-c", script]}


def spec_of(*containers: Body, **volumes: Body) -> Body:
    named = [{"name": name} | body for name, body in volumes.items()]
    return {"terminationGracePeriodSeconds": 1, "volumes": named, "containers": list(containers)}


def deployment(spec: Body, name: str = "guestbook", strategy: str = "Recreate") -> Body:
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    body = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "strategy": {"type": strategy}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def both() -> Body:
    return spec_of(web(scratch="/scratch", book="/book"), scratch={"emptyDir": {}}, book=of_claim())


def away_from(spec: Body, node: str) -> Body:
    rule = {"matchExpressions": [{"key": HOST, "operator": "NotIn", "values": [node]}]}
    away = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [rule]}}}
    return copy.deepcopy(spec) | {"affinity": away}


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────
def waiting(place: NamespaceClient, name: str = "book") -> None:
    def told(now: ClusterState) -> bool:
        c = now.get("PersistentVolumeClaim", name)
        about = [e for e in now.all("Event") if e["involvedObject"].get("kind") == "PersistentVolumeClaim"]
        return bool(c) and any(e.get("reason") == "WaitForFirstConsumer" for e in about)

    place.wait_for("the claim to wait", told, within_s=30)


def ready(place: NamespaceClient, other_than: str = "", pods: int = 1) -> Object:
    """The newest of so many ready pods, another one than this."""

    def there(now: ClusterState) -> list[Object]:
        return [p for p in now.all("Pod") if is_ready(p)]

    now = place.wait_for(
        "ready",
        lambda now: len(there(now)) == pods == len(now.all("Pod")) and all(uid_of(p) != other_than for p in there(now)),
        within_s=150,
    )
    return there(now)[-1]


def kill(place: NamespaceClient, pod: Object, container: str = "web") -> None:
    with suppress(RuntimeError, ClusterError, WaitTimeout):
        place.exec(name_of(pod), ("sh", "-c", "kill 1"), container=container)
    again(place, pod)


def again(place: NamespaceClient, pod: Object) -> None:
    def back(now: ClusterState) -> bool:
        p = now.get("Pod", name_of(pod))
        return p is not None and is_ready(p) and restarts(p) > restarts(pod)

    place.wait_for("started again", back, within_s=120)


def drop(place: NamespaceClient, pod: Object) -> Object | None:
    """Delete; the next one, where somebody makes one."""
    place.core.delete_namespaced_pod(name_of(pod), place.namespace)
    if controller_uid(pod):
        return ready(place, uid_of(pod))
    place.wait_for("gone", lambda now: now.get("Pod", name_of(pod)) is None, within_s=60)
    return None


def unschedulable(place: NamespaceClient, words: str = "PersistentVolume's node affinity") -> None:
    def told(now: ClusterState) -> bool:
        heard = any(e.get("reason") == "FailedScheduling" and words in e["message"] for e in now.all("Event"))
        return heard and bool(now.all("Pod"))  # on a busy machine the record may hear of the event first

    place.wait_for("a pod that no node takes", told, within_s=60)


def move(place: NamespaceClient, body: Body, *, pods: int = 1) -> None:
    """Send the pod of this Deployment away from its node, see that it waits, and take that back."""
    pod = next(p for p in place.state.all("Pod") if is_ready(p))
    there = copy.deepcopy(body)
    there["spec"]["template"]["spec"] = away_from(body["spec"]["template"]["spec"], pod["spec"]["nodeName"])
    place.apply(there)
    unschedulable(place)
    place.apply(body)
    ready(place, pods=pods)


def words(place: NamespaceClient, **other: Any) -> None:
    """Every prediction and answer; None leaves one out."""
    node = next((p["spec"].get("nodeName", "") for p in place.state.all("Pod") if p["spec"].get("nodeName")), "nowhere")
    all_ = {
        "predict_claim_alone": "an error", "predict_after_kill": 3, "predict_after_delete": 2, "predict_elsewhere": "there, with its pages",
        "answer_pending_because": "WaitForFirstConsumer", "answer_pinned_to": node,
    }  # fmt: skip
    answer(place, **{k: v for k, v in (all_ | other).items() if v is not None})


def story(place: NamespaceClient, spec: Body, *, leave_out: str = "", container: str = "web") -> None:
    """claim, kill, delete, move; `leave_out` names the steps that are not done."""
    body = deployment(spec)
    place.apply(claim())
    waiting(place)
    place.apply(body)
    pod = ready(place)
    if "kill" not in leave_out:
        kill(place, pod, container)
    if "delete" not in leave_out:
        drop(place, pod)
    if "move" not in leave_out:
        move(place, body)
    words(place)
