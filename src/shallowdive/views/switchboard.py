"""The parts of a control plane as plugs in one board: every cable ends at the API server, and what is off hangs beside its socket.

Pure: which parts are off, a picture out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, framed, key
from shallowdive.views.shapes import Pic

API, SCHEDULER, CONTROLLERS = "kube-apiserver", "kube-scheduler", "kube-controller-manager"
WITHOUT = {
    SCHEDULER: "no new pod is given a node",
    CONTROLLERS: "nobody compares what is wanted with what is there",
    API: "nobody can ask for anything, or write anything down",
}
HEIGHT, RAIL_Y, RAIL_PX, BOX_Y, BOX_PX, POD_Y = 258, 66, 36, 146, 38, 216


@dataclass(frozen=True, slots=True)
class Socket:
    """A box below the board. `name` is '' for what cannot be switched off here."""

    words: str
    short: str
    name: str = ""


SOCKETS = (
    Socket("scheduler", "scheduler", SCHEDULER),
    Socket("controller manager", "controllers", CONTROLLERS),
    Socket("kubelets", "kubelets"),
)


def html(off: Collection[str], title: str, source: str, note: str = "") -> tuple[str, str, str]:
    """(title, framed picture, text twin), as `show_still` takes them. `note`: the learner's prediction, in words."""
    drawn = draw(off, note)
    title = title or "The switchboard"
    return title, framed(title, source, drawn), drawn.facts


def draw(off: Collection[str], note: str = "") -> Drawn:
    facts = in_words(off)
    desk, phone = (picture(off, w, facts).svg() for w in (DESK_PX, PHONE_PX))
    keys = key("M1 9H25", "plugged in", "ready") + (key("M1 9H25", "pulled out", "fail", "4 3") if off else "")
    return Drawn(desk, phone, facts, keys=keys, read=f"{note} {facts}".strip(), ask="which of these does a request of your users need?")


def in_words(off: Collection[str]) -> str:
    missing = [f"{name} is off: {WITHOUT[name]}" for name in WITHOUT if name in off]
    return ". ".join(missing or ["Everything is plugged in"]) + "."


def picture(off: Collection[str], w: float, label: str) -> Pic:
    phone = w < 400
    p = Pic(w, HEIGHT, label)
    rail_off, rail_w = API in off, w * 0.74
    _box(p, 1, 1, rail_w * 0.5, 32, "you, kubectl" if phone else "you: kubectl, this notebook", off=False)
    _cable(p, rail_w * 0.25, 33, RAIL_Y, cut=rail_off)
    _box(p, 1, RAIL_Y, rail_w, RAIL_PX, "API server", off=rail_off, bold=True)
    _box(p, w * 0.83, RAIL_Y, w * 0.17 - 1, RAIL_PX, "etcd", off=False)
    _wire(p, rail_w + 1, w * 0.83, RAIL_Y + RAIL_PX / 2, cut=rail_off)
    third = (w - 2) / 3
    for i, socket in enumerate(SOCKETS):
        gone = socket.name in off
        x = 1 + i * third + 4
        _box(p, x, BOX_Y, third - 8, BOX_PX, socket.short if phone else socket.words, off=gone)
        at = min(x + (third - 8) / 2, rail_w - 12)
        _cable(p, at, RAIL_Y + RAIL_PX, BOX_Y, cut=gone or rail_off)
    _cable(p, 1 + 2.5 * third, BOX_Y + BOX_PX, POD_Y, cut=False)
    _box(p, 1 + 1.5 * third, POD_Y, 1.5 * third - 4, 36, "your pods", off=False, bold=True)
    _box(p, 1, POD_Y, third, 36, "users" if phone else "your users", off=False)
    p.line(third + 1, POD_Y + 18, 1.5 * third - 4, POD_Y + 18, "ready", 2.5)
    p.path(f"M{1.5 * third:.1f} {POD_Y + 18}l-8 -5v10Z", "ready", "ready", 1)
    return p


def _box(p: Pic, x: float, y: float, w: float, h: float, words: str, *, off: bool, bold: bool = False) -> None:
    p.rect(x, y, w, h, "paper" if off else "sheet", "fail" if off else "edge", 5, 2, "5 4" if off else "")
    p.text(
        x + w / 2, y + h / 2 + 4, f"{words}: off" if off else words, fill="fail" if off else "ink", anchor="middle", room=w - 8, bold=bold
    )


def _cable(p: Pic, x: float, top: float, bottom: float, *, cut: bool) -> None:
    if not cut:
        p.line(x, top, x, bottom, "ready", 2.5)
        return
    middle = (top + bottom) / 2
    p.line(x, middle + 6, x, bottom, "fail", 2, "4 3")
    p.line(x - 6, middle + 6, x + 6, middle + 6, "fail", 2.5)
    p.line(x - 6, top + 1, x + 6, top + 1, "edge", 2)


def _wire(p: Pic, left: float, right: float, y: float, *, cut: bool) -> None:
    p.line(left, y, right, y, "fail" if cut else "ready", 2 if cut else 2.5, "4 3" if cut else "")
