"""What a Deployment says about itself: numbers, and the conditions Available, Progressing and ReplicaFailure."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.clock import Clock, parse
from shallowdive.embedded.controllers import rollout
from shallowdive.embedded.kinds import DEPLOYMENTS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.store import Key, Object

Condition = dict[str, Any]
DONE, LATE = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"


def write(controller: Controller, key: Key, deployment: Object, sets: list[Object], newest: Object | None) -> None:
    """Write the status when it changed, and wake the controller when the progress deadline may have passed."""
    status = _numbers(deployment, sets, newest)
    conditions = [dict(row) for row in (deployment.get("status") or {}).get("conditions") or []]
    _note_availability(controller.clock, deployment, status, conditions)
    if _deadline(deployment) is None:
        conditions = [row for row in conditions if row["type"] != "Progressing"]
    elif not deployment["spec"].get("paused"):
        _note_progress(controller.clock, deployment, status, conditions, newest)
    _note_failures(controller.clock, conditions, sets, newest)
    status["conditions"] = conditions
    if status != deployment.get("status"):
        deployment = controller.registry.change(
            DEPLOYMENTS, *key, lambda value: value.update(status=status), controller.who, subresource="status"
        )
    _wake_at_deadline(controller, key, deployment, status)


def _numbers(deployment: Object, sets: list[Object], newest: Object | None) -> dict[str, Any]:
    available = rollout.total(sets, "availableReplicas")
    counts = {
        "replicas": rollout.total(sets, "replicas"),
        "updatedReplicas": rollout.counted(newest, "replicas") if newest is not None else 0,
        "readyReplicas": rollout.total(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(rollout.total(sets) - available, 0),
        "collisionCount": int((deployment.get("status") or {}).get("collisionCount", 0)),
    }
    status: dict[str, Any] = {name: count for name, count in counts.items() if count}
    if all("terminatingReplicas" in (row.get("status") or {}) for row in sets):
        status["terminatingReplicas"] = rollout.total(sets, "terminatingReplicas")
    return {"observedGeneration": deployment["metadata"]["generation"], **status}


def _note_availability(clock: Clock, deployment: Object, status: dict[str, Any], conditions: list[Condition]) -> None:
    least = int(deployment["spec"].get("replicas", 1)) - rollout.bounds(deployment)[1]
    if status.get("availableReplicas", 0) >= least:
        _set(clock, conditions, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        _set(clock, conditions, "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")


def _note_progress(clock: Clock, deployment: Object, status: dict[str, Any], conditions: list[Condition], newest: Object | None) -> None:
    now = _find(conditions, "Progressing")
    all_new = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if now is not None and now["reason"] == DONE and all_new:
        return
    name = newest["metadata"]["name"] if newest is not None else deployment["metadata"]["name"]
    what = f'{"ReplicaSet" if newest is not None else "Deployment"} "{name}"'
    if rollout.is_complete(deployment, status):
        _set(clock, conditions, "Progressing", "True", DONE, f"{what} has successfully progressed.")
    elif rollout.is_progressing(deployment, status):
        if now is not None:
            conditions.remove(now)
        since = now["lastTransitionTime"] if now is not None and now["status"] == "True" else clock.stamp()
        made = _condition(clock, "Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.")
        conditions.append({**made, "lastTransitionTime": since})
    elif _is_late(clock, deployment, now):
        _set(clock, conditions, "Progressing", "False", LATE, f"{what} has timed out progressing.")


def _note_failures(clock: Clock, conditions: list[Condition], sets: list[Object], newest: Object | None) -> None:
    """The newest set's failure to make pods, else another set's."""
    rows = [_find((row.get("status") or {}).get("conditions") or [], "ReplicaFailure") for row in ([newest] if newest else []) + sets]
    failure = next((row for row in rows if row is not None), None)
    if failure is not None:
        _set(clock, conditions, "ReplicaFailure", failure["status"], failure["reason"], failure["message"])
    else:
        conditions[:] = [row for row in conditions if row["type"] != "ReplicaFailure"]


def _deadline(deployment: Object) -> int | None:
    """`progressDeadlineSeconds`; the largest number means none."""
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return None if seconds in (None, 2**31 - 1) else int(seconds)


def _is_late(clock: Clock, deployment: Object, condition: Condition | None) -> bool:
    if condition is None or condition["reason"] == DONE:
        return False
    return condition["reason"] == LATE or parse(condition["lastUpdateTime"]) + (_deadline(deployment) or 0) < clock.now()


def _wake_at_deadline(controller: Controller, key: Key, deployment: Object, status: dict[str, Any]) -> None:
    condition, seconds = _find(status["conditions"], "Progressing"), _deadline(deployment)
    if seconds is None or condition is None or condition["reason"] == LATE or rollout.is_complete(deployment, status):
        return
    if not deployment["spec"].get("paused"):
        left = parse(condition["lastUpdateTime"]) + seconds - controller.clock.now()
        controller.again(key, max(left, 0.0) + 1)


# conditions that a step of the rollout sets


def note_pause(controller: Controller, key: Key, deployment: Object) -> Object:
    """Say that progress is not counted while a Deployment is paused."""
    condition = _find((deployment.get("status") or {}).get("conditions") or [], "Progressing")
    if _deadline(deployment) is None or (condition is not None and condition["reason"] == LATE):
        return deployment
    paused, said = bool(deployment["spec"].get("paused")), condition is not None and condition["reason"] == "DeploymentPaused"
    if paused and not said:
        return _write(controller, key, "Unknown", "DeploymentPaused", "Deployment is paused")
    if said and not paused:
        return _write(controller, key, "Unknown", "DeploymentResumed", "Deployment is resumed")
    return deployment


def note_replica_set(controller: Controller, key: Key, deployment: Object, revision: str, message: str, *, found: bool) -> Object:
    """The revision of the newest set, and that it was made, or found where nothing was said about progress yet."""
    known = _find((deployment.get("status") or {}).get("conditions") or [], "Progressing")
    silent = _deadline(deployment) is None or (found and known is not None)
    if silent and rollout.annotation(deployment, rollout.REVISION) == revision:
        return deployment

    def edit(value: Object) -> None:
        value["metadata"]["annotations"] = {**(value["metadata"].get("annotations") or {}), rollout.REVISION: revision}
        if not silent:
            rows = value.setdefault("status", {}).setdefault("conditions", [])
            _set(controller.clock, rows, "Progressing", "True", "FoundNewReplicaSet" if found else "NewReplicaSetCreated", message)

    return controller.registry.change(DEPLOYMENTS, *key, edit, controller.who, subresource="status")


def note_refusal(controller: Controller, key: Key, message: str) -> None:
    _write(controller, key, "False", "ReplicaSetCreateError", message)


def count_collision(controller: Controller, key: Key) -> None:
    """Another object has the name that the template's hash gives: the next hash will be another one."""

    def edit(value: Object) -> None:
        status = value.setdefault("status", {})
        status["collisionCount"] = status.get("collisionCount", 0) + 1

    controller.registry.change(DEPLOYMENTS, *key, edit, controller.who, subresource="status")


def _write(controller: Controller, key: Key, status: str, reason: str, message: str) -> Object:
    def edit(value: Object) -> None:
        rows = value.setdefault("status", {}).setdefault("conditions", [])
        _set(controller.clock, rows, "Progressing", status, reason, message)

    return controller.registry.change(DEPLOYMENTS, *key, edit, controller.who, subresource="status")


def _find(conditions: list[Condition], type_: str) -> Condition | None:
    return next((row for row in conditions if row["type"] == type_), None)


def _condition(clock: Clock, type_: str, status: str, reason: str, message: str) -> Condition:
    now = clock.stamp()
    return {"type": type_, "status": status, "lastUpdateTime": now, "lastTransitionTime": now, "reason": reason, "message": message}


def _set(clock: Clock, conditions: list[Condition], type_: str, status: str, reason: str, message: str) -> None:
    """Set a condition, in place; the same status and reason again change nothing."""
    old = _find(conditions, type_)
    if old is not None and (old["status"], old["reason"]) == (status, reason):
        return
    made = _condition(clock, type_, status, reason, message)
    if old is not None:
        conditions.remove(old)
        if old["status"] == status:
            made["lastTransitionTime"] = old["lastTransitionTime"]
    conditions.append(made)
