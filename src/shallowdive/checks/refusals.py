"""Pods that the scheduler refused, read from a record's events. Pure: a history in, facts out."""

from __future__ import annotations

from dataclasses import dataclass

from shallowdive.live import History
from shallowdive.objects.scheduling import counts_of

CPU, TAINT = "Insufficient cpu", "taint"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused pod: on how many nodes for which reason, in the scheduler's words."""

    uid: str
    reasons: dict[str, int]

    @property
    def short_of_cpu(self) -> int:
        return self.reasons.get(CPU, 0)

    @property
    def nothing_else(self) -> bool:
        """Only too little CPU, and nodes that take no ordinary pods."""
        return all(words == CPU or TAINT in words for words in self.reasons)


def refusals(history: History) -> list[Refusal]:
    """Every refusal that an event tells of, in order."""
    events = (s.object for s in history.of("Event") if s.object.get("reason") == "FailedScheduling")
    found = (Refusal(str((e.get("involvedObject") or {}).get("uid")), counts_of(str(e.get("message")))) for e in events)
    return [r for r in found if r.reasons]
