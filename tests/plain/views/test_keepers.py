"""Who keeps how many alive: lanes by owner, what was missing, and a line that says whether somebody wrote the number down."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from shallowdive.live import History, Seen
from shallowdive.views import keepers
from shallowdive.views.frame import DESK_PX, PHONE_PX
from shallowdive.views.said import Said
from tests.plain.test_views import READY, owner, pod

WIDTHS = (DESK_PX, PHONE_PX)


def life(history: History, name: str, of: str, born: float, ready: float, killed: float = 0, gone: float = 0) -> None:
    """One pod: made, ready, told to leave, gone (0: not yet)."""
    history.append(Seen(born, "ADDED", "Pod", pod(name, {"phase": "Pending"}, of)))
    history.append(Seen(ready, "MODIFIED", "Pod", pod(name, READY, of)))
    if killed:
        history.append(Seen(killed, "MODIFIED", "Pod", pod(name, READY, of, deletionTimestamp="x")))
    if gone:
        history.append(Seen(gone, "DELETED", "Pod", pod(name, READY, of, deletionTimestamp="x")))


def both() -> History:
    """Two bare pods, one of which is killed at 20 s and not replaced; two of a ReplicaSet, one is killed and replaced after 5 s."""
    history = History()
    history.append(Seen(100.0, "ADDED", *owner("ReplicaSet", "theirs", "rs", 2)))
    for of in ("", "rs"):
        life(history, f"a{of}", of, 100, 100)
        life(history, f"b{of}", of, 100, 100, 120, 130)
    life(history, "c", "rs", 121, 125)
    return History(sorted(history.events, key=lambda s: s.at_s))


def up(history: History, end_s: float = 140.0, since_s: float | None = None) -> dict[str, int]:
    return {lane.name: int(100 * (lane.up() or 0)) for lane in keepers.read(history, end_s, since_s)}


def test_what_is_missing_is_counted_from_the_moment_when_all_were_ready() -> None:
    assert up(both()) == {keepers.NOBODY: 75, "ReplicaSet theirs": 93}


def test_a_number_that_nobody_wrote_down_is_dashed_and_one_that_is_written_down_is_not() -> None:
    drawn = keepers.draw(both(), 140.0)
    lines = re.findall(r'<path d="[^"]*" [^>]*fill="none" stroke="var\(--sd-ink,#1b2430\)" stroke-width="2"([^>]*)>', drawn.desk)
    assert ["stroke-dasharray" in line for line in lines] == [True, False]
    assert drawn.facts == (
        "Pods without an owner: at most 2 at once, 1 ready, up 75 %, 2 lived. ReplicaSet theirs: 2 wanted, 2 ready, up 93 %, 3 lived."
    )


def test_each_gap_is_a_red_box_as_wide_as_it_lasted() -> None:
    svg = keepers.draw(both(), 140.0).desk
    boxes = [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"[^>]*fill="var\(--sd-fail-tint', svg)]
    second = (DESK_PX - 36) / 40
    assert boxes == [pytest.approx(20 * second, abs=1), pytest.approx(5 * second, abs=1)]


def test_what_was_before_the_left_edge_still_says_how_many_there_should_be() -> None:
    """A picture that begins after the kill: only one bare pod is in it, and one is missing."""
    assert up(both(), 200.0, 160.0) == {keepers.NOBODY: 50, "ReplicaSet theirs": 100}
    history = both()
    history.append(Seen(150.0, "DELETED", "Pod", pod("a", READY, "")))
    assert up(history, 200.0, 160.0) == {keepers.NOBODY: 0, "ReplicaSet theirs": 100}


def test_a_keeper_that_wants_none_and_has_none_is_left_out() -> None:
    history = both()
    for name in ("ars", "brs", "c"):
        history.append(Seen(150.0, "DELETED", "Pod", pod(name, READY, "rs")))
    history.append(Seen(150.0, "MODIFIED", *owner("ReplicaSet", "theirs", "rs", 0)))
    assert list(up(history, 200.0, 160.0)) == [keepers.NOBODY]


def test_pods_that_were_never_all_ready_are_not_called_down() -> None:
    history = History()
    history.append(Seen(0.5, "ADDED", *owner("ReplicaSet", "theirs", "rs", 3)))
    life(history, "a", "rs", 1, 2)
    lane = keepers.read(history, 30.0)[0]
    assert (lane.up(), lane.up_words()) == (None, "not full yet")
    assert "--sd-fail" not in keepers.draw(history, 30.0).desk


def test_pods_of_others_than_replicasets_are_left_out() -> None:
    history = both()
    life(history, "job", "some-job", 101, 102)
    assert list(up(history)) == [keepers.NOBODY, "ReplicaSet theirs"]


def test_the_prediction_is_about_the_first_lane() -> None:
    drawn = keepers.draw(both(), 140.0, said=Said(2, 119.5, 5))
    assert "You said 2 ready 5 s after the act; it was 1." in drawn.read
    assert drawn.desk.count(">you: 2</text>") == 1


def random_record(seed: int) -> tuple[History, float]:
    """Keepers and pods that come and go at any time; names as long as they may be."""
    rng, events = random.Random(seed), list[Seen]()
    for i in range(rng.randrange(6)):
        for _ in range(rng.randrange(1, 3)):
            events.append(
                Seen(
                    rng.uniform(1, 60), "MODIFIED", *owner("ReplicaSet", rng.choice("ab") * rng.choice([1, 60]), f"r{i}", rng.randrange(9))
                )
            )
    for i in range(rng.choice([1, 3, 40])):
        of, born, history = rng.choice(["", "r0", "r1", "r4", "other"]), rng.uniform(1, 60), History()
        end: Any = rng.choice([(), (born + 5,), (born + 5, born + 9)])
        life(history, f"p{i}", of, born, born + rng.uniform(0, 4), *end)
        events += history.events
    return History(sorted(events, key=lambda s: s.at_s)), rng.uniform(60, 400)


@pytest.mark.parametrize("seed", range(60))
def test_no_word_overlaps_another_and_no_share_is_more_than_all(seed: int) -> None:
    history, end_s = random_record(seed)
    rng = random.Random(seed)
    said = rng.choice([None, Said(rng.randrange(9), rng.uniform(1, 60), rng.choice([1, 10]))])
    for since_s in (None, rng.uniform(1, 100)):
        lanes = keepers.read(history, end_s, since_s)
        assert len(lanes) <= keepers.MOST_LANES
        assert all(lane.up() is None or 0 <= (lane.up() or 0) <= 1 for lane in lanes)
        for width in WIDTHS if lanes else ():
            assert keepers.picture(lanes, width, "x", said, lanes[0].pods.end).problems() == []
        assert keepers.draw(history, end_s, since_s=since_s, said=said).facts
