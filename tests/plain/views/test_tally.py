"""Squares that are counted: what was said stands after as many as were said, wherever there is room."""

from __future__ import annotations

import re

import pytest

from shallowdive.views.frame import DESK_PX, PHONE_PX
from shallowdive.views.said import Said
from shallowdive.views.shapes import Pic
from shallowdive.views.tally import Tally


@pytest.mark.parametrize(
    ("said", "words"), [(10, "You said that 10 get a node; 6 did."), (6, "You said that 6 get a node, and so many did.")]
)
def test_what_was_said_is_compared_with_what_got_a_node(said: int, words: str) -> None:
    assert Tally(["ready"] * 6, ["pending"] * 4).in_words(Said(said, 0, 0)) == words


@pytest.mark.parametrize("w", [DESK_PX, PHONE_PX])
@pytest.mark.parametrize("said", [0, 6, 10, 400])
@pytest.mark.parametrize("count", [0, 10, 60, 500])
def test_squares_and_words_stay_inside(w: float, said: int, count: int) -> None:
    tally = Tally(["ready"] * count, ["pending"] * 4)
    p = Pic(w, tally.height_px(w - 8), "x")
    tally.draw(p, Said(said, 0, 0), 4, 0, w - 8)
    assert all(x0 >= 0 and x1 <= w and y1 <= p.h for x0, _, x1, y1 in p.tiles)
    assert len(p.tiles) <= count + 4
    line = re.search(r'd="M([\d.]+) [^"]*"[^>]*--sd-you', p.svg())
    assert line is not None
    assert 0 <= float(line[1]) <= w
    assert f"you: {said} get a node" in p.svg()
