"""Time as kubectl shows it: `12s`, `3m20s`, `5d`. Short, and less exact the longer it is."""

from __future__ import annotations

from shallowdive.embedded.clock import parse
from shallowdive.embedded.store import Object


def duration(seconds: float) -> str:
    """Kubernetes' `HumanDuration`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    years = days // 365
    return _two(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"


def since(stamp: str, now: float) -> str:
    return duration(now - parse(stamp)) if stamp else "<unknown>"


def between(start: str, end: str) -> str:
    return duration(parse(end) - parse(start))


def age(value: Object, now: float) -> str:
    return since(value["metadata"].get("creationTimestamp", ""), now)
