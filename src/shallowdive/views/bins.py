"""Nodes as bins: what is requested on each, packed to scale, and whether what waits would fit anywhere.

Pure: a state in, a picture out. Scale and size come from `allocatable`. The scheduler packs requests, not use; so does this picture.
Left out: taints, affinity, ports; a pod may wait for those though a gap is wide enough, and the words say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from shallowdive.diagrams.dot import text_width_px
from shallowdive.live import ClusterState
from shallowdive.objects import Object, condition, is_helper, name_of
from shallowdive.objects.pods import pod_state
from shallowdive.objects.quantities import amount, asked
from shallowdive.views.axis import where_free
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn
from shallowdive.views.said import Said
from shallowdive.views.shapes import STATE, Anchor, Pic, bar, glyph, tile, wrap
from shallowdive.views.tally import Tally
from shallowdive.views.timeline import short_name

MIB = 2**20
MOST_BINS, MOST_BLOCKS = 12, 120
BIN_PX = 36
NAME_PX = 46
"""A block at least this wide carries its pod's name."""
TINT = {"ready": "ready_tint", "notready": "warn_tint", "failed": "fail_tint", "backoff": "fail_tint", "pulling": "work_tint"}


@dataclass(slots=True)
class Bin:
    """A node: what pods may request there, what other namespaces request, and (name, state, request) of each pod that is shown."""

    name: str
    size: Fraction
    others: Fraction = Fraction(0)
    pods: list[tuple[str, str, Fraction]] = field(default_factory=list)
    closed: str = ""

    @property
    def free(self) -> Fraction:
        return self.size - self.others - sum((n for _, _, n in self.pods), Fraction(0))


@dataclass(slots=True)
class Packed:
    """Every node, and the pods that have none: (name, request). `others_seen`: pods of other namespaces were looked at, too."""

    resource: str
    bins: list[Bin]
    waiting: list[tuple[str, Fraction]]
    others_seen: bool
    shared_machine: bool


def read(state: ClusterState, namespace: str = "", resource: str = "cpu") -> Packed:
    """`namespace`: whose pods are shown one by one; every other pod is part of what its node already holds."""
    bins = {}
    for node in state.all("Node"):
        status = node.get("status") or {}
        bins[name_of(node)] = Bin(name_of(node), amount((status.get("allocatable") or {}).get(resource, 0)), closed=_closed(node))
    waiting, others_seen = [], False
    for pod in state.all("Pod"):
        mine = not namespace or pod["metadata"].get("namespace") == namespace
        others_seen = others_seen or not mine
        where = bins.get(str(pod["spec"].get("nodeName", "")))
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        if where is not None and mine and not is_helper(pod):
            where.pods.append((name_of(pod), pod_state(pod), asked(pod, resource)))
        elif where is not None:
            where.others += asked(pod, resource)
        elif mine and not pod["spec"].get("nodeName"):
            waiting.append((name_of(pod), asked(pod, resource)))
    return Packed(resource, list(bins.values()), waiting, others_seen, _one_machine(state.all("Node")))


def _closed(node: Object) -> str:
    """Why the scheduler puts no ordinary pod here; '' where it does."""
    spec = node.get("spec") or {}
    if spec.get("unschedulable"):
        return "cordoned"
    if condition(node, "Ready") != "True":
        return "not ready"
    return "tainted" if any(t.get("effect") in ("NoSchedule", "NoExecute") for t in spec.get("taints") or []) else ""


def _one_machine(nodes: list[Object]) -> bool:
    """kind's nodes are containers on one machine, and each reports the whole of it."""
    return len(nodes) > 1 and all(str((n.get("spec") or {}).get("providerID", "")).startswith("kind://") for n in nodes)


