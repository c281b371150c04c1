"""Who did that? One action as a sequence: you → API server → controllers → scheduler → kubelet.

Pure: a history in, a picture out. Every arrow begins or ends at the API server, because parts never call each other. A solid arrow is
in the record; a dotted one is the watch by which the next part was told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shallowdive.diagrams.dot import text_width_px
from shallowdive.live import History
from shallowdive.views.acts import CONTROLLERS, KUBELET, SCHEDULER, YOU, Act, last_action
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, key
from shallowdive.views.shapes import Pic, glyph
from shallowdive.views.timeline import short_name

API = "API server"
LANES = (YOU, CONTROLLERS, API, SCHEDULER, KUBELET)
HEAD_PX, PITCH_PX = 84, 38
MOST_ROWS = 16


@dataclass(frozen=True, slots=True)
class Row:
    """One arrow. `number` counts the acts; a watch has none."""

    start: str
    end: str
    words: str
    number: int = 0


def draw(history: History) -> Drawn:
    acts = last_action(history)
    if not acts:
        return Drawn("", "", "You have not changed anything yet. Run a cell that does; what follows from it appears here.", empty=True)
    facts = in_words(acts)
    desk, phone = (picture(acts, w, facts).svg() for w in (DESK_PX, PHONE_PX))
    keys = key("M1 9H25", "in the record", "edge") + key("M1 9H25", "told by its watch", "work", "1 4")
    return Drawn(desk, phone, facts, [], keys, "Every arrow begins or ends at the API server: parts never call each other.")


def in_words(acts: list[Act]) -> str:
    said = []
    for n, act in enumerate(acts, 1):
        part = f"{act.who} ({act.part})" if act.part not in ("", act.who) else act.who
        told = f", told of {act.told} by its watch" if act.told else ""
        said.append(f"{n}. {part}{told}: {act.words} (+{act.at_s - acts[0].at_s:.1f} s, resource version {act.version}).")
    return " ".join(said)


def rows(acts: list[Act], room: float = 10_000) -> list[Row]:
    """Each act is an arrow to the API server; before a part's first act on something stands the watch that told it."""
    made, told = [], set()
    for n, act in enumerate(acts, 1):
        if act.told and (act.part, act.told) not in told:
            told.add((act.part, act.told))
            made.append(Row(API, act.who, f"watch: {act.told}"))
        made.append(Row(act.who, API, _short(act, room - 20), n))
    return made


def _short(act: Act, room: float) -> str:
    """The act in as many words as there is room for: its details are the first to go, then all but the ends of a row of numbers."""
    short = replace(act, names=[short_name(n, 200) for n in act.names])
    ends = [act.details[0], "…", act.details[-1]] if act.verb == "scale" and len(act.details) > 2 else []
    ways = [short.words, replace(short, details=ends).words, replace(short, details=[]).words]
    return next((words for words in ways if text_width_px(words, bold=True) <= room), ways[-1])


def picture(acts: list[Act], w: float, label: str) -> Pic:
    phone = w < 400
    every = rows(acts, w - 8)
    shown, left_out = every[:MOST_ROWS], max(0, len(every) - MOST_ROWS)
    p = Pic(w, HEAD_PX + len(shown) * PITCH_PX + 14 + (20 if left_out else 0), label)
    lane = w / len(LANES)
    x = {name: lane * (i + 0.5) for i, name in enumerate(LANES)}
    for name in LANES:
        p.line(x[name], HEAD_PX - 10, x[name], HEAD_PX + len(shown) * PITCH_PX + 6, "hair", 1)
        _head(p, name, x[name], lane, phone)
    for i, row in enumerate(shown):
        _arrow(p, row, x, HEAD_PX + i * PITCH_PX + 26)
    if left_out:
        p.text(w / 2, p.h - 6, f"and {left_out} more steps, in the text below", fill="muted", anchor="middle", room=w - 8)
    return p


def _head(p: Pic, name: str, x: float, lane: float, phone: bool) -> None:
    words = "API" if phone and name == API else name
    if name == API:
        half = min(50, lane / 2 - 4)
        p.rect(x - half, 14, 2 * half, 34, "paper", "ink", 2, 2)
        for side in (-1, 1):
            p.line(x + side * (half - 5), 15, x + side * (half - 5), 47, "ink", 2)
        p.text(x, 35, words, anchor="middle", bold=True, room=2 * half - 16)
        return
    if name == YOU:
        p.circle(x, 20, 8, "sheet", "edge")
        p.path(f"M{x - 14:.1f} 48a14 14 0 0 1 28 0Z", "sheet", "edge")
    else:
        p.circle(x, 31, 16, "work_tint", "work", 2)
        glyph(p, x, 31, "loop", "work")
    p.text(x, 66, words, anchor="middle", room=lane - 2)


def _arrow(p: Pic, row: Row, x: dict[str, float], y: float) -> None:
    to_right = x[row.end] > x[row.start]
    off = 6 if to_right else -6
    stroke, dash = ("edge", "") if row.number else ("work", "1 4")
    a, b = x[row.start] + off, x[row.end] - off
    p.line(a, y, b, y, stroke, 2, dash)
    tip = -7 if to_right else 7
    p.path(f"M{b:.1f} {y:.1f}l{tip} -4v8Z", stroke, stroke, 1)
    words = f"{row.number}  {row.words}" if row.number else row.words
    room = p.w - 8
    half = min(text_width_px(words, bold=bool(row.number)), room) / 2
    middle = min(max((a + b) / 2, half + 4), p.w - half - 4)
    p.rect(middle - half - 3, y - 20, 2 * half + 6, 16, "paper", r=3)
    p.text(middle, y - 8, words, fill="ink" if row.number else "muted", anchor="middle", bold=bool(row.number), room=room)
