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
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pytest_kind import KindCluster

from shallowdive.checks import LABS, Lab, judge
from shallowdive.cluster import Access, Home
from shallowdive.cluster.life import engine_problem
from shallowdive.cluster.tenant import make_tenant
from shallowdive.facts import look_at_engine
from tests.aftermath import look_settled, until_as_before
from tests.ahead import begin_all
from tests.places import Places
from tests.run_cluster import RunCluster

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
    parser.addoption("--every-mutant", action="store_true", help="on kind too; without it, on kind two of each lab")


def pytest_configure(config: pytest.Config) -> None:
    problem = engine_problem(look_at_engine()) if config.getoption("on") == "kind" else None
    config.stash[NEEDS_KIND] = str(problem).splitlines()[0] if problem else ""
    config.stash[FOREIGN] = foreign_things()
    config.stash[PASSED_ON_KIND] = set()
    kept = os.environ.get("SHALLOWDIVE_TEST_HOME", "")
    if is_worker(config):
        root, name = config.workerinput["run_cluster"]  # type: ignore[attr-defined]
        if config.getoption("on") == "embedded":  # cheap, and then a lab that wants its cluster alone has it
            root = str(Path(root) / config.workerinput["workerid"])  # type: ignore[attr-defined]
            Path(root).mkdir(parents=True, exist_ok=True)
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
                judges.append((at + 1, [kind.from_parent(item.parent, name=kind.called) for kind in (JudgeItem, AfterItem)]))
    for at, made in reversed(judges):
        for one in made if on_kind else made[:1]:
            if on_kind:
                one.add_marker("kind")
            items.insert(at, one)
            at += 1
    for item in items:
        if not on_kind and is_of_a_notebook(item) and lab_of_file(item.path).kind_only:
            item.add_marker(pytest.mark.skip(reason="looks at the nodes of a kind cluster from outside"))
    if why_not:
        for item in items:
            if item.get_closest_marker("kind"):
                item.add_marker(pytest.mark.skip(reason=f"needs a kind cluster: {why_not}"))
    items.sort(key=turn_of)
    stray = [i.nodeid for i in items if i.get_closest_marker("kind") and lane_of(i.nodeid) not in ("kind", "life")]
    if stray and on_kind:
        raise pytest.UsageError(f"a test on kind outside the lanes that `lane_of` knows: {stray[0]}")


def turn_of(item: pytest.Item) -> int:
    """The contract tests cordon nodes and count what there is, so they come before everything that acts beside the notebooks
    (tests/ahead.py); what switches off parts of the cluster comes when nothing else is on it."""
    if item.get_closest_marker("last"):
        return 4
    if item.get_closest_marker("destructive"):
        return 3
    file = item.nodeid.partition("::")[0]
    if is_of_a_notebook(item):
        return 3 if lab_of_file(item.path).destructive else 1
    return 0 if file.startswith("tests/contract/") else 2


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
        if session.config.getoption("on") == "embedded":
            session.config.stash[CLUSTER].remove()
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
@pytest.fixture(scope="session")
def kind_cluster(pytestconfig: pytest.Config) -> KindCluster:
    """pytest-kind's cluster, with our configuration, marker and ingress controller.

    Overrides the plugin's fixture, which would fetch kind 0.17 and delete a cluster that it did not create."""
    run = pytestconfig.stash[CLUSTER]
    run.access()
    assert run.handle is not None
    return run.handle


@pytest.fixture(scope="session")
def run_cluster(pytestconfig: pytest.Config) -> RunCluster:
    """The run's own cluster; the environment names it too, for kernels and subprocesses."""
    run = pytestconfig.stash[CLUSTER]
    run.access()
    return run


@pytest.fixture(scope="session")
def access(run_cluster: RunCluster) -> Access:
    """An owner's access to it."""
    return run_cluster.access()


@pytest.fixture(scope="session")
def kind_home(kind_cluster: KindCluster, pytestconfig: pytest.Config) -> Home:
    return pytestconfig.stash[CLUSTER].home


@pytest.fixture
def places(access: Access) -> Iterator[Places]:
    """Call it to get a fresh lab namespace with a running follower."""
    made = Places(access)
    yield made
    made.close()


# ── notebooks under nbval ────────────────────────────────────────────────────────────────────────────────────
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the first cell of a notebook: the cluster, a namespace of its own, and a judge that watches it from the start. On kind the
    kernel of a lab that needs no more gets a tenant's token, which is good for this namespace only."""
    if not is_of_a_notebook(item) or item.get_closest_marker("skip"):
        return
    file: Any = item.parent
    if getattr(file, "judge_place", None) is None:
        run, lab = item.config.stash[CLUSTER], lab_of_file(file.path)
        learner = f"nbval-{lab.id}"  # what is drawn for a learner is the same in every run
        access = run.access()
        if item.get_closest_marker("kind"):
            begin_all(run, item.session.items)
            file.cluster_before = look_settled(access)
        file.judge_places = Places(access)
        file.judge_place = file.judge_places(lab.id, learner)
        file.environment_before = dict(os.environ)
        os.environ["SHALLOWDIVE_LEARNER"] = learner
        if item.get_closest_marker("kind") and lab.needs == ("tenant",):
            os.environ.update(make_tenant(access, file.judge_place.namespace, learner, Path(tempfile.mkdtemp(dir=run.home.root))))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    file: Any = item.parent
    if getattr(file, "judge_place", None) is not None and (nextitem is None or nextitem.parent is not file):
        os.environ.clear()
        os.environ.update(file.environment_before)
        file.judge_places.close()
        file.judge_place = None


class NotebookItem(pytest.Item):
    """Comes after the last cell of a notebook."""

    called = ""

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: {self.called}"


class JudgeItem(NotebookItem):
    """The verdict of a judge outside the kernel, on its own record of the namespace."""

    called = "judge"

    def runtest(self) -> None:
        file: Any = self.parent
        results = judge(lab_of_file(self.path), file.judge_place)
        wrong = [str(r) for r in results if not r.passed]
        assert not wrong, "the judge outside the kernel disagrees:\n" + "\n".join(wrong)


class AfterItem(NotebookItem):
    """Apart from the lab's namespace, the cluster is as it was before."""

    called = "cluster as before"

    def runtest(self) -> None:
        file: Any = self.parent
        different = until_as_before(self.config.stash[CLUSTER].access(), file.cluster_before)
        assert not different, "\n".join(different)


def is_of_a_notebook(item: pytest.Item) -> bool:
    return hasattr(item, "cell") or isinstance(item, NotebookItem)


def lab_of_file(path: Path) -> Lab:
    """The lab by the id embedded in the notebook, not by its file name."""
    return LABS[json.loads(path.read_text(encoding="utf-8"))["metadata"]["shallowdive"]["lab"]]
