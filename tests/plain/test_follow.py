"""The watch loop against a server that misbehaves: what is shown in the end is what the server has."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from shallowdive.errors import WaitTimeout
from shallowdive.live import ClusterState, Follower, Pace, wait_for
from tests.plain.fake_api import CUT, HANG, FakeApi


@pytest.fixture
def server() -> Iterator[FakeApi]:
    fake = FakeApi()
    yield fake
    fake.close()


@pytest.fixture
def follower(server: FakeApi) -> Iterator[Follower]:
    f = Follower(server.api(), "d", ["ConfigMap"])
    yield f
    f.stop()


def names(state: ClusterState) -> set[str]:
    return {o["metadata"]["name"] for o in state.all("ConfigMap")}


def test_the_first_list_is_the_first_picture(server: FakeApi, follower: Follower) -> None:
    server.put("a")
    assert names(follower.start().state) == {"a"}


def test_events_are_folded_in_the_order_they_come(server: FakeApi, follower: Follower) -> None:
    follower.start()
    a, b = server.put("a"), server.put("b")
    server.event("ADDED", a)
    server.event("ADDED", b)
    server.event("DELETED", a)
    wait_for(follower, "b alone", lambda s: names(s) == {"b"}, within_s=5)
    assert [(s.type, s.object["metadata"]["name"]) for s in follower.history.events] == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_gone_is_answered_by_a_new_list_and_what_was_missed_becomes_events(server: FakeApi, follower: Follower) -> None:
    server.put("old")
    follower.start()
    server.items.clear()
    server.put("new")
    server.script.put({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}})
    wait_for(follower, "the new list", lambda s: names(s) == {"new"}, within_s=5)
    assert [s.type for s in follower.history.events] == ["ADDED", "DELETED", "ADDED"]


def test_a_cut_link_is_taken_up_again(server: FakeApi, follower: Follower) -> None:
    follower.start()
    server.script.put(CUT)
    server.event("ADDED", server.put("after"))
    wait_for(follower, "the event after the cut", lambda s: names(s) == {"after"}, within_s=8)


def test_a_silent_link_is_left_for_another_one(server: FakeApi) -> None:
    follower = Follower(server.api(), "d", ["ConfigMap"], pace=Pace(quiet_silence_s=0.3)).start()
    server.script.put(HANG)
    with follower.changed:
        follower.changed.wait(timeout=1.5)
    server.event("ADDED", server.put("late"))
    wait_for(follower, "the event after the silence", lambda s: names(s) == {"late"}, within_s=8)
    follower.stop()


def test_a_refused_list_ends_with_the_servers_words(server: FakeApi, follower: Follower) -> None:
    server.status = 403
    with pytest.raises(WaitTimeout, match="403 no"):
        follower.start(within_s=5)


def test_stop_returns_at_once_and_leaves_no_thread(server: FakeApi, follower: Follower) -> None:
    before = threading.active_count()
    follower.start()
    began = time.monotonic()
    follower.stop()
    assert time.monotonic() - began < 1
    assert not [t for t in threading.enumerate() if t.name == "follow-ConfigMap"], before


def test_catching_up_waits_for_what_the_server_has_now(server: FakeApi, follower: Follower) -> None:
    follower.start()
    server.event("ADDED", server.put("a"))
    assert names(follower.catch_up(within_s=5)) == {"a"}


def test_catching_up_says_how_far_behind_it_stayed(server: FakeApi, follower: Follower) -> None:
    follower.start()
    server.put("never sent")
    with pytest.raises(WaitTimeout, match="did not catch up"):
        follower.catch_up(within_s=0.3)


def test_a_wait_that_ends_says_what_was_seen_and_what_is_usual(server: FakeApi, follower: Follower) -> None:
    server.put("a")
    follower.start()
    with pytest.raises(WaitTimeout) as caught:
        wait_for(follower, "b to appear", lambda s: "b" in names(s), within_s=0.2, usually_s=3, seen=lambda s: f"only {sorted(names(s))}")
    assert "waited 0.2 s (usually 3 s) for: b to appear" in str(caught.value)
    assert "seen: only ['a']" in str(caught.value)
