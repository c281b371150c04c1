"""A record from kind, reduced to what pictures read: a Deployment made, scaled, updated, a pod deleted; then a crash, a giant, a claim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shallowdive.live import ClusterState, History, Seen, apply_event

_record: dict[str, Any] = json.loads(Path(__file__).with_name("kind.json").read_text(encoding="utf-8"))
MARKS: dict[str, float] = {name: at + 1000.0 for name, at in _record["marks"].items()}
"""When each step began."""


def until(mark: str) -> History:
    """The record up to the beginning of a step."""
    return History([Seen(at + 1000.0, *rest) for at, *rest in _record["events"] if at + 1000.0 < MARKS[mark] - 0.05])


def state_at(mark: str) -> ClusterState:
    state = ClusterState()
    for s in until(mark).events:
        state = apply_event(state, s.type, s.kind, s.object)
    return state
