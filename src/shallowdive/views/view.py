"""A picture that moves: redrawn at most twice a second, only on change, by one daemon thread that sets one widget trait.

Without a front end for widgets (an executed solution, the book, plain Python) the same picture is shown once, as HTML with a text twin."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shallowdive.diagrams import family
from shallowdive.diagrams.dot import render, size_px
from shallowdive.errors import BadAnswer, ShallowDiveError
from shallowdive.live import Follower
from shallowdive.views import timeline, xray
from shallowdive.views.frame import DESK_PX, PHONE_PX, STYLE, Drawn, framed

REDRAW_S = 0.5
STALE_S = 40
"""Seconds without a sign of life before the frame says so (a quiet link reconnects after 25)."""


def view_of(picture: str, follower: Follower, title: str, backend: str) -> View:
    """A view by its name: `timeline` (desired against actual, one lane per pod), `family` (who owns whom), `xray` (inside a pod)."""
    kinds: dict[str, tuple[Callable[[Follower], Drawn], str]] = {
        "timeline": (lambda f: timeline.draw(f.history, time.time()), "Desired against actual"),
        "family": (_family, "Who owns whom"),
        "xray": (lambda f: xray.draw(f.state), "Inside a pod"),
    }
    if picture not in kinds:
        raise BadAnswer("there is no such picture", saw=picture, try_this=f"one of: {', '.join(kinds)}")
    draw, usual_title = kinds[picture]
    return View(follower, draw, title or usual_title, backend)


@dataclass(slots=True)
class _Frame:
    html: str = ""
    text: str = ""


class View:
    """`close()` ends it; a closed view keeps its last picture."""

    def __init__(self, follower: Follower, draw: Callable[[Follower], Drawn], title: str, backend: str) -> None:
        self._follower, self._draw, self._title, self._backend = follower, draw, title, backend
        self._closed = threading.Event()
        self._widget: Any = None
        self._last = _Frame()

    def __repr__(self) -> str:
        return f"View({self._title})"

    def frame(self) -> _Frame:
        """Draw once, now."""
        try:
            drawn = self._draw(self._follower)
        except ShallowDiveError as exc:
            drawn = Drawn("", "", str(exc), empty=True)
        silent_s = self._follower.silent_s()
        mood = "stale" if silent_s > STALE_S else ""
        source = f"last seen {silent_s:.0f} s ago" if mood else f"{'live' if self._widget is not None else 'seen'} on {self._backend}"
        self._last = _Frame(framed(self._title, source, drawn, mood=mood), drawn.facts)
        return self._last

    def display_while(self, work: Callable[[], object]) -> None:
        """Show the picture, do the work (usually a wait) while it moves, and leave it moving afterwards."""
        if not _widgets_display():
            try:
                work()
            finally:
                self._show_once()
            return
        import ipywidgets
        from IPython.display import display

        self._widget = ipywidgets.HTML()
        self._redraw()
        display(ipywidgets.VBox([ipywidgets.HTML(STYLE), self._widget]))
        threading.Thread(target=self._move, name="view", daemon=True).start()
        work()
        self._redraw()

    def close(self) -> None:
        self._closed.set()
        with self._follower.changed:
            self._follower.changed.notify_all()

    def _show_once(self) -> None:
        frame = self.frame()
        show_still(self._title, frame.html, frame.text)

    def _move(self) -> None:
        while not self._closed.is_set():
            with self._follower.changed:
                self._follower.changed.wait(timeout=5)
            if self._closed.is_set():
                return
            self._redraw()
            self._closed.wait(REDRAW_S)

    def _redraw(self) -> None:
        html = self.frame().html
        if self._widget is not None and self._widget.value != html:
            self._widget.value = html


def show_still(title: str, html: str, text: str) -> None:
    """Show a framed picture once: HTML with its text twin in a notebook, the text twin in plain Python."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        print(f"{title}: {text}")  # noqa: T201 - plain Python: the text twin
        return
    display({"text/html": STYLE + html, "text/plain": f"{title}: {text}"}, raw=True)


def _widgets_display() -> bool:
    """Whether somebody looks at a live front end: a kernel, and not one that only executes ($SHALLOWDIVE_STATIC)."""
    if os.environ.get("SHALLOWDIVE_STATIC"):
        return False
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _family(follower: Follower) -> Drawn:
    state = follower.state
    facts = family.in_words(state)
    if not state.all("Pod") and not state.all("ReplicaSet"):
        return Drawn("", "", facts, empty=True)
    desk = render(family.family_dot(state), label=facts)
    phone = render(family.family_dot(state, narrow=True), label=facts)
    return Drawn(
        _room(desk, DESK_PX),
        _room(phone, PHONE_PX),
        facts,
        family.states_in(state),
        read="A solid line: owns. Paper is a record; a rounded box runs.",
    )


def _room(svg: str, width_px: float) -> str:
    """A tree that is wider than its place scrolls; it is never shrunk."""
    return f'<div class="sd-scroll">{svg}</div>' if size_px(svg)[0] > width_px else svg