def draw(state: ClusterState, namespace: str = "", resource: str = "cpu", said: Said | None = None) -> Drawn:
    """`said`: so many of the pods get a node."""
    seen = read(state, namespace, resource)
    if not seen.bins:
        return Drawn("", "", "Nobody looked at nodes: whoever may see one namespace only may not list them.", empty=True)
    counted = Tally([state for b in seen.bins for _, state, _ in b.pods], ["pending"] * len(seen.waiting))
    facts = in_words(seen) + (f" {counted.in_words(said)}" if said else "")
    states = sorted({s for b in seen.bins for _, s, _ in b.pods} | ({"pending"} if seen.waiting else set()))
    read_ = "The scheduler packs requests (boxes), not use. A gap is what nobody has requested yet."
    read_ += " Red and dashed: the waiting pod, laid over the widest gap." if _too_wide(seen) else ""
    if seen.shared_machine:
        read_ += " kind's nodes are containers on one machine, and each reports the whole machine: together they promise more than it has."
    if said:
        read_ = f"{counted.in_words(said)} {read_}"
    desk, phone = (picture(seen, w, facts, counted if said else None, said).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(desk, phone, facts, states, read=read_)


def _too_wide(seen: Packed) -> bool:
    gaps = [b.free for b in seen.bins if not b.closed]
    return bool(seen.waiting and gaps) and max(n for _, n in seen.waiting) > max(gaps)


def size(seen: Packed, n: Fraction) -> str:
    if not n:
        return "nothing"
    if seen.resource == "cpu":
        return f"{float(n):.2f}" if abs(n) < 10 else f"{float(n):,.0f}"
    return f"{float(n / MIB):,.0f} Mi" if abs(n) < 1024 * MIB else f"{float(n / MIB / 1024):,.1f} Gi"


def in_words(seen: Packed) -> str:
    said = [
        f"Node {b.name}{f' ({b.closed})' if b.closed else ''} offers {size(seen, b.size)} {seen.resource}; "
        f"{len(b.pods)} pod{'s' if len(b.pods) != 1 else ''} requested {size(seen, b.size - b.others - b.free)}"
        + (f", other namespaces {size(seen, b.others)}" if seen.others_seen else "")
        + f"; free {size(seen, b.free)}."
        for b in seen.bins
    ]
    if not seen.others_seen:
        said.append("Pods of other namespaces were not looked at.")
    return " ".join([*said, *(words for words, _ in _verdict(seen))])


def _verdict(seen: Packed) -> list[tuple[str, str]]:
    """What waits and why, line by line with its colour."""
    if not seen.waiting:
        return [("No pod waits for a node.", "muted")]
    need, gaps = max(n for _, n in seen.waiting), [b.free for b in seen.bins if not b.closed]
    widest, together = max(gaps, default=Fraction(0)), sum((max(g, Fraction(0)) for g in gaps), Fraction(0))
    count = len(seen.waiting)
    lines = [(f"{'Pending' if count == 1 else f'{count} Pending, the largest'}: needs {size(seen, need)}", "ink")]
    if need > widest:
        lines.append((f"largest gap {size(seen, widest)}", "fail"))
    else:
        lines.append((f"largest gap {size(seen, widest)}: wide enough, so something else stands in the way", "warn"))
    return [*lines, (f"all gaps together {size(seen, together)}", "muted")]


def picture(seen: Packed, w: float, label: str, counted: Tally | None = None, said: Said | None = None) -> Pic:
    phone = w < 400
    left, pitch = (2, 66) if phone else (116, 50)
    shown = seen.bins[:MOST_BINS]
    need = max((n for _, n in seen.waiting), default=Fraction(0))
    open_bins = [b for b in shown if not b.closed]
    tightest = max(open_bins, key=lambda b: b.free, default=None) if _too_wide(seen) else None
    widest = max([b.size for b in shown] + [Fraction(1, 1000)])
    scale = float((w - left - 12) / widest)
    wait_y = 24 + len(shown) * pitch + (20 if len(seen.bins) > MOST_BINS else 0)
    lines = [(line, fill) for words, fill in _verdict(seen) for line in wrap(words, w - left - 4, bold=True)]
    tally_px = counted.height_px(w - left - 4) if counted and said else 0
    p = Pic(w, wait_y + (BIN_PX + 12 if seen.waiting else 0) + 20 * len(lines) + 8 + tally_px, label)
    what = "CPU" if seen.resource == "cpu" else "memory"
    widest_said = "" if phone else f"; the widest node offers {size(seen, widest)}"
    p.text(left, 12, f"requested {what}, to scale{widest_said}", fill="muted", room=w - left)
    names = plain_names([b.name for b in shown])
    for i, (b, name) in enumerate(zip(shown, names, strict=True)):
        y = 24 + i * pitch + (18 if phone else 0)
        free = f"free {size(seen, b.free)}" + (f", {b.closed}" if b.closed and phone else "")
        if phone:
            p.text(left, y - 5, name, bold=True, room=w / 2)
            p.text(w - 12, y - 5, free, fill="warn" if b.closed else "muted", anchor="end", room=w / 2 - 24)
        else:
            p.text(0, y + 15, name, bold=True, room=left - 8)
            p.text(0, y + 31, free, fill="muted", room=left - 8)
        _bin(p, b, left, y, scale)
        if b.closed and not phone:
            end = left + float(b.size) * scale
            inside: tuple[float, float, Anchor] = (end - 8, y + BIN_PX / 2 + 5, "end")
            beside: tuple[float, float, Anchor] = (end + 8, y + BIN_PX / 2 + 5, "start")
            spots = (inside, beside) if end - left > 140 else (beside, inside)
            where_free(p, b.closed, *spots, fill="warn", bold=True)
        if b is tightest:
            at = left + float(b.size - b.free) * scale
            p.rect(at + 1, y - 1, min(float(need) * scale, p.w - at - 5), BIN_PX + 3, "none", "fail", 5, 2, "3 3")
    if len(seen.bins) > MOST_BINS:
        p.text(left, wait_y - 6, f"and {len(seen.bins) - MOST_BINS} more nodes, in the text below", fill="muted")
    if seen.waiting:
        _waiting(p, seen, need, left, wait_y, scale)
        wait_y += BIN_PX + 12
    for i, (words, fill) in enumerate(lines):
        p.text(left, wait_y + 16 + i * 20, words, fill=fill, bold=fill != "muted", room=w - left - 4)
    if counted and said:
        counted.draw(p, said, left, p.h - tally_px, w - left - 4)
    return p


def plain_names(names: list[str]) -> list[str]:
    """Names without what all of them begin with: it tells nothing apart."""
    parts = names[0].split("-")
    heads = ("-".join(parts[:n]) + "-" for n in range(len(parts) - 1, 0, -1))
    head = next((h for h in heads if len(names) > 1 and all(n.startswith(h) for n in names)), "")
    return [n.removeprefix(head) for n in names]


def _bin(p: Pic, b: Bin, left: float, y: float, scale: float) -> None:
    end = left + float(b.size) * scale
    p.rect(left, y, end - left, BIN_PX, "sheet", "edge", 2, dash="4 4" if b.closed else "")
    p.line(left, y + BIN_PX + 1, end, y + BIN_PX + 1, "edge", 4)
    at = left
    if b.others:
        taken = min(float(b.others) * scale, end - at)
        p.rect(at + 1, y + 3, taken - 2, BIN_PX - 5, "hair", r=2)
        words = "other namespaces" if taken > 124 else "others"
        if taken > text_width_px(words) + 8:
            p.text(at + taken / 2, y + BIN_PX / 2 + 5, words, fill="muted", anchor="middle")
        at += taken
    if len(b.pods) > MOST_BLOCKS:
        taken = float(b.size - b.others - b.free) * scale
        p.rect(at + 1, y + 3, taken - 2, BIN_PX - 5, "ready_tint", "ready", 5)
        ready = sum(1 for _, state, _ in b.pods if state == "ready")
        words = f"{len(b.pods)} pods, {ready} ready"
        if taken > text_width_px(words, bold=True) + 8:
            p.text(at + taken / 2, y + BIN_PX / 2 + 5, words, anchor="middle", bold=True)
        return
    for name, state, n in b.pods:
        if n and at + float(n) * scale <= p.w:
            _block(p, name, state, at, y, float(n) * scale)
            at += float(n) * scale
    nothing = sum(1 for _, _, n in b.pods if not n)
    words = f"{nothing} pod{'s' if nothing > 1 else ''} requested nothing"
    if nothing and at + text_width_px(words) + 10 < end:
        p.text(at + 8, y + BIN_PX / 2 + 5, words, fill="muted")


def _block(p: Pic, name: str, state: str, x: float, y: float, w: float) -> None:
    """One pod, as wide as its request."""
    _, stroke, fill, dash = STATE[state]
    if w < 4:
        p.line(x, y + 3, x, y + BIN_PX - 2, stroke, 1.5)
        return
    p.rect(x + 1, y + 3, w - 2, BIN_PX - 5, TINT.get(state, fill), stroke, min(5, w / 4), dash=dash)
    words = short_name(name, 0)
    if w >= NAME_PX + 20 and text_width_px(words, mono=True) <= w - 30:
        tile(p, x + 6, y + BIN_PX / 2 - 7, 14, state)
        p.text(x + 24, y + BIN_PX / 2 + 5, words, mono=True)
    elif w >= 16:
        side = min(14, w - 4)
        tile(p, x + w / 2 - side / 2, y + BIN_PX / 2 - side / 2, side, state)


def _waiting(p: Pic, seen: Packed, need: Fraction, left: float, y: float, scale: float) -> None:
    """The largest pod that waits, to the scale of the bins; a giant is cut at the edge, and the words keep the number."""
    room = p.w - left - 4
    w = min(float(need) * scale, room)
    bar(p, left + 1, y, max(w - 2, 3), BIN_PX, "pending", r=5)
    name = next(n for n, size_ in seen.waiting if size_ == need)
    words = short_name(name, 0)
    if w > text_width_px(words, mono=True) + 12:
        p.text(left + w / 2, y + BIN_PX / 2 + 5, words, anchor="middle", mono=True)
    elif w > 16:
        glyph(p, left + w / 2, y + BIN_PX / 2, "pending", "wait")
    if float(need) * scale > room:
        p.path(f"M{left + w - 16:.1f} {y + BIN_PX / 2 - 5:.1f}l5 5l-5 5m5 -10l5 5l-5 5", "none", "wait", 2)
