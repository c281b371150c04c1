"""Who keeps how many alive: a lane for the pods that nobody owns and one for each ReplicaSet, each with what was missing, over time.

Pure: a history in, a picture out. A ReplicaSet has written down how many it wants. For pods without an owner nobody did: their line is
the most that were ever ready at once, and it is dashed. What lies between ready and that line is missing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from shallowdive.live import History
from shallowdive.views import said as prediction
from shallowdive.views.axis import Axis
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, key
from shallowdive.views.lives import Chronicle, Life, Lives, Steps, chronicles, from_zero, of_chronicle
from shallowdive.views.said import Said
from shallowdive.views.shapes import Pic, bar

NOBODY = "nobody owns these"
HEAD_PX, CHART_PX, POD_PX, GAP_PX, BELOW_PX = 24, 72, 7, 2, 22
MOST_LANES, MOST_PODS = 4, 24
"""Lanes, and lines of pods in one: the newest."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One keeper and its pods; `pods.wanted` is the line. `written`: somebody wrote the number down. `full_s`: since when all that
    were wanted were ready for the first time, 0 when that was before the left edge; None: never."""

    name: str
    written: bool
    pods: Lives
    full_s: float | None

    def spans(self) -> list[tuple[float, float, int, int]]:
        """(from, to, ready, wanted) between changes, since it was full for the first time."""
        if self.full_s is None:
            return []
        ready, wanted = self.pods.counts(), self.pods.wanted
        moments = sorted({self.full_s, self.pods.now} | {t for steps in (ready, wanted) for t, _ in steps if t > self.full_s})
        return [(a, b, _at(ready, a), _at(wanted, a)) for a, b in pairwise(moments) if b <= self.pods.now]

    def up(self) -> float | None:
        """Of the pods that should have been ready, the share that was; None as long as they never all were."""
        whole = sum((b - a) * wanted for a, b, _, wanted in self.spans())
        return sum((b - a) * min(n, wanted) for a, b, n, wanted in self.spans()) / whole if whole else None

    def up_words(self) -> str:
        share = self.up()
        return "not full yet" if share is None else f"up {int(100 * share + 1e-9)} %"


def read(history: History, end_s: float | None = None, since_s: float | None = None) -> list[Lane]:
    """Pods without an owner first, then ReplicaSets in the order in which they were seen. A keeper without a pod in the picture is
    left out, unless one should be there."""
    return chronicles.look(history, lambda seen: _lanes(seen, end_s, since_s))


def _lanes(seen: Chronicle, end_s: float | None, since_s: float | None) -> list[Lane]:
    everything = of_chronicle(seen, end_s, since_s)
    ever: dict[str, list[Life]] = {}
    for uid, life in seen.pods.items():
        if seen.owner[uid] in seen.sets or not seen.owner[uid]:
            ever.setdefault(seen.owner[uid], []).append(life)
    here: dict[str, list[Life]] = {}
    for uid, life in everything.by_uid.items():
        here.setdefault(seen.owner[uid], []).append(life)
    lanes = [_lane_of(seen, owner, ever[owner], here.get(owner, []), everything) for owner in ("", *seen.sets) if owner in ever]
    shown = [lane for lane in lanes if lane.pods.pods or (lane.full_s is not None and any(n for _, n in lane.pods.wanted))]
    return shown[:1] + shown[1:][-(MOST_LANES - 1) :]


def _lane_of(seen: Chronicle, owner: str, ever: list[Life], here: list[Life], picture: Lives) -> Lane:
    """A lane whose line and whose first full moment are those of the whole record, whatever the left edge is."""
    ready = Lives(ever, [], 0).counts()
    wanted = list(seen.set_wishes[owner]) if owner else _most_so_far(ready)
    full = next((t for t in sorted({t for t, _ in (*ready, *wanted)}) if _at(ready, t) >= _at(wanted, t) > 0), None)
    began = picture.began_s
    line = from_zero([(round(t - began, 2), n) for t, n in wanted])
    name = f"ReplicaSet {seen.set_names[owner]}" if owner else NOBODY
    return Lane(
        name,
        bool(owner),
        Lives(here, line, picture.end, began, known_s=picture.now),
        None if full is None else max(0.0, round(full - began, 2)),
    )


def _most_so_far(counts: Steps) -> Steps:
    made: Steps = [(0.0, 0)]
    for t, n in counts:
        if n > made[-1][1]:
            made.append((t, n))
    return made


def _at(steps: Steps, t: float) -> int:
    return next((n for at, n in reversed(steps) if at <= t), 0)


def draw(history: History, end_s: float | None = None, *, since_s: float | None = None, said: Said | None = None) -> Drawn:
    """`said`: the learner's prediction, drawn into the first lane."""
    lanes = read(history, end_s, since_s)
    if not lanes:
        return Drawn("", "", "Nobody has made a pod yet. Run the cell that does; it appears here, in the lane of its owner.", empty=True)
    now, first = lanes[0].pods.now, lanes[0].pods
    if said:
        for lane in lanes:
            lane.pods.end = max(lane.pods.end, said.since_s - first.began_s + said.after_s + 2)
    answer = prediction.in_words(first, said, now) if said else ""
    facts = f"{in_words(lanes)} {answer}".rstrip()
    states = sorted({s for lane in lanes for p in lane.pods.pods for _, _, s in p.spans(now)})
    keys = key("M3 3H23V15H3Z", "missing", "fail")
    keys += key("M1 9H25", "wanted, written down", "ink") if any(lane.written for lane in lanes) else ""
    keys += key("M1 9H25", "the most so far", "ink", "2 4") if not all(lane.written for lane in lanes) else ""
    keys += key("M1 9H25", "your prediction", "you", "5 4") if said else ""
    how = f"{answer} Hollow dot: what you said. Solid dot: what happened." if said else "Thin lines are pods; a new line is a new pod."
    desk, phone = (picture(lanes, w, facts, said, now).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(desk, phone, facts, states, keys, f"{how} Up: of what should be ready, the share that was.")


def in_words(lanes: list[Lane]) -> str:
    return " ".join(_lane_in_words(lane) for lane in lanes)


def _lane_in_words(lane: Lane) -> str:
    pods = lane.pods
    who = lane.name if lane.written else "Pods without an owner"
    line = f"{pods.wanted_at(pods.now)} wanted" if lane.written else f"at most {pods.wanted_at(pods.now)} at once"
    return f"{who}: {line}, {pods.count(pods.now)} ready, {lane.up_words()}, {len(pods.pods)} lived."


def picture(lanes: list[Lane], w: float, label: str, said: Said | None = None, now: float | None = None) -> Pic:
    """The lanes below each other, on one time axis and one scale."""
    end = lanes[0].pods.end
    heights = [HEAD_PX + CHART_PX + 8 + min(len(lane.pods.pods), MOST_PODS) * (POD_PX + GAP_PX) + BELOW_PX for lane in lanes]
    p = Pic(w, sum(heights) + 18, label)
    x = Axis(24, w - 12, end, lanes[0].pods.now)
    peak = max([n for lane in lanes for steps in (lane.pods.counts(), lane.pods.wanted) for _, n in steps] + [1, said.value if said else 1])
    top = 0.0
    for lane, h in zip(lanes, heights, strict=True):
        _lane(p, lane, x, top, peak, (said, x.now if now is None else now) if said and lane is lanes[0] else None)
        top += h
    x.draw(p, 3 if w < 400 else 6)
    return p


def _lane(p: Pic, lane: Lane, x: Axis, top: float, peak: int, said: tuple[Said, float] | None) -> None:
    def y(n: float) -> float:
        return top + HEAD_PX + CHART_PX - (CHART_PX - 8) * n / peak

    up, full = lane.up_words(), (lane.up() or 0) > 0.999
    room = p.w - p.text(p.w, top + 13, up, bold=True, anchor="end", fill="ready" if full else "ink") - 16
    p.text(0, top + 13, lane.name, bold=True, room=room)
    for n in dict.fromkeys((0, peak)):
        p.line(x.left, y(n), x.right, y(n), "hair", 1)
        p.text(x.left - 8, y(n) + 4, str(n), fill="muted", anchor="end")
    _missing(p, lane, x, y)
    ready = lane.pods.counts()
    first = min([at for life in lane.pods.pods for at, _, _ in life.spans(x.now)], default=0.0)
    d = f"M{x(first):.1f} {y(0):.1f}" + "".join(f"H{x(max(t, first)):.1f}V{y(n):.1f}" for t, n in ready)
    p.path(d + f"H{x(x.now):.1f}V{y(0):.1f}Z", "ready_tint", "ready")
    levels = {n: y(n) for n in range(max(n for _, n in [*lane.pods.wanted, (0, 0)]) + 1)}
    p.path(x.steps(lane.pods.wanted, levels), "none", "ink", 2, "" if lane.written else "2 4")
    if said:
        prediction.draw(p, lane.pods, said[0], x, y, said[1], CHART_PX + 4)
    for i, life in enumerate(lane.pods.pods[-MOST_PODS:]):
        for at, until, state in life.spans(x.now):
            bar(p, x(at), top + HEAD_PX + CHART_PX + 8 + i * (POD_PX + GAP_PX), x(until) - x(at), POD_PX, state, r=1)


def _missing(p: Pic, lane: Lane, x: Axis, y: prediction.Level) -> None:
    """Since all were ready for the first time: what lies between ready and the line."""
    for a, b, n, wanted in lane.spans():
        if n < wanted:
            p.rect(x(a), y(wanted), x(b) - x(a), y(n) - y(wanted), "fail_tint", "fail", sw=1)
