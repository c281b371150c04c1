"""Shuffle and converge: what was made in which order, and what each came to.

Pure: a state and a record in, a picture out. A row is a Deployment with what belongs to it; its parts stand in the order in which they
were made, and the end stands at the right."""

from __future__ import annotations

from dataclasses import dataclass

from shallowdive.live import ClusterState, History, Seen
from shallowdive.objects import is_helper, labels_of, name_of
from shallowdive.objects.pods import pod_state, waiting_reasons
from shallowdive.objects.together import Together, note_birth, together
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn
from shallowdive.views.kept import Kept
from shallowdive.views.shapes import Box, Pic, tile
from shallowdive.views.stations import arrow

MOST_ROWS = 8
WORDS = {"Deployment": "Deployment", "PersistentVolumeClaim": "Claim", "Service": "Service"}
KINDS = tuple(WORDS)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing: its parts in order, the state of its pods (the worst), and words for the end."""

    name: str
    order: tuple[str, ...]
    state: str
    end: tuple[str, ...]

    @property
    def works(self) -> bool:
        return self.state == "ready"


WORST = ("backoff", "failed", "pending", "pulling", "notready", "terminating", "unknown", "ready")


def read(state: ClusterState, history: History) -> list[Row]:
    found = KEPT.look(history, lambda born: together(state.all, born))
    return [_row(state, t) for t in found if not is_helper(t.deployment)]


def _step(born: dict[str, int], seen: Seen) -> None:
    if seen.kind in KINDS:
        note_birth(born, seen.object)


KEPT: Kept[dict[str, int]] = Kept(dict, _step)


def _row(state: ClusterState, t: Together) -> Row:
    pods = state.pods_of(t.deployment)
    states = [pod_state(p) for p in pods]
    worst = min(states, key=lambda s: WORST.index(s) if s in WORST else 0, default="pending")
    wanted = int(t.deployment["spec"].get("replicas", 1))
    reasons = sorted({r for p in pods for r in waiting_reasons(p) if r not in ("ContainerCreating", "PodInitializing")})
    end = [reasons[0] if reasons else f"{states.count('ready')} of {wanted} ready"]
    if t.claim is not None:
        end.append(f"claim {(t.claim.get('status') or {}).get('phase', 'Pending')}")
    if t.service is not None:
        count = endpoints(state, name_of(t.service))
        end.append(f"{count} endpoint{'s' if count != 1 else ''}")
    enough = worst == "ready" and len(pods) >= wanted
    return Row(name_of(t.deployment), t.order, worst if enough or worst != "ready" else "pulling", tuple(end))


def endpoints(state: ClusterState, service: str) -> int:
    """Ready endpoints of a Service."""
    slices = [s for s in state.all("EndpointSlice") if labels_of(s).get("kubernetes.io/service-name") == service]
    return sum(1 for s in slices for e in s.get("endpoints") or [] if (e.get("conditions") or {}).get("ready"))


def draw(state: ClusterState, history: History) -> Drawn:
    rows = read(state, history)
    if not rows:
        return Drawn("", "", "No Deployment yet. Run the cell that makes some; they appear here by themselves.", empty=True)
    facts = in_words(rows)
    desk, phone = (picture(rows, w, facts).svg() for w in (DESK_PX, PHONE_PX))
    read_ = "Left to right: in the order in which they were made, each of them accepted. At the end: what it came to."
    return Drawn(desk, phone, facts, sorted({r.state for r in rows}), read=read_)


def in_words(rows: list[Row]) -> str:
    said = [f"{r.name}: made as {', then '.join(WORDS[k] for k in r.order)}; came to {', '.join(r.end)}." for r in rows]
    orders, ends = {r.order for r in rows if len(r.order) > 1}, {r.end for r in rows if len(r.order) > 1}
    if len(orders) > 1:
        same = "the same" if len(ends) == 1 else f"{len(ends)} different ones"
        said.append(f"{len(orders)} different orders, and the end is {same}.")
    return " ".join(said)


def picture(rows: list[Row], w: float, label: str) -> Pic:
    phone = w < 400
    shown, more = rows[:MOST_ROWS], len(rows) - MOST_ROWS
    pitch = 132 if phone else 84
    p = Pic(w, 8 + len(shown) * pitch + (20 if more > 0 else 0), label)
    for i, row in enumerate(shown):
        _draw_row(p, row, 8 + i * pitch, phone)
    if more > 0:
        p.text(0, p.h - 6, f"and {more} more, in the text below", fill="muted")
    return p


def _draw_row(p: Pic, row: Row, y: float, phone: bool) -> None:
    left = 0 if phone else 84
    if phone:
        p.text(0, y + 12, row.name, bold=True, room=p.w)
        y += 20
    else:
        p.text(0, y + 32, row.name, bold=True, room=left - 10)
    chip_w, gap = (96, 22) if phone else (88, 26)
    for i, kind in enumerate(row.order):
        x = left + i * (chip_w + gap)
        _chip(p, (x + 1, y + 2, chip_w, 50), i + 1, kind)
        if i + 1 < len(row.order):
            arrow(p, x + chip_w + 4, y + 27, x + chip_w + gap - 2, y + 27, "edge", "")
    end_w = p.w - 4 if phone else 190
    end: Box = (2, y + 62, end_w, 40) if phone else (p.w - end_w - 2, y - 2, end_w, 62)
    after = left + len(row.order) * (chip_w + gap) - gap
    if phone:
        arrow(p, 24, y + 54, 24, y + 60, "ready" if row.works else "edge", "")
    else:
        arrow(p, after + 5, y + 27, end[0] - 4, y + 27, "ready" if row.works else "edge", "" if row.works else "3 4")
    _end(p, end, row, phone)


def _chip(p: Pic, at: Box, number: int, kind: str) -> None:
    x, y, w, h = at
    p.rect(x, y, w, h, "paper", "edge", r={"Service": h / 2, "Deployment": 3}.get(kind, 10), dash="")
    p.text(x + w / 2, y + 21, str(number), fill="muted", anchor="middle", bold=True)
    p.text(x + w / 2, y + 38, WORDS[kind], anchor="middle", room=w - 8)


def _end(p: Pic, at: Box, row: Row, phone: bool) -> None:
    x, y, w, h = at
    token = "ready" if row.works else "fail" if row.state in ("backoff", "failed") else "wait"
    p.rect(x, y, w, h, f"{token}_tint", token, 8, 2)
    tile(p, x + 10, y + h / 2 - 9, 18, row.state)
    if phone:
        p.text(x + 38, y + (17 if row.end[1:] else 25), row.end[0], bold=True, room=w - 46)
        if row.end[1:]:
            p.text(x + 38, y + 33, " · ".join(row.end[1:]), fill="muted", room=w - 46)
        return
    for i, words in enumerate(row.end):
        p.text(x + 38, y + (37 if len(row.end) == 1 else 20 + i * 17), words, bold=not i, fill="ink" if not i else "muted", room=w - 46)
