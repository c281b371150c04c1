"""Things as stations of a way, and the arrows between them: a row on a wide picture, a column on a narrow one.

Running things have rounded bodies; what is not there is dashed and hollow."""

from __future__ import annotations

from shallowdive.diagrams.dot import text_width_px
from shallowdive.views.shapes import STATE, Anchor, Box, Pic, tile

PHONE_GAP_PX = 52
NOT_THERE = "3 3"


def stations(w: float, n: int, desk: tuple[float, float], phone: tuple[float, float], top: float = 0) -> list[Box]:
    """x, y, width, height of n boxes: evenly in a row, or below each other."""
    if w > 400:
        bw, bh = desk
        gap = (w - 4 - n * bw) / (n - 1)
        return [(2 + i * (bw + gap), top, bw, bh) for i in range(n)]
    bw, bh = phone
    return [(2, top + i * (bh + PHONE_GAP_PX), bw, bh) for i in range(n)]


def you(p: Pic, at: Box, *lines: str) -> None:
    p.rect(*at, "sheet", "edge", r=4)
    _lettering(p, at, ("you", *lines), mono_from=1)


def service(p: Pic, at: Box, name: str, sub: str, *, there: bool = True) -> None:
    p.rect(*at, "paper", "edge", r=at[3] / 2, dash="" if there else NOT_THERE)
    _lettering(p, at, ("Service", name, sub), anchor="middle", pad=14)


def ingress(p: Pic, at: Box, name: str, *subs: str, there: bool = True) -> None:
    x, y, w, h = at
    p.path(
        f"M{x:.1f} {y:.1f}H{x + w - 14:.1f}L{x + w:.1f} {y + h / 2:.1f}L{x + w - 14:.1f} {y + h:.1f}H{x:.1f}Z",
        "paper",
        "edge",
        dash="" if there else NOT_THERE,
    )
    _lettering(p, (x, y, w - 4, h), ("Ingress", name, *subs))


def pod(p: Pic, at: Box, state: str, name: str, sub: str) -> None:
    """Rounded box, state tile at the left, the name in mono, words below it."""
    x, y, w, h = at
    _, stroke, fill, dash = STATE[state]
    tint = {"ready": "ready_tint", "notready": "warn_tint"}.get(state, fill)
    p.rect(*at, tint, stroke, r=8, sw=2 if stroke == "fail" else 1.5, dash=dash)
    tile(p, x + 8, y + h / 2 - 9, 18, state)
    p.text(x + 33, y + h / 2 - 3, name, mono=True, room=w - 38)
    p.text(x + 33, y + h / 2 + 13, sub, fill="muted", room=w - 38)


def claim(p: Pic, at: Box, name: str, sub: str, *, there: bool = True) -> None:
    """A ticket with a notch at each side."""
    x, y, w, h = at
    m = y + h / 2
    right = f"H{x + w:.1f}V{m - 6:.1f}A6 6 0 0 0 {x + w:.1f} {m + 6:.1f}V{y + h:.1f}"
    d = f"M{x:.1f} {y:.1f}{right}H{x:.1f}V{m + 6:.1f}A6 6 0 0 0 {x:.1f} {m - 6:.1f}Z"
    p.path(d, "paper", "edge", dash="" if there else NOT_THERE)
    _lettering(p, (x + 4, y, w - 8, h), ("Claim (PVC)", name, sub))


def volume(p: Pic, at: Box, kind: str, name: str) -> None:
    """A cylinder: bytes that stay."""
    x, y, w, h = at
    e = 7
    body = f"M{x:.1f} {y + e}A{w / 2:.1f} {e} 0 0 1 {x + w:.1f} {y + e}V{y + h - e}A{w / 2:.1f} {e} 0 0 1 {x:.1f} {y + h - e}Z"
    p.path(body, "paper", "edge")
    p.path(f"M{x:.1f} {y + e}A{w / 2:.1f} {e} 0 0 0 {x + w:.1f} {y + e}", "none", "edge")
    _lettering(p, (x, y + e, w, h - e), (kind, name))


def node(p: Pic, at: Box, name: str) -> None:
    """A square box on a thick floor."""
    x, y, w, h = at
    p.rect(*at, "sheet", "edge", r=2)
    p.line(x, y + h, x + w, y + h, "edge", 4)
    while "-" in name and text_width_px(name, mono=True) > w - 18:
        name = f"…{name.partition('-')[2]}"  # every node of a cluster begins alike: the end tells them apart
    _lettering(p, at, ("Node", name))


def not_there(p: Pic, at: Box, words: str, r: float) -> None:
    p.rect(*at, "none", "wait", r, dash=NOT_THERE)
    p.text(at[0] + at[2] / 2, at[1] + at[3] / 2 + 4, words, fill="muted", anchor="middle", room=at[2] - 8)


def hop(p: Pic, a: Box, b: Box, words: str, token: str) -> tuple[float, float]:
    """An arrow from box to box with its answer in a pill, broken ones with a cross. Returns the middle."""
    dash = "3 4" if token == "wait" else ""
    if a[0] == b[0]:
        x, y1, y2 = a[0] + a[2] / 2, a[1] + a[3] + 3, b[1] - 3
        middle = x, (y1 + y2) / 2
        arrow(p, x, y1, x, y2, token, dash)
        pill(p, x + 14, middle[1] - 10, words, token)
    else:
        y, x1, x2 = a[1] + a[3] / 2, a[0] + a[2] + 3, b[0] - 3
        middle = (x1 + x2) / 2, y
        arrow(p, x1, y, x2, y, token, dash)
        pill(p, middle[0], y + 12, words, token, "middle")
    if token == "fail":
        x, y = middle
        p.circle(x, y, 8, "paper", "fail", 2)
        p.path(f"M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6", "none", "fail", 2)
    return middle


def pill(p: Pic, x: float, y: float, words: str, token: str, anchor: Anchor = "start") -> None:
    if not words:
        return
    w = text_width_px(words, bold=True) + 14
    left = x - (w / 2 if anchor == "middle" else 0)
    p.rect(left, y, w, 20, f"{token}_tint", token, r=10, sw=1)
    p.text(left + w / 2, y + 14, words, fill=token, anchor="middle", bold=True)


def arrow(p: Pic, x1: float, y1: float, x2: float, y2: float, stroke: str, dash: str) -> None:
    p.line(x1, y1, x2, y2, stroke, 2.5, dash)
    ux, uy = (0, 1) if x1 == x2 else (1, 0)
    head = ((x2, y2), (x2 - 7 * ux - 4 * uy, y2 - 7 * uy + 4 * ux), (x2 - 7 * ux + 4 * uy, y2 - 7 * uy - 4 * ux))
    p.path("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in head) + "Z", stroke)


def _lettering(p: Pic, at: Box, rows: tuple[str, ...], *, anchor: Anchor = "start", pad: float = 10, mono_from: int = 9) -> None:
    """The kind, its name in mono, and what else there is to say, one below the other in the middle of the height."""
    x, y, w, h = at
    shown = [r for r in rows if r]
    top = y + h / 2 - len(shown) * 8 + 12
    for i, words in enumerate(shown):
        name = i == 1
        p.text(
            x + pad if anchor == "start" else x + w / 2, top + i * 16, words, fill="ink" if name else "muted", anchor=anchor,
            room=w - pad - 8 if anchor == "start" else w - 2 * pad, mono=name or i >= mono_from,
        )  # fmt: skip
