"""What tests/ and labs/solutions share: one cluster of the run's own, a namespace per notebook and per test, and an honest end.

It is a kind cluster; with `--on embedded` notebooks and mutants run on an embedded one instead. With `-n 2 --dist loadscope` everything
that acts on the run's kind cluster is one lane, in order, and the rest runs beside it; the first process, which runs no test then, makes
the name of the cluster, counts, and removes it.
Nothing here touches a cluster that it did not make. Where no engine works, the tests that need one are skipped, loudly."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as kube
from pytest_kind import KindCluster

from shallowdive.checks import LABS, Lab, judge
from shallowdive.cluster import Access, Home, NamespaceClient, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.cluster.kind import KindBackend
from shallowdive.cluster.life import engine_problem
from shallowdive.cluster.tools import need_kind
from shallowdive.facts import look_at_engine
from shallowdive.lessons.place import drop_namespace, make_namespace

ROOT = Path(__file__).parent
FLOOR = ROOT / "tests" / "kind-floor.txt"
NEEDS_KIND = pytest.StashKey[str]()
FOREIGN = pytest.StashKey[dict[str, str]]()
PASSED_ON_KIND = pytest.StashKey[set[str]]()
CLUSTER = pytest.StashKey["RunCluster"]()
HOME_BEFORE = Path(os.environ.get("SHALLOWDIVE_HOME") or Path.home() / ".shallowdive")


# ── which tests can run here, and the loud end ───────────────────────────────────────────────────────────────
def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--on", choices=["kind", "embedded"], default="kind", help="the cluster for notebooks, mutants and sessions")
    parser.addoption("--speed", type=float, default=1.0, help="--on embedded: its seconds in one of ours")
    parser.addoption("--every-mutant", action="store_true", help="on kind too; without it, on kind a few that show every criterion")


def pytest_configure(config: pytest.Config) -> None:
    problem = engine_problem(look_at_engine()) if config.getoption("on") == "kind" else None
    config.stash[NEEDS_KIND] = str(problem).splitlines()[0] if problem else ""
    config.stash[FOREIGN] = foreign_things()
    config.stash[PASSED_ON_KIND] = set()
    kept = os.environ.get("SHALLOWDIVE_TEST_HOME", "")
    if is_worker(config):
        root, name = config.workerinput["run_cluster"]  # type: ignore[attr-defined]
    else:
        root = kept or tempfile.mkdtemp(prefix="shallowdive-test-")
        name = os.environ.get("SHALLOWDIVE_TEST_CLUSTER") or f"shallowdive-test-{secrets.token_hex(3)}"
    config.stash[CLUSTER] = RunCluster(config, Home(Path(root), name), made_here=not kept)


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist: a worker's tests use the cluster that the first process named, and will remove."""
    home = node.config.stash[CLUSTER].home
    node.workerinput["run_cluster"] = (str(home.root), home.cluster)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    why_not = config.stash[NEEDS_KIND]
    on_kind = config.getoption("on") == "kind"
    judges = []
    for at, item in enumerate(items):
        if hasattr(item, "cell"):
            if on_kind:
                item.add_marker("kind")
            following = items[at + 1] if at + 1 < len(items) else None
            if following is None or following.parent is not item.parent:
                judges.append((at + 1, JudgeItem.from_parent(item.parent, name="judge")))
    for at, made in reversed(judges):
        if on_kind:
            made.add_marker("kind")
        items.insert(at, made)
    if why_not:
        for item in items:
            if item.get_closest_marker("kind"):
                item.add_marker(pytest.mark.skip(reason=f"needs a kind cluster: {why_not}"))
    last = [i for i in items if i.get_closest_marker("last")]
    items[:] = [i for i in items if not i.get_closest_marker("last")] + last
    stray = [i.nodeid for i in items if i.get_closest_marker("kind") and lane_of(i.nodeid) not in ("kind", "life")]
    if stray and on_kind:
        raise pytest.UsageError(f"a test on kind outside the lanes that `lane_of` knows: {stray[0]}")


