"""What a pod is doing, in one word: the nine states of the visual language, read from the pod alone.

Order matters (first match). States: terminating, unknown, backoff, failed, succeeded, ready, notready, pulling, pending."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from shallowdive.objects import Object, condition

BACK_OFF = re.compile(r"back-off (?:(\d+)m)?(\d+)s restarting")
"""What a waiting container says: "back-off 1m20s restarting failed container=…"."""
SIGNAL_KILL = 137
"""128 and the number of the signal: the exit code of a program that was killed."""
LEAST_BACK_OFF_S = 5
"""The first restart comes at once: a shorter pause between two tries is no back-off."""
STATES = ("pending", "pulling", "notready", "ready", "terminating", "failed", "backoff", "unknown", "succeeded")

NO_LOG = "unable to retrieve container logs"
"""How the kubelet's answer to a request for a log begins, with 200, when the runtime has removed the container: no words of the program."""


def long_running(pod: Object) -> list[dict[str, Any]]:
    """Containers that live as long as the pod: the main ones, then native side-cars (init containers that are always restarted)."""
    spec = pod.get("spec") or {}
    return [*(spec.get("containers") or []), *(c for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always")]


def container_statuses(pod: Object) -> list[dict[str, Any]]:
    """Statuses of the main containers, in the order of the spec where the kubelet has reported them."""
    return list((pod.get("status") or {}).get("containerStatuses") or [])


def back_off_s(status: dict[str, Any]) -> float:
    """How long the kubelet says that it waits before it starts this container again; 0 while it says nothing of the kind."""
    said = BACK_OFF.match(str(((status.get("state") or {}).get("waiting") or {}).get("message", "")))
    return 60 * int(said.group(1) or 0) + int(said.group(2)) if said else 0.0


def container_runs(pod: Object, container: str) -> bool:
    return any("running" in (s.get("state") or {}) for s in container_statuses(pod) if s["name"] == container)


def moment(stamp: object) -> float:
    """Seconds since 1970 of a report's time; 0 for none, for the year 1 and for 1970, which stand for never (a container that could not
    be started)."""
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return 0.0
    return at.timestamp() if at.year > 1970 else 0.0


def waiting_reasons(pod: Object) -> list[str]:
    status = pod.get("status") or {}
    both = container_statuses(pod) + list(status.get("initContainerStatuses") or [])
    return [c["state"]["waiting"].get("reason", "") for c in both if (c.get("state") or {}).get("waiting")]


def pod_state(pod: Object) -> str:
    """One of STATES."""
    if pod["metadata"].get("deletionTimestamp"):
        return "terminating"
    status = pod.get("status") or {}
    phase = status.get("phase", "Pending")
    if phase == "Unknown" or status.get("reason") == "NodeLost":
        return "unknown"
    reasons = waiting_reasons(pod)
    if any(r.endswith("BackOff") for r in reasons):
        return "backoff"
    if phase == "Failed" or any(r.startswith("Err") or r.endswith("Error") or r == "InvalidImageName" for r in reasons):
        return "failed"
    if phase == "Succeeded":
        return "succeeded"
    if condition(pod, "Ready") == "True":
        return "ready"
    if phase == "Running":
        return "failed" if ended_badly(pod) else "notready"
    return "pulling" if (pod.get("spec") or {}).get("nodeName") else "pending"


def is_unheard_of(pod: Object) -> bool:
    """Whether the node controller took the pod for not ready because nothing is heard of its node: it is not, though its containers are.
    Only a kubelet says something of containers."""
    gates = (pod.get("spec") or {}).get("readinessGates")
    return condition(pod, "Ready") == "False" and condition(pod, "ContainersReady") == "True" and not gates


def ended_badly(pod: Object) -> bool:
    """Whether a container has ended with an error and nobody has started it again, nor said yet that he waits to."""
    return any(((c.get("state") or {}).get("terminated") or {}).get("exitCode") for c in container_statuses(pod))


def restarts(pod: Object) -> int:
    return sum(int(c.get("restartCount", 0)) for c in container_statuses(pod))


def is_ready(pod: Object) -> bool:
    """Ready and not on its way out: a pod that a Service would send requests to."""
    return pod_state(pod) == "ready"
