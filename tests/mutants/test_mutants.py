"""Every mutant is red for the right reason; every unusual solution is green. On kind."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from shallowdive.checks import LABS
from tests.mutants import Case, Verdict, judge_all

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]

CASES: dict[str, list[Case]] = {
    lab: [c for c in vars(importlib.import_module(f"tests.mutants.lab{lab.replace('-', '_')}")).values() if isinstance(c, Case)]
    for lab in LABS
}
VERDICTS: dict[tuple[str, str], Verdict] = {}


@pytest.fixture
def verdict_of(access: object, request: pytest.FixtureRequest) -> Callable[[str, Case], Verdict]:
    """The verdict of one case; the first that is asked for stages and judges all selected cases of all labs together."""

    def verdict(lab: str, one: Case) -> Verdict:
        if not VERDICTS:
            params = (getattr(getattr(i, "callspec", None), "params", {}) for i in request.session.items)
            cases = [(p["lab"], p["case"]) for p in params if {"lab", "case"} <= p.keys()]
            VERDICTS.update(judge_all(cases, request.getfixturevalue("places")))
        return VERDICTS[lab, one.name]

    return verdict


@pytest.mark.parametrize("lab, case", [pytest.param(lab, c, id=f"{lab}: {c.name}") for lab, cases in CASES.items() for c in cases if c.red])
def test_wrong_work_is_red_for_the_right_reason(lab: str, case: Case, verdict_of: Callable[[str, Case], Verdict]) -> None:
    verdict = verdict_of(lab, case)
    assert not verdict.broke, verdict
    assert case.red <= verdict.red, f"not caught by {', '.join(sorted(case.red - verdict.red))}:\n{verdict}"
    assert verdict.red <= case.red | case.also, (
        f"caught for another reason too, {', '.join(sorted(verdict.red - case.red - case.also))}:\n{verdict}"
    )


@pytest.mark.parametrize(
    "lab, case", [pytest.param(lab, c, id=f"{lab}: {c.name}") for lab, cases in CASES.items() for c in cases if not c.red]
)
def test_right_work_is_green_however_it_looks(lab: str, case: Case, verdict_of: Callable[[str, Case], Verdict]) -> None:
    verdict = verdict_of(lab, case)
    assert verdict.results, verdict
    assert not verdict.red, str(verdict)


@pytest.mark.parametrize("lab", LABS)
def test_every_criterion_of_a_lab_is_the_reason_of_some_mutant(lab: str) -> None:
    criteria = {c.name for c in importlib.import_module(LABS[lab].module).CRITERIA}
    assert criteria == set().union(*(c.red for c in CASES[lab]))
    assert sum(not c.red for c in CASES[lab]) >= 3, "a plain solution and two unusual ones"
