"""The programs of pods, inside and outside: number 1 in its container, another number on the node, and one kernel beneath all.

Pure: pods and processes in, a picture out. What is drawn was looked at once, when the cell ran."""

from __future__ import annotations

from dataclasses import dataclass, field

from shallowdive.objects import Object, name_of
from shallowdive.objects.processes import Process, first_of
from shallowdive.views.bins import plain_names
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, framed
from shallowdive.views.shapes import Pic
from shallowdive.views.timeline import short_name

MOST_PODS, MOST_GONE = 6, 2
GAP, NODE_HEAD, POD_H, NUMBER_H, KERNEL_H = 12, 30, 70, 26, 34
REACH_PX = 22
"""From a pod down to the numbers of its node."""


@dataclass(slots=True)
class Room:
    """A pod's box: its name, (number inside, number on the node, name of the program) of its first processes, numbers that are gone."""

    pod: str
    programs: list[Process] = field(default_factory=list)
    gone: list[Process] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    """Rooms by node, and the kernel that each node names."""

    nodes: dict[str, list[Room]]
    kernels: dict[str, str]

    @property
    def one_kernel(self) -> str:
        return next(iter(self.kernels.values())) if len(set(self.kernels.values())) == 1 else ""


def read(pods: list[Object], seen: list[Process], once: list[tuple[str, Process]], kernels: dict[str, str]) -> Seen:
    """`once`: (pod's name, process) of first processes that were seen earlier, too."""
    nodes: dict[str, list[Room]] = {}
    for pod in sorted(pods, key=name_of):
        where = str(pod["spec"].get("nodeName", ""))
        if where in kernels:
            now = first_of(pod, seen)
            gone = [p for name, p in once if name == name_of(pod) and p.pid not in {q.pid for q in now}]
            nodes.setdefault(where, []).append(Room(name_of(pod), now, gone))
    return Seen(nodes, kernels)


def draw(seen: Seen, note: str = "") -> Drawn:
    """`note` stands before the words beside the picture."""
    facts = in_words(seen)
    if not seen.nodes:
        return Drawn("", "", "No pod of yours is on a node. Run the cell that makes them.", empty=True)
    desk, phone = (picture(seen, w, facts).svg() for w in (DESK_PX, PHONE_PX))
    read_ = "A line joins what is one process: its number in the container, and its number on the node. Under everything lies the kernel."
    return Drawn(desk, phone, facts, read=f"{note} {read_}".strip(), ask="what is there only once?")


def html(seen: Seen, title: str, source: str, note: str = "") -> tuple[str, str, str]:
    """Title, frame and text twin, ready to be shown."""
    drawn = draw(seen, note)
    title = title or "One process, two numbers"
    return title, framed(title, f"asked now, {source}", drawn), drawn.facts


def in_words(seen: Seen) -> str:
    said = []
    for node, rooms in seen.nodes.items():
        for room in rooms:
            now = ", ".join(f"{p.name} is number {p.inside} inside and {p.pid} on {node}" for p in room.programs) or "no program runs"
            gone = f"; number {', '.join(str(p.pid) for p in room.gone)} is gone" if room.gone else ""
            said.append(f"Pod {room.pod}: {now}{gone}.")
    return " ".join([*said, f"One kernel: {seen.one_kernel}." if seen.one_kernel else "The nodes have several kernels."])


def picture(seen: Seen, w: float, label: str) -> Pic:
    phone = w < 400
    inner = w - 2 * GAP - 2
    heights = {node: _node_height(rooms, phone) for node, rooms in seen.nodes.items()}
    h = 30 + sum(heights.values()) + GAP * len(heights) + KERNEL_H + GAP
    p = Pic(w, h + 2, label)
    p.rect(1, 1, w - 2, h, "sheet", "edge", 10, 2)
    p.text(GAP + 1, 21, "one computer", fill="muted", bold=True)
    y = 30.0
    names = plain_names(list(seen.nodes)) if len(seen.nodes) > 1 else list(seen.nodes)
    for (node, rooms), name in zip(seen.nodes.items(), names, strict=True):
        _node(p, name, rooms, (GAP + 1, y, inner, heights[node]), phone=phone)
        y += heights[node] + GAP
    p.rect(GAP + 1, y, inner, KERNEL_H, "work_tint", "work", 4, 2)
    words = f"one kernel: {seen.one_kernel}" if seen.one_kernel else "several kernels"
    p.text(w / 2, y + 22, words, anchor="middle", bold=True, room=inner - 16)
    return p


