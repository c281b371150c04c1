"""Why the scheduler refused a pod, read from its events.

Pure: a history in, facts out. "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: …": a count and
a reason for each kind of refusal; what is said about preemption is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shallowdive.live import History

SAID = re.compile(r"\d+/\d+ nodes are available: (?P<reasons>.*?)\.(?: |$)")
REASON = re.compile(r"(?P<count>\d+) (?P<words>[^,]+)")
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


def reasons_in(message: str) -> dict[str, int]:
    """{} for a message that does not go through the nodes."""
    said = SAID.match(message)
    return {m["words"].strip(): int(m["count"]) for m in REASON.finditer(said["reasons"])} if said else {}


def refusals(history: History) -> list[Refusal]:
    """Every refusal that an event tells of, in order."""
    events = (s.object for s in history.of("Event") if s.object.get("reason") == "FailedScheduling")
    found = (Refusal(str((e.get("involvedObject") or {}).get("uid")), reasons_in(str(e.get("message")))) for e in events)
    return [r for r in found if r.reasons]
