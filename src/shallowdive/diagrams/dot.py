"""DOT in, an SVG in the course's visual language out.

Graphviz decides where things stand; `graphviz.json` and `restyle` decide how they look. Knows kinds, states and relations, not the cluster.
One point of DOT is one pixel of the picture. Lines of text are measured here, because the reader's font is not the layout program's."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Literal

from shallowdive import process
from shallowdive.errors import ToolMissing

LANGUAGE = json.loads(Path(__file__).with_name("graphviz.json").read_text(encoding="utf-8"))
TILE_PX = 26
"""Room that a pod's state tile takes at the left of its text."""

Style = Literal["words", "name", "key", "quiet"]
Line = tuple[Style, str]
"""One line of a label: plain words, a name in mono, key words in bold, quiet words."""
LETTER: dict[Style, str] = {"words": "w", "name": "n", "key": "k", "quiet": "q"}

# Advance widths of DejaVu Sans (1/1000 em), ASCII 32-126: the widest of the usual fonts of a page, so an upper bound for the others.
SANS_EM: list[int] = LANGUAGE["sans_em"]
NBSP = "\u00a0"
"""Widens a text for the layout program, which measures with a narrower font than the widest one of a reader."""
OTHER_EM, MONO_EM, BOLD = 840, 0.61, 1.12


def text_width_px(words: str, *, size_px: float = 12, mono: bool = False, bold: bool = False) -> float:
    """Pixels that this text needs at most, in whatever font the reader has."""
    if mono:
        return len(words) * MONO_EM * size_px
    em = sum(SANS_EM[ord(c) - 32] if " " <= c <= "~" else OTHER_EM for c in words) / 1000
    return em * size_px * (BOLD if bold else 1)


def graph(**more: str) -> dict[str, str]:
    """Attributes of the whole graph."""
    return {**LANGUAGE["graph"], **more}


def thing(kind: str, *lines: Line, state: str = "", **more: str) -> dict[str, str]:
    """Attributes of one node: its kind's shape, its state's colours, a label that fits."""
    look = {**LANGUAGE["node"], **LANGUAGE["kind"][kind], **(LANGUAGE["state"][state] if state else {})}
    needed_px = max((text_width_px(text, mono=style == "name", bold=style == "key") for style, text in lines), default=0.0)
    needed_px += 2 * 72 * float(look["margin"].split(",")[0]) + (TILE_PX if state else 0)
    if look["shape"] == "ellipse":
        needed_px *= 1.6
    look["class"] = f"{look['class']} sd-lines-{_letters(lines)}" + (f" sd-state-{state}" if state else "")
    return {**look, "label": "\n".join(text for _, text in lines), "width": f"{needed_px / 72:.3f}", **more}


def group(*lines: Line, **more: str) -> dict[str, str]:
    """Attributes of a cluster that stands for a selection: a dashed lasso with its words at the bottom left."""
    look = {**LANGUAGE["group"], **more}
    look["class"] = f"{look['class']} sd-lines-{_letters(lines)}"
    return {
        "fontsize": "12",
        "fontname": "Helvetica",
        "labeljust": "l",
        **look,
        "label": "".join(f"{text}{NBSP * (len(text) // 4)}\\l" for _, text in lines),
    }


def frame(kind: str, *lines: Line, state: str = "", **more: str) -> dict[str, str]:
    """Attributes of a cluster that is a thing itself, seen from inside: a pod with its containers."""
    look = {**LANGUAGE["kind"][kind], **(LANGUAGE["state"][state] if state else {})}
    return group(*lines, **{"labelloc": "t", "margin": "14", "penwidth": "2", **look, **more})


def relation(name: str, words: str = "", **more: str) -> dict[str, str]:
    """Attributes of an edge."""
    label = f"{NBSP * 2}{words}{NBSP * 2}" if words else ""
    return {**LANGUAGE["edge"], **LANGUAGE["relation"][name], "label": label, **more}


def layout_program() -> str:
    """The system's dot, or graphviz-pure of this Python; ToolMissing when there is neither."""
    beside = Path(sys.executable).with_name("graphviz-pure")
    found = shutil.which("dot") or (str(beside) if beside.exists() else shutil.which("graphviz-pure"))
    if not found:
        raise ToolMissing("no program here can lay out a graph", saw="neither dot nor graphviz-pure", try_this="pip install graphviz-pure")
    return found


def render(source: str, *, label: str, program: str | None = None, limit_s: float = 10) -> str:
    """SVG of this DOT source, restyled, with `label` for readers who do not see it. ProgramFailed when the source is wrong."""
    svg = _laid_out(source, program or layout_program(), limit_s)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}" font-family="system-ui,sans-serif"', 1)


@lru_cache(maxsize=16)
def _laid_out(source: str, program: str, limit_s: float) -> str:
    """The restyled picture. Nine of ten redraws change no word in it, and starting a program costs more than all the rest."""
    return restyle(process.must([program, "-Tsvg"], stdin=source, limit_s=limit_s))


