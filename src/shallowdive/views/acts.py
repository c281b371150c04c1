"""Who did that: one action of the learner and everything that followed from it, read from the record.

Evidence only: what changed between two versions of an object (ordered by resource version), who manages the fields, owner references,
and the events that parts of the cluster wrote. That a part was told by its watch is the one thing inferred: no record shows it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from shallowdive.live import History, Seen
from shallowdive.objects import Object, controller_of, controller_uid, is_helper, name_of, uid_of
from shallowdive.objects.pods import pod_state
from shallowdive.views.kept import Kept

YOU, CONTROLLERS, SCHEDULER, KUBELET = "you", "controllers", "scheduler", "kubelet"
MACHINES = ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver")
"""Field managers that are parts of Kubernetes; every other manager is a person or a tool of one."""
LEARNERS = ("Deployment", "Service", "Ingress", "PersistentVolumeClaim", "Job", "StatefulSet", "DaemonSet")
"""Kinds that a person writes; a pod or ReplicaSet without an owner is one, too."""

TOGETHER_S = 0.5
"""Several calls of one cell come so close to each other, in seconds."""


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
    whose: tuple[str, str] | None = None
    """Of a deleted pod: kind and UID of its owner."""

    @property
    def words(self) -> str:
        """`create 3 Pods`, `scale ReplicaSet web-7d9f8: 3 → 5`."""
        several = f"{len(self.names)} {self.kind}s" if len(self.names) > 1 else f"{self.kind} {self.names[0]}"
        distinct = list(dict.fromkeys(self.details))
        joined = " → ".join(distinct) if self.verb == "scale" else ", ".join(distinct[:3]) + (", …" if len(distinct) > 3 else "")
        return f"{self.verb} {several}" + (f": {joined}" if joined else "")


def last_action(history: History) -> list[Act]:
    """The learner's newest act and what followed; [] when the record has none."""
    story = deeds.look(history, lambda seen: None if seen.disordered else seen.story())
    if story is None:  # two kernels wrote one record: an object's versions are not in their order in it
        again = Deeds()
        for s in sorted(history.events, key=_version):
            again.step(s)
        story = again.story()
    return _grouped(_of_this_story(story))


def _of_this_story(acts: list[Act]) -> list[Act]:
    """Without what the kubelet tells of pods that nobody touched since: they belong to an earlier action."""
    touched = {name for act in acts if act.kind == "Pod" and act.who != KUBELET for name in act.names}
    return [act for act in acts if act.who != KUBELET or touched.intersection(act.names)]


def _grouped(acts: list[Act]) -> list[Act]:
    """Acts of one part on one kind become one, at the place of the first."""
    made: dict[tuple[str, ...], tuple[Act, dict[str, None]]] = {}
    for act in acts:
        key = (act.who, act.part, act.verb, act.kind, *(act.names if act.verb in ("scale", "change") else []))
        first, names = made.setdefault(key, (replace(act, details=[]), {}))
        names.update(dict.fromkeys(act.names))
        first.details += [d for d in act.details if d not in first.details[-1:]]
    return [replace(first, names=list(names)) for first, names in made.values()]


Place = tuple[int, int, int]
"""Where an act stands in the order of things: resource version, number of the event in the record, number of the act in the event."""


@dataclass(frozen=True, slots=True)
class Was:
    """What is remembered of an object's last version."""

    version: int
    spec: Object
    managers: dict[tuple[str, str, str], str]
    wants: str
    node: str = ""
    ended: bool = False
    state: str = ""


class Deeds:
    """Every act that a record shows, in the order of resource versions. Whose act a pod's deletion was is told by events that may come
    later, so it is settled when it is asked for."""

    def __init__(self) -> None:
        self.disordered = False
        self._acts: list[tuple[Place, Act]] = []
        self._mine: list[tuple[Place, Act]] = []
        """Of these acts the learner's, and deletions that may be."""
        self._was: dict[str, Was] = {}
        self._gone: dict[str, Place] = {}
        self._blamed: set[str] = set()
        self._count = 0

    def step(self, s: Seen) -> None:
        self._count += 1
        if s.kind == "Event":
            if name := _deleted_by_controller(s.object):
                self._blamed.add(name)
            self._note(s, _of_event(s))
        elif s.kind != "ConfigMap" and not is_helper(s.object):
            uid, version = uid_of(s.object), _version(s)
            old = self._was.get(uid)
            self.disordered = self.disordered or (old is not None and version < old.version)
            self._note(s, _of_change(s, old))
            self._was[uid] = _remembered(s, version)
            if s.type == "DELETED":
                place = (version, self._count, 0)
                self._gone[uid] = min(place, self._gone.get(uid, place))

    def _note(self, s: Seen, acts: Iterable[Act]) -> None:
        for n, act in enumerate(acts, 1):
            placed = ((_version(s), self._count, n), act)
            _put(self._acts, placed)
            if act.who == YOU:
                _put(self._mine, placed)

    def _settled(self, place: Place, act: Act) -> Act:
        """A deletion with its doer."""
        if act.verb != "delete" or not act.whose:
            return act
        owner, owner_uid = act.whose
        if act.names[0] in self._blamed:
            return replace(act, who=CONTROLLERS, part=f"{owner} controller", told=f"a {owner} with too many pods")
        if owner_uid in self._gone and self._gone[owner_uid] < place:
            return replace(act, who=CONTROLLERS, part="garbage collector", told="an owner that is gone")
        return act

    def story(self) -> list[Act]:
        """The learner's newest act, those of the same cell before it, and all that is after it."""
        newest = next((place for place, act in reversed(self._mine) if self._settled(place, act).who == YOU), None)
        if newest is None:
            return []
        start = bisect_left(self._acts, newest, key=lambda placed: placed[0])
        while start:
            (before, act), (_, now) = self._acts[start - 1], self._acts[start]
            if self._settled(before, act).who != YOU or now.at_s - act.at_s >= TOGETHER_S:
                break
            start -= 1
        return [self._settled(place, act) for place, act in self._acts[start:]]


