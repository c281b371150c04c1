"""Every mutant is red for the right reason; every unusual solution is green. On kind."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shallowdive.checks import LABS
from shallowdive.cluster import NamespaceClient
from tests.mutants import Case, Verdict, judge_all

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]

CASES: dict[str, list[Case]] = {
    lab: [c for c in vars(importlib.import_module(f"tests.mutants.lab{lab.replace('-', '_')}")).values() if isinstance(c, Case)]
    for lab in LABS
}
VERDICTS: dict[str, dict[str, Verdict]] = {}


@pytest.fixture
def verdict_of(access: object, request: pytest.FixtureRequest) -> Iterator[Callable[[str, Case], Verdict]]:
    """The verdict of one case; the first one of a lab stages and judges all selected cases of that lab together."""
    selected = {
        (i.callspec.params["lab"], i.callspec.params["case"].name)
        for i in request.session.items
        if "case" in getattr(getattr(i, "callspec", None), "params", {})
    }

    def verdict(lab: str, one: Case) -> Verdict:
        if lab not in VERDICTS:
            places: Any = request.getfixturevalue("places")
            VERDICTS[lab] = judge_all(lab, [c for c in CASES[lab] if (lab, c.name) in selected], lambda of: _place(places, of))
        return VERDICTS[lab][one.name]

    return verdict


def _place(places: Callable[[str], NamespaceClient], lab: str) -> NamespaceClient:
    return places(lab)


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
