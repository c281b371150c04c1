"""The tries of one container on a line, true to scale: how long each ran, how it ended, how long the wait before the next one was.

Pure. Moments are the kubelet's own stamps (whole seconds of the cluster); only a wait or a run that goes on is measured by this machine's
clock. A prediction is about the second wait: how many seconds it takes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from shallowdive.diagrams.dot import text_width_px
from shallowdive.objects import Object
from shallowdive.objects.pods import LEAST_BACK_OFF_S, moment
from shallowdive.views.axis import Axis, where_free
from shallowdive.views.said import Said
from shallowdive.views.shapes import Pic, glyph

TRIES_SHOWN = 6
ASKED = 1
"""Which of the waits a prediction is about, counted from 0."""
BAR_PX, MARK_PX = 18, 7


@dataclass(frozen=True, slots=True)
class Try:
    """`ended_s` is None while it runs; `seen_s`: when the newest of this was reported, by this machine's clock; `timer_s`: how long the
    kubelet said that it waits afterwards, 0 where it did not say."""

    began_s: float
    ended_s: float | None
    end: str
    good: bool
    seen_s: float
    timer_s: float = 0.0

    def until(self, now_s: float) -> float:
        return self.ended_s if self.ended_s is not None else self.began_s + max(1.0, now_s - self.seen_s)


def ended_try(ended: Object, end: str, seen_s: float) -> Try | None:
    """A try that is over; None where the report has no moments."""
    stop = moment(ended.get("finishedAt"))
    if not stop:
        return None
    began = moment(ended.get("startedAt"))  # 1970: it could not be started at all
    return Try(min(began or stop, stop), stop, end, ended.get("exitCode") == 0, seen_s)


def running_try(running: Object, seen_s: float) -> Try | None:
    began = moment(running.get("startedAt"))
    return Try(began, None, "", True, seen_s) if began else None


def waits(tries: list[Try]) -> list[tuple[float, float, float]]:
    """(from, to, what the timer said) of each wait that is over: the pauses that are no restart at once."""
    gaps = ((a.ended_s, b.began_s, a.timer_s) for a, b in pairwise(tries) if a.ended_s is not None)
    return [(a, b, timer_s) for a, b, timer_s in gaps if timer_s or b - a >= LEAST_BACK_OFF_S]


def in_words(tries: list[Try]) -> str:
    found = [f"{b - a:.0f} s" + (f" (timer {timer_s:.0f} s)" if timer_s else "") for a, b, timer_s in waits(tries)[-8:]]
    return f" Waits before another try, in order: {', '.join(found)}." if found else ""


def said_in_words(tries: list[Try], said: Said) -> str:
    found = waits(tries)
    if len(found) <= ASKED:
        return f"You said {said.value} s for the second wait; that one is not over yet."
    a, b, timer_s = found[ASKED]
    was = f"its timer was {timer_s:.0f} s" if timer_s else f"it was {b - a:.0f} s"
    return f"You said {said.value} s for the second wait; {was}."


def height_px(tries: list[Try], said: Said | None) -> int:
    """0 before anything ended; a prediction has a line of its own."""
    return (78 if said else 56) if any(t.end for t in tries) else 0


def draw(p: Pic, tries: list[Try], y: float, now_s: float, said: Said | None = None) -> None:
    """A line of words, the tries, and under them what was said; `y` is the middle of the words."""
    shown = tries[:TRIES_SHOWN] if said else tries[-TRIES_SHOWN:]
    first, last = shown[0].began_s, shown[-1]
    end = last.until(now_s) if last.ended_s is None else last.ended_s + (max(0.0, now_s - last.seen_s) if last is tries[-1] else 0.0)
    found = waits(shown)
    asked = found[ASKED] if said and len(found) > ASKED else None
    span = max(end, asked[0] + said.value if said and asked else 0.0) - first
    x = Axis(MARK_PX + 1, p.w - MARK_PX - 1, max(span, 1.0))
    ends = [t.end for t in shown if t.end]
    told = f"each try ended: {ends[0]}" if len(set(ends)) == 1 else f"the last of these tries ended: {ends[-1]}"
    w = p.text(2, y + 4, told, bold=True, room=p.w - 4)
    part = f"{'the first' if said else 'the last'} {len(shown)} of {len(tries)} tries"
    if len(shown) < len(tries) and w + text_width_px(part) + 20 < p.w:
        p.text(p.w - 2, y + 4, part, fill="muted", anchor="end")
    top = y + 14
    for one, following in zip(shown, [*shown[1:], None], strict=True):
        stop = one.until(now_s) - first
        p.rect(x(one.began_s - first), top, max(3, x(stop) - x(one.began_s - first)), BAR_PX, "ready_tint", "ready", 2)
        if one.ended_s is not None:
            _wait(p, x, stop, (following.began_s if following else end) - first, top, one.timer_s, over=following is not None)
    for one in shown:
        if one.ended_s is not None:
            _end(p, x(one.ended_s - first), top + BAR_PX / 2, good=one.good)
    if said and asked:
        _said(p, x, asked[0] - first, said, top + BAR_PX + 12)


def _wait(p: Pic, x: Axis, a: float, b: float, top: float, timer_s: float, *, over: bool) -> None:
    """Grey and dashed: nothing is broken here, somebody waits. Filled: the timer; the rest is until the kubelet looked again."""
    left, right = x(a) + MARK_PX + 2, x(b) - 1
    if (b - a < LEAST_BACK_OFF_S and not timer_s) or right - left < 4:
        return
    filled = min(x(a + timer_s), right) - left
    if timer_s and filled > 0:
        p.rect(left, top + 2, filled, BAR_PX - 4, "wait_tint", "none", 2)
    p.rect(left, top + 2, right - left, BAR_PX - 4, "none", "wait", 2, 1.5, "3 3")
    length = f"{timer_s or b - a:.0f} s"
    words = f"timer {length}" if timer_s else f"waits {length}" if over else f"has waited {length} so far"
    fits = next((w for w in (words, length) if text_width_px(w, bold=over) <= right - left - 8), "")
    if fits:
        p.text((left + right) / 2, top + BAR_PX / 2 + 4, fits, anchor="middle", bold=over)


def _end(p: Pic, x: float, y: float, *, good: bool) -> None:
    p.circle(x, y, MARK_PX, "paper" if good else "fail", "ready" if good else "fail", 2)
    glyph(p, x, y, "succeeded" if good else "failed", "ready" if good else "paper", 0.8)


def _said(p: Pic, x: Axis, a: float, said: Said, y: float) -> None:
    left, right = x(a), x(a + said.value)
    p.path(f"M{left:.1f} {y - 5:.1f}v10M{left:.1f} {y:.1f}H{right:.1f}", "none", "you", 2.5, "6 4")
    p.circle(right, y, 4.5, "paper", "you", 2)
    words = f"you: {said.value} s"
    where_free(p, words, (right + 11, y + 5, "start"), (left - 8, y + 5, "end"), (right, y + 23, "end"), fill="you", bold=True)
