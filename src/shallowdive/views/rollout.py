"""A rollout: ready pods of each version stacked over time, what is not ready on top of them, and whether requests were answered.

Pure: a history (and counted requests) in, a picture out. A version is a ReplicaSet; v1 is the first one seen. Only ready pods are solid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from shallowdive.diagrams.dot import text_width_px
from shallowdive.live import History
from shallowdive.objects.traffic import Second
from shallowdive.views.axis import Axis, where_free
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, key
from shallowdive.views.lives import Chronicle, Lives, Steps, chronicles, of_chronicle
from shallowdive.views.said import Said
from shallowdive.views.shapes import Anchor, Pic, bar

_Y = Callable[[float], float]
TOP, AREA_PX, LINE_PX = 26, 170, 76
TONES = ("v1", "v2", "v3")
STATES = {"ready": ("ready",), "pulling": ("pending", "pulling"), "notready": ("notready", "failed", "backoff", "unknown")}


@dataclass(frozen=True, slots=True)
class Part:
    """How many pods of a version were ready, or on their way (`pulling`: starting, `notready`: running or broken), over time."""

    version: str
    state: str
    steps: Steps


@dataclass(slots=True)
class Rollout:
    """Parts in the order in which they are stacked, the wanted number; `seconds` are counted requests, None: nobody asks."""

    parts: list[Part]
    wanted: Steps
    end: float
    seconds: list[tuple[float, Second]] | None = None
    began_s: float = 0.0
    said: tuple[int, float] | None = None
    """Of a hundred requests so many would fail, the learner said; from this second on."""
    now: float = 0.0
    """What is known ends here, perhaps before the end of the axis."""

    def counted(self, since: float = 0.0) -> tuple[int, int]:
        """Answered and failed requests."""
        asked = [s for t, s in self.seconds or [] if t >= since - 1]
        return sum(s.answered for s in asked), sum(s.failed for s in asked)


def read(history: History, traffic: list[Second] | None = None, end_s: float | None = None, since_s: float | None = None) -> Rollout:
    everything, number = chronicles.look(history, lambda seen: _numbered(seen, end_s, since_s))
    of_version: dict[int, Lives] = {}
    for uid, life in everything.by_uid.items():
        if uid in number:
            of_version.setdefault(number[uid], Lives([], [], everything.end)).pods.append(life)
    every = [Part(f"v{n}", state, pods.counts(of)) for state, of in STATES.items() for n, pods in sorted(of_version.items())]
    parts = [part for part in every if any(n for _, n in part.steps)]
    asked = None if traffic is None else [(s.at_s - everything.began_s, s) for s in traffic if s.at_s >= everything.began_s - 1]
    return Rollout(parts, everything.wanted, everything.end, asked, everything.began_s, now=everything.now)


def _numbered(seen: Chronicle, end_s: float | None, since_s: float | None) -> tuple[Lives, dict[str, int]]:
    """All lives, and by UID of a pod the number of its version."""
    everything = of_chronicle(seen, end_s, since_s)
    return everything, {uid: seen.sets[seen.owner[uid]] for uid in everything.uids if seen.owner[uid] in seen.sets}


def draw(
    history: History, traffic: list[Second] | None = None, end_s: float | None = None, *, since_s: float | None = None,
    said: Said | None = None,
) -> Drawn:  # fmt: skip
    """`said.value`: how many of a hundred requests the learner said would fail, from `said.since_s` on."""
    seen = read(history, traffic, end_s, since_s)
    if said:
        seen.said = said.value, max(0.0, said.since_s - seen.began_s)
    if not seen.parts:
        return Drawn("", "", "There is no Deployment with pods yet. Run the cell that makes one; its versions appear here.", empty=True)
    facts = in_words(seen)
    states = sorted({part.state for part in seen.parts} - {"ready"})
    keys = key("M1 9H25", "wanted", "ink") + (key("M1 9H25", "answered requests", "ready") if seen.seconds is not None else "")
    keys += key("M1 9H25", "your prediction", "you", "5 4") if seen.said and seen.seconds is not None else ""
    read_ = f"{_agreement(seen)} Solid: ready, gets requests. Not solid: started, not ready, gets none.".lstrip()
    desk, phone = (picture(seen, w, facts).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(desk, phone, facts, states, keys, read_)


def in_words(seen: Rollout) -> str:
    ready = [part for part in seen.parts if part.state == "ready"]
    now = ", ".join(f"{part.steps[-1][1]} of {part.version}" for part in ready if part.steps[-1][1])
    waiting = ", ".join(f"{part.steps[-1][1]} of {part.version}" for part in seen.parts if part.state != "ready" and part.steps[-1][1])
    versions = sorted({part.version for part in seen.parts}, key=lambda v: int(v[1:]))
    never = [v for v in versions if v not in {part.version for part in ready}]
    said = f"{seen.wanted[-1][1] if seen.wanted else 0} wanted. Ready now: {now or 'none'}. "
    said += f"Not ready now: {waiting}. " if waiting else ""
    said += f"Versions seen: {', '.join(versions)}" + (f"; never ready: {', '.join(never)}. " if never else ". ")
    said += f"Fewest ready at once, after all were ready for the first time: {min(_total(ready, seen.wanted), default=0)}. "
    if seen.seconds is None:
        return said + "Nobody counts requests."
    ok, failed = seen.counted()
    return said + f"{ok:,} of {ok + failed:,} requests answered. {_agreement(seen)}".rstrip()


def _agreement(seen: Rollout) -> str:
    if seen.said is None:
        return ""
    ok, failed = seen.counted(seen.said[1])
    share = 100 * failed / (ok + failed) if ok + failed else 0
    return f"You said {seen.said[0]} of 100 fail; it was {share:.3g} of 100." if ok + failed else ""


def _total(ready: list[Part], wanted: Steps) -> list[int]:
    """Ready pods of all versions together at every change, from the first moment when all that were wanted were ready."""
    times = sorted({t for part in ready for t, _ in part.steps})
    total = [sum(_at(part.steps, t) for part in ready) for t in times]
    full = next((i for i, t in enumerate(times) if total[i] and total[i] >= _at(wanted, t)), len(times))
    return total[full:]


def _at(steps: Steps, t: float) -> int:
    return next((n for at, n in reversed(steps) if at <= t), 0)


def picture(seen: Rollout, w: float, label: str) -> Pic:
    phone, asked = w < 400, seen.seconds is not None
    left = 44 if phone else 96
    p = Pic(w, TOP + AREA_PX + 12 + (LINE_PX + 24 if asked else 0) + 26, label)
    x = Axis(left, w - 12, seen.end, seen.now)
    times = sorted({t for steps in [*(part.steps for part in seen.parts), seen.wanted] for t, _ in steps} | {0.0})
    blocks, base = [], [0] * len(times)
    for part in seen.parts:
        upper = [b + _at(part.steps, t) for b, t in zip(base, times, strict=True)]
        blocks.append(Block(part, [*times, max(seen.now, times[-1])], base, upper))
        base = upper
    wanted = seen.wanted[-1][1] if seen.wanted else 0
    peak = max([*base, *(n for _, n in seen.wanted), 1])

    def y(n: float) -> float:
        return TOP + AREA_PX - (AREA_PX - 16) * n / peak

    for block in blocks:
        _area(p, block, x, y)
    p.text(0, 12, "pods" if phone else "pods, by version", fill="muted")
    for n in dict.fromkeys((wanted, 0, peak)):
        words = f"wanted {n}" if n == wanted and n and not phone else str(n)
        if where_free(p, words, (left - 8, y(n) + 4, "end"), bold=n == wanted):
            p.line(left - 4, y(n), left, y(n), "edge", 1)
    p.path(x.steps(seen.wanted, {n: y(n) for n in range(peak + 1)}), "none", "ink", 2)
    served = {part.version for part in seen.parts if part.state == "ready"}
    for block in blocks:
        if block.part.state == "ready" or (block.part.state == "notready" and block.part.version not in served):
            _name(p, block, x, y)
    x.draw(p, 3 if phone else 6)
    if seen.seconds is not None:
        _success(p, seen, seen.seconds, x, TOP + AREA_PX + 12 + 26)
    return p


@dataclass(frozen=True, slots=True)
class Block:
    """A part between the moments when anything changed: from how many pods to how many."""

    part: Part
    edges: list[float]
    base: list[int]
    upper: list[int]

    def spans(self) -> list[tuple[float, float, int, int]]:
        """(from, to, lowest, highest); neighbours of one height are one."""
        made: list[tuple[float, float, int, int]] = []
        for (a, b), lo, hi in zip(pairwise(self.edges), self.base, self.upper, strict=True):
            if made and made[-1][2:] == (lo, hi):
                made[-1] = (made[-1][0], b, lo, hi)
            elif b > a:
                made.append((a, b, lo, hi))
        return made


def _area(p: Pic, block: Block, x: Axis, y: _Y) -> None:
    """Ready pods as one solid area in the tone of their version, pods on their way as blocks with the look of their state."""
    if block.part.state != "ready":
        for a, b, lo, hi in block.spans():
            if hi > lo and x(b) - x(a) >= 1:
                bar(p, x(a), y(hi), x(b) - x(a), y(lo) - y(hi), block.part.state, r=0)
        return
    there = "".join(f"L{x(a):.1f} {y(hi):.1f}L{x(b):.1f} {y(hi):.1f}" for a, b, _, hi in block.spans())
    back = "".join(f"L{x(b):.1f} {y(lo):.1f}L{x(a):.1f} {y(lo):.1f}" for a, b, lo, _ in reversed(block.spans()))
    p.path(f"M{there[1:]}{back}Z", TONES[(int(block.part.version[1:]) - 1) % 3], "paper", 1)


def _name(p: Pic, block: Block, x: Axis, y: _Y) -> None:
    """A version's name stands on its own area, where it is largest; one that never served is named on its blocks."""
    a, b, lo, hi = max(block.spans(), key=lambda s: (x(s[1]) - x(s[0])) * (s[3] - s[2]), default=(0.0, 0.0, 0, 0))
    if hi == lo:
        return
    words = block.part.version if block.part.state == "ready" else f"{block.part.version} not ready"
    at, level = (x(a) + x(b)) / 2, y((lo + hi) / 2) + 5
    anchors: tuple[tuple[int, Anchor], ...] = ((0, "middle"), (-8, "end"), (8, "start"))
    spots = [(at + dx, level + dy, anchor) for dy in (0, 15, -15) for dx, anchor in anchors]
    where_free(p, words, *spots, bold=True)


