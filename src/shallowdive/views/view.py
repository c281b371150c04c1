"""A picture that moves: redrawn when something changed, at most ten times a second, by one daemon thread that sets one widget trait.

The thread ends when the view is closed, when its cell is run again, and while nobody sees its output. Without a front end for widgets
(an executed solution, the book, plain Python) the same picture is shown once, as HTML with a text twin."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shallowdive.errors import ShallowDiveError
from shallowdive.live import ClusterState, Follower
from shallowdive.objects.traffic import Second
from shallowdive.views import cells, why
from shallowdive.views.frame import STYLE, Drawn, framed
from shallowdive.views.pictures import Sight, picture_of
from shallowdive.views.said import Said

REDRAW_S = 0.1
RUNNING_TICK_S, IDLE_TICK_S = 1.0, 5.0
"""A time axis moves while its cell waits. Afterwards only a change or a silent link is drawn."""
SHARE = 4
"""A picture that takes long to draw is drawn less often: at most a fifth of the time goes into it."""


@dataclass(frozen=True, slots=True)
class Frame:
    html: str = ""
    text: str = ""


class View:
    """`text` is what the picture says, in words. `close()` ends it; a closed view keeps its last picture.

    `of`: what is shown of several (a pod, `pod / container`). `note`: words in front of how to read it."""

    def __init__(
        self, picture: str, follower: Follower, title: str = "", backend: str = "", *, said: Said | None = None,
        traffic: Callable[[], list[Second]] | None = None, beside: Follower | None = None, also: ClusterState | None = None,
        of: str = "", note: str = "", tell_why: bool = True,
    ) -> None:  # fmt: skip
        self._picture, self._follower, self._backend = picture_of(picture), follower, backend
        self.title = title or self._picture.title
        self._said, self._traffic, self._beside, self._also = said, traffic, beside, also
        self._of, self._note, self._tell_why = of, note, tell_why
        self._since_s, self._chosen, self._counted = time.time(), of, None if traffic is None else list[Second]()
        self._closed, self._lock = threading.Event(), threading.Lock()
        self._running = False
        self._thread: threading.Thread | None = None
        self._widget: Any = None
        self._control: Any = None
        self._box: Any = None
        self._drawn_from: tuple[ClusterState | None, ClusterState | None, str] = (None, None, "")
        self.text, self.is_removed = "", False

    def __repr__(self) -> str:
        return f"View({self.title})"

    # ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────
    def frame(self) -> Frame:
        """Draw once, now."""
        seen = self._sight()
        try:
            drawn = self._picture.draw(seen)
        except ShallowDiveError as exc:
            drawn = Drawn("", "", str(exc), empty=True)
        old = stale(self._follower)
        pod = seen.chosen.partition(" / ")[0]
        finding = None if drawn.empty or not self._tell_why else why.first_cause(seen.state, seen.namespace, seen.now_s, pod)
        source = old or f"{'live' if self._widget is not None else 'seen'} on {self._backend}"
        drawn = Drawn(
            drawn.desk,
            drawn.phone,
            drawn.facts,
            drawn.states,
            drawn.keys,
            f"{self._note} {drawn.read}".strip(),
            drawn.ask or self._picture.ask,
            drawn.empty,
        )
        html = framed(self.title, source, drawn, mood="stale" if old else "", cause=why.line(finding) if finding else "")
        self.text = drawn.facts + (f" {finding.about}: {finding.says}" if finding else "")
        return Frame(html, self.text)

    def _sight(self) -> Sight:
        f = self._follower
        state = f.state
        for more in (self._beside.state if self._beside else None, self._also):
            if more:
                kinds = {k: MappingProxyType({**more.by_kind.get(k, {}), **state.by_kind.get(k, {})}) for k in more.by_kind}
                state = ClusterState(MappingProxyType({**state.by_kind, **kinds}))
        return Sight(state, f.history, f.namespace, time.time(), self._since_s, self._chosen, self._said, self._counted)

    # ── showing ──────────────────────────────────────────────────────────────────────────────────────────────
    def display_while(self, work: Callable[[], object]) -> None:
        """Show the picture, do the work (usually a wait) while it moves, and leave it moving afterwards."""
        if not widgets_display():
            try:
                self._work(work)
            finally:
                self._count()
                frame = self.frame()
                show_still(self.title, frame.html, frame.text)
            return
        cells.enter(self)
        self._show()
        self._running = True
        try:
            self._work(work)
        finally:
            self._running = False
            self._count()
            self._redraw()

    def _work(self, work: Callable[[], object]) -> None:
        """The work, then the moment that the learner was asked about: what was said and what happened are seen together."""
        work()
        if self._said:
            wait_s = self._said.after_s + 0.5  # never more, whatever is done to the machine's clock
            time.sleep(min(wait_s, max(0.0, self._said.since_s + wait_s - time.time())))

    def _show(self) -> None:
        import ipywidgets
        from IPython.display import display

        self._widget = ipywidgets.HTML(_view_count=0)
        self._redraw()
        parts = [ipywidgets.HTML(STYLE), self._widget]
        if self._picture.choices:
            self._control = ipywidgets.Dropdown(description="show")
            self._offer()
            self._control.observe(self._choose, "value")
            parts.append(self._control)
        self._box = ipywidgets.VBox(parts)
        bundle = {"application/vnd.jupyter.widget-view+json": {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}}
        display({**bundle, "text/plain": f"{self.title}: {self.text}"}, raw=True)
        self._widget.observe(self._seen_by, "_view_count")
        self._start()

    def close(self, *, remove: bool = False) -> None:
        """`remove`: the widget goes, too (its cell shows another one)."""
        self.is_removed = self.is_removed or remove
        self._stop()
        if remove and self._box is not None:
            for widget in (*self._box.children, self._box):
                for part in (getattr(widget, "style", None), widget.layout, widget):
                    if part is not None:
                        part.close()

    # ── moving ───────────────────────────────────────────────────────────────────────────────────────────────
    def _start(self) -> None:
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._move, args=(self._closed,), name="view", daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        self._closed.set()
        with self._follower.changed:
            self._follower.changed.notify_all()

    def _seen_by(self, change: Any) -> None:
        """Nobody shows this output any more, or somebody does again."""
        if change["new"] == 0:
            self._stop()
        elif self._closed.is_set():
            self._redraw()
            self._start()

    def _move(self, closed: threading.Event) -> None:
        while not closed.is_set():
            with self._follower.changed:
                self._follower.changed.wait_for(
                    lambda: closed.is_set() or self._news(), timeout=RUNNING_TICK_S if self._running else IDLE_TICK_S
                )
            if closed.is_set():
                return
            if self._running:
                self._count()
            began = time.monotonic()
            if self._running or self._news():
                self._redraw()
            closed.wait(max(REDRAW_S, SHARE * (time.monotonic() - began)))

    def _sources(self) -> tuple[ClusterState | None, ClusterState | None, str]:
        """What a picture depends on, beside the clock and the control."""
        return self._follower.state, self._beside.state if self._beside else None, stale(self._follower)

    def _news(self) -> bool:
        """Whether anything changed since the last picture. A state is immutable, so the same object is the same state."""
        now, then = self._sources(), self._drawn_from
        return now[0] is not then[0] or now[1] is not then[1] or now[2] != then[2]

    def _count(self) -> None:
        """Ask how many requests were answered; a traffic pod that does not answer now leaves what was counted before."""
        if self._traffic is not None:
            try:
                self._counted = self._traffic()
            except ShallowDiveError:
                return

    def _redraw(self) -> None:
        with self._lock:
            self._drawn_from = self._sources()
            html = self.frame().html
            if self._widget is not None and self._widget.value != html:
                self._widget.value = html
            self._offer()

    def _offer(self) -> None:
        """The control's options; the first is what is shown when nothing was chosen, or what was chosen is there no more."""
        if self._control is None or self._picture.choices is None:
            return
        usual, *others = self._picture.choices(self._sight())
        options = [self._of or usual, *(o for o in others if o != self._of)]
        if list(self._control.options) != options:
            kept = self._control.value
            self._control.options = options
            self._control.value = kept if kept in options else options[0]

    def _choose(self, change: Any) -> None:
        self._chosen = self._of if self._control.index in (None, 0) else str(change["new"])
        self._redraw()


def stale(follower: Follower) -> str:
    """Words when the link has been silent for too long, '' while it is alive."""
    return f"last seen {follower.silent_s():.0f} s ago" if follower.is_stale() else ""


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


def widgets_display() -> bool:
    """Whether somebody looks at a live front end: a kernel, and not one that only executes ($SHALLOWDIVE_STATIC)."""
    if os.environ.get("SHALLOWDIVE_STATIC"):
        return False
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")
