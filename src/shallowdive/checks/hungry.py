"""Does a container still take the memory that it was killed for? A copy of it runs under the limit that was too small."""

from __future__ import annotations

import copy
from contextlib import suppress

from shallowdive.checks.load import stop_load
from shallowdive.checks.stand_in import is_token
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.errors import WaitTimeout
from shallowdive.objects import ROLE, Object
from shallowdive.objects.pods import SIGNAL_KILL, container_runs, container_statuses

COPY = "judge-hog"
START_S, KILL_S = 90, 40
"""Seconds for the copy to start (usually 3), and for it to be killed (usually as many as the learner's own lived)."""


def ends_under(client: NamespaceClient, pod: Object, container: Object, limit: str) -> list[int]:
    """Exit codes of the copy's ends so far, when it was killed, ended well or the time was over."""
    stop_load(client, COPY)
    client.apply(copy_under(pod, container, limit), manager="shallowdive-judge")
    try:
        client.wait_for("the judge's copy of it to start", lambda now: begun(now.get("Pod", COPY)), within_s=START_S, usually_s=3)
        with suppress(WaitTimeout):
            client.wait_for("the copy's end", lambda now: is_over(now.get("Pod", COPY)), within_s=KILL_S)
        return codes_of(client.state.get("Pod", COPY))
    finally:
        stop_load(client, COPY)


def copy_under(pod: Object, container: Object, limit: str) -> Object:
    """A pod of this one container, with this memory limit."""
    spec = pod["spec"]
    kept = ("name", "image", "imagePullPolicy", "command", "args", "env", "envFrom", "workingDir", "securityContext")
    c = {k: copy.deepcopy(container[k]) for k in kept if k in container}
    c["volumeMounts"] = [m for m in container.get("volumeMounts") or [] if not is_token(m)]
    c["resources"] = {"requests": {"cpu": "10m", "memory": limit}, "limits": {"memory": limit}}
    body = {
        "containers": [c],
        "volumes": [v for v in spec.get("volumes") or [] if not is_token(v)],
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": 0,
    } | {k: spec[k] for k in ("securityContext", "serviceAccountName") if k in spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": COPY, "labels": {ROLE: "judge"}}, "spec": body}


def begun(pod: Object | None) -> bool:
    return pod is not None and (bool(codes_of(pod)) or container_runs(pod, pod["spec"]["containers"][0]["name"]))


def is_over(pod: Object | None) -> bool:
    """Killed, or ended well; any other end is tried again, since a busy engine may fail to start a container."""
    codes = codes_of(pod)
    return SIGNAL_KILL in codes or 0 in codes


def codes_of(pod: Object | None) -> list[int]:
    ends = [(s.get(when) or {}).get("terminated") for s in container_statuses(pod or {}) for when in ("lastState", "state")]
    return [int(end["exitCode"]) for end in ends if end]
