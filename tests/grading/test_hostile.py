"""Answers that attack: no point that was not earned, nothing alive afterwards, nobody else's mark changed. What they can see and write is
in test_cage.py.

Each file of hostile/ stands in one answer cell of a lab that is otherwise as it was handed out. On the embedded cluster; a few in every
run, all with `--every-mutant` (make soak)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from kubernetes import client

from shallowdive.checks import LABS
from shallowdive.cluster import Access, Home, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.errors import WaitTimeout
from shallowdive.grading import caged
from shallowdive.grading.batch import CANARY, Batch, Journal
from shallowdive.grading.cage import bubblewrap
from shallowdive.grading.row import Row
from shallowdive.grading.run import Grader
from shallowdive.grading.submissions import Submission, parse
from shallowdive.lessons.place import BATCH
from shallowdive.live import poll
from tests.grading.handed_in import changed, given, solved, text

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not bubblewrap(), reason="attacks are run in bubblewrap only: apt install bubblewrap"),
]
LAB, CELL = "01-what-is-kubernetes", "owner"
ATTACKS = sorted(p.stem for p in (Path(__file__).parent / "hostile").glob("*.py"))
FEW = (
    "daemon_works_on", "deep_folders", "floods_the_cluster", "kills_everything", "long_grace", "never_ends", "other_namespaces",
    "reads_secrets", "says_it_passed",
)  # fmt: skip
LIMIT_S, WORKERS, SPEED, LEFT_S = 75, 4, 3, 30


def attack(name: str) -> Submission:
    code = (Path(__file__).parent / "hostile" / f"{name}.py").read_text(encoding="utf-8")
    made = changed(given(LAB), lambda c: c | {"source": code} if c["id"] == CELL else c)
    return Submission(name, name, parse(text(made)))


@dataclass
class Class:
    """A batch that has run: its rows by student, what its cells printed is not kept, and the canaries."""

    rows: dict[str, Row]
    canaries: list[bool]
    users: list[int]
    left: list[str]
    """Namespaces of the batch that had not ended LEFT_S after it."""


def left_of(access: Access) -> list[str]:
    core, left = client.CoreV1Api(access.connect()), [""]

    def ask() -> bool | None:
        left[:] = [str(n.metadata.name) for n in core.list_namespace(label_selector=f"{BATCH}=hostile").items if n.metadata]
        return None if left else True

    try:
        poll("the end of all namespaces", ask, within_s=LEFT_S)
    except WaitTimeout:
        return left
    return []


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Class]:
    names = ATTACKS if pytestconfig.getoption("every_mutant") else FEW
    home = Home(tmp_path_factory.mktemp("hostile"), "sd-hostile")
    backend = EmbeddedBackend(home, speed=SPEED)
    backend.up(lambda _: None)
    try:
        good = Submission("good", "good", parse(text(solved(LAB))))
        reference = Submission(CANARY, "", parse(text(solved(LAB))))
        access = open_access(home)
        runner = caged.Runner(access, LABS[LAB], home)
        grader = Grader(access, LABS[LAB], given(LAB), runner, "hostile", LIMIT_S)
        batch = Batch(grader, Journal.load(home.root / "journal.jsonl"), reference, WORKERS, lambda _: None)
        rows = batch.run([attack(n) for n in names[:3]] + [good] + [attack(n) for n in names[3:]])
        yield Class({r.student: r for r in rows}, batch.canaries, runner.users, left_of(access))
    finally:
        backend.down(lambda _: None)


def test_no_attack_has_a_point_and_every_one_has_a_row(graded: Class) -> None:
    attacks = {name: (row.points, row.state) for name, row in graded.rows.items() if name != "good"}
    assert len(attacks) >= len(FEW)
    assert {name: found for name, found in attacks.items() if found[0] != 0} == {}
    assert not any(row.full for name, row in graded.rows.items() if name != "good")


def test_who_did_the_work_beside_them_has_all_points_and_so_has_the_reference(graded: Class) -> None:
    assert graded.rows["good"].full, graded.rows["good"]
    assert all(graded.canaries)
    assert graded.rows["good"].of >= 5


def test_every_namespace_ends_also_with_what_waits_for_nobody_in_it(graded: Class) -> None:
    assert "never_ends" in graded.rows
    assert "long_grace" in graded.rows
    assert graded.left == []


def test_nothing_of_any_attack_is_alive(graded: Class) -> None:
    users = [user for user in graded.users if user]
    alive = [" ".join(p.cmdline()) for p in psutil.process_iter() if p.uids().real in users and p.status() != psutil.STATUS_ZOMBIE]
    assert alive == []


def test_an_attack_ends_within_its_limit(graded: Class) -> None:
    assert {name: row.seconds for name, row in graded.rows.items() if row.seconds > LIMIT_S + 40} == {}
