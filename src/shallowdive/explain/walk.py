"""From the object asked about to what it rests on, rule after rule, and the verdict over all that was found.

Adding a cause is a row in a table of rules; adding a kind is a row in LEADS_TO and in WELL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from shallowdive.explain import autoscaling, container, image, namespace, network, owners, placement, storage
from shallowdive.explain.finding import Explanation, Finding
from shallowdive.explain.sight import Sight, clean, condition_of, newest_time
from shallowdive.live import ClusterState
from shallowdive.objects import Object, selects, uid_of
from shallowdive.objects.pods import is_ready, pod_state

RULES = (
    *namespace.RULES, *owners.RULES, *placement.RULES, *storage.RULES, *image.RULES, *container.RULES, *network.RULES, *autoscaling.RULES,
)  # fmt: skip


def _pods(sight: Sight, owner: Object) -> list[Object]:
    """Its pods; those that failed are history once the owner has what it wants."""
    pods = sight.owned("Pod", owner)
    return [p for p in pods if (p.get("status") or {}).get("phase") != "Failed"] if WELL[owner["kind"]](sight, owner) else pods


def _replica_sets(sight: Sight, deployment: Object) -> list[Object]:
    """Newest first, those that want nothing and have nothing left out; where nobody looked at ReplicaSets, the pods that it selects."""
    if not sight.looked("ReplicaSet"):
        return [p for p in sight.all("Pod") if selects(deployment["spec"]["selector"].get("matchLabels"), p)]
    return [r for r in reversed(sight.owned("ReplicaSet", deployment)) if r["spec"].get("replicas") or sight.owned("Pod", r)]


def _behind(sight: Sight, service: Object) -> list[Object]:
    """The makers of the Service's pods, and the pods that no maker leads to. Where nothing is selected: who would make such pods."""
    made = network.makers(sight, service)
    through = {uid_of(o) for owner in made for o in _below(sight, owner)}
    return [*made, *(p for p in network.carriers(sight, service) if uid_of(p) not in through)]


def _below(sight: Sight, obj: Object) -> Iterator[Object]:
    for other in _next(sight, obj):
        yield other
        yield from _below(sight, other) if other["kind"] != "Pod" else ()


def _claims(sight: Sight, pod: Object) -> list[Object]:
    found = (sight.get("PersistentVolumeClaim", n) for n in storage.claims_of(pod))
    return [c for c in found if c and not pod["spec"].get("nodeName")]


def _services(sight: Sight, ingress: Object) -> list[Object]:
    names = dict.fromkeys(b["name"] for _, b in network.backends(ingress))
    return [s for n in names if (s := sight.get("Service", n))]


def _mounters(sight: Sight, claim: Object) -> list[Object]:
    return storage.consumers(sight, claim) if (claim.get("status") or {}).get("phase") == "Pending" else []


LEADS_TO: dict[str, Callable[[Sight, Object], list[Object]]] = {
    "Deployment": _replica_sets,
    "ReplicaSet": _pods,
    "StatefulSet": _pods,
    "DaemonSet": _pods,
    "Job": _pods,
    "Service": _behind,
    "Ingress": _services,
    "Pod": _claims,
    "PersistentVolumeClaim": _mounters,
}


def _next(sight: Sight, obj: Object) -> list[Object]:
    return LEADS_TO[obj["kind"]](sight, obj) if obj["kind"] in LEADS_TO else []


def _status(obj: Object) -> dict[str, int]:
    return {k: v for k, v in (obj.get("status") or {}).items() if isinstance(v, int)}


def _has_all(ready: str, wanted: Callable[[Object], int]) -> Callable[[Sight, Object], bool]:
    return lambda _, o: not o["metadata"].get("deletionTimestamp") and _status(o).get(ready, 0) >= wanted(o)


def _replicas(obj: Object) -> int:
    return int(1 if obj["spec"].get("replicas") is None else obj["spec"]["replicas"])


WELL: dict[str, Callable[[Sight, Object], bool]] = {
    "Pod": lambda _, o: is_ready(o) or pod_state(o) == "succeeded",
    "Deployment": lambda _, o: owners.deployment_is_done(o),
    "ReplicaSet": _has_all("readyReplicas", _replicas),
    "StatefulSet": _has_all("readyReplicas", _replicas),
    "DaemonSet": _has_all("numberReady", lambda o: _status(o).get("desiredNumberScheduled", 0)),
    "Job": lambda _, o: condition_of(o, "Complete").get("status") == "True",
    "Service": lambda s, o: (
        o["spec"].get("type") == "ExternalName" or any(map(is_ready, network.selected(s, o))) or not o["spec"].get("selector")
    ),
    "Ingress": lambda s, o: all(WELL["Service"](s, x) for x in _services(s, o)),
    "PersistentVolumeClaim": lambda _, o: (o.get("status") or {}).get("phase") == "Bound" and not o["metadata"].get("deletionTimestamp"),
    "Namespace": lambda _, o: (o.get("status") or {}).get("phase") == "Active",
    "HorizontalPodAutoscaler": lambda _, o: condition_of(o, "ScalingActive").get("status") == "True",
    "PodDisruptionBudget": lambda _, o: _status(o).get("disruptionsAllowed", 0) > 0,
}


