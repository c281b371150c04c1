"""Every mutant is red for the right reason; every unusual solution is green.

All of them on the embedded cluster, faster than the clock. On kind, which is right when they disagree: the ON_KIND of each lab that show
most criteria, and with `--every-mutant` (make soak) all; the solution itself runs there as a notebook, and is judged. Work of the labs that
want a cluster for themselves goes one after the other, so on kind it is in the series only. `--on embedded` leaves kind out."""

from __future__ import annotations

import importlib

import pytest

from shallowdive.checks import LABS
from shallowdive.cluster import Access, Home, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from tests.ahead import Ahead, Params, params_of
from tests.mutants import Case, Verdict, cases_of, few_for_every_criterion, judge_all, on_kind_each_time
from tests.places import OwnClusters, Places

pytestmark = pytest.mark.timeout(3600)  # one fixture judges all, in a series on kind for long; each wait has a limit of its own
SPEED = 5
AT_A_TIME = {"kind": 5, "embedded": 16}
"""On kind the processors are the limit, on embedded it is waiting."""

CASES = {lab.id: cases_of(lab) for lab in LABS.values()}

Verdicts = dict[tuple[str, str], Verdict]


def selected(params: Params, on: str, *, alone: bool) -> list[tuple[str, Case]]:
    cases = [(str(p["lab"]), p["case"]) for p in params if p.get("on") == on and "case" in p]
    return [(lab, c) for lab, c in cases if LABS[lab].alone == alone]


def judged(cases: list[tuple[str, Case]], places: Places | OwnClusters, at_a_time: int) -> Verdicts:
    """All of them, staged and judged together."""
    try:
        return judge_all(cases, places, at_a_time)
    finally:
        places.close()


AHEAD = Ahead(lambda run, params: judged(selected(params, "kind", alone=False), Places(run.access()), AT_A_TIME["kind"]))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each (cluster, lab, case): the names of `fixturenames` say which ones are meant."""
    if "on" not in metafunc.fixturenames:
        return
    red = "wrong_work" in metafunc.function.__name__
    every = metafunc.config.getoption("every_mutant")
    made = []
    for lab, cases in CASES.items():
        best = cases if every else on_kind_each_time(cases)
        for c in (c for c in cases if bool(c.red) == red):
            if metafunc.config.getoption("on") == "kind" and c in best and (every or not LABS[lab].alone):
                made.append(pytest.param("kind", lab, c, id=f"kind, {lab}: {c.name}", marks=pytest.mark.kind))
            if not LABS[lab].kind_only:
                made.append(pytest.param("embedded", lab, c, id=f"embedded, {lab}: {c.name}", marks=pytest.mark.long))
    metafunc.parametrize("on, lab, case", made)


@pytest.fixture(scope="module")
def alone_on_kind(access: Access, request: pytest.FixtureRequest) -> Verdicts:
    """One after the other, when no notebook runs: these labs use up what their cluster has."""
    return judged(selected(params_of(request.session.items, request.module), "kind", alone=True), Places(access), 1)


@pytest.fixture(scope="module")
def on_embedded(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Verdicts:
    home = Home(tmp_path_factory.mktemp("mutants"), "sd-mutants")
    backend = EmbeddedBackend(home, speed=SPEED)
    backend.up(lambda _: None)
    try:
        params, at_a_time = params_of(request.session.items, request.module), AT_A_TIME["embedded"]
        together = judged(selected(params, "embedded", alone=False), Places(open_access(home)), at_a_time)
        return together | judged(selected(params, "embedded", alone=True), OwnClusters(home.root, SPEED), at_a_time)
    finally:
        backend.down(lambda _: None)


@pytest.fixture
def verdict(on: str, lab: str, case: Case, request: pytest.FixtureRequest) -> Verdict:
    which = "on_embedded" if on == "embedded" else "alone_on_kind" if LABS[lab].alone else ""
    verdicts: Verdicts = request.getfixturevalue(which) if which else AHEAD.result(request)
    return verdicts[lab, case.name]


def test_wrong_work_is_red_for_the_right_reason(on: str, lab: str, case: Case, verdict: Verdict) -> None:
    assert not verdict.broke, verdict
    assert case.red <= verdict.red, f"not caught by {', '.join(sorted(case.red - verdict.red))}:\n{verdict}"
    assert verdict.red <= case.red | case.also, (
        f"caught for another reason too, {', '.join(sorted(verdict.red - case.red - case.also))}:\n{verdict}"
    )


def test_right_work_is_green_however_it_looks(on: str, lab: str, case: Case, verdict: Verdict) -> None:
    assert verdict.results, verdict
    assert not verdict.red, str(verdict)


@pytest.mark.parametrize("name", LABS)
def test_every_criterion_of_a_lab_is_the_reason_of_some_mutant(name: str) -> None:
    criteria = {c.name for c in importlib.import_module(LABS[name].module).CRITERIA}
    assert criteria == set().union(*(c.red for c in CASES[name]))
    assert criteria <= set().union(*(c.red for c in few_for_every_criterion(CASES[name])))
    assert sum(not c.red for c in CASES[name]) >= 3, "a plain solution and two unusual ones"