def size_px(svg: str) -> tuple[float, float]:
    """Width and height of a restyled picture."""
    found = re.search(r'<svg[^>]* width="([\d.]+)"[^>]* height="([\d.]+)"', svg)
    if not found:
        raise ValueError(f"no size in {svg[:80]!r}")
    return float(found[1]), float(found[2])


def restyle(svg: str) -> str:
    """What Graphviz cannot say itself: pixels, theme colours, corners, ribs, state tiles, a style for each line of text.

    No ids, titles or fonts are left, and no line is empty: many pictures share a page, and Markdown ends an HTML block at an empty line."""
    svg = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL).replace("&#45;", "-")  # dot 2.43 writes sd&#45;pod
    svg = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', svg)
    svg = re.sub(r' (?:id|xmlns(?::\w+)?|xml:space|font-family)="[^"]*"', "", svg)
    svg = re.sub(r'(<g class="(?:node|cluster|edge) [^"]*")>(.*?)</g>', lambda m: f"{m[1]}>{_part(m[1], m[2])}</g>", svg, flags=re.DOTALL)
    svg = re.sub(r"<title>[^<]*</title>", "", svg).replace('stroke-dasharray="5,2"', 'stroke-dasharray="3 3"')
    for colour, token in LANGUAGE["css"].items():
        svg = svg.replace(f'"{colour}"', f'"var(--sd-{token},{colour})"')
    return re.sub(r"\s*\n\s*", "\n", svg).strip()


def _letters(lines: Sequence[Line]) -> str:
    return "".join(LETTER[style] for style, _ in lines)


def _part(head: str, body: str) -> str:
    """One node, cluster or edge."""
    if re.search(r"\bsd-(?:pod|service|group)\b", head):
        body = re.sub(r'<path([^>]*?) d="([^"]*)"', lambda m: _rounded(m[1], m[2], stadium="sd-service" in head), body, count=1)
    if "sd-container" in head:
        body = re.sub(r'(<polygon[^>]*stroke="([^"]*)"[^>]*points="([^"]*)"/>)', lambda m: m[1] + _ribs(m[3], m[2]), body, count=1)
    if "sd-ingress" in head:
        body = re.sub(r'(<polygon[^>]*points=")([^"]*)"', lambda m: f'{m[1]}{_signpost(m[2])}"', body, count=1)
    if "sd-group" in head or "sd-selects" in head:
        body = body.replace('stroke-dasharray="5,2"', 'stroke-dasharray="2 4"')
    if state := re.search(r"sd-state-(\w+)", head):
        body = _tiled(body, state[1]) if "node " in head else body
    if letters := re.search(r"sd-lines-(\w+)", head):
        body = _lettered(body, letters[1])
    return body


def _box(numbers: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a list of points."""
    points = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", numbers)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _rounded(attributes: str, d: str, *, stadium: bool) -> str:
    left, top, right, bottom = _box(d)
    radius = (bottom - top) / 2 if stadium else 8
    return f'<rect{attributes} x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" rx="{radius:g}"'


def _ribs(points: str, stroke: str) -> str:
    left, top, _, bottom = _box(points)
    d = "".join(f"M{left + x:g} {top + 6:g}V{bottom - 6:g}" for x in (5, 9, 13))
    return f'<path fill="none" stroke="{stroke}" d="{d}"/>'


def _signpost(points: str) -> str:
    left, top, right, bottom = _box(points)
    corners = [(left, top), (right - 14, top), (right, (top + bottom) / 2), (right - 14, bottom), (left, bottom)]
    return " ".join(f"{x:g},{y:g}" for x, y in corners)


def _tiled(body: str, state: str) -> str:
    found = re.search(r'<rect[^>]* x="([-\d.]+)" y="([-\d.]+)"[^>]* height="([\d.]+)"', body)
    if not found:
        return body
    x, y = float(found[1]) + 8, float(found[2]) + float(found[3]) / 2 - 9
    body = re.sub(r'(<text[^>]* x=)"([-\d.]+)"', lambda m: f'{m[1]}"{float(m[2]) + TILE_PX / 2:g}"', body)
    return body + f'<g transform="translate({x:g} {y:g})">{LANGUAGE["tile"][state]}</g>'


def _lettered(body: str, letters: str) -> str:
    look = {"w": 'fill="#1b2430"', "n": 'fill="#1b2430" class="m"', "k": 'fill="#1b2430" class="b"', "q": 'fill="#4f5b69"'}
    order = iter(letters)

    def one(found: re.Match[str]) -> str:
        attributes = re.sub(r' (?:fill|class)="[^"]*"', "", found[1]).replace('font-size="12.00"', 'font-size="12"')
        return f"<text{attributes} {look[next(order, 'w')]}>"

    return re.sub(r"<text([^>]*)>", one, body)
