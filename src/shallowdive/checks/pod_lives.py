"""What became of each pod, read from the record: when it was ready, restarts that it survived, times of silence, its end.

Pure: a history in, facts out. Pods of the judge are left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from shallowdive.live import History
from shallowdive.objects import Object, condition, labels_of, uid_of
from shallowdive.objects.pods import long_running

NOTICE_S = 5
"""The EndpointSlice controller writes after the pod's status changed; events of two kinds also reach us in any order."""


@dataclass(frozen=True, slots=True)
class Look:
    """One version of a pod's status. `counts` are restart counts by container."""

    at_s: float
    ready: bool
    running: bool
    leaving: bool
    counts: dict[str, int]
    address: str


@dataclass(frozen=True, slots=True)
class Restart:
    """A pod that was ready, lost a container, and was ready again with a higher count."""

    uid: str
    address_before: str
    address_after: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A pod that ran, was not ready, and was ready again with the same counts."""

    uid: str
    from_s: float
    to_s: float


@dataclass(slots=True)
class Life:
    """All looks at one pod, in the order they were seen; `pod` is its last version."""

    uid: str
    pod: Object = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    left_at: float | None = None

    @classmethod
    def of(cls, history: History, uid: str) -> Life:
        return next((x for x in lives(history) if x.uid == uid), cls(uid))

    @property
    def ready_looks(self) -> list[Look]:
        return [x for x in self.looks if x.ready]

    @property
    def was_ready(self) -> bool:
        return bool(self.ready_looks)

    @property
    def ready_at(self) -> float:
        return self.ready_looks[0].at_s

    @property
    def first_address(self) -> str:
        return self.ready_looks[0].address

    @property
    def last_address(self) -> str:
        return self.ready_looks[-1].address

    def restarts(self) -> list[Restart]:
        return [
            Restart(self.uid, before.address, after.address)
            for before, after in pairwise(self.ready_looks)
            if any(n > before.counts.get(c, 0) for c, n in after.counts.items())
        ]

    def silences(self) -> list[Silence]:
        found = []
        at = [i for i, x in enumerate(self.looks) if x.ready]
        for i, k in pairwise(at):
            between, counts = self.looks[i + 1 : k], self.looks[i].counts
            if between and all(x.running and not x.leaving and x.counts == counts for x in [*between, self.looks[k]]):
                found.append(Silence(self.uid, between[0].at_s, self.looks[k].at_s))
        return found


def lives(history: History) -> list[Life]:
    """Every pod that was seen, in order of first sight."""
    found: dict[str, Life] = {}
    for seen in history.events:
        if seen.kind != "Pod" or is_judges(seen.object):
            continue
        life = found.setdefault(uid_of(seen.object), Life(uid_of(seen.object)))
        life.pod = seen.object
        leaving = seen.type == "DELETED" or bool(seen.object["metadata"].get("deletionTimestamp"))
        if leaving and life.left_at is None:
            life.left_at = seen.at_s
        if seen.type != "DELETED":
            life.looks.append(_look(seen.at_s, seen.object, leaving))
    return list(found.values())


def _look(at_s: float, pod: Object, leaving: bool) -> Look:
    status = pod.get("status") or {}
    kept = {c["name"] for c in long_running(pod)}
    reported = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    statuses = [c for c in reported if c["name"] in kept]
    return Look(
        at_s=at_s,
        ready=condition(pod, "Ready") == "True" and not leaving,
        running=status.get("phase") == "Running"
        and len(statuses) == len(kept)
        and all("running" in (c.get("state") or {}) for c in statuses),
        leaving=leaving,
        counts={c["name"]: int(c.get("restartCount", 0)) for c in statuses},
        address=str(status.get("podIP", "")),
    )


def is_judges(pod: Object) -> bool:
    return labels_of(pod).get("shallowdive/role") == "judge"


def liveness_kills(history: History) -> set[str]:
    """UIDs of pods of which the kubelet reported that a container is restarted because its liveness probe failed."""
    return {
        str((seen.object.get("involvedObject") or {}).get("uid"))
        for seen in history.of("Event")
        if seen.object.get("reason") == "Killing" and "failed liveness probe" in str(seen.object.get("message"))
    }


def endpoint_was_out(history: History, silence: Silence) -> bool:
    """Whether an EndpointSlice that had the pod as ready said, during this silence, that it is not."""
    was_in = False
    for seen in history.of("EndpointSlice"):
        for endpoint in seen.object.get("endpoints") or []:
            if (endpoint.get("targetRef") or {}).get("uid") != silence.uid:
                continue
            now_in = bool((endpoint.get("conditions") or {}).get("ready"))
            if was_in and not now_in and silence.from_s - NOTICE_S <= seen.at_s <= silence.to_s + NOTICE_S:
                return True
            was_in = now_in
    return False
