"""The two targets of the contract: a real kind cluster, which is right by definition, and the embedded one, which must agree.

The kind target is the run's own cluster (see the conftest.py at the top) and is skipped with all tests of mark `kind`; the
embedded target is a process that needs neither an engine nor a network. If it does not start, its tests fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.contract.api import Api, Json
from tests.contract.staged import Stage
from tests.servers import embedded_process

SPEED = 20


@dataclass
class Target:
    name: str
    api: Api
    log: Path | None = None
    made: list[str] = field(default_factory=list)

    def namespace(self, **labels: str) -> str:
        meta = {"generateName": "contract-", "labels": {"contract": "yes"} | labels}
        name: str = self.api.made("/api/v1/namespaces", {"metadata": meta})["metadata"]["name"]
        self.made.append(name)
        return name

    def drop_namespaces(self) -> None:
        for name in self.made:
            self.api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="package", params=[pytest.param("kind", marks=pytest.mark.kind), "embedded"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Of the package and not of the session: on kind, a hundred namespaces with their pods would run beside everything that comes after."""
    folder = tmp_path_factory.mktemp("contract")
    if request.param == "kind":
        kubeconfig = request.getfixturevalue("kind_home").kubeconfig
        target = Target("kind", Api(kubeconfig))
        yield target
        target.drop_namespaces()
        return
    with embedded_process(folder, "--speed", str(SPEED), "--seed", "1") as process:
        request.config.stash[EMBEDDED_LOG] = folder / "log"
        yield Target("embedded", Api(folder / "kubeconfig"), folder / "log")
    assert process.returncode == 0, f"SIGTERM ended the embedded cluster with {process.returncode}:\n{tail(folder / 'log')}"


def tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


EMBEDDED_LOG = pytest.StashKey[Path]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test of the embedded target shows what that process wrote."""
    report: pytest.TestReport = yield
    log = item.config.stash.get(EMBEDDED_LOG, None)
    if report.failed and log is not None and "[embedded" in item.name:
        report.sections.append(("log of the embedded cluster", tail(log)))
    return report


@pytest.fixture(scope="package")
def api(target: Target) -> Api:
    return target.api


@pytest.fixture(scope="package")
def stage(target: Target) -> Stage:
    """Everything that takes a while, started together."""
    return Stage(target.api, target.namespace())


@pytest.fixture(scope="package", autouse=True)
def _early(stage: Stage) -> None:
    """The slow things start before the first quick test."""


@pytest.fixture(scope="module")
def ns(target: Target) -> str:
    """A namespace shared by the tests of a module: for those that look only at objects of their own."""
    return target.namespace()


@pytest.fixture
def own(target: Target) -> str:
    """A namespace of one test."""
    return target.namespace()


@pytest.fixture
def maps(own: str) -> str:
    """The path of the ConfigMaps in a namespace of one test."""
    return f"/api/v1/namespaces/{own}/configmaps"


def config_map(name: str = "", **data: str) -> Json:
    return {"metadata": {"name": name} if name else {"generateName": "cm-"}, "data": data}
