"""The states of a container as a machine: waiting, running, terminated, with the ways between them that were really gone.

Pure: a history in, a picture out. The kubelet reports states, not ways; a way is what lies between two reports. An end that fell between
two reports is found in `lastState`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from shallowdive.diagrams.dot import text_width_px
from shallowdive.live import History, Seen
from shallowdive.objects import Object, is_helper, name_of, uid_of
from shallowdive.objects.pods import back_off_s, container_statuses
from shallowdive.views import tries as strip
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, key
from shallowdive.views.kept import Kept
from shallowdive.views.said import Said
from shallowdive.views.shapes import Pic, glyph
from shallowdive.views.timeline import short_name

WAITING, RUNNING, TERMINATED = "waiting", "running", "terminated"
NAMES = (WAITING, RUNNING, TERMINATED)
LOOK = {WAITING: ("work", "work_tint", "pulling"), RUNNING: ("ready", "ready_tint", "ready"), TERMINATED: ("wait", "wait_tint", "")}
WAYS = ((WAITING, RUNNING), (RUNNING, TERMINATED), (TERMINATED, WAITING), (TERMINATED, RUNNING), (WAITING, TERMINATED))
BACK = {RUNNING: "started again at once", WAITING: "waits, then starts again"}
STEPS_SHOWN = 6


@dataclass(slots=True)
class Machine:
    """One container: the states it went through, (state, reason, seconds since 1970), and how often each way was gone."""

    pod: str
    container: str
    steps: list[tuple[str, str, float]] = field(default_factory=list)
    restarts: int = 0
    ends: set[str] = field(default_factory=set)
    """Moments at which an attempt ended, as reported: an end is told twice, as a state and later as the last one."""
    tries: list[strip.Try] = field(default_factory=list)

    @property
    def ways(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for (a, _, _), (b, _, _) in zip(self.steps, self.steps[1:], strict=False):
            if a != b:
                found[a, b] = found.get((a, b), 0) + 1
        return found


class Machines:
    """Every container that was ever reported, by UID of its pod and name; the UIDs of pods that are gone."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Machine] = {}
        self.gone: set[str] = set()

    def step(self, s: Seen) -> None:
        if s.kind != "Pod" or is_helper(s.object):
            return
        uid = uid_of(s.object)
        if s.type == "DELETED":
            self.gone.add(uid)
        for status in container_statuses(s.object):
            key = (uid, status["name"])
            if key not in self.found:
                self.found[key] = Machine(name_of(s.object), status["name"])
            _step(self.found[key], status, s.at_s)

    def chosen(self, pod: str, container: str) -> Machine | None:
        named = [
            (uid, m) for (uid, _), m in self.found.items() if (not pod or m.pod == pod) and (not container or m.container == container)
        ]
        there = [m for uid, m in named if uid not in self.gone] or [m for _, m in named]
        most = max(reversed(there), key=lambda m: len(m.steps), default=None)
        return most and replace(most, steps=list(most.steps), ends=set(), tries=list(most.tries))


machines: Kept[Machines] = Kept(Machines, Machines.step)


def read(history: History, pod: str = "", container: str = "") -> Machine | None:
    """The named container; without a name the one that went through most states, the newest where several did. Pods that are gone
    are left out while there is another one."""
    return machines.look(history, lambda seen: seen.chosen(pod, container))


def _step(machine: Machine, status: dict[str, Any], at_s: float) -> None:
    state = status.get("state") or {}
    machine.restarts = max(machine.restarts, int(status.get("restartCount", 0)))
    ended = (status.get("lastState") or {}).get("terminated")
    if ended and _is_new(machine, ended):
        _add(machine, TERMINATED, _reason(TERMINATED, ended), at_s)
        _over(machine, ended, at_s)
    now = _state(state)
    if now and (now[0] != TERMINATED or _is_new(machine, state[TERMINATED])):
        _add(machine, *now, at_s)
        if now[0] == TERMINATED:
            _over(machine, state[TERMINATED], at_s)
    timer_s = back_off_s(status)
    if timer_s and machine.tries:
        machine.tries[-1] = replace(machine.tries[-1], timer_s=timer_s)
    begun = strip.running_try(state.get(RUNNING) or {}, at_s)
    if begun and not (machine.tries and machine.tries[-1].began_s == begun.began_s):
        machine.tries.append(begun)


def _over(machine: Machine, ended: Object, at_s: float) -> None:
    """A try that was seen running is over, or one that nobody saw."""
    made = strip.ended_try(ended, _reason(TERMINATED, ended), at_s)
    if made and machine.tries and machine.tries[-1].ended_s is None:
        machine.tries.pop()
    if made:
        machine.tries.append(made)


def _is_new(machine: Machine, ended: Object) -> bool:
    moment = f"{ended.get('containerID', '')} {ended.get('finishedAt', '')}"
    known = moment in machine.ends
    machine.ends.add(moment)
    return not known


def _add(machine: Machine, state: str, reason: str, at_s: float) -> None:
    if not machine.steps or machine.steps[-1][:2] != (state, reason):
        machine.steps.append((state, reason, at_s))


def _state(state: Object) -> tuple[str, str] | None:
    name = next((n for n in NAMES if n in state), None)
    return (name, _reason(name, state[name] or {})) if name else None


def _reason(name: str, body: Object) -> str:
    if name == TERMINATED:
        return f"{body.get('reason', 'ended')}, exit code {body.get('exitCode', '?')}"
    return str(body.get("reason", "")) if name == WAITING else ""


