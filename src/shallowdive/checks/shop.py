"""The broken shop of lab 14: three parts behind one entrance, and five faults in it, one of each family, drawn for the student.

Pure: manifests as data. A fault changes one field, as a person would. What the learner is asked for is the evidence that tells the fault
from the others of its family, and which part it is in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shallowdive.checks.variant import in_order, one_of
from shallowdive.cluster.images import AGNHOST
from shallowdive.objects import Object

LAB = "14-broken-shop"
PARTS = ("front", "stock", "ledger")
CLAIM, INGRESS, PORT = "ledger-data", "shop", 9376
FAMILIES = ("node", "storage", "container", "probe", "way-in")
Bodies = dict[tuple[str, str], Object]
"""Manifests by kind and name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`evidence`: the words in an event, a status or a refusal that tell it; `spoil` puts it into the manifests of one part."""

    name: str
    family: str
    evidence: str
    spoil: Callable[[Bodies, str], None]


@dataclass(frozen=True, slots=True)
class Drawn:
    fault: Fault
    part: str

    @property
    def answer(self) -> str:
        return f"{self.part}: {self.fault.evidence}"


def path_of(part: str) -> str:
    return f"/{part}"


# ── the shop as it should be ─────────────────────────────────────────────────────────────────────────────────
def whole(host: str) -> Bodies:
    bodies: list[Object] = [_claim(), *map(_deployment, PARTS), *map(_service, PARTS), _ingress(host)]
    return {(b["kind"], b["metadata"]["name"]): b for b in bodies}


def _claim() -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}


def _deployment(part: str) -> Object:
    ask: Object = {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 1}
    container: Object = {
        "name": part,
        "image": AGNHOST,
        "command": ["/agnhost"],
        "args": ["serve-hostname", "--http=true", f"--port={PORT}"],
        "resources": {"requests": {"cpu": "20m", "memory": "24Mi"}, "limits": {"memory": "96Mi"}},
        "readinessProbe": ask,
        "livenessProbe": ask,
    }
    pod: Object = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    if part == "ledger":
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}]
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app": part}},
        "template": {"metadata": {"labels": {"app": part}}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": part}, "spec": spec}


def _service(part: str) -> Object:
    spec = {"selector": {"app": part}, "ports": [{"port": 80, "targetPort": PORT}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": part}, "spec": spec}


def _ingress(host: str) -> Object:
    def rule(part: str) -> Object:
        return {"path": path_of(part), "pathType": "Prefix", "backend": {"service": {"name": part, "port": {"number": 80}}}}

    spec = {"ingressClassName": "traefik", "rules": [{"host": host, "http": {"paths": [rule(p) for p in PARTS]}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": INGRESS}, "spec": spec}


# ── the faults ───────────────────────────────────────────────────────────────────────────────────────────────
def pod_of(bodies: Bodies, part: str) -> dict[str, Any]:
    spec: dict[str, Any] = bodies["Deployment", part]["spec"]["template"]["spec"]
    return spec


def container_of(bodies: Bodies, part: str) -> dict[str, Any]:
    found: dict[str, Any] = pod_of(bodies, part)["containers"][0]
    return found


def _too_big(bodies: Bodies, part: str) -> None:
    container_of(bodies, part)["resources"]["requests"]["cpu"] = "900"


def _no_such_node(bodies: Bodies, part: str) -> None:
    pod_of(bodies, part)["nodeSelector"] = {"disk": "fast"}


def _other_claim(bodies: Bodies, part: str) -> None:
    pod_of(bodies, part)["volumes"][0]["persistentVolumeClaim"]["claimName"] = f"{CLAIM}-old"


def _no_class(bodies: Bodies, _part: str) -> None:
    bodies["PersistentVolumeClaim", CLAIM]["spec"]["storageClassName"] = "fast"


def _no_image(bodies: Bodies, part: str) -> None:
    container = container_of(bodies, part)
    container["image"] = container["image"].rpartition(":")[0] + ":2.66.1-shop"


def _bad_command(bodies: Bodies, part: str) -> None:
    container_of(bodies, part)["command"] = ["/agnhots"]


def _probe_port(which: str) -> Callable[[Bodies, str], None]:
    def spoil(bodies: Bodies, part: str) -> None:
        container_of(bodies, part)[which] = copy.deepcopy(container_of(bodies, part)[which])
        container_of(bodies, part)[which]["httpGet"]["port"] = PORT + 1

    return spoil


def _label(bodies: Bodies, part: str) -> None:
    bodies["Service", part]["spec"]["selector"] = {"app": f"{part}-v2"}


def _target_port(bodies: Bodies, part: str) -> None:
    bodies["Service", part]["spec"]["ports"][0]["targetPort"] = PORT + 2


def _backend(bodies: Bodies, part: str) -> None:
    for rule in bodies["Ingress", INGRESS]["spec"]["rules"][0]["http"]["paths"]:
        if rule["path"] == path_of(part):
            rule["backend"]["service"]["name"] = f"{part}-prod"


FAULTS = (
    Fault("too-big", "node", "Insufficient cpu", _too_big),
    Fault("no-such-node", "node", "node affinity/selector", _no_such_node),
    Fault("other-claim", "storage", "persistentvolumeclaim not found", _other_claim),
    Fault("no-class", "storage", "storageclass not found", _no_class),
    Fault("no-image", "container", "ErrImagePull", _no_image),
    Fault("bad-command", "container", "no such file or directory", _bad_command),
    Fault("readiness-port", "probe", "Readiness probe failed", _probe_port("readinessProbe")),
    Fault("liveness-port", "probe", "Liveness probe failed", _probe_port("livenessProbe")),
    Fault("label", "way-in", "the Service has no endpoints", _label),
    Fault("target-port", "way-in", "connection refused behind the Service", _target_port),
    Fault("backend", "way-in", "the Ingress names a Service that is not there", _backend),
)


def words_of(family: str) -> tuple[str, ...]:
    """What may be answered in a family: a part and its evidence."""
    return tuple(f"{part}: {f.evidence}" for part in PARTS for f in FAULTS if f.family == family)


def draw(student: str) -> tuple[Drawn, ...]:
    """Five faults, one of each family, in the order of FAMILIES. The storage fault is where the storage is; the faults of node, container
    and probe are in three different parts."""
    chosen = {family: one_of([f for f in FAULTS if f.family == family], LAB, student, family) for family in FAMILIES}
    parts = dict(zip(("node", "container", "probe"), in_order(PARTS, LAB, student, "parts"), strict=True))
    parts |= {"storage": "ledger", "way-in": one_of(PARTS, LAB, student, "way-in-part")}
    return tuple(Drawn(chosen[family], parts[family]) for family in FAMILIES)


def broken(host: str, drawn: tuple[Drawn, ...]) -> Bodies:
    """The shop with these faults in it."""
    bodies = whole(host)
    for one in drawn:
        one.fault.spoil(bodies, one.part)
    return bodies


def changed(good: Any, bad: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    """(path, value in `bad`) of each field that differs."""
    if isinstance(good, dict) and isinstance(bad, dict):
        return [d for k in sorted(good.keys() | bad.keys()) for d in changed(good.get(k), bad.get(k), (*path, k))]
    if isinstance(good, list) and isinstance(bad, list) and len(good) == len(bad):
        return [d for i, (a, b) in enumerate(zip(good, bad, strict=True)) for d in changed(a, b, (*path, i))]
    return [] if good == bad else [(path, bad)]


def holds(body: Any, path: tuple[str | int, ...], value: Any) -> bool:
    """Whether an object has this value at this path."""
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return False
    return bool(body == value)
