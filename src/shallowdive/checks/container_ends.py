"""How each container of a record ended, and how long it waited before it was started again.

Pure: a history in, facts out. Pods of the judge and the course's own are left out, and so is the end that comes with a deletion.
Moments are the kubelet's own (`startedAt`, `finishedAt`): whole seconds of the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from shallowdive.live import History
from shallowdive.objects import Object, is_helper, name_of, uid_of
from shallowdive.objects.pods import LEAST_BACK_OFF_S, SIGNAL_KILL, back_off_s, container_statuses, moment

ENDED_WELL, FAILED, NO_MEMORY, NOT_STARTED = "Completed", "Error", "OOMKilled", "StartError"
NO_IMAGE, RUNS = "ErrImagePull", "Running"
PULLS = (NO_IMAGE, "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


@dataclass(frozen=True, slots=True)
class End:
    """One attempt that is over. `limit`: the container's memory limit at that time, '' without one."""

    reason: str
    code: int
    message: str
    began_s: float
    ended_s: float
    limit: str = ""


@dataclass(slots=True)
class Known:
    """One container of one pod: its last description, its ends in order, why its image could not be had, since when it runs."""

    pod: Object
    name: str
    spec: Object = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)
    pulls: set[str] = field(default_factory=set)
    timers: dict[int, float] = field(default_factory=dict)
    """How long the kubelet said that it waits before another try, by how often it had started it again until then."""
    restarts: int = 0
    running_since_s: float | None = None
    """When the run that goes on was first seen, on this machine's clock."""
    has_run: bool = False
    _ids: set[str] = field(default_factory=set)

    @property
    def troubles(self) -> set[str]:
        """Every word that tells right how it ended or why it could not begin; empty for one that runs on."""
        reasons = {e.reason for e in self.ends}
        if NO_MEMORY in reasons and all(e.code == SIGNAL_KILL for e in self.ends if e.reason == FAILED):
            reasons.discard(FAILED)  # the runtime was slow to say why
        if self.pulls:
            reasons |= self.pulls | {NO_IMAGE}
        return reasons

    @property
    def place(self) -> tuple[str, str]:
        return name_of(self.pod), self.name

    @property
    def program(self) -> tuple[Any, ...]:
        return (self.spec.get("image"), *command_of(self.spec))

    @property
    def told(self) -> list[float]:
        """Seconds of each wait that is over, as the kubelet told them beforehand, each once: it may say the same again, and the count of
        restarts beside it may be an older one."""
        return list(dict.fromkeys(self.timers[n] for n in sorted(self.timers) if n < self.restarts))

    @property
    def waits(self) -> list[float]:
        """Seconds of each back-off that is over, as the kubelet told them; as it then was, where it told less than two in time. On a busy
        machine such a pause is as long as the machine needs."""
        measured = [b.began_s - a.ended_s for a, b in pairwise(self.ends) if b.began_s]
        return self.told if len(self.told) > 1 else [s for s in measured if s >= LEAST_BACK_OFF_S]


def known(history: History) -> list[Known]:
    """Every container that was reported, in order of first sight."""
    found: dict[tuple[str, str], Known] = {}
    for seen in history.events:
        if seen.kind != "Pod" or is_helper(seen.object) or seen.type == "DELETED" or seen.object["metadata"].get("deletionTimestamp"):
            continue
        pod = seen.object
        specs = {c["name"]: c for c in pod["spec"].get("containers") or []}
        for status in container_statuses(pod):
            one = found.setdefault((uid_of(pod), status["name"]), Known(pod, status["name"]))
            one.pod, one.spec = pod, specs.get(status["name"], {})
            _step(one, status, seen.at_s)
    return list(found.values())


def _step(one: Known, status: Object, at_s: float) -> None:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    for ended in (last.get("terminated"), state.get("terminated")):
        if ended:
            _note(one, ended)
    reason = str((state.get("waiting") or {}).get("reason", ""))
    one.restarts = int(status.get("restartCount", 0))
    timer_s = back_off_s(status)
    if timer_s:
        one.timers[one.restarts] = timer_s
    one.pulls |= {reason} & set(PULLS)
    runs = "running" in state
    one.has_run |= runs
    one.running_since_s = (one.running_since_s or at_s) if runs else None


def _note(one: Known, ended: Object) -> None:
    """An end is told twice: as the state, and later as the last one."""
    which = f"{ended.get('containerID', '')} {ended.get('finishedAt', '')}"
    if which in one._ids:
        return
    one._ids.add(which)
    one.running_since_s = None
    one.ends.append(
        End(
            str(ended.get("reason", "")),
            int(ended.get("exitCode", -1)),
            str(ended.get("message", "")),
            moment(ended.get("startedAt")),
            moment(ended.get("finishedAt")),
            memory_limit(one.spec),
        )
    )


def memory_limit(container: Object) -> str:
    return str(((container.get("resources") or {}).get("limits") or {}).get("memory", ""))


def command_of(container: Object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(container.get("command") or ()), tuple(container.get("args") or ())


def truths(found: list[Known]) -> list[tuple[Known, set[str]]]:
    """What tells right what became of each. One that runs on in the place, or with the program, of one that had trouble is that one,
    repaired: it does not count as one that just runs."""
    troubled = [one for one in found if one.troubles]
    places, programs = {one.place for one in troubled}, {one.program for one in troubled}
    return [
        (one, one.troubles or ({RUNS} if one.has_run and one.place not in places and one.program not in programs else set()))
        for one in found
    ]


def names_of(found: list[Known]) -> dict[str, list[Known]]:
    """By what a learner may call a container: its pod's name, and its own name where nothing else is called so."""
    named: dict[str, list[Known]] = {}
    for one in found:
        named.setdefault(name_of(one.pod), []).append(one)
    for own in {one.name for one in found} - named.keys():
        same = [one for one in found if one.name == own]
        if len({command_of(one.spec) for one in same}) == 1:
            named[own] = same
    return named