def draw(history: History, pod: str = "", container: str = "", now_s: float = 0.0, said: Said | None = None) -> Drawn:
    """`said`: how many seconds the second wait was said to take."""
    seen = read(history, pod, container)
    if seen is None or not seen.steps:
        return Drawn("", "", "No container has been reported yet. Run the cell that makes a pod; its container appears here.", empty=True)
    facts = in_words(seen)
    read_ = "Solid: gone, so often. Dashed: possible, not seen. CrashLoopBackOff is a timer in front of the next try, not a cause."
    keys = ""
    if strip.waits(seen.tries):
        read_ += " The bar shows each try and each wait, true to scale; what is filled grey is the timer."
    if said:
        facts, read_ = (f"{words} {strip.said_in_words(seen.tries, said)}" for words in (facts, read_))
        keys = key("M1 9H25", "your prediction", "you", "5 4")
    desk, phone = (picture(seen, w, facts, now_s, said).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(desk, phone, facts, [], keys, read_)


def in_words(seen: Machine) -> str:
    began = seen.steps[0][2]
    told = ", ".join(f"{state}{f' ({reason})' if reason else ''} at {at - began:.0f} s" for state, reason, at in seen.steps[-20:])
    left_out = len(seen.steps) - 20
    return (
        f"Container {seen.container} of pod {seen.pod}, restarts {seen.restarts}, now {seen.steps[-1][0]}. "
        + (f"{left_out} earlier states are left out. " if left_out > 0 else "")
        + f"In order: {told}."
        + strip.in_words(seen.tries)
    )


def picture(seen: Machine, w: float, label: str, now_s: float = 0.0, said: Said | None = None) -> Pic:
    phone = w < 400
    steps = seen.steps[-STEPS_SHOWN:]
    bw, bh = (100, 58) if phone else (132, 58)
    top = 62
    strip_px = strip.height_px(seen.tries, said)
    p = Pic(w, top + bh + 76 + strip_px + 18 + len(steps) * 18 + 8, label)
    p.text(2, 14, f"container {seen.container} of pod {short_name(seen.pod, 200)}", bold=True, room=w - 4)
    p.text(2, 32, f"restarts {seen.restarts}", fill="warn" if seen.restarts else "muted", bold=seen.restarts > 0)
    x = {WAITING: 2.0, RUNNING: (w - bw) / 2, TERMINATED: w - bw - 2}
    for name in NAMES:
        _box(p, seen, name, x[name], top, bw, bh)
    _ways(p, seen.ways, x, top, bw, bh)
    y = top + bh + 76 + strip_px
    if strip_px:
        strip.draw(p, seen.tries, top + bh + 76, now_s, said)
    p.text(2, y + 4, "what happened, the newest last", fill="muted")
    began = seen.steps[0][2]
    for i, (state, reason, at) in enumerate(steps):
        p.text(2, y + 24 + i * 18, _after(at - began), fill="muted")
        p.text(64, y + 24 + i * 18, state + (f": {reason}" if reason else ""), bold=i == len(steps) - 1, room=w - 70)
    return p


def _after(s: float) -> str:
    return f"{s:.0f} s" if s < 180 else f"{s / 60:.0f} min"


def _box(p: Pic, seen: Machine, name: str, x: float, y: float, w: float, h: float) -> None:
    """The state that the container is in has ink; the others are hollow."""
    state, reason, _ = seen.steps[-1]
    stroke, tint, sign = LOOK[name]
    broken = name == WAITING and state == name and (reason.endswith("BackOff") or reason.startswith("Err"))
    stroke, tint, sign = ("fail", "fail_tint", "backoff") if broken else (stroke, tint, sign)
    here = state == name
    p.rect(x, y, w, h, tint if here else "paper", stroke if here else "edge", 8, 2 if here else 1.5)
    p.text(x + w / 2, y + 24, name, size=13, anchor="middle", bold=here, room=w - 8)
    p.text(x + w / 2, y + 44, "is here now" if here else "", fill="muted", anchor="middle", room=w - 8)
    if here and sign and w > 120:
        glyph(p, x + 14, y + 20, sign, stroke)


def _ways(p: Pic, gone: dict[tuple[str, str], int], x: dict[str, float], y: float, w: float, h: float) -> None:
    """Straight arrows to the right, the two ways back below the boxes."""
    for a, b in (WAYS[0], WAYS[1]):
        _way(p, f"M{x[a] + w + 3:.1f} {y + h / 2}H{x[b] - 4:.1f}", (x[b] - 3, y + h / 2, "right"), gone.get((a, b), 0))
        _times(p, (x[a] + w + x[b]) / 2, y - 6 if w < 120 else y + h / 2 - 10, gone.get((a, b), 0))
    for (a, b), depth, to in ((WAYS[3], 26, 0.75), (WAYS[2], 52, 0.5)):
        start, end, low = x[a] + w * (0.35 if depth == 26 else 0.65), x[b] + w * to, y + h + depth
        _way(p, f"M{start:.1f} {y + h + 3}V{low}H{end:.1f}V{y + h + 8}", (end, y + h + 3, "up"), gone.get((a, b), 0))
        n, room = gone.get((a, b), 0), start - end - 12
        words = BACK[b] + (f": {n}×" if n else "")
        if text_width_px(words, bold=n > 0) > room:
            words = f"{n}×" if n else ""
        if words:
            p.text((start + end) / 2, low - 5, words, fill="ink" if n else "muted", anchor="middle", bold=n > 0)


def _way(p: Pic, d: str, head: tuple[float, float, str], times: int) -> None:
    stroke = "ink" if times else "edge"
    p.path(d, "none", stroke, 2 if times else 1.5, "" if times else "3 3")
    x, y, to = head
    p.path(f"M{x:.1f} {y:.1f}" + ("l-7 -4v8Z" if to == "right" else "l-4 7h8Z"), stroke, stroke, 1)


def _times(p: Pic, x: float, y: float, n: int) -> None:
    if n:
        p.text(x, y, f"{n}×", anchor="middle", bold=True)
