"""The five faults of a way in: put one in, on purpose or drawn by lot, and find out afterwards from a record which one it was.

A fault changes one field of one object, as a person would. The object is marked with a number, never with the fault's name; which
fault it was is read from the field that changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shallowdive.checks.hops import host_of, trace_once
from shallowdive.checks.variant import in_order, one_of
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.errors import BadAnswer, NotYet, WaitTimeout
from shallowdive.live import ClusterState, History, poll
from shallowdive.objects import Object, annotations_of, uid_of
from shallowdive.objects.pods import is_ready
from shallowdive.objects.route import Route, find_route

FAULTS = ("controller", "namespace", "label", "readiness", "targetPort")
"""In the order in which a request meets them."""
PATHS = ("/a", "/b")
MARK = "shallowdive/broken"
HIDDEN = "hidden"
MERGE: dict[str, Any] = {"_content_type": "application/merge-patch+json", "field_manager": "somebody"}
NOBODY = "nobody"


def _backends(ingress: Object) -> object:
    paths = [p for rule in ingress["spec"].get("rules") or [] for p in (rule.get("http") or {}).get("paths") or []]
    return [((p.get("backend") or {}).get("service") or {}).get("name") for p in paths]


FIELD: dict[str, tuple[str, Callable[[Object], object]]] = {
    "controller": ("Ingress", lambda o: o["spec"].get("ingressClassName")),
    "namespace": ("Ingress", _backends),
    "label": ("Service", lambda o: o["spec"].get("selector")),
    "readiness": ("Deployment", lambda o: [c.get("readinessProbe") for c in o["spec"]["template"]["spec"]["containers"]]),
    "targetPort": ("Service", lambda o: [p.get("targetPort") for p in o["spec"].get("ports") or []]),
}
"""Of each fault: the kind of the object it changes, and the field."""


# ── which one ────────────────────────────────────────────────────────────────────────────────────────────────
def draw(lab: str, namespace: str, number: int) -> tuple[str, str]:
    """Fault and path of the hidden fault with this number (1, 2, …). A namespace stands for one learner; five in a row all differ."""
    order = in_order(FAULTS, lab, namespace)
    return order[(number - 1) % len(order)], one_of(PATHS, lab, namespace, number)


@dataclass(frozen=True, slots=True)
class Episode:
    """One marked change in a record: its mark, and the fault that it was ('' when not one field of FIELD changed)."""

    mark: str
    fault: str

    @property
    def number(self) -> int:
        return int(end) if (end := self.mark.rpartition("-")[2]).isdigit() else 0

    @property
    def name(self) -> str:
        return self.mark.rpartition("-")[0]


def episodes(history: History) -> list[Episode]:
    """Every marked change, in order; what it was is the difference between the object's version before and with the mark."""
    before: dict[str, Object] = {}
    found: list[Episode] = []
    for seen in history.events:
        if seen.kind not in ("Ingress", "Service", "Deployment"):
            continue
        uid, mark = uid_of(seen.object), annotations_of(seen.object).get(MARK, "")
        old = before.get(uid)
        if mark and (old is None or annotations_of(old).get(MARK, "") != mark):
            found.append(Episode(mark, what_broke(seen.kind, old, seen.object)))
        before[uid] = seen.object
    return found


def what_broke(kind: str, before: Object | None, after: Object) -> str:
    """The fault whose field differs between two versions of an object; '' for none, or for several."""
    if before is None:
        return ""
    changed = [fault for fault, (of, field) in FIELD.items() if of == kind and field(before) != field(after)]
    return changed[0] if len(changed) == 1 else ""


# ── putting it in ────────────────────────────────────────────────────────────────────────────────────────────
def break_hop(client: NamespaceClient, lab: str, fault: str = "", path: str = "/a") -> Episode:
    """Put one fault in and wait until the entrance shows it; without a name, the next hidden one.

    While the same fault is still in, nothing changes. NotYet when something else is broken."""
    if fault and fault not in FAULTS:
        raise BadAnswer("there is no such fault", saw=repr(fault), try_this=f"one of: {', '.join(FAULTS)}")
    client.follower.catch_up()
    past = episodes(client.history)
    name = fault or HIDDEN
    if past and past[-1].name == name and not _both_answer(client):
        return past[-1]
    if not _both_answer(client, within_s=10):
        raise NotYet(
            "a fault is put into something that works", saw="a path that does not answer", try_this="repair it first: session.trace"
        )
    number = 1 + max((e.number for e in past if e.name == name), default=0)
    if not fault:
        fault, path = draw(lab, client.namespace, number)
    _put_in(client, fault, path, f"{name}-{number}")
    return Episode(f"{name}-{number}", fault)


