"""Whether somebody kept a number of bare pods alive, read from the record: kills, who answered them and when, how many there ever were.

Pure: a history in, facts out. A bare pod is one that nobody owned when it was made. Bare pods with the same labels are one group: a
loop finds its pods by them. Pods of the judge and of the traffic are left out."""

from __future__ import annotations

from dataclasses import dataclass, field

from shallowdive.live import History, Seen
from shallowdive.objects import Object, controller_uid, is_helper, labels_of, uid_of
from shallowdive.objects.pods import is_ready

Labels = frozenset[tuple[str, str]]


@dataclass(slots=True)
class Kill:
    """A ready pod that was told to leave (or was gone). `answered`: a pod was made in its place; `early`: before it was gone."""

    uid: str
    gone: bool = False
    answered: bool = False
    early: bool = False


@dataclass(slots=True)
class Group:
    """Bare pods with the same labels. `wanted`: how many there should be at any time."""

    labels: Labels
    wanted: int
    uids: set[str] = field(default_factory=set)
    most: int = 0
    """The highest number of pods at once that were not on their way out."""
    in_a_row: int = 0
    """The most kills, one after the other, that were survived while there was never one too many."""
    survived: int = 0
    early: int = 0
    """Kills survived; those of them that were answered while the killed pod was still ending."""
    filled_holes: int = 0
    """Times when two or more were missing, all that were killed were gone before anybody made another, and then it was full again."""
    _alive: set[str] = field(default_factory=set)
    _ready: set[str] = field(default_factory=set)
    _kills: list[Kill] = field(default_factory=list)
    _row: int = 0
    _hole: bool = False
    _filling: bool = False

    def step(self, seen: Seen) -> None:
        """Take in one event of a pod of the group."""
        uid, there = uid_of(seen.object), seen.type != "DELETED"
        alive = there and _is_alive(seen.object)
        if uid in self._alive and not alive:
            self._left(uid)
        if not there:
            self._gone(uid)
        if uid not in self.uids:
            self.uids.add(uid)
            if alive:
                self._born(uid)
        (self._ready.add if there and is_ready(seen.object) else self._ready.discard)(uid)
        if len(self._ready) >= self.wanted:
            self._full()

    def _born(self, uid: str) -> None:
        if self._hole and all(k.gone for k in self._kills if not k.answered):
            self._kills, self._filling = [], True  # nobody looked while these were ending: no loop survived that
        self._hole = False
        self._alive.add(uid)
        self.most = max(self.most, len(self._alive))
        waiting = next((k for k in self._kills if not k.answered), None)
        if waiting:
            waiting.answered, waiting.early = True, not waiting.gone
        if len(self._alive) >= self.wanted:
            self._kills = [k for k in self._kills if k.answered]
        if len(self._alive) > self.wanted:
            self._row = 0

    def _left(self, uid: str) -> None:
        self._alive.discard(uid)
        if uid in self._ready:
            self._kills.append(Kill(uid))
        self._hole = self._hole or (self.most >= self.wanted and len(self._alive) <= self.wanted - 2)

    def _gone(self, uid: str) -> None:
        for kill in self._kills:
            kill.gone = kill.gone or kill.uid == uid

    def _full(self) -> None:
        """As many as wanted are ready: what was answered is survived, and a hole that was being filled is."""
        done = [k for k in self._kills if k.answered]
        self._kills = [k for k in self._kills if not k.answered]
        self.survived += len(done)
        self.early += sum(k.early for k in done)
        self._row = 0 if len(self._alive) > self.wanted else self._row + len(done)
        self.in_a_row = max(self.in_a_row, self._row)
        self.filled_holes += self._filling
        self._filling = False


def groups(history: History, wanted: int) -> list[Group]:
    """Every group of bare pods that was ever seen; the one that survived most comes first."""
    found: dict[Labels, Group] = {}
    of_pod: dict[str, Group | None] = {}
    for seen in history.events:
        if seen.kind != "Pod" or is_helper(seen.object):
            continue
        uid, labels = uid_of(seen.object), frozenset(labels_of(seen.object).items())
        if uid not in of_pod:
            bare = not controller_uid(seen.object)
            of_pod[uid] = found.setdefault(labels, Group(labels, wanted)) if bare else None
        group = of_pod[uid]
        if group:
            group.step(seen)
    return sorted(found.values(), key=lambda g: (g.survived, len(g.uids)), reverse=True)


def _is_alive(pod: Object) -> bool:
    """Not on its way out, and not finished."""
    return not pod["metadata"].get("deletionTimestamp") and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
