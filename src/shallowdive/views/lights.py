"""Which node a pod is on, over time: a lane for every node, a line in it for every pod that was there, and the time in which nothing was
heard of the node.

Pure: a history in, a picture out. That a node was lost is read from the pods on it, which the node controller takes for not ready then;
that it is back, from one that is ready again. A prediction is how many seconds the cluster takes to notice."""

from __future__ import annotations

from dataclasses import dataclass, field

from shallowdive.live import History, Seen
from shallowdive.objects import condition, is_helper, name_of, uid_of, whose
from shallowdive.objects.pods import is_unheard_of, pod_state
from shallowdive.views.axis import Axis, where_free
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, key
from shallowdive.views.kept import Kept
from shallowdive.views.lives import SEEN_S, SHORTEST_S, Life
from shallowdive.views.said import Said
from shallowdive.views.shapes import Pic, bar

TOP_PX, HEAD_PX, POD_PX, GAP_PX, BELOW_PX = 24, 22, 11, 3, 12
MOST_PODS = 10
"""Lines in one lane: the newest."""
USUAL_S = 50
"""Cluster seconds after which a node counts as lost: the node controller's default since Kubernetes 1.32."""


@dataclass(frozen=True, slots=True)
class Line:
    """A pod: whose it is, and its life on this node."""

    whose: str
    life: Life


@dataclass(frozen=True, slots=True)
class Dark:
    """Nothing was heard of the node; `to_s` None: still."""

    from_s: float
    to_s: float | None


@dataclass(frozen=True, slots=True)
class Lane:
    node: str
    lines: tuple[Line, ...]
    dark: tuple[Dark, ...]


@dataclass(slots=True)
class _Node:
    pods: dict[str, Line] = field(default_factory=dict)
    dark: list[Dark] = field(default_factory=list)


class Nodes:
    """What a record says about nodes, by name; times are seconds since 1970."""

    def __init__(self) -> None:
        self.nodes: dict[str, _Node] = {}
        self.where: dict[str, str] = {}
        self.first = self.last = 0.0

    def step(self, s: Seen) -> None:
        if s.kind == "Pod" and not is_helper(s.object):
            self._pod(s)

    def _pod(self, s: Seen) -> None:
        pod, uid = s.object, uid_of(s.object)
        name = (pod.get("spec") or {}).get("nodeName")
        if not name or (s.type == "DELETED" and uid not in self.where):
            return
        self.first, self.last = self.first or s.at_s, s.at_s
        self.where[uid] = name
        node = self.nodes.setdefault(name, _Node())
        life = node.pods.setdefault(uid, Line(whose(pod)[1], Life(name_of(pod)))).life
        state = pod_state(pod)
        if s.type == "DELETED":
            life.gone = s.at_s
        elif not life.steps or life.steps[-1][1] != state:
            life.steps.append((s.at_s, state))
        still = bool(node.dark) and node.dark[-1].to_s is None
        if s.type == "DELETED":
            return
        if still and condition(pod, "Ready") == "True":
            node.dark[-1] = Dark(node.dark[-1].from_s, s.at_s)
        elif not still and is_unheard_of(pod):
            node.dark.append(Dark(s.at_s, None))


nodes: Kept[Nodes] = Kept(Nodes, Nodes.step)


@dataclass(frozen=True, slots=True)
class Lanes:
    """What the picture shows; times are seconds from the left edge."""

    lanes: tuple[Lane, ...]
    began_s: float
    end: float
    now: float


def read(history: History, now_s: float | None = None, since_s: float | None = None, said: Said | None = None) -> Lanes | None:
    """None as long as no pod has a node. The right edge lies behind the moment that was predicted."""
    return nodes.look(history, lambda seen: _read(seen, now_s, since_s, said))


def _read(seen: Nodes, now_s: float | None, since_s: float | None, said: Said | None) -> Lanes | None:
    if not seen.nodes:
        return None
    began = max(seen.first, since_s or 0)
    now = max((now_s or 0) - began, seen.last - began + SEEN_S)
    end = max(now, SHORTEST_S, said.since_s - began + said.value / said.speed + 2 if said else 0)
    lanes = tuple(_lane(name, node, began) for name, node in sorted(seen.nodes.items()))
    return Lanes(lanes, began, end, now)


def _lane(name: str, node: _Node, began: float) -> Lane:
    def moved(line: Line) -> Line:
        life = line.life
        steps = [(at - began, state) for at, state in life.steps]
        return Line(line.whose, Life(life.name, steps, None if life.gone is None else life.gone - began))

    lines = [moved(line) for line in node.pods.values() if line.life.gone is None or line.life.gone > began]
    dark = [Dark(d.from_s - began, None if d.to_s is None else d.to_s - began) for d in node.dark]
    return Lane(name, tuple(lines[-MOST_PODS:]), tuple(d for d in dark if d.to_s is None or d.to_s > 0))


