"""States that nobody wrote by hand: nodes, pods, versions, claims, containers, drawn from a seed. More of everything than a lab has."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from shallowdive.live import ClusterState, History, Seen, apply_event

Body = dict[str, Any]
NAMES = ("web", "shop", "a", "a-name-that-nobody-would-choose-but-somebody-has", "guestbook")
CONDITION = {"ready": "True", "notready": "False"}


def meta(rng: random.Random, name: str, **more: Any) -> Body:
    return {"name": name, "namespace": "d", "uid": f"{rng.getrandbits(64):016x}", "resourceVersion": str(rng.randrange(10**6)), **more}


def pod(rng: random.Random, name: str, owner: str = "", cpu: str = "", node: str = "", state: str = "ready", **spec: Any) -> Body:
    container = {"name": "app", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}} if cpu else {}}
    owners = [{"uid": owner, "kind": "ReplicaSet", "controller": True}] if owner else []
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": CONDITION.get(state, "False")}]}
    if state in ("pending", "pulling"):
        status = {"phase": "Pending"}
    if state == "backoff":
        status["containerStatuses"] = [{"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3}]
    body = {"metadata": meta(rng, name, ownerReferences=owners), "spec": {"containers": [container], **spec}, "status": status}
    if node and state != "pending":
        body["spec"]["nodeName"] = node
    return body


def pod_name(rng: random.Random) -> str:
    return f"{rng.choice(NAMES)[:40]}-{rng.getrandbits(36):09x}-{rng.getrandbits(20):05x}"


def nodes(seed: int, count: int, pods: int) -> ClusterState:
    """So many nodes with so many pods on them, a few that wait, some of another namespace."""
    rng, state = random.Random(seed), ClusterState()
    names = [f"shallowdive-{'control-plane' if i == 0 else f'worker{i}'}" for i in range(count)]
    for name in names:
        size = {"cpu": rng.choice(["1", "4", "3920m", "64"]), "memory": rng.choice(["2Gi", "16384Ki", "64Gi"])}
        spec = {"providerID": f"kind://docker/shallowdive/{name}"} | rng.choice([{}, {}, {"unschedulable": True}])
        status = {"allocatable": size, "conditions": [{"type": "Ready", "status": rng.choice(["True", "True", "False"])}]}
        state = apply_event(state, "ADDED", "Node", {"metadata": meta(rng, name, namespace=""), "spec": spec, "status": status})
    for _ in range(pods):
        condition = rng.choice(["ready"] * 5 + ["notready", "pulling", "backoff", "pending"])
        cpu = rng.choice(["", "1m", "10m", "100m", "250m", "900m", "3", "900"] if condition == "pending" else ["", "1m", "10m", "100m"])
        made = pod(rng, pod_name(rng), "rs", cpu, rng.choice(names or [""]), condition)
        made["metadata"]["namespace"] = rng.choice(["d", "d", "d", "kube-system"])
        state = apply_event(state, "ADDED", "Pod", made)
    return state


def versions(seed: int, wanted: int, count: int, *, finished: bool) -> History:
    """A Deployment that goes through so many versions, one pod at a time; the last one may never become ready."""
    rng, history, t = random.Random(seed), History(), 100.0
    uids = [f"rs{i}" for i in range(count)]
    deployment = {"metadata": meta(rng, "web"), "spec": {"replicas": wanted}}
    history.append(Seen(t, "ADDED", "Deployment", deployment))
    alive: list[Body] = []
    for i, uid in enumerate(uids):
        rs = {"metadata": meta(rng, f"web-{i}", uid=uid, ownerReferences=[{"uid": "d", "kind": "Deployment", "controller": True}])}
        history.append(Seen(t, "ADDED", "ReplicaSet", {**rs, "spec": {"replicas": wanted}}))
        stuck = i == count - 1 and not finished
        for _ in range(1 if stuck else wanted):
            t += rng.uniform(0.05, 3)
            new = pod(rng, pod_name(rng), uid, "", "n", "pending")
            history.append(Seen(t, "ADDED", "Pod", new))
            steps = ["pulling", "notready"] if stuck else ["pulling", "notready", "ready"]
            for step in steps:
                t += rng.uniform(0.05, 1.5)
                after = pod(rng, new["metadata"]["name"], uid, "", "n", step)
                after["metadata"]["uid"] = new["metadata"]["uid"]
                history.append(Seen(t, "MODIFIED", "Pod", after))
            alive.append(after)
            if len(alive) > wanted and not stuck:
                old = alive.pop(0)
                ended = {**old, "metadata": {**old["metadata"], "deletionTimestamp": "x"}}
                history.append(Seen(t + 0.1, "MODIFIED", "Pod", ended))
                history.append(Seen(t + 0.3, "DELETED", "Pod", ended))
    return history


def containers(seed: int, attempts: int) -> History:
    """One container that was started so often, and ended for another reason each time."""
    rng, history, t = random.Random(seed), History(), 10.0
    name = pod_name(rng)
    last: Body = {}
    uid = f"{rng.getrandbits(64):016x}"
    for n in range(attempts):
        began, stop = (datetime.fromtimestamp(10**9 + t + more, UTC).isoformat() for more in (0, rng.choice([0, 1, 40])))
        ended = {"exitCode": rng.choice([0, 1, 137]), "reason": rng.choice(["Error", "Completed", "OOMKilled"])}
        ended |= {"startedAt": rng.choice([began, began, "1970-01-01T00:00:00Z"]), "finishedAt": stop, "containerID": str(n)}
        waiting = {
            "waiting": {"reason": rng.choice(["ContainerCreating", "CrashLoopBackOff", "ErrImagePull", "CreateContainerConfigError"])}
        }
        for state in [waiting, {"running": {"startedAt": began}}, {"terminated": ended}][rng.randrange(2) :]:
            t += rng.uniform(0.2, 90)
            status = {"containerStatuses": [{"name": rng.choice(NAMES[-1:]), "state": state, "lastState": last, "restartCount": n}]}
            body = {"metadata": {"name": name, "namespace": "d", "uid": uid}, "spec": {"containers": []}, "status": status}
            history.append(Seen(t, "MODIFIED", "Pod", body))
        last = {"terminated": ended}
    return history


def claims(seed: int, count: int) -> ClusterState:
    """So many claims: waiting, bound, lost, pinned, used by none or several; and a pod that names one which is not there."""
    rng, state = random.Random(seed), ClusterState()
    for i in range(count):
        name, phase = f"{rng.choice(NAMES)}-{i}", rng.choice(["Pending", "Bound", "Bound", "Lost"])
        volume = f"pvc-{rng.getrandbits(128):032x}" if phase != "Pending" else ""
        notes = rng.choice([{}, {"volume.kubernetes.io/selected-node": "shallowdive-worker-with-a-long-name"}])
        spec = {"volumeName": volume, "resources": {"requests": {"storage": rng.choice(["1Gi", "64Mi", "1234567890123"])}}}
        claim = {"metadata": meta(rng, name, annotations=notes), "spec": spec, "status": {"phase": phase}}
        state = apply_event(state, "ADDED", "PersistentVolumeClaim", claim)
        for _ in range(rng.randrange(3)):
            uses = [{"name": "v", "persistentVolumeClaim": {"claimName": rng.choice([name, name, "nowhere"])}}]
            user = pod(
                rng, pod_name(rng), "", "", "shallowdive-worker", rng.choice(["ready", "pulling", "backoff", "pending"]), volumes=uses
            )
            state = apply_event(state, "ADDED", "Pod", user)
    return state


def guest_book(seed: int, pods: int) -> History:
    """A claim that waits, then so many pods one after the other that mount it; the container of each is ended a few times."""
    rng, history, t = random.Random(seed), History(), 10.0
    name = rng.choice(NAMES)
    body = {"metadata": meta(rng, name), "spec": {}, "status": {"phase": "Pending"}}
    history.append(Seen(t, "ADDED", "PersistentVolumeClaim", body))
    volumes = [{"name": "scratch", "emptyDir": {}}, {"name": "book", "persistentVolumeClaim": {"claimName": name}}]
    mounts = [{"name": v["name"], "mountPath": f"/{v['name']}"} for v in volumes]
    for i in range(pods):
        made = pod(rng, pod_name(rng), "rs", "", "", "pending", volumes=volumes)
        made["spec"]["containers"] = [{"name": rng.choice(NAMES), "image": "i", "volumeMounts": mounts}]
        history.append(Seen(t, "ADDED", "Pod", made))
        made = {**made, "spec": {**made["spec"], "nodeName": "n"}}
        for n in range(rng.randrange(1, 4)):
            state = {"running": {}} if n or rng.random() < 0.9 else {"waiting": {"reason": "ContainerCreating"}}
            status = {"name": made["spec"]["containers"][0]["name"], "state": state, "restartCount": n, "containerID": f"{i}-{n}"}
            t += rng.uniform(0.1, 20)
            history.append(Seen(t, "MODIFIED", "Pod", {**made, "status": {"phase": "Running", "containerStatuses": [status]}}))
            if i == n == 0:
                history.append(Seen(t, "MODIFIED", "PersistentVolumeClaim", {**body, "status": {"phase": "Bound"}}))
        t += rng.uniform(0.1, 20)
        if i < pods - 1 or rng.random() < 0.5:
            history.append(Seen(t, "DELETED", "Pod", made))
    return history
