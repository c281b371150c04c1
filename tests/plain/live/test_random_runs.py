"""Randomised runs against a server with faults. The long series of the same runs: bench/live_series.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.plain.live.random_runs import FAULTS, WITHIN_S, one_run

RUNS, AT_A_TIME = 40, 8
pytestmark = pytest.mark.long


def test_after_any_sequence_of_faults_the_picture_becomes_the_truth() -> None:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = list(pool.map(one_run, range(RUNS)))
    assert [run for run in runs if run.wrong] == []
    assert max(run.took_s for run in runs) < WITHIN_S
    assert {step for run in runs for step in run.steps} == set(FAULTS), "every fault was tried"
