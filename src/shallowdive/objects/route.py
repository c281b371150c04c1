"""The way a request takes, as the records say it (Ingress rule, Service, EndpointSlices), and where the asking showed it to break.

Pure. `checks.hops` asks each hop and fills in the answers; the pictures draw what is here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from shallowdive.objects import Object, labels_of, name_of, selects
from shallowdive.objects.pods import pod_state

HOPS = ("you → Ingress", "Ingress → Service", "Service → pod")
HOP_OF_FAULT = {"rule": 0, "controller": 0, "namespace": 1, "label": 2, "readiness": 2, "targetPort": 2, "program": 2}
"""At which of HOPS a request with this fault ends."""
SERVICE_NAME = "kubernetes.io/service-name"


class Records(Protocol):
    """Objects by kind; a `ClusterState` is one."""

    def all(self, kind: str) -> list[Object]: ...

    def get(self, kind: str, name: str) -> Object | None: ...


@dataclass(frozen=True, slots=True)
class Stop:
    """A pod at the end of the way: `selected` by the Service or only a candidate that no Service selects."""

    pod: str
    state: str
    port: int
    selected: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """`ingress` is '' when no rule fits; `service_exists` when this namespace has the Service and port that the rule names."""

    host: str
    path: str
    ingress: str = ""
    ingress_class: str = ""
    rule: str = ""
    service: str = ""
    service_port: str = ""
    service_exists: bool = False
    selector: str = ""
    target_port: str = ""
    stops: tuple[Stop, ...] = ()

    @property
    def endpoints(self) -> tuple[Stop, ...]:
        return tuple(s for s in self.stops if s.selected)

    @property
    def ready(self) -> tuple[Stop, ...]:
        return tuple(s for s in self.endpoints if s.state == "ready")


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer: HTTP status (0: none came), the answer in a word, the pod whose name it carries."""

    status: int
    words: str
    by: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 400


@dataclass(frozen=True, slots=True)
class Trace:
    """A route, each part of it asked directly: every pod, the Service, and the entrance with host and path."""

    route: Route
    pods: tuple[Asked, ...]
    service: Asked
    entrance: Asked

    @property
    def answered(self) -> bool:
        """The entrance gave an answer of this route. Namespaces share it: where the Service's answers carry pod names, its own has to."""
        return self.service.ok and self.entrance.ok and bool(self.entrance.by or not self.service.by)

    @property
    def fault(self) -> str:
        """'' or a key of HOP_OF_FAULT: what breaks the first broken hop."""
        r = self.route
        first_match = (
            (self.answered, ""),
            (not r.ingress, "rule"),
            (not r.service_exists, "namespace"),
            (not r.endpoints, "label"),
            (not r.ready, "readiness"),
            (not self.service.ok and any(a.ok for a in self.pods), "targetPort"),
            (not self.service.ok, "program"),
        )
        return next((fault for is_so, fault in first_match if is_so), "controller")

    @property
    def broken_hop(self) -> int | None:
        """Index into HOPS."""
        return HOP_OF_FAULT.get(self.fault)


def hosts_of(records: Records) -> list[str]:
    """Hosts that the namespace's Ingress rules name, in order, once each; '' for a rule without one."""
    return list(dict.fromkeys(rule.get("host") or "" for i in records.all("Ingress") for rule in i["spec"].get("rules") or []))


def find_route(records: Records, host: str, path: str) -> Route:
    """What the records of a namespace say about a request; the longest fitting path wins, an exact host before a wildcard."""
    found = [
        (bool(rule.get("host")) and not rule["host"].startswith("*"), len(p.get("path") or "/"), i, p)
        for i in records.all("Ingress")
        for rule in i["spec"].get("rules") or []
        if host_fits(rule.get("host") or "", host)
        for p in (rule.get("http") or {}).get("paths") or []
        if path_fits(p, path)
    ]
    if not found:
        return Route(host, path)
    _, _, ingress, rule = max(found, key=lambda f: f[:2])
    backend = (rule.get("backend") or {}).get("service") or {}
    name, wanted = backend.get("name", ""), backend.get("port") or {}
    service = records.get("Service", name)
    ports = [p for p in (service or {"spec": {}})["spec"].get("ports") or [] if _is_port(p, wanted)]
    selector = ((service or {"spec": {}})["spec"].get("selector")) or {}
    return Route(
        host, path, name_of(ingress), ingress["spec"].get("ingressClassName") or "", rule.get("path") or "/", name,
        str(wanted.get("number") or wanted.get("name") or ""), bool(ports), ", ".join(f"{k}={v}" for k, v in sorted(selector.items())),
        str(ports[0].get("targetPort") or ports[0]["port"]) if ports else "", _stops(records, name, ports) if ports else (),
    )  # fmt: skip


def host_fits(rule: str, host: str) -> bool:
    if rule.startswith("*."):
        return host.partition(".")[2] == rule[2:]
    return rule in ("", host)


def path_fits(rule: Object, path: str) -> bool:
    """`Prefix` goes by elements (/a fits /a/b and not /ab); `ImplementationSpecific` is read as `Prefix`."""
    wanted = rule.get("path") or "/"
    if rule.get("pathType") == "Exact":
        return path == wanted
    return path == wanted or path.startswith(wanted.rstrip("/") + "/")


def _is_port(port: Object, wanted: Object) -> bool:
    return bool(port.get("port") == wanted.get("number") if "number" in wanted else port.get("name") == wanted.get("name"))


def _stops(records: Records, service: str, ports: list[Object]) -> tuple[Stop, ...]:
    """The Service's endpoints; where it has none, the pods that no Service selects (one of them was meant)."""
    stops = []
    for one in records.all("EndpointSlice"):
        if labels_of(one).get(SERVICE_NAME) != service:
            continue
        at = next((p.get("port") for p in one.get("ports") or [] if (p.get("name") or "") == (ports[0].get("name") or "")), None)
        for endpoint in one.get("endpoints") or []:
            pod = records.get("Pod", (endpoint.get("targetRef") or {}).get("name", ""))
            if pod and not pod["metadata"].get("deletionTimestamp"):
                ready = "ready" if (endpoint.get("conditions") or {}).get("ready") else "notready"
                state = pod_state(pod)
                stops.append(Stop(name_of(pod), ready if state in ("ready", "notready") else state, listens_on(pod) or int(at or 0)))
    if stops:
        return tuple(sorted(stops, key=lambda s: s.pod))
    return tuple(Stop(name_of(p), pod_state(p), listens_on(p), selected=False) for p in unselected(records) if listens_on(p))


def unselected(records: Records) -> Iterable[Object]:
    """Pods that no Service of the namespace selects and that are not on their way out."""
    selectors = [s["spec"].get("selector") for s in records.all("Service")]
    return [p for p in records.all("Pod") if not p["metadata"].get("deletionTimestamp") and not any(selects(s, p) for s in selectors)]


def listens_on(pod: Object) -> int:
    """The first port that the pod's containers declare, 0 when they declare none."""
    return next((int(p["containerPort"]) for c in pod["spec"]["containers"] for p in c.get("ports") or []), 0)
