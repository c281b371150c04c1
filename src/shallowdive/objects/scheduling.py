"""What the scheduler says about a pod that it places nowhere, taken apart. Pure text.

"0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: 0/3 nodes are …": a part for each reason, most
with the number of nodes before it. What is said about preemption is left out."""

from __future__ import annotations

import re

VOLUME_ELSEWHERE = r"PersistentVolume's node affinity|volume node affinity conflict"
"""Its words for a node on which the pod's volume is not; the second in older versions."""
COUNTED = re.compile(r"(?P<count>\d+) (?P<words>.+)")


def parts_of(message: str) -> list[str]:
    """[] for a message that does not go through the nodes."""
    said = message.partition(" preemption:")[0].partition("nodes are available: ")[2]
    return [part.strip() for part in said.rstrip(". ").split(", ")] if said else []


def counts_of(message: str) -> dict[str, int]:
    """The scheduler's words for each kind of refusal, and on how many nodes it was the reason."""
    found = (COUNTED.match(part) for part in parts_of(message))
    return {m["words"].partition(". ")[0]: int(m["count"]) for m in found if m}
