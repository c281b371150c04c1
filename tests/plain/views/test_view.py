"""The widget around a picture: what it sends, how often, and what it leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import pytest

from shallowdive.live import ClusterState, Follower, History, Seen, apply_event
from shallowdive.views import cells, view
from shallowdive.views.view import View
from tests.plain.test_views import READY, pod


class Link:
    """Stands for a follower: events come by hand."""

    def __init__(self) -> None:
        self.state, self.history, self.namespace, self.kinds = ClusterState(), History(), "d", ("Pod",)
        self.changed, self.silent = threading.Condition(), 0.0

    def silent_s(self) -> float:
        return self.silent

    def is_stale(self) -> bool:
        return self.silent > 15

    def event(self, name: str) -> None:
        body = pod(name, READY)
        with self.changed:
            self.state = apply_event(self.state, "ADDED", "Pod", body)
            self.history.append(Seen(time.time(), "ADDED", "Pod", body))
            self.changed.notify_all()


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Link:
    monkeypatch.setattr(view, "widgets_display", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda *_a, **_k: None)
    return Link()


@pytest.fixture
def shown(link: Link) -> Iterator[View]:
    link.event("web-0")
    made = View("timeline", cast(Follower, link), "Pods", "kind")
    yield made
    made.close(remove=True)


def sent(made: View) -> list[float]:
    """Moments at which a new picture was sent."""
    times: list[float] = []
    made._widget.observe(lambda _: times.append(time.monotonic()), "value")
    return times


def ends(made: View, within_s: float = 1) -> bool:
    thread = cast(threading.Thread, made._thread)
    thread.join(within_s)
    return not thread.is_alive()


def test_a_change_is_drawn_within_a_quarter_of_a_second(link: Link, shown: View) -> None:
    shown.display_while(lambda: None)
    link.event("web-1")
    time.sleep(0.25)
    assert "web-1" in shown._widget.value
    assert "web-1" in shown.text


def test_a_burst_is_drawn_at_most_ten_times_a_second(link: Link, shown: View) -> None:
    shown.display_while(lambda: None)
    times, began = sent(shown), time.monotonic()
    for i in range(100):
        link.event(f"web-{i}")
        time.sleep(0.01)
    end = time.monotonic() + 20
    while not shown.text.startswith("100 ready.") and time.monotonic() < end:
        time.sleep(0.05)
    assert 2 <= len(times) <= 2 + 10 * (time.monotonic() - began)
    assert all(b - a > 0.09 for a, b in pairwise(times))
    assert shown.text.startswith("100 ready.")


def test_nothing_is_sent_when_nothing_changed(link: Link, shown: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "IDLE_TICK_S", 0.02)
    shown.display_while(lambda: None)
    times = sent(shown)
    time.sleep(0.3)
    assert times == []


def test_a_silent_link_is_said_and_greyed_and_taken_back(link: Link, shown: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "IDLE_TICK_S", 0.02)
    shown.display_while(lambda: None)
    link.silent = 60.0
    time.sleep(0.4)
    assert "last seen 60 s ago" in shown._widget.value
    assert 'class="sd sd-stale"' in shown._widget.value
    link.silent = 0.0
    time.sleep(0.4)
    assert "sd-stale" not in shown._widget.value


def test_a_closed_view_has_no_thread_and_keeps_its_last_picture(link: Link, shown: View) -> None:
    shown.display_while(lambda: None)
    shown.close()
    assert ends(shown)
    kept = shown._widget.value
    link.event("web-9")
    time.sleep(0.2)
    assert shown._widget.value == kept


def test_while_nobody_sees_the_output_there_is_no_thread(link: Link, shown: View) -> None:
    shown.display_while(lambda: None)
    shown._widget._view_count = 1
    shown._widget._view_count = 0
    assert ends(shown)
    link.event("web-7")
    shown._widget._view_count = 1
    assert "web-7" in shown._widget.value
    assert not ends(shown, 0.1)


def test_a_failing_or_interrupted_wait_leaves_the_picture_moving(link: Link, shown: View) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shown.display_while(interrupted)
    link.event("web-5")
    time.sleep(0.25)
    assert "web-5" in shown._widget.value


def test_a_cell_that_is_run_again_closes_the_view_of_its_run_before(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    run = {"n": 1}
    monkeypatch.setattr(cells, "_running", lambda: ("cell-a", f"run-{run['n']}"))
    first, beside = (View("timeline", cast(Follower, link), t, "kind") for t in ("one", "two"))
    for made in (first, beside):
        made.display_while(lambda: None)
    assert not first.is_removed
    run["n"] = 2
    again = View("timeline", cast(Follower, link), "another title", "kind")
    again.display_while(lambda: None)
    assert first.is_removed
    assert beside.is_removed
    assert ends(first)
    again.close(remove=True)


def test_fifty_views_leave_no_thread_and_no_widget(link: Link) -> None:
    import ipywidgets

    link.event("web-0")
    threads, widgets = threading.active_count(), len(_alive(ipywidgets))
    for _ in range(50):
        made = View("timeline", cast(Follower, link), "Pods", "kind")
        made.display_while(lambda: None)
        made.close(remove=True)
        assert ends(made)
    assert threading.active_count() <= threads
    assert len(_alive(ipywidgets)) <= widgets


def _alive(ipywidgets: Any) -> list[Any]:
    return list(ipywidgets.widgets.widget._instances.values())


def test_the_control_offers_pods_and_the_choice_is_drawn(link: Link) -> None:
    for name in ("web-0", "web-1"):
        link.event(name)
        link.state = apply_event(link.state, "MODIFIED", "Pod", pod(name, READY) | {"spec": {"containers": [{"name": "app"}]}})
    made = View("xray", cast(Follower, link), "", "kind")
    made.display_while(lambda: None)
    assert made._control.options == ("the newest", "web-0", "web-1")
    made._control.value = "web-0"
    assert "Pod web-0" in made.text
    made.close(remove=True)


def test_without_a_front_end_the_text_twin_is_printed(link: Link, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(view, "widgets_display", lambda: False)
    link.event("web-0")
    View("timeline", cast(Follower, link), "Pods", "kind").display_while(lambda: None)
    assert capsys.readouterr().out.startswith("Pods: 1 ready.")
