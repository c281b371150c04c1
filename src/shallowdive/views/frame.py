"""The frame of every view: title, where the data comes from, the picture at two widths, a legend of what is on screen, the same as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from shallowdive.views.shapes import CSS, STATE, Pic, tile

DESK_PX, PHONE_PX = 640, 340
STYLE = f"<style>{CSS}</style>"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture ready to be framed: SVG for a wide and a narrow cell, the states in it, and the same facts in words."""

    desk: str
    phone: str
    facts: str
    states: list[str] = field(default_factory=list)
    keys: str = ""
    read: str = ""
    ask: str = ""
    empty: bool = False


def framed(title: str, source: str, drawn: Drawn, *, mood: str = "", cause: str = "") -> str:
    """`mood` is '' | stale | error; an empty picture gets its own words. `cause`: HTML that says why something does not work."""
    if drawn.empty:
        body = f'<div class="sd-note"><b>Nothing here yet.</b> {escape(drawn.facts)}</div>'
        return f'<figure class="sd sd-empty">{_header(title, source)}{body}</figure>'
    cls = f"sd sd-{mood}" if mood else "sd"
    picture = f'<div class="sd-desk">{drawn.desk}</div><div class="sd-phone">{drawn.phone}</div>'
    if mood:
        picture = f'<div class="sd-fade">{picture}</div>'
    read = f'<div class="sd-read">{escape(drawn.read)}</div>' if drawn.read else ""
    ask = f'<div class="sd-ask"><b>Look:</b> {escape(drawn.ask)}</div>' if drawn.ask else ""
    text = f"<details><summary>The same as text</summary><p>{escape(drawn.facts)}</p></details>"
    return f'<figure class="{cls}">{_header(title, source)}{picture}{legend(drawn.states, drawn.keys)}{cause}{read}{ask}{text}</figure>'


def legend(states: list[str], keys: str = "") -> str:
    """Only the states that are on screen now."""
    items = []
    for state in [s for s in STATE if s in states]:
        p = Pic(18, 18, STATE[state][0])
        tile(p, 1, 1, 16, state)
        items.append(f"<span>{p.svg(hidden=True)} {STATE[state][0]}</span>")
    return f'<div class="sd-legend" aria-hidden="true">{"".join(items)}{keys}</div>' if items or keys else ""


def key(d: str, words: str, stroke: str, dash: str = "") -> str:
    """One line of the legend that is not a state."""
    p = Pic(26, 18, words)
    p.path(d, "none", stroke, 2, dash)
    return f"<span>{p.svg(hidden=True)} {words}</span>"


def _header(title: str, source: str) -> str:
    return f'<header><div class="sd-title">{escape(title)}</div><span class="sd-source">{escape(source)}</span></header>'
