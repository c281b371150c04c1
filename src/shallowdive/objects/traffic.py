"""Requests counted by second, read from the log of a traffic generator. Pure.

The log is asked for with timestamps: each line is a moment, then `ok` or `fail`, then what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Second:
    """What became of the requests of one second (since 1970)."""

    at_s: int
    answered: int
    failed: int


def by_second(log: str) -> list[Second]:
    """A line without a moment or a verdict (a log that was cut in the middle of a line) is left out."""
    counts: dict[int, list[int]] = {}
    for line in log.splitlines():
        moment, _, rest = line.partition(" ")
        verdict = rest.split(" ", 1)[0]
        if verdict not in ("ok", "fail"):
            continue
        try:
            at = int(datetime.fromisoformat(_short(moment)).timestamp())
        except ValueError:
            continue
        counts.setdefault(at, [0, 0])[verdict == "fail"] += 1
    return [Second(at, ok, failed) for at, (ok, failed) in sorted(counts.items())]


def _short(moment: str) -> str:
    """Nanoseconds as the log has them are more than Python reads: whole seconds are enough."""
    return f"{moment.partition('.')[0].removesuffix('Z')}+00:00"
