"""Who did that: one action of the learner and everything that followed from it, read from the record.

Evidence only: what changed between two versions of an object (ordered by resource version), who manages the fields, owner references,
and the events that parts of the cluster wrote. That a part was told by its watch is the one thing inferred: no record shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from shallowdive.live import History, Seen
from shallowdive.objects import Object, controller_uid, is_helper, name_of, uid_of
from shallowdive.objects.pods import pod_state

YOU, CONTROLLERS, SCHEDULER, KUBELET = "you", "controllers", "scheduler", "kubelet"
MACHINES = ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver")
"""Field managers that are parts of Kubernetes; every other manager is a person or a tool of one."""
LEARNERS = ("Deployment", "Service", "Ingress", "PersistentVolumeClaim", "Job", "StatefulSet", "DaemonSet")
"""Kinds that a person writes; a pod or ReplicaSet without an owner is one, too."""


@dataclass(slots=True)
class Act:
    """`who` did `verb` to the objects of a kind; several objects in a row are one act. `told` is what its watch showed it."""

    who: str
    part: str
    verb: str
    kind: str
    names: list[str]
    at_s: float
    version: int
    details: list[str] = field(default_factory=list)
    told: str = ""

    @property
    def words(self) -> str:
        """`create 3 Pods`, `scale ReplicaSet web-7d9f8: 3 → 5`."""
        several = f"{len(self.names)} {self.kind}s" if len(self.names) > 1 else f"{self.kind} {self.names[0]}"
        distinct = list(dict.fromkeys(self.details))
        joined = " → ".join(distinct) if self.verb == "scale" else ", ".join(distinct[:3]) + (", …" if len(distinct) > 3 else "")
        return f"{self.verb} {several}" + (f": {joined}" if joined else "")


def last_action(history: History) -> list[Act]:
    """The learner's newest act and what followed; [] when the record has none."""
    found = list(_acts(history))
    mine = [i for i, act in enumerate(found) if act.who == YOU]
    if not mine:
        return []
    start = mine[-1]
    while start and found[start - 1].who == YOU and found[start].at_s - found[start - 1].at_s < 0.5:
        start -= 1  # several calls of one cell
    return _grouped(_of_this_story(found[start:]))


def _of_this_story(acts: list[Act]) -> list[Act]:
    """Without what the kubelet tells of pods that nobody touched since: they belong to an earlier action."""
    touched = {name for act in acts if act.kind == "Pod" and act.who != KUBELET for name in act.names}
    return [act for act in acts if act.who != KUBELET or touched.intersection(act.names)]


def _grouped(acts: list[Act]) -> list[Act]:
    """Acts of one part on one kind become one, at the place of the first."""
    made: dict[tuple[str, ...], Act] = {}
    for act in acts:
        key = (act.who, act.part, act.verb, act.kind, *(act.names if act.verb in ("scale", "change") else []))
        if key not in made:
            made[key] = act
        else:
            made[key].names += [n for n in act.names if n not in made[key].names]
            made[key].details += [d for d in act.details if d not in made[key].details[-1:]]
    return list(made.values())


def _acts(history: History) -> Iterator[Act]:
    before: dict[str, Object] = {}
    gone: set[str] = set()
    blamed = {name: s for s in history.of("Event") for name in [_deleted_by_controller(s.object)] if name}
    for s in sorted((s for s in history.events if s.kind != "ConfigMap"), key=_version):
        if s.kind == "Event":
            yield from _of_event(s)
        elif not is_helper(s.object):
            yield from _of_change(s, before.get(uid_of(s.object)), blamed, gone)
            before[uid_of(s.object)] = s.object
            gone |= {uid_of(s.object)} if s.type == "DELETED" else set()


def _version(s: Seen) -> int:
    return int(s.object["metadata"].get("resourceVersion") or 0)


def _of_event(s: Seen) -> Iterator[Act]:
    about = s.object.get("involvedObject") or {}
    if s.object.get("reason") == "FailedScheduling" and s.type == "ADDED":
        yield _act(s, SCHEDULER, "scheduler", "find no node for", "Pod", about.get("name", ""), "a pod without a node")


def _deleted_by_controller(event: Object) -> str:
    """Name of the pod that a ReplicaSet's controller says it deleted."""
    if event.get("reason") != "SuccessfulDelete":
        return ""
    return str(event.get("message", "")).rpartition(" ")[2]


def _of_change(s: Seen, old: Object | None, blamed: dict[str, Seen], gone: set[str]) -> Iterator[Act]:
    if s.kind == "Pod":
        yield from _of_pod(s, old, blamed, gone)
    elif s.kind == "ReplicaSet" and _owner(s.object):
        if old is None and s.type == "ADDED":
            yield _act(s, CONTROLLERS, "Deployment controller", "create", s.kind, name_of(s.object), "a changed Deployment")
        if old is not None and _wants(old) != _wants(s.object):
            act = _act(s, CONTROLLERS, "Deployment controller", "scale", s.kind, name_of(s.object), "a changed Deployment")
            act.details = [_wants(old), _wants(s.object)]
            yield act
        if s.type == "DELETED":
            yield _act(s, CONTROLLERS, "garbage collector", "delete", s.kind, name_of(s.object), "an owner that is gone")
    elif s.kind in LEARNERS or (s.kind == "ReplicaSet" and not _owner(s.object)):
        yield from _of_wish(s, old)


