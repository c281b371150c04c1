"""What `kubectl get pods` says: how many containers are ready, the one word that sums up the pod, its restarts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shallowdive.embedded.api.ages import since
from shallowdive.embedded.store import Object


def ready(pod: Object, _now: float) -> str:
    statuses, beside = _statuses(pod, "containerStatuses"), _restartable(pod)
    counted = [s for s in _statuses(pod, "initContainerStatuses") if s["name"] in beside]
    good = sum(bool(s.get("ready")) and "running" in s.get("state", {}) for s in statuses)
    good += sum(bool(s.get("started")) and bool(s.get("ready")) for s in counted)
    return f"{good}/{len(pod.get('spec', {}).get('containers', ())) + len(beside)}"


def restarts(pod: Object, now: float) -> str:
    """The count, and how long ago the last one was."""
    beside, initial = _restartable(pod), _statuses(pod, "initContainerStatuses")
    started = [s for s in initial if s["name"] in beside] + _statuses(pod, "containerStatuses")
    counted = initial if _initial(pod) else started
    count = sum(s.get("restartCount", 0) for s in counted)
    ends = [s["lastState"]["terminated"].get("finishedAt") or "" for s in counted if s.get("lastState", {}).get("terminated")]
    last = max(ends, default="")
    return f"{count} ({since(last, now)} ago)" if count and last else str(count)


def status(pod: Object, _now: float) -> str:
    have: dict[str, Any] = pod.get("status", {})
    conditions = {c["type"]: c for c in have.get("conditions", ())}
    word = have.get("reason") or have.get("phase", "")
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        word = "SchedulingGated"
    initial = _initial(pod)
    word = initial or word
    if not initial or conditions.get("Initialized", {}).get("status") == "True":
        word = _running(pod, word, conditions)
    if "deletionTimestamp" in pod["metadata"]:
        if have.get("reason") == "NodeLost":
            return "Unknown"
        if have.get("phase") not in ("Failed", "Succeeded"):
            return "Terminating"
    return str(word)


def _initial(pod: Object) -> str:
    """How far the init containers are, '' when they are through."""
    beside, total = _restartable(pod), len(pod.get("spec", {}).get("initContainers", ()))
    for number, container in enumerate(_statuses(pod, "initContainerStatuses")):
        state = container.get("state", {})
        ended, waiting = state.get("terminated"), state.get("waiting", {})
        if (ended and ended.get("exitCode") == 0) or (container["name"] in beside and container.get("started")):
            continue
        if ended:
            return "Init:" + _ended(ended)
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{number}/{total}"
    return ""


def _running(pod: Object, word: str, conditions: dict[str, Any]) -> str:
    runs = False
    for container in reversed(_statuses(pod, "containerStatuses")):
        state = container.get("state", {})
        ended = state.get("terminated")
        if state.get("waiting", {}).get("reason"):
            word = state["waiting"]["reason"]
        elif ended:
            word = _ended(ended)
        elif container.get("ready") and "running" in state:
            runs = True
    if word == "Completed" and runs:
        return "Running" if conditions.get("Ready", {}).get("status") == "True" else "NotReady"
    return word


def _ended(ended: dict[str, Any]) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _restartable(pod: Object) -> set[str]:
    return {c["name"] for c in pod.get("spec", {}).get("initContainers", ()) if c.get("restartPolicy") == "Always"}


def _statuses(pod: Object, which: str) -> list[dict[str, Any]]:
    return list(pod.get("status", {}).get(which, ()))


def gates(pod: Object, _now: float) -> str:
    wanted: Iterable[Any] = pod.get("spec", {}).get("readinessGates", ())
    have = {c["type"] for c in pod.get("status", {}).get("conditions", ()) if c["status"] == "True"}
    types = [g["conditionType"] for g in wanted]
    return f"{sum(t in have for t in types)}/{len(types)}" if types else "<none>"


def pod_ip(pod: Object, _now: float) -> str:
    return pod.get("status", {}).get("podIP") or "<none>"


def node(pod: Object, _now: float) -> str:
    return pod.get("spec", {}).get("nodeName") or "<none>"


def nominated(pod: Object, _now: float) -> str:
    return pod.get("status", {}).get("nominatedNodeName") or "<none>"


PODS = (
    ("Ready", ready), ("Status", status), ("Restarts", restarts),
    ("IP", pod_ip), ("Node", node), ("Nominated Node", nominated), ("Readiness Gates", gates),
)  # fmt: skip
"""The columns of pods beside name and age."""
