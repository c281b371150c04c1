"""Links: shared, told apart, heard from, left. What they leave behind is counted."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shallowdive.errors import WaitTimeout
from shallowdive.live import Follower, Pace, wait_for
from tests.plain.live.faulty import FaultyServer
from tests.plain.live.random_runs import QUICK, shown, wait_until

KIND = ["ConfigMap"]
WARM, CYCLES, MORE_BYTES = 20, 60, 3_000_000
"""bench/live_series.py opens and closes 500 times."""


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    yield made
    made.close()


def lists(server: FaultyServer) -> int:
    return sum("watch=" not in r for r in server.requests)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("follow-")]


def sockets() -> int:
    """Of this process. The descriptor that lists them is gone when it is looked at."""
    open_now = list(Path("/proc/self/fd").iterdir())
    return sum(str(f.readlink()).startswith("socket:") for f in open_now if f.is_symlink())


def test_however_many_followers_there_is_one_watch_of_a_kind_in_a_namespace(server: FaultyServer) -> None:
    server.put("a")
    followers = [Follower(server.api(), "d", KIND, pace=QUICK).start() for _ in range(5)]
    server.put("b")
    for follower in followers:
        wait_for(follower, "b", lambda s: set(shown(s)) == {"a", "b"}, within_s=5)
    assert (lists(server), threads()) == (1, ["follow-ConfigMap"])
    followers[0].stop()
    server.put("c")
    wait_for(followers[4], "c after the first of them left", lambda s: len(shown(s)) == 3, within_s=5)
    assert len(shown(followers[0].state)) == 2, "whoever left is told no more"
    for follower in followers:
        follower.stop()
    assert threads() == []


def test_a_late_follower_begins_with_what_there_is_and_a_record_of_its_own(server: FaultyServer) -> None:
    server.put("a")
    with Follower(server.api(), "d", KIND, pace=QUICK) as first:
        server.put("a")
        wait_for(first, "the second version", lambda s: shown(s) == server.truth(), within_s=5)
        with Follower(server.api(), "d", KIND, pace=QUICK) as second:
            assert [s.type for s in second.history.events] == ["ADDED"]
            assert [s.type for s in first.history.events] == ["ADDED", "MODIFIED"]


def test_other_namespaces_and_other_users_have_links_of_their_own(server: FaultyServer) -> None:
    other = server.api()
    other.default_headers["Impersonate-User"] = "someone"
    with (
        Follower(server.api(), "d", KIND, pace=QUICK),
        Follower(server.api(), "e", KIND, pace=QUICK),
        Follower(other, "d", KIND, pace=QUICK),
    ):
        assert lists(server) == len(threads()) == 3


def test_a_quiet_link_is_heard_often_enough_not_to_be_called_stale(server: FaultyServer) -> None:
    with Follower(server.api(), "d", KIND, pace=QUICK) as follower:
        until, oldest = time.monotonic() + 2.5, 0.0
        while time.monotonic() < until:
            oldest = max(oldest, follower.silent_s())
            time.sleep(0.02)
        assert oldest < QUICK.quiet_watch_s + 0.4
        assert lists(server) == 1, "a watch that ended in good order goes on where it was"


def test_a_silent_server_is_seen_by_the_age_of_the_picture_and_its_return_too(server: FaultyServer) -> None:
    with Follower(server.api(), "d", KIND, pace=QUICK) as follower:
        wait_until(lambda: bool(server.open))
        server.frozen = True
        server.stall()
        time.sleep(1.2)
        assert follower.silent_s() > 1
        server.well()
        server.put("a")
        wait_for(follower, "the link again", lambda s: "a" in shown(s), within_s=5)
        assert follower.silent_s() < 1
        assert not follower.is_stale()


def test_stopping_takes_less_than_a_second_whatever_a_link_waits_for(server: FaultyServer) -> None:
    for waits in ("for an event", "for a list", "to try again"):
        follower = Follower(server.api(), "d", KIND, pace=Pace(backoff_s=(30, 30))).start()
        if waits == "for a list":
            server.slow_list_s = 5
            server.cut()
        elif waits == "to try again":
            server.down = True
            server.cut()
        time.sleep(0.1)
        began = time.monotonic()
        follower.stop()
        assert time.monotonic() - began < 0.7, waits
        assert threads() == [], waits
        server.well()


def test_a_server_that_is_not_there_is_asked_again_and_again_but_not_in_a_hurry(server: FaultyServer) -> None:
    server.put("a")
    with Follower(server.api(), "d", KIND) as follower:
        server.down = True
        server.cut()
        time.sleep(1.2)
        assert follower.errors
        assert len(server.requests) < 9
        server.well()
        server.put("b")
        wait_for(follower, "b", lambda s: "b" in shown(s), within_s=5)
        wait_until(lambda: not follower.errors)
        assert not follower.errors


def test_410_again_and_again_is_not_answered_in_a_hurry(server: FaultyServer) -> None:
    server.oldest = 10**12
    with Follower(server.api(), "d", KIND) as follower:
        wait_until(lambda: len(server.requests) > 4)
        asked = len(server.requests)
        assert asked > 4
        time.sleep(1)
        assert len(server.requests) - asked < 8
        wait_until(lambda: bool(follower.errors))
        assert follower.errors


@pytest.mark.parametrize("says", ["nothing", "something"])
def test_a_server_that_ends_every_watch_at_once_is_not_asked_in_a_hurry(server: FaultyServer, says: str) -> None:
    server.watch_at_most_s = 0.001 if says == "nothing" else 0.0
    with Follower(server.api(), "d", KIND) as follower:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            if says == "something":
                server.put("a")
                server.end_watches()
            time.sleep(0.01)
        assert 1 < len(server.requests) < 16
        server.watch_at_most_s = 0.0
        wait_for(follower, "the truth", lambda s: shown(s) == server.truth(), within_s=5)


def test_a_first_look_that_never_ends_ends_with_words(server: FaultyServer) -> None:
    server.failing = True
    with pytest.raises(WaitTimeout, match="500 etcdserver: request timed out"):
        Follower(server.api(), "d", KIND, pace=QUICK).start(within_s=1.5)
    assert threads() == []


def test_opening_and_closing_leaves_no_thread_no_socket_and_no_memory(server: FaultyServer) -> None:
    for i in range(50):
        server.put(f"c-{i}", text="x" * 200)

    def cycles(count: int) -> tuple[int, int]:
        for _ in range(count):
            Follower(server.api(), "d", KIND, pace=QUICK).start().stop()
        wait_until(lambda: not server.open)  # the server's ends of the sockets
        gc.collect()
        return sockets(), resident_bytes()

    open_before, before = cycles(WARM)
    open_after, after = cycles(CYCLES)
    assert threads() == []
    assert open_after <= open_before + 2
    assert after - before < MORE_BYTES


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