def _of_wish(s: Seen, old: Object | None) -> Iterator[Act]:
    """What a person writes down: made, changed (its generation grows, or another field of its spec), deleted."""
    who = _person(s.object, old)
    if s.type == "DELETED":
        yield _act(s, YOU, who, "delete", s.kind, name_of(s.object))
    elif old is None:
        yield _act(s, YOU, who, "create", s.kind, name_of(s.object))
    elif _differences(old.get("spec") or {}, s.object.get("spec") or {})[:1] and s.kind == "PersistentVolumeClaim":
        yield _act(s, CONTROLLERS, "volume controller", "bind", s.kind, name_of(s.object), "a claim without a volume")
    elif old.get("spec") != s.object.get("spec"):
        act = _act(s, YOU, who, "change", s.kind, name_of(s.object))
        act.details = _differences(old.get("spec") or {}, s.object.get("spec") or {})
        yield act


def _of_pod(s: Seen, old: Object | None, blamed: dict[str, Seen], gone: set[str]) -> Iterator[Act]:
    name, owner = name_of(s.object), _owner(s.object)
    spec, was = s.object.get("spec") or {}, (old or {}).get("spec") or {}
    if old is None and s.type == "ADDED":
        if owner:
            yield _act(s, CONTROLLERS, f"{owner} controller", "create", "Pod", name, f"a {owner} with too few pods")
        else:
            yield _act(s, YOU, _person(s.object, None), "create", "Pod", name)
    if spec.get("nodeName") and not was.get("nodeName") and old is not None:
        act = _act(s, SCHEDULER, "scheduler", "choose a node for", "Pod", name, "a pod without a node")
        act.details = [str(spec["nodeName"])]
        yield act
    ended, had_ended = (bool((o or {"metadata": {}})["metadata"].get("deletionTimestamp")) for o in (s.object, old))
    if ended and not had_ended and old is not None:
        if name in blamed:
            yield _act(s, CONTROLLERS, f"{owner} controller", "delete", "Pod", name, f"a {owner} with too many pods")
        elif controller_uid(s.object) in gone:
            yield _act(s, CONTROLLERS, "garbage collector", "delete", "Pod", name, "an owner that is gone")
        else:
            yield _act(s, YOU, "", "delete", "Pod", name)
    if s.type == "DELETED":
        yield _act(s, KUBELET, "kubelet", "end", "Pod", name, "a pod that has to end")
    elif old is not None and pod_state(old) != pod_state(s.object) and pod_state(s.object) in ("ready", "notready", "backoff", "failed"):
        verb = {"ready": "report ready:", "notready": "report running:"}.get(pod_state(s.object), "report broken:")
        yield _act(s, KUBELET, "kubelet", verb, "Pod", name, "a pod of its node")


def _act(s: Seen, who: str, part: str, verb: str, kind: str, name: str, told: str = "") -> Act:
    return Act(who, part, verb, kind, [name], s.at_s, _version(s), [], told)


def _person(obj: Object, old: Object | None) -> str:
    """The field manager of this change: the one whose entry is new or has a new time; '' when the record does not tell. An entry that
    only lost a field is of somebody whose word was overruled, and a scaling to 0 leaves none at all."""
    entries, before = _managers(obj), _managers(old or {"metadata": {}})
    names = list(dict.fromkeys(key[0] for key, time in entries.items() if key not in before or before[key] != time))
    return names[0] if len(names) == 1 else ""


def _managers(obj: Object) -> dict[tuple[str, str, str], str]:
    """(manager, operation, subresource) of those who are no part of Kubernetes, with the time of their last change."""
    entries = [
        f for f in obj["metadata"].get("managedFields") or [] if f.get("manager") not in MACHINES and f.get("subresource") != "status"
    ]
    return {(f.get("manager", ""), f.get("operation", ""), f.get("subresource", "")): f.get("time", "") for f in entries}


def _owner(obj: Object) -> str:
    """Kind of the controlling owner."""
    return next((str(o.get("kind", "ReplicaSet")) for o in obj["metadata"].get("ownerReferences") or [] if o.get("controller")), "")


def _wants(obj: Object) -> str:
    return str((obj.get("spec") or {}).get("replicas", 0))


def _differences(old: Object, new: Object) -> list[str]:
    """Fields of the spec that differ: numbers and words with both values, the rest by name."""
    names = [k for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
    plain = (str, int, bool, type(None))
    return [
        f"{k} {old.get(k, 'none')} → {new.get(k, 'none')}" if isinstance(old.get(k), plain) and isinstance(new.get(k), plain) else k
        for k in names
    ]
