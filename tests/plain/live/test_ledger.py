"""What a link makes of what it is told, and what a picture costs. Pure: no thread, no socket."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from shallowdive.live import ClusterState, apply_event
from shallowdive.live.frozen import FrozenMap
from shallowdive.live.ledger import GONE_KEPT, Ledger, differences
from shallowdive.live.state import key_of

Body = dict[str, Any]


def obj(name: str, uid: str, version: int) -> Body:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "d", "uid": uid, "resourceVersion": str(version)}}


def told(ledger: Ledger, *events: tuple[str, Body]) -> list[tuple[str, str, str]]:
    """(type, uid, version) of every change that the events made."""
    changes = [change for event in events for change in ledger.take_event(*event)]
    return [(t, o["metadata"]["uid"], o["metadata"]["resourceVersion"]) for t, o in changes]


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.take_list([obj("a", "u1", 5)], 7)
    return made


def test_the_same_event_twice_changes_nothing_the_second_time(ledger: Ledger) -> None:
    event = ("MODIFIED", obj("a", "u1", 8))
    assert told(ledger, event, event) == [("MODIFIED", "u1", "8")]


def test_an_older_version_that_comes_late_is_dropped(ledger: Ledger) -> None:
    assert told(ledger, ("MODIFIED", obj("a", "u1", 9)), ("MODIFIED", obj("a", "u1", 8))) == [("MODIFIED", "u1", "9")]


def test_late_news_of_a_deleted_object_does_not_bring_it_back(ledger: Ledger) -> None:
    assert told(ledger, ("DELETED", obj("a", "u1", 9)), ("MODIFIED", obj("a", "u1", 8))) == [("DELETED", "u1", "9")]
    assert len(ledger.objects) == 0


def test_a_deletion_that_comes_before_its_object_wins(ledger: Ledger) -> None:
    assert told(ledger, ("DELETED", obj("b", "u2", 9)), ("ADDED", obj("b", "u2", 8))) == []


def test_a_new_object_under_an_old_name_is_a_deletion_first(ledger: Ledger) -> None:
    seen = told(ledger, ("ADDED", obj("a", "u2", 9)), ("DELETED", obj("a", "u1", 8)))
    assert seen == [("DELETED", "u1", "5"), ("ADDED", "u2", "9")]
    assert ledger.objects["d", "a"]["metadata"]["uid"] == "u2"


def test_an_object_that_was_modified_before_it_was_ever_seen_is_an_added_one(ledger: Ledger) -> None:
    assert told(ledger, ("MODIFIED", obj("b", "u2", 9))) == [("ADDED", "u2", "9")]


def test_deleted_uids_are_remembered_but_not_for_ever(ledger: Ledger) -> None:
    for i in range(3 * GONE_KEPT):
        ledger.take_event("DELETED", obj("x", f"x{i}", 10 + i))
    assert len(ledger._gone) == GONE_KEPT


def test_a_rebuilt_cluster_with_the_same_names_and_versions_is_told_apart_by_uids() -> None:
    old, new = {("d", "a"): obj("a", "u1", 5)}, {("d", "a"): obj("a", "v1", 5)}
    assert [(t, o["metadata"]["uid"]) for t, o in differences(old, new)] == [("DELETED", "u1"), ("ADDED", "v1")]


def test_a_list_is_held_when_it_was_told_newer_or_deleted_later_and_not_otherwise(ledger: Ledger) -> None:
    wanted = {("d", "a"): obj("a", "u1", 8), ("d", "b"): obj("b", "u2", 9)}
    assert not ledger.has(wanted, 9)
    ledger.take_event("MODIFIED", obj("a", "u1", 10))
    assert not ledger.has(wanted, 9)
    ledger.take_event("DELETED", obj("b", "u2", 11))
    assert ledger.has(wanted, 9)
    assert not ledger.has({}, 10), "a is here, and was not deleted as far as this link knows"


def test_an_order_is_kept_with_the_map_and_is_nobodys_to_change() -> None:
    asked: list[int] = []

    def by(value: int) -> int:
        asked.append(value)
        return -value

    frozen = FrozenMap({n: n for n in range(5)})
    frozen.ordered(by).clear()
    assert frozen.ordered(by) == [4, 3, 2, 1, 0]
    assert len(asked) == 5
    assert frozen.put(9, 9).ordered(by) == [9, 4, 3, 2, 1, 0]
    assert frozen.without(4).ordered(by) == [3, 2, 1, 0]


def test_a_frozen_map_is_a_dictionary_that_leaves_its_past_alone() -> None:
    rng, past = random.Random(4), list[tuple[FrozenMap[int, int], dict[int, int]]]()
    now, twin = FrozenMap[int, int](), dict[int, int]()
    for i in range(3000):
        key = rng.randrange(300) * rng.choice((1, 64, 4096))  # keys that fall into one twig, too
        if rng.random() < 0.3:
            now, twin = now.without(key), {k: v for k, v in twin.items() if k != key}
        else:
            now, twin = now.put(key, i), {**twin, key: i}
        past.append((now, twin))
    for frozen, expected in past[::50] + past[-1:]:
        assert dict(frozen) == expected == dict(frozen.items())
        assert len(frozen) == len(expected) == len(list(frozen.values()))
        assert (7 in frozen) == (7 in expected)
    with pytest.raises(KeyError):
        FrozenMap[int, int]()[1]


def cost_s(objects: int, events: int = 2000) -> float:
    """Seconds that folding so many events takes when so many objects are there."""
    state = ClusterState()
    for i in range(objects):
        state = apply_event(state, "ADDED", "Pod", obj(f"pod-{i}", f"u{i}", 1))
    news = [obj(f"pod-{i % objects}", f"u{i % objects}", 2) for i in range(events)]
    best = 9.0
    for _ in range(3):
        began = time.process_time()
        for one in news:
            state = apply_event(state, "MODIFIED", "Pod", one)
        best = min(best, time.process_time() - began)
    assert key_of(news[0]) in state.by_kind["Pod"]
    return best


def test_an_event_costs_no_more_among_ten_thousand_objects_than_among_a_hundred() -> None:
    assert cost_s(10_000) < 3 * cost_s(100)
