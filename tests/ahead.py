"""Tests on kind that mostly wait, and what they wait for: begun early, in threads, while the notebooks run cell by cell in the same
process. Two cores are idle for two thirds of a notebook's time.

A module with such tests has `AHEAD = Ahead(work)`; conftest.py begins it before the first notebook, where one runs. Its tests ask for
the result, and it is begun then where it was not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any, Generic, TypeVar

import pytest

from tests.run_cluster import RunCluster

T = TypeVar("T")
Params = list[dict[str, Any]]
"""What each selected test of the module is parametrized with."""
POOL = ThreadPoolExecutor(1)
"""One module's after the other's, so that the notebooks beside them find the machine half free."""


class Ahead(Generic[T]):
    """`work(run, params)` of the module that it is written in, once in a run. It has limits of its own for all that it waits for."""

    def __init__(self, work: Callable[[RunCluster, Params], T]) -> None:
        self._work = work
        self._begun: Future[T] | None = None

    def begin(self, run: RunCluster, items: list[pytest.Item], module: ModuleType) -> None:
        if self._begun is None:
            self._begun = POOL.submit(self._work, run, params_of(items, module))

    def result(self, request: pytest.FixtureRequest) -> T:
        self.begin(request.getfixturevalue("run_cluster"), request.session.items, request.module)
        assert self._begun is not None
        return self._begun.result()


def params_of(items: list[pytest.Item], module: ModuleType) -> Params:
    return [dict(i.callspec.params) for i in items if getattr(i, "module", None) is module and hasattr(i, "callspec")]


def begin_all(run: RunCluster, items: list[pytest.Item]) -> None:
    """Begin what the selected tests on kind will ask for."""
    for module in {i.module: None for i in items if i.get_closest_marker("kind") and hasattr(i, "module")}:
        ahead = getattr(module, "AHEAD", None)
        if isinstance(ahead, Ahead):
            ahead.begin(run, items, module)
