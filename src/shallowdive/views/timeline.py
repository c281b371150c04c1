"""Desired against actual, over time: how many pods were ready, how many were wanted, and one lane for every pod that ever lived.

Pure: a history in, a picture out. Lanes are in order of birth; a new pod is a new lane, never a renamed one. More pods than anybody
can tell apart become bands: how many were in which state."""

from __future__ import annotations

from itertools import accumulate, pairwise

from shallowdive.live import History
from shallowdive.views import said as prediction
from shallowdive.views.axis import Axis, where_free
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, key
from shallowdive.views.lives import Life, Lives, lives
from shallowdive.views.said import Said
from shallowdive.views.shapes import STATE, Pic, bar, glyph

__all__ = ["Life", "Lives", "draw", "in_words", "lives", "picture", "short_name"]

NAMED_LANES, THICK_LANES, MOST_LANES = 14, 120, 300
"""Lanes with names; lanes of 4 px; beyond the last number, bands."""
TOP_PX, CHART_PX, BANDS_PX = 22, 92, 160
SOLID = {"ready": "ready", "pending": "hair", "pulling": "work", "notready": "warn_fill"}
BANDS = {
    "ready": (("ready",), "ready"),
    "running, not ready": (("notready",), "warn_fill"),
    "starting": (("pulling",), "work"),
    "Pending": (("pending",), "hair"),
    "broken": (("failed", "backoff"), "fail"),
    "ending": (("terminating", "unknown", "succeeded"), "wait"),
}
"""Word of a band: the states in it, its colour."""


def draw(history: History, end_s: float | None = None, *, since_s: float | None = None, said: Said | None = None) -> Drawn:
    """`since_s`: the left edge, for a record that is longer than the story. `said`: the learner's prediction, drawn in."""
    seen = lives(history, end_s, since_s)
    if not seen.pods:
        return Drawn("", "", "Your namespace is empty. Run the cell that makes pods; they appear here by themselves.", empty=True)
    now = seen.now
    if said:
        seen.end = max(seen.end, said.since_s - seen.began_s + said.after_s + 2)
    facts = in_words(seen) + (f" {prediction.in_words(seen, said, now)}" if said else "")
    states = sorted({s for p in seen.pods for _, _, s in p.spans(now)})
    keys = (key("M1 9H25", "wanted", "ink") if seen.wanted else "") + (key("M1 9H25", "your prediction", "you", "5 4") if said else "")
    read = "Each lane is one pod; a new lane is a new pod."
    if len(seen.pods) > MOST_LANES:
        read = "Too many pods for a lane each: a band is as high as there are pods in its state."
    if said:
        read = f"{prediction.in_words(seen, said, now)} Hollow dot: what you said. Solid dot: what happened."
    desk, phone = (picture(seen, w, facts, said, now).svg() for w in (DESK_PX, PHONE_PX))
    ask = "" if seen.wanted else "where does a lane end, and does another one begin?"
    return Drawn(desk, phone, facts, states, keys, read, ask)


def in_words(seen: Lives) -> str:
    wanted, ready = seen.wanted_at(seen.now), seen.count(seen.now)
    gone = sum(1 for p in seen.pods if p.gone is not None)
    words = f"{wanted} wanted, {ready} ready. " if seen.wanted else f"{ready} ready. "
    earlier = f" {seen.earlier} more ended earlier." if seen.earlier else ""
    rest = len(seen.pods) - 60
    lived = f"{len(seen.pods)} pods lived so far, {gone} of them are gone." if len(seen.pods) != 1 else "1 pod lived so far."
    return (
        words
        + f"{lived} In order of birth: "
        + ", ".join(p.name + (" (gone)" if p.gone is not None else "") for p in seen.pods[:60])
        + (f" and {rest} more." if rest > 0 else ".")
        + earlier
    )


def measures(w: float, n: int) -> tuple[float, float, float, float, float]:
    """For a width and so many pods: left and right edge of the time axis, where the lanes begin, how high one is, the gap after it."""
    lane, gap = (13, 7) if n <= NAMED_LANES else (4, 1) if n <= THICK_LANES else (2, 1)
    return 52 if w < 400 else 108, w - 12, TOP_PX + CHART_PX + 40, lane, gap


def picture(seen: Lives, w: float, label: str, said: Said | None = None, now: float | None = None, room_for: int = 0) -> Pic:
    """The chart above, the lanes (or bands) below; both share the time axis. `room_for`: the chart is at least so many pods high."""
    phone, n, top = w < 400, len(seen.pods), TOP_PX
    left, right, below_y, lane, gap = measures(w, n)
    p = Pic(w, below_y + (n * (lane + gap) if n <= MOST_LANES else BANDS_PX + 12) + 26, label)
    x = Axis(left, right, seen.end, seen.now)
    ready = seen.counts()
    peak = max([n for _, n in seen.wanted] + [n for _, n in ready] + [1, room_for, said.value if said else 1])

    def y(n: float) -> float:
        return top + CHART_PX - (CHART_PX - 14) * n / peak

    _chart(p, seen, x, ready, {n: y(n) for n in range(peak + 1)}, top)
    if said:
        prediction.draw(p, seen, said, x, y, seen.now if now is None else now)
    if n > MOST_LANES:
        _bands(p, seen, x, below_y)
    else:
        p.text(0, below_y - 12, "one lane per pod (by UID)" if n <= NAMED_LANES else f"{n} pods, one thin line each", fill="muted")
        for i, life in enumerate(seen.pods):
            (_lane if n <= NAMED_LANES else _thin)(p, life, x, below_y + i * (lane + gap), lane)
    x.draw(p, 3 if phone else 6)
    return p


