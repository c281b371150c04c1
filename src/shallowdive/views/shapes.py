"""The vocabulary: one look per state, and text that is measured before it is placed.

Pure string building. No ids, no url(#…), no <style> inside a picture: many views share one page. Every text remembers its box, so
`Pic.problems()` can say what overlaps or leaves the canvas."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Literal

from shallowdive.diagrams.dot import text_width_px

CSS = Path(__file__).with_name("tokens.css").read_text(encoding="utf-8")
LIGHT = {n.replace("-", "_"): c for n, c in re.findall(r"--sd-([\w-]+):[^;]*?(#[0-9a-f]{6})\)*;", CSS[: CSS.index("html[data-theme")])}
Anchor = Literal["start", "middle", "end"]
Box = tuple[float, float, float, float]

STATE: dict[str, tuple[str, str, str, str]] = {  # word, outline, fill and dash of a state
    "pending": ("Pending", "wait", "paper", "3 3"),
    "pulling": ("starting", "work", "work_tint", ""),
    "notready": ("running, not ready", "warn", "paper", ""),
    "ready": ("ready", "ready", "ready", ""),
    "terminating": ("terminating", "wait", "wait_tint", ""),
    "failed": ("failed", "fail", "fail_tint", ""),
    "backoff": ("back-off", "fail", "fail_tint", ""),
    "unknown": ("unknown", "wait", "paper", "1 3"),
    "succeeded": ("succeeded", "ready", "paper", ""),
}
GLYPH = {
    "ready": "M-4 0L-1 3L4 -3",
    "succeeded": "M-4 0L-1 3L4 -3",
    "pulling": "M0 -4V3M-3 0L0 3L3 0",
    "failed": "M0 -5V1M0 4.2V4.4",
    "backoff": "M3.6 -2A4.2 4.2 0 1 0 4.2 1M4.4 -4.6V-1.6H1.4",
    "pending": "M-4 0H-3.9M0 0H.1M4 0H4.1",
    "unknown": "M-2.4 -2.4A2.5 2.5 0 1 1 0 .4V1.2M0 4.2V4.4",
    "loop": "M5 -3A6 6 0 1 0 6 1M5.6 -7V-3H1.6",
}


def colour(token: str) -> str:
    return token if token == "none" else f"var(--sd-{token.replace('_', '-')},{LIGHT[token]})"


def fit(text: str, room_px: float, size_px: float = 12, *, mono: bool = False, bold: bool = False) -> str:
    """Shorten in the middle and keep the end: of a pod's name the last five letters are what differs."""
    if text_width_px(text, size_px=size_px, mono=mono, bold=bold) <= room_px:
        return text
    for keep in range(len(text) - 1, 0, -1):
        tail = min(5, keep // 2 + 1) if mono else 0
        short = text[: keep - tail].rstrip("-. ") + "…" + (text[-tail:] if tail else "")
        if text_width_px(short, size_px=size_px, mono=mono, bold=bold) <= room_px:
            return short
    return "…"


def wrap(text: str, room_px: float, size_px: float = 12, *, bold: bool = False) -> list[str]:
    """Sentences are never shortened: they take another line."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width_px(longer, size_px=size_px, bold=bold) <= room_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


class Pic:
    """An SVG that grows by calls; coordinates in px, y downwards."""

    def __init__(self, w: float, h: float, label: str) -> None:
        self.w, self.h, self.label = w, h, label
        self.out: list[str] = []
        self.boxes: list[tuple[Box, str]] = []
        self.tiles: list[Box] = []

    def shape(self, tag: str, fill: str = "none", stroke: str = "none", sw: float = 1.5, dash: str = "", **at: float | str) -> None:
        a = "".join(
            f' {k.replace("_", "-")}="{v:g}"' if isinstance(v, (int, float)) else f' {k.replace("_", "-")}="{v}"' for k, v in at.items()
        )
        line = (
            f' stroke="{colour(stroke)}" stroke-width="{sw:g}"' + (f' stroke-dasharray="{dash}"' if dash else "")
            if stroke != "none"
            else ""
        )
        self.out.append(f'<{tag}{a} fill="{colour(fill)}"{line}/>')

    def rect(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        fill: str = "none",
        stroke: str = "none",
        r: float = 0,
        sw: float = 1.5,
        dash: str = "",
    ) -> None:
        self.shape("rect", fill, stroke, sw, dash, x=round(x, 1), y=round(y, 1), width=round(max(w, 0.5), 1), height=round(h, 1), rx=r)

    def path(self, d: str, fill: str = "none", stroke: str = "none", sw: float = 1.5, dash: str = "") -> None:
        self.shape("path", fill, stroke, sw, dash, d=d, stroke_linejoin="round", stroke_linecap="round")

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str = "edge", sw: float = 1.5, dash: str = "") -> None:
        self.path(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}", "none", stroke, sw, dash)

    def circle(self, x: float, y: float, r: float, fill: str = "none", stroke: str = "none", sw: float = 1.5) -> None:
        self.shape("circle", fill, stroke, sw, cx=round(x, 1), cy=round(y, 1), r=r)

    def text(
        self, x: float, y: float, words: str, *, size: float = 12, fill: str = "ink", anchor: Anchor = "start",
        room: float = 0, mono: bool = False, bold: bool = False,
    ) -> float:  # fmt: skip
        """Words with their baseline at y; `room` shortens them. Returns the width they may take."""
        words = fit(words, room, size, mono=mono, bold=bold) if room else words
        w = text_width_px(words, size_px=size, mono=mono, bold=bold)
        x0 = x - {"start": 0.0, "middle": w / 2, "end": w}[anchor]
        self.boxes.append(((x0, y - size * 0.78, x0 + w, y + size * 0.22), words))
        cls = " ".join(c for c, on in (("m", mono), ("b", bold)) if on)
        where = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.out.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour(fill)}"{where}'
            + (f' class="{cls}"' if cls else "")
            + f">{escape(words)}</text>"
        )
        return w

    def svg(self, *, hidden: bool = False) -> str:
        said = 'aria-hidden="true"' if hidden else f'role="img" aria-label="{escape(self.label)}"'
        size = f'viewBox="0 0 {self.w:g} {self.h:g}" width="{self.w:g}" height="{self.h:g}"'
        return f'<svg {said} {size} font-family="system-ui,sans-serif">{"".join(self.out)}</svg>'

    def problems(self) -> list[str]:
        """Texts that overlap each other, lie on a tile, or leave the canvas."""
        bad = [f"outside: {t!r}" for (a, b, c, d), t in self.boxes if a < -0.5 or b < -0.5 or c > self.w + 0.5 or d > self.h + 0.5]
        for i, (box, t) in enumerate(self.boxes):
            bad += [f"on a tile: {t!r}" for tile_box in self.tiles if _meet(box, tile_box)]
            bad += [f"overlap: {t!r} / {u!r}" for other, u in self.boxes[i + 1 :] if _meet(box, other)]
        return bad


def _meet(one: Box, two: Box) -> bool:
    return one[0] < two[2] - 1 and two[0] < one[2] - 1 and one[1] < two[3] - 1 and two[1] < one[3] - 1


def bar(p: Pic, x: float, y: float, w: float, h: float, state: str, r: float = 3) -> None:
    """A pod's body without words: a tile or a piece of time. How much ink says how much use."""
    _, stroke, fill, dash = STATE[state]
    if state == "notready":
        p.rect(x, y, w, h, "warn_tint", r=r)
        p.rect(x, y + h / 2, w, h / 2, "warn_fill", r=min(r, h / 4))
        p.rect(x, y, w, h, "none", stroke, r)
        return
    p.rect(x, y, w, h, fill, stroke, r, 1 if h < 7 else 1.5, dash)
    if state == "terminating":
        d, k = "", x
        while k < x + w + h:
            a, b = max(x, k - h), min(x + w, k)
            d += f"M{a:.1f} {y + (k - a):.1f}L{b:.1f} {y + (k - b):.1f}" if b > a else ""
            k += 5
        p.path(d, "none", stroke, 1)


def glyph(p: Pic, cx: float, cy: float, name: str, stroke: str, scale: float = 1.0) -> None:
    if name in GLYPH:
        p.out.append(
            f'<path transform="translate({cx:.1f} {cy:.1f}) scale({scale:g})" d="{GLYPH[name]}" fill="none" stroke="{colour(stroke)}" '
            'stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>'
        )


def tile(p: Pic, x: float, y: float, side: float, state: str) -> None:
    """A state as a square with its glyph."""
    p.tiles.append((x, y, x + side, y + side))
    bar(p, x, y, side, side, state, r=max(2, side * 0.22))
    if side >= 13:
        glyph(p, x + side / 2, y + side / 2, state, "on" if state == "ready" else STATE[state][1], side / 18)