deeds: Kept[Deeds] = Kept(Deeds, Deeds.step)


def _put(acts: list[tuple[Place, Act]], placed: tuple[Place, Act]) -> None:
    """At its place: nearly always the end."""
    if not acts or acts[-1][0] < placed[0]:
        acts.append(placed)
    else:
        insort(acts, placed, key=lambda other: other[0])


def _remembered(s: Seen, version: int) -> Was:
    """A spec and its managers are read of what a person writes; of a thousand pods nobody keeps them."""
    obj, ended = s.object, bool(s.object["metadata"].get("deletionTimestamp"))
    spec = obj.get("spec") or {}
    if s.kind == "Pod":
        return Was(version, {}, {}, "", str(spec.get("nodeName") or ""), ended, pod_state(obj))
    if s.kind in LEARNERS or not _owner(obj):
        return Was(version, spec, _managers(obj), _wants(obj))
    return Was(version, {}, {}, _wants(obj))


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


def _of_change(s: Seen, old: Was | None) -> Iterator[Act]:
    if s.kind == "Pod":
        yield from _of_pod(s, old)
    elif s.kind == "ReplicaSet" and _owner(s.object):
        if old is None and s.type == "ADDED":
            yield _act(s, CONTROLLERS, "Deployment controller", "create", s.kind, name_of(s.object), "a changed Deployment")
        if old is not None and old.wants != _wants(s.object):
            act = _act(s, CONTROLLERS, "Deployment controller", "scale", s.kind, name_of(s.object), "a changed Deployment")
            act.details = [old.wants, _wants(s.object)]
            yield act
        if s.type == "DELETED":
            yield _act(s, CONTROLLERS, "garbage collector", "delete", s.kind, name_of(s.object), "an owner that is gone")
    elif s.kind in LEARNERS or (s.kind == "ReplicaSet" and not _owner(s.object)):
        yield from _of_wish(s, old)


def _of_wish(s: Seen, old: Was | None) -> Iterator[Act]:
    """What a person writes down: made, changed (its generation grows, or another field of its spec), deleted."""
    who, spec = _person(s.object, old), s.object.get("spec") or {}
    if s.type == "DELETED":
        yield _act(s, YOU, who, "delete", s.kind, name_of(s.object))
    elif old is None:
        yield _act(s, YOU, who, "create", s.kind, name_of(s.object))
    elif old.spec != spec and s.kind == "PersistentVolumeClaim":
        yield _act(s, CONTROLLERS, "volume controller", "bind", s.kind, name_of(s.object), "a claim without a volume")
    elif old.spec != spec:
        act = _act(s, YOU, who, "change", s.kind, name_of(s.object))
        act.details = _differences(old.spec, spec)
        yield act


def _of_pod(s: Seen, old: Was | None) -> Iterator[Act]:
    name, owner = name_of(s.object), _owner(s.object)
    if old is None and s.type == "ADDED":
        if owner:
            yield _act(s, CONTROLLERS, f"{owner} controller", "create", "Pod", name, f"a {owner} with too few pods")
        else:
            yield _act(s, YOU, _person(s.object, None), "create", "Pod", name)
    node = (s.object.get("spec") or {}).get("nodeName")
    if node and old is not None and not old.node:
        act = _act(s, SCHEDULER, "scheduler", "choose a node for", "Pod", name, "a pod without a node")
        act.details = [str(node)]
        yield act
    if old is not None and not old.ended and s.object["metadata"].get("deletionTimestamp"):
        act = _act(s, YOU, "", "delete", "Pod", name)
        act.whose = owner, controller_uid(s.object)
        yield act
    if s.type == "DELETED":
        yield _act(s, KUBELET, "kubelet", "end", "Pod", name, "a pod that has to end")
    elif old is not None:
        state = pod_state(s.object)
        if state != old.state and state in ("ready", "notready", "backoff", "failed"):
            verb = {"ready": "report ready:", "notready": "report running:"}.get(state, "report broken:")
            yield _act(s, KUBELET, "kubelet", verb, "Pod", name, "a pod of its node")


def _act(s: Seen, who: str, part: str, verb: str, kind: str, name: str, told: str = "") -> Act:
    return Act(who, part, verb, kind, [name], s.at_s, _version(s), [], told)


def _person(obj: Object, old: Was | None) -> str:
    """The field manager of this change: the one whose entry is new or has a new time; '' when the record does not tell. An entry that
    only lost a field is of somebody whose word was overruled, and a scaling to 0 leaves none at all."""
    entries, before = _managers(obj), old.managers if old else {}
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
    owner = controller_of(obj)
    return str(owner.get("kind", "ReplicaSet")) if owner else ""


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
