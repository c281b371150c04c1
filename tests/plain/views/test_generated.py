"""Every picture over a grid of generated states: no word overlaps another, lies on a tile or leaves the picture; the text says as much."""

from __future__ import annotations

import random
import time

import pytest

from shallowdive.live import History, Seen
from shallowdive.objects.traffic import Second
from shallowdive.views import bins, chain, life, machines, rollout, timeline
from shallowdive.views.frame import DESK_PX, PHONE_PX, framed
from shallowdive.views.shapes import Pic
from tests.plain.test_views import READY, pod, story
from tests.plain.views import generated

WIDTHS = (DESK_PX, PHONE_PX)


def problems(*pictures: Pic) -> list[str]:
    return [f"{p.w}: {bad}" for p in pictures for bad in p.problems()]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("count", "pods"), [(1, 0), (1, 3), (3, 0), (3, 12), (5, 60), (14, 300)])
def test_bins(seed: int, count: int, pods: int) -> None:
    state = generated.nodes(seed, count, pods)
    for resource in ("cpu", "memory"):
        seen = bins.read(state, "d", resource)
        assert problems(*(bins.picture(seen, w, "x") for w in WIDTHS)) == []
        assert sum(f"Node {b.name}" in bins.in_words(seen) for b in seen.bins) == count


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("wanted", [1, 3, 12, 60])
@pytest.mark.parametrize("versions", [1, 2, 3, 5])
def test_rollouts(seed: int, wanted: int, versions: int) -> None:
    rng = random.Random(seed)
    history = generated.versions(seed, wanted, versions, finished=seed % 2 == 0)
    traffic = [Second(100 + i, rng.randrange(11), rng.choice([0, 0, 0, 4])) for i in range(rng.randrange(90))]
    for asked in (None, traffic):
        seen = rollout.read(history, asked)
        seen.said = rng.choice([None, (0, 5.0), (30, 0.0), (100, 20.0)])
        assert problems(*(rollout.picture(seen, w, "x") for w in WIDTHS)) == []
        assert "Ready now" in rollout.in_words(seen)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("attempts", [1, 2, 7, 40])
def test_the_states_of_containers(seed: int, attempts: int) -> None:
    seen = life.read(generated.containers(seed, attempts))
    assert seen is not None
    assert problems(*(life.picture(seen, w, "x") for w in WIDTHS)) == []
    assert seen.ways.get(("running", "terminated"), 0) == sum(1 for state, _, _ in seen.steps if state == "terminated")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [1, 2, 9])
def test_chains_of_storage(seed: int, count: int) -> None:
    links = chain.read(generated.claims(seed, count))
    assert problems(*(chain.picture(links, w, "x") for w in WIDTHS)) == []
    assert len([link for link in links if not link.missing]) == count


@pytest.mark.parametrize("pods", [15, 121, 240, 300, 1000])
def test_many_pods_are_thin_lanes_and_beyond_three_hundred_bands(pods: int) -> None:
    seen = timeline.lives(story(pods), 60.0)
    made = timeline.picture(seen, DESK_PX, "x")
    assert problems(made, timeline.picture(seen, PHONE_PX, "x")) == []
    lanes = any("one thin line each" in words for _, words in made.boxes)
    assert lanes == (len(seen.pods) <= timeline.MOST_LANES)
    assert made.h < 1100


def test_a_thousand_pods_are_redrawn_in_a_tenth_of_a_second() -> None:
    history, took = story(1000), []
    for i in range(4):
        history.append(Seen(61.0 + i, "ADDED", "Pod", pod(f"new-{i}", READY)))
        began = time.process_time()
        drawn = timeline.draw(history, 70.0)
        framed("t", "s", drawn)
        took.append(time.process_time() - began)
    assert min(took) < 0.1
    assert len(drawn.desk) + len(drawn.phone) < 80_000
    assert "new-3" not in drawn.desk
    assert drawn.facts.startswith("500 wanted, 941 ready.")


def test_a_record_that_grows_is_read_once_and_says_what_the_whole_says() -> None:
    whole, growing = story(30), History()
    for i, seen in enumerate(whole.events):
        growing.append(seen)
        if i % 7 == 0:
            timeline.draw(growing)
    assert timeline.draw(growing, 60.0) == timeline.draw(whole, 60.0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("count", "pods"), [(1, 0), (1, 3), (3, 0), (3, 12), (5, 60), (14, 300)])
def test_machines(seed: int, count: int, pods: int) -> None:
    seen = machines.read(generated.nodes(seed, count, pods), "d")
    assert problems(*(machines.picture(seen, w, "x") for w in WIDTHS)) == []
    words = machines.in_words(seen)
    assert words.startswith(f"{count} node")
    assert all(f"{m.name}, {m.role}" in words for m in seen.machines)
    assert sum(len(m.pods) + m.others for m in seen.machines) + len(seen.waiting) <= pods
