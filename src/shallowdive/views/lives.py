"""The lives of pods, read from a record: when each state began, when it was gone, how many were wanted. Pure; nothing is drawn here.

Traffic generators and other helpers of the course are left out. Times are seconds from the left edge of the picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from shallowdive.live import History, Seen
from shallowdive.objects import controller_uid, is_helper, name_of, uid_of
from shallowdive.objects.pods import pod_state
from shallowdive.views.kept import Kept

SHORTEST_S, SEEN_S = 12, 2
"""Seconds of the axis at least; what came last is drawn so wide at least that it can be seen."""
Steps = list[tuple[float, int]]
"""A number over time: (from this second on, so many)."""


@dataclass(slots=True)
class Life:
    """One pod: its name, when each state began, when it was gone."""

    name: str
    steps: list[tuple[float, str]] = field(default_factory=list)
    gone: float | None = None

    def state_at(self, t: float) -> str:
        if self.gone is not None and t >= self.gone:
            return ""
        return next((s for at, s in reversed(self.steps) if at <= t), "")

    def spans(self, end: float) -> list[tuple[float, float, str]]:
        """(from, to, state), only what has a length and lies right of the left edge."""
        stop = self.gone if self.gone is not None else end
        both = pairwise([*self.steps, (stop, "")])
        return [(max(at, 0.0), until, state) for (at, state), (until, _) in both if until > max(at, 0.0)]


@dataclass(slots=True)
class Lives:
    """What the timeline draws: pods by UID, the wanted number over time, the last second of the axis; `began_s` is the left edge since
    1970. What is known ends at `now`, and nothing is drawn behind it."""

    pods: list[Life]
    wanted: Steps
    end: float
    began_s: float = 0.0
    earlier: int = 0
    """Pods that were gone before the left edge."""
    uids: list[str] = field(default_factory=list)
    known_s: float | None = None
    _changes: dict[str, dict[float, int]] = field(default_factory=dict, init=False, repr=False)

    @property
    def now(self) -> float:
        """The last second of which anything is known; the axis may go on, up to a predicted moment."""
        return self.end if self.known_s is None else self.known_s

    @property
    def by_uid(self) -> dict[str, Life]:
        return dict(zip(self.uids, self.pods, strict=True))

    def count(self, t: float, state: str = "ready") -> int:
        return sum(1 for p in self.pods if p.state_at(t) == state)

    def counts(self, states: Iterable[str] = ("ready",)) -> Steps:
        """How many pods were in one of these states, over time."""
        if not self._changes:
            self._note_changes()
        change = {0.0: 0}
        for state in states:
            for t, by in self._changes.get(state, {}).items():
                change[t] = change.get(t, 0) + by
        made: Steps = []
        n = 0
        for t in sorted(change):
            n += change[t]
            if not made or made[-1][1] != n:
                made.append((t, n))
        return made

    def _note_changes(self) -> None:
        """By state: at which moments how many pods came into it or left it; what was before the left edge happens at it."""
        for p in self.pods:
            ends = [at for at, _ in p.steps[1:]] + [p.gone]
            for (at, state), until in zip(p.steps, ends, strict=True):
                if until is None or until > max(at, 0.0):
                    change = self._changes.setdefault(state, {})
                    change[max(at, 0.0)] = change.get(max(at, 0.0), 0) + 1
                    if until is not None:
                        change[until] = change.get(until, 0) - 1

    def wanted_at(self, t: float) -> int:
        return next((n for at, n in reversed(self.wanted) if at <= t), 0)


class Chronicle:
    """What a record says about pods. `sets`: ReplicaSets with their number, in the order in which they were seen; `set_names`,
    `set_wishes`: by UID the name and how many it wanted over time."""

    def __init__(self) -> None:
        self.pods: dict[str, Life] = {}
        self.owner: dict[str, str] = {}
        self.sets: dict[str, int] = {}
        self.set_names: dict[str, str] = {}
        self.set_wishes: dict[str, Steps] = {}
        self.wanted: Steps = []
        self.first = self.last = 0.0
        self._wishes: dict[str, int] = {}

    def step(self, s: Seen) -> None:
        if s.kind == "ReplicaSet":
            self.sets.setdefault(uid_of(s.object), len(self.sets) + 1)
            self._note_set(s)
        if s.kind not in ("Pod", "Deployment") or is_helper(s.object):
            return
        self.first, self.last = self.first or s.at_s, s.at_s
        if s.kind == "Deployment":
            self._wishes[name_of(s.object)] = 0 if s.type == "DELETED" else int((s.object.get("spec") or {}).get("replicas") or 0)
            if not self.wanted or self.wanted[-1][1] != sum(self._wishes.values()):
                self.wanted.append((s.at_s, sum(self._wishes.values())))
            return
        uid = uid_of(s.object)
        if s.type == "DELETED" and uid not in self.pods:
            return  # nobody saw it live
        life = self.pods.setdefault(uid, Life(name_of(s.object)))
        self.owner.setdefault(uid, controller_uid(s.object))
        state = pod_state(s.object)
        if s.type == "DELETED":
            life.gone = s.at_s
        elif not life.steps or life.steps[-1][1] != state:
            life.steps.append((s.at_s, state))

    def _note_set(self, s: Seen) -> None:
        n = 0 if s.type == "DELETED" else int((s.object.get("spec") or {}).get("replicas") or 0)
        self.set_names[uid_of(s.object)] = name_of(s.object)
        wishes = self.set_wishes.setdefault(uid_of(s.object), [])
        if not wishes or wishes[-1][1] != n:
            wishes.append((s.at_s, n))


chronicles: Kept[Chronicle] = Kept(Chronicle, Chronicle.step)


def lives(history: History, end_s: float | None = None, since_s: float | None = None) -> Lives:
    """Read lives from a record, from the first pod or wish on, or from `since_s`: pods that were gone by then are only counted."""
    return chronicles.look(history, lambda seen: of_chronicle(seen, end_s, since_s))


def of_chronicle(seen: Chronicle, end_s: float | None = None, since_s: float | None = None) -> Lives:
    began = max(seen.first, since_s) if since_s else seen.first
    now = max((end_s - began) if end_s else 0, seen.last - began + SEEN_S)

    def moved(life: Life) -> Life:
        steps = [(round(at - began, 2), state) for at, state in life.steps]
        return Life(life.name, steps, None if life.gone is None else round(life.gone - began, 2))

    shown = {uid: moved(life) for uid, life in seen.pods.items() if life.gone is None or life.gone > began}
    wanted = from_zero([(round(at - began, 2), n) for at, n in seen.wanted])
    gone = len(seen.pods) - len(shown)
    return Lives(list(shown.values()), wanted, max(now, SHORTEST_S), began, gone, list(shown), now)


def from_zero(steps: Steps) -> Steps:
    """The same steps, those before the left edge folded into one at it."""
    before = [n for t, n in steps if t <= 0]
    return ([(0.0, before[-1])] if before else []) + [(t, n) for t, n in steps if t > 0]