def _put_in(client: NamespaceClient, fault: str, path: str, mark: str) -> None:
    host = host_of(client.state, client.namespace, PATHS)
    route = find_route(client.state, host, path)
    marked: Object = {"metadata": {"annotations": {MARK: mark}}}
    if FIELD[fault][0] == "Ingress":
        spec = _ingress_spec(client.state, fault, route)
        client.networking.patch_namespaced_ingress(route.ingress, client.namespace, {**marked, "spec": spec}, **MERGE)
    elif FIELD[fault][0] == "Service":
        spec = _service_spec(client.state, fault, route)
        client.core.patch_namespaced_service(route.service, client.namespace, {**marked, "spec": spec}, **MERGE)
    else:
        _spoil_probe(client, route, marked)
    behind = {s.pod for s in route.endpoints}

    def shows() -> bool | None:
        """Nobody answers; or somebody else does, where a rule for more paths takes over."""
        seen = trace_once(client, path, host)
        ours = seen.entrance.by in behind if seen.entrance.by else seen.answered
        return None if ours else True

    poll(
        "the entrance to show the fault",
        shows,
        within_s=30,
        try_this="kubectl get ingress,service,endpointslice",
    )


def _ingress_spec(state: ClusterState, fault: str, route: Route) -> Object:
    if fault == "controller":
        return {"ingressClassName": NOBODY}
    rules = copy.deepcopy((state.get("Ingress", route.ingress) or {})["spec"]["rules"])
    for p in (p for rule in rules for p in rule["http"]["paths"]):
        service = p["backend"]["service"]
        if service["name"] == route.service and (p.get("path") or "/") == route.rule:
            service["name"] = f"{route.service}-prod"
    return {"rules": rules}


def _service_spec(state: ClusterState, fault: str, route: Route) -> Object:
    spec = (state.get("Service", route.service) or {})["spec"]
    if fault == "label":
        key, value = next(iter(spec["selector"].items()))
        return {"selector": {key: f"{value}-v2"}}
    ports = copy.deepcopy(spec["ports"])
    for port in ports:
        port["targetPort"] = route.ready[0].port + 1
    return {"ports": ports}


def _spoil_probe(client: NamespaceClient, route: Route, marked: Object) -> None:
    """Another port for the readiness probe, for all pods at once: the usual rollout would stop at the first one and keep the old."""
    deployment = _deployment_behind(client.state, route)
    name, strategy = deployment["metadata"]["name"], deployment["spec"].get("strategy") or {}
    containers = copy.deepcopy(deployment["spec"]["template"]["spec"]["containers"])
    probe = containers[0].setdefault("readinessProbe", {"tcpSocket": {"port": 1}})
    for handler in ("httpGet", "tcpSocket", "grpc"):
        if handler in probe:
            probe[handler]["port"] = route.ready[0].port + 2
    if "exec" in probe:
        probe["exec"]["command"] = ["false"]
    spec: Object = {"template": {"spec": {"containers": containers}}}
    at_once: Object = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}
    usual = strategy.get("type") != "Recreate"
    client.apps.patch_namespaced_deployment(
        name, client.namespace, {**marked, "spec": {**spec, **({"strategy": at_once} if usual else {})}}, **MERGE
    )

    def only_unready(now: ClusterState) -> bool:
        pods = now.pods_of(now.get("Deployment", name) or deployment)
        started = [p for p in pods if (p.get("status") or {}).get("phase") == "Running" and not p["metadata"].get("deletionTimestamp")]
        return len(started) == len(pods) == int(deployment["spec"].get("replicas") or 0) and not any(map(is_ready, pods))

    client.wait_for("only pods that run and are not ready", only_unready, within_s=75, usually_s=12)
    if usual:
        client.apps.patch_namespaced_deployment(name, client.namespace, {"spec": {"strategy": strategy}}, **MERGE)


def _deployment_behind(state: ClusterState, route: Route) -> Object:
    pods = {s.pod for s in route.endpoints}
    for deployment in state.all("Deployment"):
        if any(p["metadata"]["name"] in pods for p in state.pods_of(deployment)):
            return deployment
    raise NotYet("no Deployment made the pods behind this path", saw=route.path, try_this="kubectl get deployments,pods --show-labels")


def _both_answer(client: NamespaceClient, within_s: float = 0) -> bool:
    def ask() -> bool | None:
        host = host_of(client.state, client.namespace, PATHS)
        return True if all(trace_once(client, p, host).answered for p in PATHS) else None

    if not within_s:
        return bool(ask())
    try:
        return poll("both paths to answer", ask, within_s=within_s)
    except WaitTimeout:
        return False
