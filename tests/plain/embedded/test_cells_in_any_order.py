"""A learner's notebook as people really run it: everything twice, and cells in any order. Whatever goes wrong is said in our words, and
what the check of a solution says is what it said on kind.

On the embedded cluster, every lab at once; `make soak` tries ten orders of each (bench/shuffled.py)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from shallowdive.checks import LABS
from shallowdive.cluster import Home
from shallowdive.cluster.embedded import EmbeddedBackend
from tests.shuffled import Ran, in_order, run, solution, twice

SPEED, AT_A_TIME = 5, 4
HERE = [lab.id for lab in LABS.values() if not lab.kind_only]
pytestmark = [pytest.mark.timeout(600), pytest.mark.long]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Ran]]:
    plans = {(lab, how): plan for lab in HERE for how, plan in (("twice", twice(lab)), ("shuffled", in_order(lab, seed=1)))}
    with ExitStack() as clusters, ThreadPoolExecutor(AT_A_TIME) as pool:

        def up(name: str) -> Home:
            backend = EmbeddedBackend(Home(tmp_path_factory.mktemp(name), "sd-any-order"), speed=SPEED)
            clusters.callback(backend.down, lambda _: None)
            backend.up(lambda _: None)
            return backend.home

        together = up("any-order")
        homes = {key: up("-".join(key)) if LABS[key[0]].alone else together for key in plans}
        ended = pool.map(lambda key: run(key[0], plans[key], homes[key]), plans)
        yield dict(zip(plans, ended, strict=True))


@pytest.mark.parametrize("lab", HERE)
def test_everything_may_be_run_twice(lab: str, ran: dict[tuple[str, str], Ran]) -> None:
    found = ran[lab, "twice"]
    assert found.errors == []
    assert found.said.count("criteria met.") == 2


@pytest.mark.parametrize("lab", HERE)
def test_a_solution_gives_the_same_check_texts_as_on_kind(lab: str, ran: dict[tuple[str, str], Ran]) -> None:
    cells = solution(lab)
    at = next(i for i, c in enumerate(cells) if c["id"] == "check")
    for passed in (at, at + len(cells)):
        assert ran[lab, "twice"].printed[passed] == "".join("".join(out["text"]) for out in cells[at]["outputs"])


@pytest.mark.parametrize("lab", HERE)
def test_cells_in_any_order_say_what_is_missing_and_never_a_traceback(lab: str, ran: dict[tuple[str, str], Ran]) -> None:
    found = ran[lab, "shuffled"]
    assert found.errors, "some cell must have come too early"
    assert found.raw == []
    assert "AlreadyExists" not in found.said


def test_the_words_of_an_error_are_told_from_a_traceback(tmp_path: Path) -> None:
    """The test itself: a cell with a bug of ours is a raw traceback, a name that nobody made is not."""
    home = Home(tmp_path, "sd-nobody")
    found = run("12-deployment", ["1 / 0", "raise KeyError('x')"], home)
    assert [e.split(":")[0] for e in found.raw] == ["ZeroDivisionError", "KeyError"]
