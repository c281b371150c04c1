"""The status of a pod, made from what its containers do. Pure: the same facts give the same status, field by field as kubelet writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shallowdive.embedded.store import Object

if TYPE_CHECKING:
    from shallowdive.embedded.kubelet.container import ContainerLife
    from shallowdive.embedded.kubelet.pod import PodLife

Status = dict[str, Any]
CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def status_of(life: PodLife, old: Status, now: str) -> Status:
    """`old` is the stored status: when a condition changed last, and conditions of others, come from there."""
    pod, phase = life.pod, life.phase()
    generation = pod["metadata"].get("generation", 1)
    new: Status = {k: old[k] for k in ("qosClass", "nominatedNodeName", "resize") if k in old}
    new |= {"phase": phase, "observedGeneration": generation, "startTime": life.start_time}
    if life.reason and phase == life.outcome:
        new |= {"reason": life.reason, "message": life.message}
    if life.rejected:
        return new
    new["conditions"] = _conditions(life, life.outcome or phase, old.get("conditions") or [], generation, now)
    new |= {"hostIP": life.node.ip, "hostIPs": [{"ip": life.node.ip}]}
    if life.shown_ip:
        new |= {"podIP": life.shown_ip, "podIPs": [{"ip": life.shown_ip}]}
    if life.inits:
        new["initContainerStatuses"] = [container_status(c) for c in life.inits]
    new["containerStatuses"] = [container_status(c) for c in life.mains]
    new["resources"] = _pod_resources(pod)
    if new["resources"].get("requests"):
        new["allocatedResources"] = new["resources"]["requests"]
    return new


def container_status(life: ContainerLife) -> Status:
    spec = life.spec
    resources = {k: v for k, v in (spec.get("resources") or {}).items() if k in ("limits", "requests") and v}
    status: Status = {
        "name": life.name, "state": life.state, "lastState": life.last_state, "ready": life.ready, "restartCount": life.restarts,
        "image": spec["image"], "imageID": life.image_id, "started": life.is_started,
    }  # fmt: skip
    if life.id:
        status |= {"containerID": life.id, "resources": resources, "user": {"linux": _user(life)}}
        if resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
    if spec.get("volumeMounts"):
        status["volumeMounts"] = [_mount(m) for m in spec["volumeMounts"]]
    return status


def _mount(row: dict[str, Any]) -> Status:
    shown = {"name": row["name"], "mountPath": row["mountPath"]}
    return {**shown, "readOnly": True, "recursiveReadOnly": "Disabled"} if row.get("readOnly") else shown


def _user(life: ContainerLife) -> Status:
    uid, gid = life.user
    more = ((life.pod.pod["spec"].get("securityContext") or {}).get("supplementalGroups")) or []
    group = (life.pod.pod["spec"].get("securityContext") or {}).get("fsGroup")
    return {"uid": uid, "gid": gid, "supplementalGroups": [gid, *([group] if group else []), *more]}


def _pod_resources(pod: Object) -> Status:
    """What all containers together may use."""
    from shallowdive.embedded import quantity

    total: dict[str, dict[str, int]] = {}
    style: dict[str, str] = {}
    for container in pod["spec"]["containers"]:
        for kind, values in (container.get("resources") or {}).items():
            for name, value in values.items() if kind in ("limits", "requests") else ():
                nano, style[name] = quantity.parse(str(value))
                total.setdefault(kind, {})[name] = total.get(kind, {}).get(name, 0) + nano
    return {kind: {n: quantity.write(v, style[n]) for n, v in sorted(values.items())} for kind, values in sorted(total.items())}


# conditions


def _conditions(life: PodLife, phase: str, old: list[Status], generation: int, now: str) -> list[Status]:
    before = {c["type"]: c for c in old}
    unready = [c.name for c in (*life.inits, *life.mains) if c.kind != "init" and not c.ready]
    made = {
        "PodReadyToStartContainers": _network(life),
        "Initialized": _initialized(life, phase),
        "ContainersReady": _ready(phase, unready),
        "Ready": _ready(phase, unready, _closed_gates(life.pod, before)),
        "PodScheduled": ("True", "", ""),
    }
    rows = []
    for type_ in CONDITIONS:
        status, reason, message = made[type_]
        was = before.get(type_)
        same = was is not None and was["status"] == status
        row: Status = {"type": type_, "status": status, "lastProbeTime": None, "observedGeneration": generation}
        row["lastTransitionTime"] = was["lastTransitionTime"] if same and was else now
        row |= {k: v for k, v in (("reason", reason), ("message", message)) if v}
        rows.append(row)
    if life.target:
        rows.append({"type": "DisruptionTarget", "status": "True", "lastProbeTime": None, "lastTransitionTime": now, **life.target})
    return rows + [c for c in old if c["type"] not in CONDITIONS and not (life.target and c["type"] == "DisruptionTarget")]


def _network(life: PodLife) -> tuple[str, str, str]:
    if life.sandbox is not None:
        return ("True", "", "")
    return ("False", "PodSandboxNotReady", "pod sandbox is not ready" if life.had_sandbox else "no pod sandbox exists")


def _initialized(life: PodLife, phase: str) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return ("True", "PodCompleted", "")
    missing = [c.name for c in life.inits if not c.is_past]
    if missing and not life.initialized:
        return ("False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(missing)}]")
    return ("True", "", "")


def _ready(phase: str, unready: list[str], gates: list[str] = []) -> tuple[str, str, str]:  # noqa: B006
    if phase == "Succeeded":
        return ("False", "PodCompleted", "")
    if phase == "Failed":
        return ("False", "PodFailed", "")
    if unready:
        return ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    if gates:
        return ("False", "ReadinessGatesNotReady", ", ".join(gates))
    return ("True", "", "")


def _closed_gates(pod: Object, conditions: dict[str, Status]) -> list[str]:
    found = []
    for gate in pod["spec"].get("readinessGates") or ():
        type_ = gate["conditionType"]
        have = conditions.get(type_)
        if have is None:
            found.append(f'corresponding condition of pod readiness gate "{type_}" does not exist.')
        elif have["status"] != "True":
            found.append(f'the status of pod readiness gate "{type_}" is not "True", but {have["status"]}')
    return found
