"""The cluster as what it is: one computer, the nodes that are containers in it, and the pods on each node.

Pure: a state in, a picture out. What belongs to the cluster itself is counted; the learner's own pods stand there by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from shallowdive.live import ClusterState
from shallowdive.objects import Object, condition, is_helper, labels_of, name_of
from shallowdive.objects.pods import pod_state
from shallowdive.views.bins import plain_names
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn
from shallowdive.views.shapes import Pic, tile
from shallowdive.views.timeline import short_name

MOST_MACHINES, MOST_PODS = 9, 5
GAP, HEAD, ROW = 12, 62, 24
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@dataclass(slots=True)
class Machine:
    """A node: (name, state) of the learner's pods on it, and how many others."""

    name: str
    role: str
    ready: bool
    kind: str
    """`container` on kind, `process` on the embedded cluster, else `machine`."""
    pods: list[tuple[str, str]] = field(default_factory=list)
    others: int = 0


@dataclass(slots=True)
class Cluster:
    machines: list[Machine]
    waiting: list[tuple[str, str]]
    others_seen: bool

    @property
    def kind(self) -> str:
        kinds = {m.kind for m in self.machines}
        return kinds.pop() if len(kinds) == 1 else "machine"


def read(state: ClusterState, namespace: str) -> Cluster:
    machines = {name_of(n): Machine(name_of(n), _role(n), condition(n, "Ready") == "True", _kind(n)) for n in state.all("Node")}
    waiting, others_seen = [], False
    for pod in state.all("Pod"):
        mine = pod["metadata"].get("namespace") == namespace
        others_seen = others_seen or not mine
        where = machines.get(str(pod["spec"].get("nodeName", "")))
        if where is not None and mine and not is_helper(pod):
            where.pods.append((name_of(pod), pod_state(pod)))
        elif where is not None:
            where.others += 1
        elif mine and not is_helper(pod):
            waiting.append((name_of(pod), pod_state(pod)))
    order = sorted(machines.values(), key=lambda m: (m.role != "control plane", m.name))
    return Cluster(order, waiting, others_seen)


def _role(node: Object) -> str:
    return "control plane" if CONTROL_PLANE in labels_of(node) else "worker"


def _kind(node: Object) -> str:
    scheme = str((node.get("spec") or {}).get("providerID", "")).split(":")[0]
    return {"kind": "container", "embedded": "process"}.get(scheme, "machine")


def draw(state: ClusterState, namespace: str) -> Drawn:
    seen = read(state, namespace)
    if not seen.machines:
        return Drawn("", "", "Nobody looked at nodes: whoever may see one namespace only may not list them.", empty=True)
    facts = in_words(seen)
    states = sorted({s for m in seen.machines for _, s in m.pods} | {s for _, s in seen.waiting})
    desk, phone = (picture(seen, w, facts).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(desk, phone, facts, states, read=_read(seen))


def _read(seen: Cluster) -> str:
    said = {
        "container": "To the engine each node is a container. To Kubernetes it is a machine.",
        "process": "Here no machine is started: one process plays all of them.",
        "machine": "Each box is a machine that takes pods.",
    }
    return said[seen.kind]


def in_words(seen: Cluster) -> str:
    inside = {"container": "containers on one computer", "process": "played by one process on one computer", "machine": "machines"}
    count = len(seen.machines)
    said = [f"{count} node{'s' if count != 1 else ''}, {inside[seen.kind]}."]
    for m in seen.machines:
        mine = ", ".join(f"{name} ({state})" for name, state in m.pods) or "none of yours"
        others = f", and {m.others} of others" if seen.others_seen else ""
        said.append(f"{m.name}, {m.role}, {'ready' if m.ready else 'not ready'}: {mine}{others}.")
    if seen.waiting:
        said.append("On no node yet: " + ", ".join(name for name, _ in seen.waiting) + ".")
    return " ".join(said)


def picture(seen: Cluster, w: float, label: str) -> Pic:
    phone = w < 400
    shown = seen.machines[:MOST_MACHINES]
    across = 1 if phone else min(3, len(shown))
    box_w = (w - 2 * GAP - (across - 1) * GAP - 2) / across
    rows = [shown[i : i + across] for i in range(0, len(shown), across)]
    heights = [max(_height(m) for m in row) for row in rows]
    more = len(seen.machines) - len(shown)
    frame_h = 30 + sum(heights) + GAP * len(rows) + (22 if more else 0)
    p = Pic(w, frame_h + 2 + (ROW * (1 + len(seen.waiting[:MOST_PODS])) + 8 if seen.waiting else 0), label)
    p.rect(1, 1, w - 2, frame_h, "sheet", "edge", 10, 2)
    p.text(GAP + 1, 21, "one computer" if seen.kind != "machine" else "the cluster", fill="muted", bold=True)
    names = plain_names([m.name for m in shown])
    y, at = 30.0, 0
    for row, height in zip(rows, heights, strict=True):
        for i, m in enumerate(row):
            _machine(p, m, names[at], (1 + GAP + i * (box_w + GAP), y, box_w, height))
            at += 1
        y += height + GAP
    if more:
        p.text(GAP + 1, y + 10, f"and {more} more, in the text below", fill="muted")
    if seen.waiting:
        p.text(GAP + 1, frame_h + 20, "on no node yet", fill="muted")
        for i, (name, state) in enumerate(seen.waiting[:MOST_PODS]):
            _pod(p, name, state, GAP + 1, frame_h + 8 + ROW * (i + 1), w - 2 * GAP)
    return p


def _height(m: Machine) -> float:
    lines = min(len(m.pods), MOST_PODS) + (len(m.pods) > MOST_PODS) + bool(m.others)
    return HEAD + max(1, lines) * ROW + 6


def _machine(p: Pic, m: Machine, name: str, at: tuple[float, float, float, float]) -> None:
    x, y, w, h = at
    p.rect(x, y, w, h, "paper", "ready" if m.ready else "warn", 6, 2, "" if m.kind != "process" else "5 4")
    tile(p, x + 10, y + 10, 18, "ready" if m.ready else "unknown")
    p.text(x + 36, y + 24, name, bold=True, room=w - 44)
    p.text(x + 36, y + 41, m.role, fill="muted", room=w - 44)
    p.line(x + 10, y + 50, x + w - 10, y + 50, "hair")
    row = y + HEAD - 6
    for pod, state in m.pods[:MOST_PODS]:
        _pod(p, pod, state, x + 10, row, w - 20)
        row += ROW
    if len(m.pods) > MOST_PODS:
        p.text(x + 10, row + 14, f"and {len(m.pods) - MOST_PODS} more of yours", fill="muted", room=w - 20)
        row += ROW
    if m.others:
        p.text(x + 10, row + 14, f"{m.others} of the cluster's own", fill="muted", room=w - 20)
    elif not m.pods:
        p.text(x + 10, row + 14, "no pod", fill="muted", room=w - 20)


def _pod(p: Pic, name: str, state: str, x: float, y: float, room: float) -> None:
    tile(p, x, y + 1, 16, state)
    p.text(x + 24, y + 14, short_name(name, 200), mono=True, room=room - 26)