def _success(p: Pic, seen: Rollout, asked: list[tuple[float, Second]], x: Axis, y: float) -> None:
    """The share of answered requests: a green line at the top; where some failed it falls, in red, and a cross stands there."""
    ok, failed = seen.counted()
    words = f"answered requests: {ok:,} of {ok + failed:,}"
    p.text(0 if text_width_px(words) > p.w - x.left else x.left, y - 10, words, fill="fail" if failed else "ready", bold=True, room=p.w)
    for n, at in (("all", y + 6), ("none", y + LINE_PX - 8)):
        p.line(x.left, at, x.right, at, "hair", 1)
        p.text(x.left - 8, at + 4, n, fill="muted", anchor="end")
    spans = [(t, s.answered / (s.answered + s.failed)) for t, s in asked if s.answered + s.failed and t <= seen.now]
    for (t, share), (until, _) in pairwise([*spans, (min(spans[-1][0] + 1, seen.now), 0.0)] if spans else []):
        level = y + 6 + (LINE_PX - 14) * (1 - share)
        p.line(x(t), level, x(until), level, "ready" if share == 1 else "fail", 3)
    bad = next((t for t, share in spans if share < 1), None)
    if bad is not None:
        at = max(x(bad), x.left + 6)
        p.path(f"M{at - 4:.1f} {y + 20:.1f}l8 8m0 -8l-8 8", "none", "fail", 2)
    if seen.said is not None:
        value, since = seen.said
        level = y + 6 + (LINE_PX - 14) * value / 100
        p.path(f"M{x(since):.1f} {y + 2:.1f}V{level:.1f}H{x.right:.1f}", "none", "you", 2.5, "6 4")
        anchors: tuple[tuple[float, Anchor], ...] = ((x(since) + 8, "start"), (x.right, "end"), (x(since) - 8, "end"))
        spots = [(at, level + dy, anchor) for dy in (16, -8, -22) for at, anchor in anchors]
        where_free(p, f"you: {value} of 100 fail", *spots, fill="you", bold=True)