def _chart(p: Pic, seen: Lives, x: Axis, ready: list[tuple[float, int]], y: dict[int, float], top: float) -> None:
    for n in (0, max(y)):
        p.line(x.left, y[n], x.right, y[n], "hair", 1)
        p.text(x.left - 8, y[n] + 4, str(n), fill="muted", anchor="end")
    p.text(0, top - 8, "ready pods", fill="muted")
    d = f"M{x(0):.1f} {y[0]:.1f}" + "".join(f"H{x(t):.1f}V{y[n]:.1f}" for t, n in ready)
    p.path(d + f"H{x(x.now):.1f}V{y[0]:.1f}Z", "ready_tint", "ready")
    for (t, n), (until, _) in pairwise([*seen.wanted, (x.now, 0)]):
        if x(until) - x(t) > 84:
            p.text(x(t) + 6, y[n] - 6, f"wanted {n}", bold=True)
    p.path(x.steps(seen.wanted, y), "none", "ink", 2)


def _lane(p: Pic, life: Life, x: Axis, y: float, h: float) -> None:
    fill, left = "muted" if life.gone is not None else "ink", x.left
    p.text(left - 8, y + 11, short_name(life.name, left), fill=fill, anchor="end", mono=True, room=left - 8)
    for at, until, state in life.spans(x.now):
        bar(p, x(at), y, x(until) - x(at), h, state, r=2)
        if state in ("backoff", "failed") and x(until) - x(at) > 16:
            glyph(p, (x(at) + x(until)) / 2, y + h / 2, state, STATE[state][1], 0.7)
    if life.gone is not None and x(life.gone) < x(x.end) - 12:
        p.path(f"M{x(life.gone) + 4:.1f} {y + 3:.1f}l7 7m0 -7l-7 7", "none", "wait", 2)


def _thin(p: Pic, life: Life, x: Axis, y: float, h: float) -> None:
    for at, until, state in life.spans(x.now):
        p.rect(x(at), y, x(until) - x(at), h, SOLID.get(state, STATE[state][1]))


def _bands(p: Pic, seen: Lives, x: Axis, top: float) -> None:
    """Stacked: how many pods were in which state; the words stand on the band where it is highest."""
    columns = [x.now * i / 160 for i in range(161)]
    layers = [(word, _sampled(seen.counts(states), columns)) for word, (states, _) in BANDS.items()]
    most = max(sum(values) for values in zip(*(v for _, v in layers), strict=True)) or 1
    base, names = [0] * len(columns), []
    for word, values in layers:
        if any(values):
            upper = [b + v for b, v in zip(base, values, strict=True)]
            there = "".join(f"L{x(t):.1f} {top + BANDS_PX * (1 - n / most):.1f}" for t, n in zip(columns, upper, strict=True))
            back = "".join(f"L{x(t):.1f} {top + BANDS_PX * (1 - n / most):.1f}" for t, n in reversed(list(zip(columns, base, strict=True))))
            p.path(f"M{there[1:]}{back}Z", BANDS[word][1], "paper", 1)
            highest = max(range(len(columns)), key=lambda i: (values[i], i))
            names.append((word, x(columns[highest]), top + BANDS_PX * (1 - (base[highest] + upper[highest]) / 2 / most) + 4))
            base = upper
    for word, at, middle in names:
        where_free(p, word, (at, middle, "middle"), (at - 4, middle, "end"), (at + 4, middle, "start"), bold=True)
    now = [f"{values[-1]:,} {word}" for word, values in layers if values[-1]]
    p.text(0, top - 12, f"{len(seen.pods):,} pods: {', '.join(now) or 'all gone'}", fill="muted", room=p.w)
    for n in list(dict.fromkeys(accumulate((0, most)))):
        p.text(x.left - 8, top + BANDS_PX * (1 - n / most) + 4, f"{n:,}", fill="muted", anchor="end")


def _sampled(steps: list[tuple[float, int]], columns: list[float]) -> list[int]:
    values, i, n = [], 0, 0
    for t in columns:
        while i < len(steps) and steps[i][0] <= t:
            n = steps[i][1]
            i += 1
        values.append(n)
    return values


def short_name(name: str, left: float) -> str:
    """`web-7d9f8-x7k2p` as `web-…-x7k2p`, on a narrow picture `x7k2p`; a name without a random end as it is."""
    parts = name.split("-")
    if len(parts) < 3 or len(parts[-1]) != 5:
        return name
    return parts[-1] if left < 100 else f"{parts[0]}-…-{parts[-1]}"
