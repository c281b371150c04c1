"""Desired against actual, over time: how many pods were ready, how many were wanted, and one lane for every pod that ever lived.

Pure: a history in, a picture out. Lanes are in order of birth; a new pod is a new lane, never a renamed one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from shallowdive.live import History
from shallowdive.objects import is_helper, name_of, uid_of
from shallowdive.objects.pods import pod_state
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, key
from shallowdive.views.shapes import STATE, Pic, bar, glyph

NAMED_LANES = 14
MOST_LANES = 120
CHART_PX = 92


@dataclass(slots=True)
class Life:
    """One pod: its name, when each state began (seconds from the start of the picture), when it was gone."""

    name: str
    steps: list[tuple[float, str]] = field(default_factory=list)
    gone: float | None = None

    def state_at(self, t: float) -> str:
        if self.gone is not None and t >= self.gone:
            return ""
        return next((s for at, s in reversed(self.steps) if at <= t), "")


@dataclass(slots=True)
class Lives:
    """What the timeline draws: pods by UID, the wanted number over time, seconds from start to end."""

    pods: list[Life]
    wanted: list[tuple[float, int]]
    end: float

    def count(self, t: float, state: str = "ready") -> int:
        return sum(1 for p in self.pods if p.state_at(t) == state)


def lives(history: History, end_s: float | None = None) -> Lives:
    """Read lives from a record. Traffic generators are left out; time begins with the first pod or wish."""
    pods: dict[str, Life] = {}
    wanted: list[tuple[float, int]] = []
    wishes: dict[str, int] = {}
    began = next((s.at_s for s in history.events if s.kind in ("Pod", "Deployment") and not is_helper(s.object)), 0.0)
    last = began
    for s in history.events:
        if s.kind not in ("Pod", "Deployment") or is_helper(s.object):
            continue
        t, last = round(s.at_s - began, 2), s.at_s
        if s.kind == "Deployment":
            wishes[name_of(s.object)] = 0 if s.type == "DELETED" else int((s.object.get("spec") or {}).get("replicas") or 0)
            if not wanted or wanted[-1][1] != sum(wishes.values()):
                wanted.append((t, sum(wishes.values())))
            continue
        life = pods.setdefault(uid_of(s.object), Life(name_of(s.object)))
        if s.type == "DELETED":
            life.gone = t
        elif not life.steps or life.steps[-1][1] != pod_state(s.object):
            life.steps.append((t, pod_state(s.object)))
    end = max((end_s - began) if end_s else 0, last - began + 2, 12)
    return Lives(list(pods.values()), wanted, end)


def draw(history: History, end_s: float | None = None) -> Drawn:
    seen = lives(history, end_s)
    if not seen.pods:
        return Drawn("", "", "Your namespace is empty. Run the cell that makes pods; they appear here by themselves.", empty=True)
    facts = in_words(seen)
    states = sorted({s for p in seen.pods for _, s in p.steps})
    keys = key("M1 9H25", "wanted", "ink") if seen.wanted else ""
    return Drawn(
        picture(seen, DESK_PX, facts).svg(),
        picture(seen, PHONE_PX, facts).svg(),
        facts,
        states,
        keys,
        "Each lane is one pod; a new lane is a new pod.",
    )


def in_words(seen: Lives) -> str:
    wanted = seen.wanted[-1][1] if seen.wanted else 0
    ready, gone = seen.count(seen.end), sum(1 for p in seen.pods if p.gone is not None)
    words = f"{wanted} wanted, {ready} ready. " if seen.wanted else f"{ready} ready. "
    return (
        words
        + f"{len(seen.pods)} pods lived so far, {gone} of them are gone. In order of birth: "
        + ", ".join(p.name + (" (gone)" if p.gone is not None else "") for p in seen.pods[:60])
        + "."
    )


def picture(seen: Lives, w: float, label: str) -> Pic:
    """The chart above, the lanes below; both share the time axis."""
    phone = w < 400
    shown = seen.pods[-MOST_LANES:]
    dense = len(shown) > NAMED_LANES
    left, right, top = (52 if phone else 108), 12, 22
    lane, gap = (4, 1) if dense else (13, 7)
    lanes_y = top + CHART_PX + 40
    p = Pic(w, lanes_y + len(shown) * (lane + gap) + 26, label)
    x = _scale(left, w - right, seen.end)
    peak = max([n for _, n in seen.wanted] + [seen.count(t) for t in _moments(seen)] + [1])
    _chart(p, seen, x, top, peak, left, w - right)
    p.text(0, lanes_y - 12, f"{len(shown)} pods, one thin line each" if dense else "one lane per pod (by UID)", fill="muted")
    for i, life in enumerate(shown):
        _lane(p, life, x, lanes_y + i * (lane + gap), lane, seen.end, left, dense)
    _axis(p, x, seen.end, 3 if phone else 6)
    return p


def _scale(left: float, right: float, end: float) -> _Scale:
    return _Scale(left, right, end)


@dataclass(frozen=True, slots=True)
class _Scale:
    left: float
    right: float
    end: float

    def __call__(self, t: float) -> float:
        return self.left + (self.right - self.left) * min(t, self.end) / self.end


def _moments(seen: Lives) -> list[float]:
    return sorted({t for p in seen.pods for t in [at for at, _ in p.steps] + ([p.gone] if p.gone is not None else [])} | {0.0})


def _chart(p: Pic, seen: Lives, x: _Scale, top: float, peak: int, left: float, right: float) -> None:
    def y(n: float) -> float:
        return top + CHART_PX - (CHART_PX - 14) * n / peak

    for n in (0, peak):
        p.line(left, y(n), right, y(n), "hair", 1)
        p.text(left - 8, y(n) + 4, str(n), fill="muted", anchor="end")
    p.text(0, top - 8, "ready pods", fill="muted")
    d = f"M{x(0):.1f} {y(0):.1f}" + "".join(f"H{x(t):.1f}V{y(seen.count(t)):.1f}" for t in _moments(seen))
    p.path(d + f"H{x(seen.end):.1f}V{y(0):.1f}Z", "ready_tint", "ready")
    d = ""
    for (t, n), (until, _) in pairwise([*seen.wanted, (seen.end, 0)]):
        d += f"{'L' if d else 'M'}{x(t):.1f} {y(n):.1f}L{x(until):.1f} {y(n):.1f}"
        if x(until) - x(t) > 84:
            p.text(x(t) + 6, y(n) - 6, f"wanted {n}", bold=True)
    p.path(d, "none", "ink", 2)


def _lane(p: Pic, life: Life, x: _Scale, y: float, h: float, end: float, left: float, dense: bool) -> None:
    stop = life.gone if life.gone is not None else end
    if not dense:
        p.text(
            left - 8,
            y + 11,
            short_name(life.name, left),
            fill="muted" if life.gone is not None else "ink",
            anchor="end",
            mono=True,
            room=left - 8,
        )
    for (at, state), (until, _) in pairwise([*life.steps, (stop, "")]):
        if until <= at:
            continue
        if dense:
            solid = {"ready": "ready", "pending": "hair", "pulling": "work", "notready": "warn_fill"}
            p.rect(x(at), y, x(until) - x(at), h, solid.get(state, STATE[state][1]))
        else:
            bar(p, x(at), y, x(until) - x(at), h, state, r=2)
            if state in ("backoff", "failed") and x(until) - x(at) > 16:
                glyph(p, (x(at) + x(until)) / 2, y + h / 2, state, STATE[state][1], 0.7)
    if life.gone is not None and not dense and x(life.gone) < x(end) - 12:
        p.path(f"M{x(life.gone) + 4:.1f} {y + 3:.1f}l7 7m0 -7l-7 7", "none", "wait", 2)


def short_name(name: str, left: float) -> str:
    """`web-7d9f8-x7k2p` as `web-…-x7k2p`, on a narrow picture `x7k2p`; a name without a random end as it is."""
    parts = name.split("-")
    if len(parts) < 3 or len(parts[-1]) != 5:
        return name
    return parts[-1] if left < 100 else f"{parts[0]}-…-{parts[-1]}"


def _axis(p: Pic, x: _Scale, end: float, most: int) -> None:
    unit = next(u for u in (2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 86400) if end / u <= most)
    t = 0
    while t <= end:
        words = f"{t} s" if end < 180 else f"{t // 60} min" if unit >= 60 else f"{t} s"
        anchor = "start" if t == 0 else "end" if x(t) > x.right - 20 else "middle"
        p.text(x(t), p.h - 6, words, fill="muted", anchor=anchor)  # type: ignore[arg-type]
        t += unit