def draw(history: History, now_s: float | None = None, *, since_s: float | None = None, said: Said | None = None) -> Drawn:
    """`since_s`: the left edge. `said`: the act was at `said.since_s`, and the cluster was to notice `said.value` seconds later."""
    seen = read(history, now_s, since_s, said)
    if seen is None:
        return Drawn("", "", "No pod of yours has a node. Run the cell that makes some; they appear here by themselves.", empty=True)
    facts = in_words(seen) + (f" {said_in_words(seen, said)}" if said else "")
    states = sorted({s for lane in seen.lanes for line in lane.lines for _, _, s in line.life.spans(seen.now)})
    dark = any(lane.dark for lane in seen.lanes)
    keys = key("M1 3H25V15H1Z", "the node counts as lost", "fail") if dark else ""
    keys += key("M1 9H25", "your prediction", "you", "5 4") if said else ""
    read_ = "Each line is one pod, on the node on which it is. It never changes its lane."
    if said:
        read_ = f"{said_in_words(seen, said)} {read_}"
    desk, phone = (picture(seen, w, facts, said).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(desk, phone, facts, states, keys, read_)


def in_words(seen: Lanes) -> str:
    return " ".join(f"{lane.node}{_dark_in_words(lane)}: {_pods_in_words(lane, seen.now)}." for lane in seen.lanes)


def _dark_in_words(lane: Lane) -> str:
    return "" if not lane.dark else " (lost)" if lane.dark[-1].to_s is None else " (was lost, is back)"


def _pods_in_words(lane: Lane, now: float) -> str:
    count: dict[str, int] = {}
    for line in lane.lines:
        if state := line.life.state_at(now - 0.01):
            words = f"{line.whose} {'running, not ready' if state == 'notready' else state}"
            count[words] = count.get(words, 0) + 1
    return ", ".join(f"{n} {words}" for words, n in count.items()) or "no pod"


def noticed(seen: Lanes, said: Said) -> float | None:
    """Cluster seconds from the act until a node counted as lost; None while none did."""
    act = said.since_s - seen.began_s
    first = min((d.from_s for lane in seen.lanes for d in lane.dark if d.from_s >= act), default=None)
    return None if first is None else (first - act) * said.speed


def said_in_words(seen: Lanes, said: Said) -> str:
    was = noticed(seen, said)
    if was is None:
        passed = (seen.now - (said.since_s - seen.began_s)) * said.speed
        waits = f"Without a sign of life for about {USUAL_S} s a node counts as lost"
        return f"Nothing was heard for {passed:.0f} s. {waits}; you said {said.value} s."
    return f"You said that the cluster notices after {said.value} s; it took {was:.0f} s."


def picture(seen: Lanes, w: float, label: str, said: Said | None = None) -> Pic:
    top = TOP_PX if said else 2
    heights = [HEAD_PX + max(1, len(lane.lines)) * (POD_PX + GAP_PX) + BELOW_PX for lane in seen.lanes]
    p = Pic(w, top + sum(heights) + 20, label)
    x = Axis(64 if w < 400 else 108, w - 12, seen.end)
    y, ways = float(top), [(top - 6.0, float(top))]
    for lane, h in zip(seen.lanes, heights, strict=True):
        _draw_lane(p, lane, x, y, h - BELOW_PX / 2, seen)
        ways.append((y + HEAD_PX - 2, y + h - BELOW_PX / 2))
        y += h
    if said:
        _said(p, seen, said, x, top, ways)
    x.draw(p, 3 if w < 400 else 6)
    return p


def _draw_lane(p: Pic, lane: Lane, x: Axis, top: float, h: float, seen: Lanes) -> None:
    p.rect(0.5, top, p.w - 1, h, "none", "hair", 5)
    for d in lane.dark:
        a, b = x(d.from_s), x(seen.now if d.to_s is None else d.to_s)
        p.rect(a, top + 1, max(2.0, b - a), h - 2, "fail_tint", "fail", 3, 1)
    p.text(8, top + 15, lane.node, bold=True, room=x.left + (x.right - x.left) / 2)
    for d in lane.dark:
        a, b = x(d.from_s), x(seen.now if d.to_s is None else d.to_s)
        where_free(p, "lost", ((a + b) / 2, top + 15, "middle"), (b + 4, top + 15, "start"), fill="fail", bold=True)
    for i, line in enumerate(lane.lines):
        y = top + HEAD_PX + i * (POD_PX + GAP_PX)
        gone = line.life.gone is not None
        p.text(x.left - 6, y + 9, line.whose, fill="muted" if gone else "ink", anchor="end", room=x.left - 14)
        for at, until, state in line.life.spans(seen.now):
            bar(p, x(at), y, max(1.5, x(until) - x(at)), POD_PX, state, r=2)
    if not lane.lines:
        p.text(x.left, top + HEAD_PX + 9, "no pod", fill="muted")


def _said(p: Pic, seen: Lanes, said: Said, x: Axis, top: float, ways: list[tuple[float, float]]) -> None:
    act = said.since_s - seen.began_s
    a, b = x(act), x(act + said.value / said.speed)
    for y1, y2 in ways:  # below the names of the nodes
        p.line(a, y1, a, y2, "ink", 1.5, "2 3")
        p.line(b, y1, b, y2, "you", 2, "5 4")
    mine, y = f"you: {said.value} s", top - 10.0
    where_free(p, mine, (b, y, "middle"), (b - 2, y, "end"), (b, y, "start"), fill="you", bold=True)
    where_free(p, "switched off", (a, y, "middle"), (a - 2, y, "end"), (a, y, "start"))
