"""Attacks in pods, each to its limit: what stopped it is told, and it has no point. Five minutes, so in `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from shallowdive.checks import LABS
from shallowdive.cluster import Access, Home
from shallowdive.grading import job
from shallowdive.grading.row import Row
from shallowdive.grading.run import Grader
from shallowdive.grading.submissions import Submission, parse
from tests.grading.handed_in import changed, given, text

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1200)]
LAB, CELL = "03-claims", "explain"
HOSTILE = Path(__file__).parents[1] / "grading" / "hostile"
TOLD = {
    "endless": "at its time limit", "eats_memory": "too much memory", "fills_the_disk": "too much written", "leaves_children": "",
    "agent_in_a_pod": "", "important_pods": "", "long_grace": "", "never_ends": "",
}  # fmt: skip
LIMIT_S = 90


@pytest.fixture(scope="module")
def rows(access: Access, kind_home: Home) -> dict[str, Row]:
    runner = job.prepare(kind_home, access, "series", "", print)
    grader = Grader(access, LABS[LAB], given(LAB), runner, "series", LIMIT_S)
    return {name: grader.grade(attack(name)) for name in TOLD}


def attack(name: str) -> Submission:
    code = (HOSTILE / f"{name}.py").read_text(encoding="utf-8")
    return Submission(name, name, parse(text(changed(given(LAB), lambda c: c | {"source": code} if c["id"] == CELL else c))))


@pytest.mark.parametrize("name", TOLD)
def test_an_attack_has_no_point_and_what_stopped_it_is_told(name: str, rows: dict[str, Row]) -> None:
    row = rows[name]
    assert (row.state, row.points) == ("graded", 0), row
    assert any(TOLD[name] in note for note in ["", *row.notes]), row