def _unseen(sight: Sight, obj: Object) -> str:
    """Kinds that have to be looked at before this object can be called well, and were not."""
    needs = {
        "Service": ["Pod", *([] if obj["spec"].get("selector") else ["EndpointSlice"])],
        "DaemonSet": [] if _status(obj).get("desiredNumberScheduled") else ["Node"],
        "Ingress": ["Service", "Pod", "IngressClass", *(["Secret"] if obj["spec"].get("tls") else [])],
    }
    return ", ".join(k for k in needs.get(obj["kind"], []) if not sight.looked(k))


def explain(state: ClusterState, kind: str, namespace: str, name: str, *, now: float | None = None) -> Explanation:
    """Why this object does not work. `now` is in seconds since 1970; without it the newest time in the state stands for it."""
    sight = Sight(state, name if kind == "Namespace" else namespace, newest_time(state) if now is None else now)
    obj = sight.get(kind, name)
    subject = f"{kind} {name}"
    look = f"kubectl describe {kind.lower()} {name}" + (f" -n {namespace}" if kind != "Namespace" and namespace else "")
    if obj is None:
        return Explanation(
            subject, "absent" if sight.looked(kind) else "unseen", look=look.replace(f" {name}", "", 1).replace("describe", "get")
        )
    if kind not in WELL:
        return Explanation(subject, "no rules", look=look)
    obj = {**obj, "kind": kind}
    told = _merged(list(_walk(sight, obj, set())))
    faults = [f for f, consequence in told if not f.normal and not consequence] or [f for f, _ in told if not f.normal]
    if faults:
        return Explanation(subject, "broken", tuple(faults))
    if _unseen(sight, obj):
        return Explanation(subject, "half seen", seen=_unseen(sight, obj), look=look)
    if WELL[kind](sight, obj):
        waits = tuple(f for f, _ in told if f.about == subject and f.cause in STANDING)
        return Explanation(subject, "normal" if waits else "healthy", waits, look=look)
    waits = tuple(f for f, consequence in told if not consequence) or tuple(f for f, _ in told)
    if waits:
        return Explanation(subject, "normal", waits)
    return Explanation(subject, "unknown", seen=_last_complaint(sight, obj), look=look)


STANDING = ("waits-for-load-balancer", "wants-no-pods")
"""What is worth saying of something that works."""


def _walk(sight: Sight, obj: Object, met: set[str]) -> Iterator[tuple[Finding, bool]]:
    if uid_of(obj) in met:
        return
    met.add(uid_of(obj))
    yield from _own(sight, obj, after=False)
    for other in _next(sight, obj):
        yield from _walk(sight, other, met)
    yield from _own(sight, obj, after=True)


def _own(sight: Sight, obj: Object, *, after: bool) -> Iterator[tuple[Finding, bool]]:
    for rule in RULES:
        if obj["kind"] in rule.kinds and rule.cause.after == after:
            yield from ((f, rule.cause.consequence) for f in rule.findings(sight, obj))


def _merged(told: list[tuple[Finding, bool]]) -> list[tuple[Finding, bool]]:
    """The same cause at the same field is one finding, however many pods show it."""
    kept: dict[tuple[str, str, str], tuple[Finding, bool]] = {}
    more: dict[tuple[str, str, str], int] = {}
    for finding, consequence in told:
        key = (finding.cause, finding.field, finding.value)
        if key in kept:
            more[key] = more.get(key, 0) + 1
        else:
            kept[key] = finding, consequence
    return [(replace(f, about=f"{f.about} (and {more[k]} more)") if k in more else f, c) for k, (f, c) in kept.items()]


def _last_complaint(sight: Sight, obj: Object) -> str:
    """The newest Warning about the object or anything that it leads to, as the record has it."""
    near, at = [obj], 0
    while at < len(near):
        near += [o for o in _next(sight, near[at]) if uid_of(o) not in map(uid_of, near)]
        at += 1
    warnings = [e for o in near for e in sight.events(o) if e.get("type") == "Warning"]
    return clean(f"{warnings[-1]['reason']}: {warnings[-1]['message']}") if warnings else ""