def _columns(rooms: list[Room], *, phone: bool) -> int:
    return 1 if phone else min(3, len(rooms[:MOST_PODS]))


def _room_height(room: Room) -> float:
    return POD_H + REACH_PX + NUMBER_H * (max(1, len(room.programs)) + len(room.gone[-MOST_GONE:])) + 8


def _rows(rooms: list[Room], *, phone: bool) -> list[list[Room]]:
    across, shown = _columns(rooms, phone=phone), rooms[:MOST_PODS]
    return [shown[i : i + across] for i in range(0, len(shown), across)]


def _node_height(rooms: list[Room], phone: bool) -> float:
    more = 20 if len(rooms) > MOST_PODS else 0
    return NODE_HEAD + sum(max(map(_room_height, row)) + GAP for row in _rows(rooms, phone=phone)) + more


def _node(p: Pic, name: str, rooms: list[Room], at: tuple[float, float, float, float], *, phone: bool) -> None:
    x, y, w, h = at
    p.rect(x, y, w, h, "paper", "edge", 6, 2)
    p.text(x + GAP, y + 20, f"node {name}: a container", bold=True, room=w - 2 * GAP)
    across = _columns(rooms, phone=phone)
    wide = (w - GAP * (across + 1)) / across
    top = y + NODE_HEAD
    for row in _rows(rooms, phone=phone):
        for i, room in enumerate(row):
            _room(p, room, x + GAP + i * (wide + GAP), top, wide)
        top += max(map(_room_height, row)) + GAP
    if len(rooms) > MOST_PODS:
        p.text(x + GAP, y + h - 8, f"and {len(rooms) - MOST_PODS} more, in the text below", fill="muted")


def _room(p: Pic, room: Room, x: float, y: float, w: float) -> None:
    p.rect(x, y, w, POD_H, "ready_tint" if room.programs else "sheet", "ready" if room.programs else "wait", 12, 2)
    p.text(x + 12, y + 20, f"pod {short_name(room.pod, 0)}", bold=True, room=w - 24)
    if not room.programs:
        p.text(x + 12, y + 46, "no program runs", fill="muted", room=w - 24)
    for i, program in enumerate(room.programs[:1]):
        p.text(x + 12, y + 46 + 18 * i, f"{program.inside}", mono=True, bold=True)
        p.text(x + 36, y + 46 + 18 * i, f"{program.name}, inside", room=w - 48)
    below = y + POD_H + REACH_PX
    for i, program in enumerate(room.programs):
        if i == 0:
            p.line(x + 18, y + 54, x + 18, below, "ready", 2)
        _number(p, program, x, below + i * NUMBER_H, w, gone=False)
    for i, program in enumerate(room.gone[-MOST_GONE:]):
        _number(p, program, x, below + (max(1, len(room.programs)) + i) * NUMBER_H, w, gone=True)


def _number(p: Pic, program: Process, x: float, y: float, w: float, *, gone: bool) -> None:
    p.rect(x, y, w, NUMBER_H - 4, "paper" if gone else "ready_tint", "wait" if gone else "ready", 4, 1.5, "3 3" if gone else "")
    taken = p.text(x + 8, y + 15.5, str(program.pid), mono=True, bold=not gone, fill="muted" if gone else "ink")
    p.text(x + 16 + taken, y + 15.5, "gone" if gone else "on the node", fill="muted", room=w - taken - 24)