def lane_of(nodeid: str) -> str:
    """Tests of one lane run in one process, one after the other. pytest-xdist's own groups are written into node ids, which pytest 9.2
    no longer lets it do; and its first process, which deals them out, sees nothing else."""
    file = nodeid.partition("::")[0]
    if file == "tests/kind/test_life.py":
        return "life"
    return "kind" if "[kind" in nodeid or file.startswith(("tests/kind/", "labs/")) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadscope` the scopes are our lanes."""
    from xdist.scheduler import LoadScopeScheduling

    class Lanes(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return lane_of(nodeid)

    return Lanes(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    passed = report.when == "call" and report.passed and not hasattr(report, "wasxfail")
    if passed and "kind" in report.keywords and _config.getoption("on") == "kind":
        _config.stash[PASSED_ON_KIND].add(report.nodeid)


def pytest_sessionstart(session: pytest.Session) -> None:
    global _config
    _config = session.config


_config: pytest.Config


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the cluster. In CI (SHALLOWDIVE_REQUIRE_KIND=1) fewer tests on kind than the floor is a failure, whatever else passed."""
    if is_worker(session.config):
        return
    session.config.stash[CLUSTER].remove()
    if os.environ.get("SHALLOWDIVE_REQUIRE_KIND") == "1":
        count, floor = len(session.config.stash[PASSED_ON_KIND]), int(FLOOR.read_text())
        if count < floor:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    count = len(config.stash[PASSED_ON_KIND])
    if count:
        terminalreporter.write_line(f"on a real kind cluster: {count} passed")
    if config.getoption("on") == "embedded":
        terminalreporter.write_line("notebooks and mutants ran on the embedded cluster, not on kind", yellow=True)
    for kind in ("skipped", "deselected"):
        reasons: dict[str, int] = {}
        for report in terminalreporter.stats.get(kind, []):
            reason = report.longrepr[2] if isinstance(getattr(report, "longrepr", None), tuple) else kind
            reasons[reason] = reasons.get(reason, 0) + 1
        for reason, n in reasons.items():
            if kind == "skipped":
                terminalreporter.write_line(f"NOT TESTED HERE: {n} × {reason.removeprefix('Skipped: ')}", red=True, bold=True)


@pytest.fixture
def foreign(pytestconfig: pytest.Config) -> tuple[dict[str, str], Callable[[], dict[str, str]]]:
    """What was on this machine before the run, and how to look again."""
    return pytestconfig.stash[FOREIGN], foreign_things


def foreign_things() -> dict[str, str]:
    """What the whole suite must leave as it is: running containers, the learner's ~/.kube and ~/.shallowdive."""
    seen: dict[str, str] = {}
    for folder in (Path.home() / ".kube", HOME_BEFORE / "clusters"):
        for file in sorted(folder.rglob("*")) if folder.exists() else []:
            if file.is_file() and "cache" not in file.parts:
                seen[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
    if shutil.which("docker"):
        ask = ["docker", "ps", "--no-trunc", "--format", "{{json .}}"]
        with suppress(subprocess.TimeoutExpired):
            rows = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=False).stdout.splitlines()
            for row in (json.loads(r) for r in rows if r.startswith("{")):
                seen[f"container {row['ID']}"] = f"{row['Names']} {row['State']} since {row['CreatedAt']}"
    return seen


# ── the cluster ──────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class RunCluster:
    """The run's own cluster: made when first asked for, removed at the end. Cells of notebooks are no functions and cannot ask
    for a fixture, so the fixtures and the notebooks both come here.

    $SHALLOWDIVE_TEST_HOME names a home that is kept between runs (bench: two at a time)."""

    config: pytest.Config
    home: Home
    made_here: bool
    handle: KindCluster | None = None
    owner: Access | None = None

    def access(self) -> Access:
        if self.owner is None:
            self._make()
            self.owner = open_access(self.home)
            # for kernels and subprocesses
            os.environ["SHALLOWDIVE_HOME"], os.environ["SHALLOWDIVE_CLUSTER"] = str(self.home.root), self.home.cluster
            os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return self.owner

    def _make(self) -> None:
        if self.config.getoption("on") == "embedded":
            if not self.home.record.exists():
                EmbeddedBackend(self.home, self.config.getoption("speed")).up(print)
            return
        backend = KindBackend(self.home, look_at_engine(), self.config.getoption("kind_image") or "")
        kind = need_kind(self.home, print)
        kubectl = Path(shutil.which("kubectl") or Path(sys.executable).with_name("kubectl"))
        if self.home.record.exists():
            self.handle = KindCluster(self.home.cluster, self.home.kubeconfig, None, kind, kubectl)
            return
        record = backend.claim(kind)
        self.handle = KindCluster(self.home.cluster, self.home.kubeconfig, record.image or None, kind, kubectl)
        config = self.home.root / "kind.yaml"
        config.write_text(backend.config(record))
        self.handle.create(config_file=config)
        backend.finish(record, print)

    def remove(self) -> None:
        if self.made_here and not self.config.getoption("keep_cluster"):
            if not self.home.record.exists():
                shutil.rmtree(self.home.root, ignore_errors=True)
                return
            on_kind = self.config.getoption("on") == "kind"
            (KindBackend(self.home, look_at_engine()) if on_kind else EmbeddedBackend(self.home)).down(print)
            shutil.rmtree(self.home.root, ignore_errors=True)


@pytest.fixture(scope="session")
def kind_cluster(pytestconfig: pytest.Config) -> KindCluster:
    """pytest-kind's cluster, with our configuration, marker and ingress controller.

    Overrides the plugin's fixture, which would fetch kind 0.17 and delete a cluster that it did not create."""
    run = pytestconfig.stash[CLUSTER]
    run.access()
    assert run.handle is not None
    return run.handle


@pytest.fixture(scope="session")
def access(pytestconfig: pytest.Config) -> Access:
    """An owner's access to the run's own cluster; the environment names it too, for kernels and subprocesses."""
    return pytestconfig.stash[CLUSTER].access()


@pytest.fixture(scope="session")
def kind_home(kind_cluster: KindCluster, pytestconfig: pytest.Config) -> Home:
    return pytestconfig.stash[CLUSTER].home


@dataclass
class Places:
    """Makes lab namespaces and follows them; everything is closed and deleted at the end."""

    access: Access
    made: list[NamespaceClient]

    def __call__(self, lab: str = "12-deployment", who: str = "") -> NamespaceClient:
        name = make_namespace(self.access, LABS[lab], who or f"test-{secrets.token_hex(4)}")
        place = NamespaceClient(self.access, name)
        self.made.append(place)
        place.follower.start()
        return place

    def close(self) -> None:
        for place in self.made:
            place.close()
            with suppress(kube.ApiException):
                drop_namespace(self.access, place.namespace)
        self.made.clear()


@pytest.fixture(scope="session")
def places_on() -> Callable[[Access], Places]:
    """`Places` of any cluster; whoever calls it closes it."""
    return lambda access: Places(access, [])


@pytest.fixture
def places(access: Access) -> Iterator[Places]:
    """Call it to get a fresh lab namespace with a running follower."""
    made = Places(access, [])
    yield made
    made.close()


# ── notebooks under nbval ────────────────────────────────────────────────────────────────────────────────────
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the first cell of a notebook: the cluster, a namespace of its own, and a judge that watches it from the start."""
    if not (hasattr(item, "cell") or isinstance(item, JudgeItem)) or item.get_closest_marker("skip"):
        return
    file: Any = item.parent
    if getattr(file, "judge_place", None) is None:
        file.judge_places = Places(item.config.stash[CLUSTER].access(), [])
        file.learner = f"nbval-{secrets.token_hex(4)}"
        file.judge_place = file.judge_places(lab_of_file(file.path).id, file.learner)
    os.environ["SHALLOWDIVE_LEARNER"] = file.learner


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    file: Any = item.parent
    if getattr(file, "judge_place", None) is not None and (nextitem is None or nextitem.parent is not file):
        os.environ.pop("SHALLOWDIVE_LEARNER", None)
        file.judge_places.close()
        file.judge_place = None


class JudgeItem(pytest.Item):
    """After the last cell: the verdict of a judge outside the kernel, on its own record of the namespace."""

    def runtest(self) -> None:
        file: Any = self.parent
        results = judge(lab_of_file(self.path), file.judge_place)
        wrong = [str(r) for r in results if not r.passed]
        assert not wrong, "the judge outside the kernel disagrees:\n" + "\n".join(wrong)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: judge"


def lab_of_file(path: Path) -> Lab:
    """The lab by the id embedded in the notebook, not by its file name."""
    return LABS[json.loads(path.read_text(encoding="utf-8"))["metadata"]["shallowdive"]["lab"]]
