"""What a redraw reads and starts: of a record that has grown only what is new, of a tree that did not change nothing. No clock decides."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast, overload

import pytest

from shallowdive import process
from shallowdive.diagrams import dot, family
from shallowdive.live import ClusterState, Follower, History, Seen, apply_event
from shallowdive.live.recording import read
from shallowdive.views import view
from shallowdive.views.acts import last_action
from shallowdive.views.frame import Drawn
from shallowdive.views.pictures import PICTURES, Sight
from shallowdive.views.view import Frame, View
from tests.plain.test_views import READY, owner, pod, story, tree
from tests.plain.views.captured import MARKS, until
from tests.plain.views.test_view import Link

NEWS = 10
TRACES = sorted((Path(__file__).parents[3] / "labs" / "traces").glob("*.json"))


class Counted(History):
    """A record that counts which of its events somebody looked at."""

    visited = 0

    @property
    def events(self) -> Sequence[Seen]:
        return Visits(self, super().events)


class Visits(Sequence[Seen]):
    def __init__(self, record: Counted, events: Sequence[Seen]) -> None:
        self.record, self.all = record, events

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[Seen]:
        for seen in self.all:
            self.record.visited += 1
            yield seen

    @overload
    def __getitem__(self, index: int) -> Seen: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Seen]: ...
    def __getitem__(self, index: int | slice) -> Seen | Sequence[Seen]:
        found = self.all[index]
        self.record.visited += len(found) if isinstance(found, Sequence) else 1
        return found


def folded(events: list[Seen]) -> ClusterState:
    state = ClusterState()
    for s in events:
        state = apply_event(state, s.type, s.kind, s.object)
    return state


def drawn(name: str, state: ClusterState, history: History) -> Drawn:
    at_s = history.events[-1].at_s
    return PICTURES[name].draw(Sight(state, history, "views-cap", at_s + 1, at_s - 5))


def visits_after_news(name: str, events: list[Seen]) -> int:
    """How many events a redraw looks at, when the last NEWS have come since the picture before."""
    record = Counted(events[:-NEWS])
    drawn(name, folded(events[:-NEWS]), record)
    record.extend(events[-NEWS:])
    record.visited = 0
    assert not drawn(name, folded(events), record).empty or name in ("bins", "chain")
    return record.visited


@pytest.mark.parametrize("name", list(PICTURES))
def test_a_redraw_looks_at_what_is_new_however_long_the_record_is(name: str) -> None:
    once = list(until("end").events)
    events, later = list(once), MARKS["end"]
    for turn in range(12):
        events += [renamed(s, turn, later) for s in once]
    short, long = visits_after_news(name, once), visits_after_news(name, events)
    assert len(events) > 10 * len(once)
    assert short == long
    assert long <= NEWS + 2, "the new ones, and the first for the left edge"


@pytest.mark.parametrize("name", list(PICTURES))
def test_a_record_may_begin_with_the_end_of_something(name: str) -> None:
    """A link that lists again tells of what it missed: that a pod has gone, whose beginning nobody saw."""
    once = list(until("end").events)
    ends = [s for s in once if s.type == "DELETED" and s.kind == "Pod"]
    assert ends
    alone = [s for s in once if s.object["metadata"]["uid"] not in {e.object["metadata"]["uid"] for e in ends}]
    assert drawn(name, folded(alone), History(sorted(alone + ends, key=lambda s: s.at_s))).facts


def renamed(s: Seen, turn: int, later_s: float) -> Seen:
    meta = s.object["metadata"]
    version = str(int(meta["resourceVersion"]) + (turn + 1) * 10**7)
    return Seen(
        s.at_s + (turn + 1) * later_s,
        s.type,
        s.kind,
        {**s.object, "metadata": {**meta, "uid": f"{turn}-{meta['uid']}", "resourceVersion": version}},
    )


@pytest.mark.parametrize("name", [n for n in PICTURES if n not in ("bins", "chain", "xray", "family")])
@pytest.mark.parametrize("trace", [f.stem for f in TRACES])
def test_a_record_that_grew_by_and_by_gives_the_picture_of_the_whole(name: str, trace: str) -> None:
    events = read(TRACES[[f.stem for f in TRACES].index(trace)]).events
    growing = History()
    for i in range(0, len(events), 7):
        growing.extend(events[i : i + 7])
        if i % 5 == 0:
            state = folded(events[: i + 7])
            assert drawn(name, state, growing) == drawn(name, state, History(events[: i + 7]))


def test_two_kernels_that_wrote_one_record_in_another_order_tell_the_same_acts() -> None:
    """Of each object every second version stands one place too late."""
    events = list(until("zoo").events)
    mixed: list[Seen] = []
    for s in events:
        mixed.append(s)
        if len(mixed) > 1 and mixed[-2].object["metadata"]["uid"] == s.object["metadata"]["uid"] and len(mixed) % 2:
            mixed[-1], mixed[-2] = mixed[-2], mixed[-1]
    assert mixed != events
    assert [(a.who, a.part, a.words) for a in last_action(History(mixed))] == [(a.who, a.part, a.words) for a in last_action(until("zoo"))]


def test_whose_act_a_deletion_was_may_be_told_later() -> None:
    """A pod is seen to end before the event that says who ended it: then it was the learner's act no more."""
    history = until("delete")
    before = [(a.who, a.words) for a in last_action(history)]
    last = max(int(s.object["metadata"]["resourceVersion"]) for s in history.events)
    victim = next(s.object for s in reversed(history.events) if s.kind == "Pod")
    ended = {**victim["metadata"], "resourceVersion": str(last + 1), "deletionTimestamp": "x"}
    history.append(Seen(2000.0, "MODIFIED", "Pod", {**victim, "metadata": ended}))
    assert last_action(history)[0].words == f"delete Pod {victim['metadata']['name']}"
    blame = {"reason": "SuccessfulDelete", "message": f"Deleted pod: {victim['metadata']['name']}"}
    history.append(Seen(2000.1, "ADDED", "Event", {"metadata": {"name": "e", "uid": "e", "resourceVersion": str(last + 2)}, **blame}))
    after = [(a.who, a.words) for a in last_action(history)]
    assert after[0] == before[0]
    assert ("controllers", f"delete Pod {victim['metadata']['name']}") in after


