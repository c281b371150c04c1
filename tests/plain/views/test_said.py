"""The prediction on the timeline: where it stands, when it is resolved, what it says."""

from __future__ import annotations

import random
import re

import pytest

from shallowdive.live import History
from shallowdive.views import timeline
from shallowdive.views.frame import DESK_PX, PHONE_PX
from shallowdive.views.said import Said, in_words
from tests.plain.views.captured import MARKS, until


def drawn(value: int, now: float, after_s: float = 4) -> tuple[str, str]:
    made = timeline.draw(until("zoo"), now, said=Said(value, MARKS["delete"], after_s))
    return made.desk, made.read


def test_a_prediction_is_violet_dashed_and_hollow_and_says_you() -> None:
    svg, _ = drawn(4, MARKS["zoo"])
    assert re.search(r'<path d="M[^"]*H[^"]*"[^>]*stroke="var\(--sd-you,#6f2dbd\)"[^>]*stroke-dasharray="6 4"', svg)
    assert ">you: 4</text>" in svg
    assert "--sd-you" not in timeline.draw(until("zoo"), MARKS["zoo"]).desk


@pytest.mark.parametrize(("value", "words", "ring"), [(4, "You said 4 ready 4 s after the act; it was 5.", "4.5"), (5, "and it was.", "8")])
def test_said_and_seen_are_compared_at_the_moment_asked_about(value: int, words: str, ring: str) -> None:
    svg, read = drawn(value, MARKS["zoo"])
    assert words in read
    assert re.search(rf'<circle [^>]*r="{ring}" [^>]*stroke="var\(--sd-you', svg)


def test_before_that_moment_there_is_only_what_was_said() -> None:
    history = History([s for s in until("update").events if s.at_s < MARKS["delete"] + 2])
    made = timeline.draw(history, MARKS["delete"] + 2, said=Said(4, MARKS["delete"], 30))
    assert "that moment is still to come" in made.read
    assert 'fill="var(--sd-ready,#00785a)"' not in "".join(re.findall(r"<circle[^>]*>", made.desk))


def test_the_text_twin_says_the_prediction_too() -> None:
    assert "You said 4 ready" in timeline.draw(until("zoo"), MARKS["zoo"], said=Said(4, MARKS["delete"], 4)).facts


@pytest.mark.parametrize("seed", range(40))
def test_no_word_of_a_prediction_overlaps_another(seed: int) -> None:
    rng = random.Random(seed)
    seen = timeline.lives(until("zoo"), MARKS["zoo"], rng.choice([None, MARKS["scale"], MARKS["delete"] - 1]))
    said = Said(rng.randrange(0, 9), rng.uniform(MARKS["create"], MARKS["zoo"]), rng.choice([0.5, 3, 10, 60]))
    for width in (DESK_PX, PHONE_PX):
        made = timeline.picture(seen, width, "x", said, seen.end)
        assert made.problems() == []
        assert f">you: {said.value}</text>" in made.svg()
    assert in_words(seen, said, seen.end).startswith(f"You said {said.value} ready")


def test_pods_that_ended_before_the_left_edge_are_counted_and_not_drawn() -> None:
    made = timeline.draw(until("zoo"), MARKS["zoo"], since_s=MARKS["zoo"] - 2)
    whole = timeline.draw(until("zoo"), MARKS["zoo"])
    assert "more ended earlier" in made.facts
    assert len(re.findall('class="m"', made.desk)) < len(re.findall('class="m"', whole.desk))
