"""The switchboard: what is off hangs beside its socket, and every sentence says what is missing then."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from shallowdive.cluster.backend import COMPONENTS
from shallowdive.views import switchboard
from shallowdive.views.frame import DESK_PX, PHONE_PX

EVERY = [set(some) for some in chain.from_iterable(combinations(COMPONENTS, n) for n in range(4))]


def test_it_knows_what_can_be_switched_off() -> None:
    assert set(switchboard.WITHOUT) == set(COMPONENTS)


@pytest.mark.parametrize("off", EVERY, ids=lambda off: "+".join(sorted(off)) or "nothing")
def test_what_is_off_is_said_and_drawn(off: set[str]) -> None:
    drawn = switchboard.draw(off)
    assert drawn.facts.count("is off") == len(off)
    assert drawn.desk.count(": off<") == len(off)
    assert ("pulled out" in drawn.keys) == bool(off)
    for width in (DESK_PX, PHONE_PX):
        assert switchboard.picture(off, width, "words").problems() == []


def test_the_way_of_a_users_request_is_never_cut() -> None:
    way = [line for line in switchboard.picture(set(COMPONENTS), DESK_PX, "words").out if "--sd-ready" in line]
    assert len(way) == 3, "from the kubelets to the pods, and the arrow of the users"
