"""What comes after: a container whose program was ended, and the pod that takes a deleted one's place.

Both act on the cluster, with limits; neither knows of a lab."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from shallowdive.checks.acting import delete_pods
from shallowdive.checks.folders import run
from shallowdive.checks.result import Evidence, Unmet
from shallowdive.checks.stand_in import is_token
from shallowdive.cluster.images import AGNHOST, AGNHOST_BEFORE
from shallowdive.errors import ClusterError, WaitTimeout
from shallowdive.live import ClusterState
from shallowdive.objects import Object, controller_uid, name_of, uid_of
from shallowdive.objects.pods import container_statuses, is_ready

KILL_S, AGAIN_S, NEXT_S = 6, 120, 120
"""Seconds in which a killed program is started again; with a back-off; and in which another pod takes a deleted one's place."""


def start_again(e: Evidence, pod: Object, container: str) -> Object:
    """End the container's program. One that no signal ends (process 1 may ignore them) ends when its container gets another image."""
    name, uid = name_of(pod), uid_of(pod)
    before = count_of(pod, container)

    def is_back(now: ClusterState) -> bool:
        p = now.get("Pod", name)
        return p is not None and uid_of(p) == uid and is_ready(p) and count_of(p, container) > before

    with suppress(Unmet, ClusterError, WaitTimeout):  # the link breaks off with the program
        run(e, pod, container, "kill 1")
    try:
        now = e.client.wait_for("the container to be started again", is_back, within_s=KILL_S)
    except WaitTimeout:
        seen = e.client.state.get("Pod", name) or pod
        if count_of(seen, container) == before and all("running" in (s.get("state") or {}) for s in container_statuses(seen)):
            _other_image(e, pod, container)
        now = e.client.wait_for("the container to be started again", is_back, within_s=AGAIN_S, look_at=f"kubectl describe pod {name}")
    return now.get("Pod", name) or pod


def _other_image(e: Evidence, pod: Object, container: str) -> None:
    """In this pod only, which is replaced afterwards."""
    for key in ("containers", "initContainers"):
        for c in pod["spec"].get(key) or []:
            if c["name"] == container:
                image = AGNHOST_BEFORE if c["image"] == AGNHOST else AGNHOST
                e.client.core.patch_namespaced_pod(name_of(pod), e.client.namespace, {"spec": {key: [{"name": container, "image": image}]}})


def count_of(pod: Object, container: str) -> int:
    status = pod.get("status") or {}
    both = [*container_statuses(pod), *(status.get("initContainerStatuses") or [])]
    return next((int(s.get("restartCount", 0)) for s in both if s["name"] == container), 0)


def replace(e: Evidence, pod: Object) -> Object:
    """Delete the pod; the one that its owner makes, or the judge from the same description where it has no owner."""
    name, owner = name_of(pod), controller_uid(pod)
    known = {uid_of(p) for p in e.client.state.all("Pod")}

    def next_of(now: ClusterState) -> Object | None:
        fresh = (p for p in now.all("Pod") if uid_of(p) not in known and is_ready(p))
        return next((p for p in fresh if (controller_uid(p) == owner if owner else name_of(p) == name)), None)

    delete_pods(e.client, name)
    if not owner:
        e.client.wait_for("the deleted pod to be gone", lambda now: now.get("Pod", name) is None, within_s=NEXT_S, usually_s=2)
        e.client.apply(described(pod))
    now = e.client.wait_for(
        "another pod in the place of the deleted one", next_of, within_s=NEXT_S, usually_s=5, look_at="kubectl get pods"
    )
    return next_of(now) or pod


def described(pod: Object) -> Object:
    """The pod as one would describe it: without what was decided for it (node, token)."""
    spec: dict[str, Any] = copy.deepcopy(pod["spec"])
    spec.pop("nodeName", None)
    spec["volumes"] = [v for v in spec.get("volumes") or [] if not is_token(v)]
    for c in [*spec["containers"], *(spec.get("initContainers") or [])]:
        c["volumeMounts"] = [m for m in c.get("volumeMounts") or [] if not is_token(m)]
    labels = pod["metadata"].get("labels") or {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name_of(pod), "labels": labels}, "spec": spec}
