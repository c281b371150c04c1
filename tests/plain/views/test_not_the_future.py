"""A picture over time ends at this moment, also where its axis goes on: nothing is drawn that has not happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shallowdive.live.recording import Recording, read, replay
from shallowdive.views import keepers, lifetimes, lights, rollout, timeline
from shallowdive.views.said import Said

TRACES = Path(__file__).parents[3] / "labs" / "traces"
EARLY_S, FAR_S = 4.0, 36.0
"""Seconds after the first event at which we look, and after which a prediction is about."""
NUMBER = r"(-?[\d.]+)"


def early(lab: str) -> tuple[Recording, float]:
    recording = read(TRACES / f"{lab}.json")
    return recording, recording.events[0].at_s + EARLY_S


def right_edges(svg: str) -> list[float]:
    """Of everything that is filled with the colour of a state: bars and areas."""
    edges = []
    for tag in re.findall(r"<(?:rect|path)[^>]*>", svg):
        if not re.search(r'fill="var\(--sd-(?!paper|hair|you)', tag):
            continue
        if box := re.search(rf'x="{NUMBER}".*?width="{NUMBER}"', tag):
            edges.append(float(box[1]) + float(box[2]))
        elif d := re.search(r' d="([^"]*)"', tag):
            edges += [float(x) for x in re.findall(rf"[MLH]\s*{NUMBER}", d[1])]
    return edges


def width(svg: str) -> float:
    found = re.search(rf'viewBox="0 0 {NUMBER}', svg)
    assert found
    return float(found[1])


@pytest.mark.parametrize(
    ("lab", "draw"),
    [
        ("01-what-is-kubernetes", timeline.draw), ("02-controller", keepers.draw), ("12-deployment", rollout.draw),
        ("09-volumes", lifetimes.draw), ("08-cluster", lights.draw),
    ],
)  # fmt: skip
def test_what_is_drawn_ends_now(lab: str, draw: Callable[..., object]) -> None:
    recording, now = early(lab)
    _, history = replay(recording, now)
    drawn = draw(history, None, now) if draw is rollout.draw else draw(history, now)
    for svg in (drawn.desk, drawn.phone):  # type: ignore[attr-defined]
        edges = right_edges(svg)
        assert edges, "nothing is drawn at all"
        assert max(edges) < 0.62 * width(svg), "a third of the axis has passed, and something reaches far behind it"


@pytest.mark.parametrize("draw", [timeline.draw, keepers.draw])
def test_a_prediction_makes_the_axis_longer_and_nothing_else(draw: Callable[..., object]) -> None:
    recording, now = early("02-controller")
    _, history = replay(recording, now)
    said = Said(3, now - 1, FAR_S)
    drawn = draw(history, now, said=said)
    assert max(right_edges(drawn.desk)) < 0.4 * width(drawn.desk)  # type: ignore[attr-defined]
