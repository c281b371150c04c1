"""The learner's prediction on the chart: violet, dashed, hollow, and it says "you". Nothing else is ever violet.

At the moment asked about: a hollow dot for what was said, a solid one for what happened, a line between them; a ring when they agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shallowdive.views.axis import Axis, where_free
from shallowdive.views.lives import Lives
from shallowdive.views.shapes import Pic

Level = Callable[[float], float]
"""How high a number of pods stands, in px."""


@dataclass(frozen=True, slots=True)
class Said:
    """`value` pods ready, `after_s` seconds after the act, which began at `since_s` (seconds since 1970). Where a picture asks for a
    moment, `value` is in the cluster's seconds, of which `speed` pass in one of ours."""

    value: int
    since_s: float
    after_s: float
    speed: float = 1.0


def outcome(seen: Lives, said: Said, now: float) -> int | None:
    """What was ready at the moment asked about; None while it is still to come."""
    moment = said.since_s - seen.began_s + said.after_s
    return seen.count(moment) if now >= moment else None


def in_words(seen: Lives, said: Said, now: float) -> str:
    was = outcome(seen, said, now)
    asked = f"{said.after_s:g} s after the act"
    if was is None:
        return f"You said {said.value} ready {asked}; that moment is still to come."
    return (
        f"You said {said.value} ready {asked}, and it was." if was == said.value else f"You said {said.value} ready {asked}; it was {was}."
    )


def draw(p: Pic, seen: Lives, said: Said, x: Axis, y: Level, now: float, rise: float = 110) -> None:
    """`rise`: how far above nothing the line of the act begins."""
    act = said.since_s - seen.began_s
    a, b, was = x(act), x(act + said.after_s), outcome(seen, said, now)
    p.line(a, y(0) + 6, a, y(0) - rise, "edge", 1, "2 3")
    p.path(f"M{a:.1f} {y(seen.count(act)):.1f}V{y(said.value):.1f}H{b:.1f}", "none", "you", 2.5, "6 4")
    if was is not None:
        p.line(b, y(said.value), b, y(was), "you", 1)
    p.circle(b, y(said.value), 8 if was == said.value else 4.5, "paper", "you", 2)
    if was is not None:
        p.circle(b, y(was), 4.5, "ready", "paper")
    words, level = f"you: {said.value}", y(said.value)
    where_free(
        p, words, (b + 13, level + 4, "start"), (a - 6, level + 4, "end"), (b + 13, level - 12, "start"), (b - 13, level + 17, "end"),
        (b - 13, level - 8, "end"), (a - 6, level - 12, "end"), (a - 6, level + 20, "end"), fill="you", bold=True,
    )  # fmt: skip