def layouts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every source that is given to the layout program."""
    started: list[str] = []
    must = process.must

    def noted(*args: Any, stdin: str = "", **more: Any) -> str:
        started.append(stdin)
        return must(*args, stdin=stdin, **more)

    monkeypatch.setattr(process, "must", noted)
    dot._laid_out.cache_clear()
    return started


def test_a_tree_that_did_not_change_is_not_laid_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    started = layouts(monkeypatch)
    state = tree(2, 5)
    sights = [Sight(folded_again, History(), "d", 0.0, 0.0) for folded_again in (state, ClusterState(dict(state.by_kind)))]
    first, second = (PICTURES["family"].draw(seen) for seen in sights)
    assert first == second
    assert len(started) == 2, "one for a wide picture, one for a narrow one"
    PICTURES["family"].draw(Sight(tree(2, 6), History(), "d", 0.0, 0.0))
    assert len(started) == 4


def test_a_crowd_of_families_is_counted_and_those_with_trouble_are_drawn() -> None:
    state = ClusterState()
    for i in range(200):
        state = apply_event(state, "ADDED", *owner("Deployment", f"web-{i:03}", f"d{i}", 2))
        state = apply_event(state, "ADDED", *owner("ReplicaSet", f"web-{i:03}-{i:09x}", f"rs{i}", 2, f"d{i}"))
        for k in range(2):
            state = apply_event(
                state, "ADDED", "Pod", pod(f"web-{i:03}-{i:09x}-{k:05x}", {"phase": "Pending"} if i == 7 else READY, f"rs{i}")
            )
    for narrow in (False, True):
        source = family.family_dot(state, narrow=narrow)
        assert source.count("label=") - source.count("->") <= family.MOST_THINGS + 3 + 1
        assert '"rs7" ->' in source, "the one with trouble"
        assert '"rs199" ->' in source, "the newest"
        assert '"rs42"' not in source
        shown, _ = family.fewer(family.read(state), narrow)
        assert f"{200 - len(shown.deployments)} more" in source
        assert f"{400 - sum(map(len, shown.pods.values()))} more pods" in source
    words = family.in_words(state)
    assert "140 more ReplicaSets" in words


def test_a_shown_view_draws_nothing_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "widgets_display", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda *_a, **_k: None)
    monkeypatch.setattr(view, "IDLE_TICK_S", 0.001)
    monkeypatch.setattr(view, "REDRAW_S", 0.001)
    link, turns, drawn_now = Link(), threading.Semaphore(0), 0
    link.event("web-0")
    made = View("timeline", cast(Follower, link), "Pods", "kind")
    made.display_while(lambda: None)
    news, frame = made._news, made.frame

    def asked() -> bool:
        turns.release()
        return news()

    def drew() -> Frame:
        nonlocal drawn_now
        drawn_now += 1
        return frame()

    monkeypatch.setattr(made, "frame", drew)
    monkeypatch.setattr(made, "_news", asked)
    assert all(turns.acquire(timeout=5) for _ in range(50)), "the view's thread lives"
    assert drawn_now == 0
    link.event("web-1")
    assert all(turns.acquire(timeout=5) for _ in range(50))
    assert drawn_now == 1
    made.close(remove=True)


def test_a_long_story_costs_no_more_words_than_a_short_one() -> None:
    """The text and the picture of a thousand pods stay as long as anybody reads."""
    for name in ("timeline", "who", "life", "rollout"):
        html = drawn(name, ClusterState(), story(1000))
        assert len(html.desk) + len(html.phone) + len(html.facts) < 120_000
