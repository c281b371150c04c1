"""A batch goes on where it was killed, gives everybody a row, and does not trust its own marks when the reference is not full."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from shallowdive.checks import LABS, CheckResult
from shallowdive.grading.batch import CANARY, CANARY_EVERY, Batch, Journal
from shallowdive.grading.merge import merge
from shallowdive.grading.row import Row
from shallowdive.grading.run import digest_of
from shallowdive.grading.submissions import Submission

LAB = LABS["12-deployment"]


@dataclass
class FakeGrader:
    """Marks without a cluster: `marks` of a student's two criteria; the reference is full unless its turn is in `bad`."""

    marks: dict[str, tuple[bool, bool]]
    bad: set[int] = field(default_factory=set)
    lab: Any = LAB
    instructor: Any = field(default_factory=lambda: {"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": ""}]})
    runner: Any = field(default_factory=lambda: SimpleNamespace(isolation="none"))
    access: Any = field(default_factory=lambda: SimpleNamespace(source="nowhere"))
    given: frozenset[str] = frozenset()
    graded: list[str] = field(default_factory=list)
    slow: dict[str, float] = field(default_factory=dict)
    beside: dict[str, int] = field(default_factory=dict)
    """How many ran when one of those that import a socket began."""
    at_once: int = 0
    most_at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def sweep(self) -> list[str]:
        return []

    def grade(self, submission: Submission, user: int = 0) -> Row:
        row = Row(submission.student, LAB.id, LAB.version, "graded", where=submission.where)
        if submission.notebook is None:
            row.for_review(submission.problem)
            return row
        with self.lock:
            self.graded.append(submission.student)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if "socket" in json.dumps(submission.notebook):
                self.beside[submission.student] = self.at_once
        time.sleep(self.slow.get(submission.student, 0.01))
        turn = self.graded.count(CANARY)
        ours = {CANARY: (turn not in self.bad, True), "(untouched 0)": (False, True)}
        if not submission.ours:
            row.digest = digest_of(merge(self.instructor, submission.notebook).notebook)
        met = ours.get(submission.student) or self.marks[submission.student]
        row.judged([CheckResult(name, ok, "w", "g") for name, ok in zip(("work", "given"), met, strict=True)], self.given)
        with self.lock:
            self.at_once -= 1
        return row


def handed_in(names: list[str]) -> list[Submission]:
    return [Submission(n, f"{n}/x.ipynb", {"cells": [], "metadata": {}}) for n in names]


def batch(tmp_path: Path, grader: FakeGrader, workers: int = 4) -> Batch:
    said: list[str] = []
    reference = Submission(CANARY, "", {"cells": [], "metadata": {}})
    return Batch(grader, Journal.load(tmp_path / "journal.jsonl"), reference, workers, said.append)  # type: ignore[arg-type]


NAMES = [f"s{n:02d}" for n in range(25)]
MARKS = {n: (int(n[1:]) % 2 == 0, int(n[1:]) % 3 == 0) for n in NAMES}


def test_everybody_has_a_row_in_order_and_what_is_given_carries_no_points(tmp_path: Path) -> None:
    grader = FakeGrader(MARKS)
    rows = batch(tmp_path, grader).run([*handed_in(NAMES), Submission("zz", problem="nothing there")])
    assert [r.student for r in rows] == [*NAMES, "zz"]
    assert [(r.points, r.of) for r in rows[:-1]] == [(int(MARKS[n][0]), 1) for n in NAMES]
    assert [r.full for r in rows[:-1]] == [MARKS[n] == (True, True) for n in NAMES]
    assert (rows[-1].state, rows[-1].why) == ("needs review", "nothing there")
    assert grader.graded.count(CANARY) == 1 + -(-len(NAMES) // CANARY_EVERY)
    assert 1 < grader.most_at_once <= 4


def test_a_batch_that_was_killed_goes_on_and_repeats_nothing(tmp_path: Path) -> None:
    first = FakeGrader(MARKS)
    batch(tmp_path, first).run(handed_in(NAMES[:13]))
    journal = tmp_path / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"student": "s13", "lab": "12-dep')  # cut off by the kill
    second = FakeGrader(MARKS)
    rows = batch(tmp_path, second).run(handed_in(NAMES))
    assert set(second.graded) - {CANARY} == set(NAMES[13:])
    assert [(r.student, r.points) for r in rows] == [(n, int(MARKS[n][0])) for n in NAMES]
    third = FakeGrader(MARKS)
    again = batch(tmp_path, third).run(handed_in(NAMES))
    assert third.graded == []
    assert again == rows


def test_a_submission_that_was_for_review_by_our_fault_or_was_replaced_is_graded_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    spoiled = Row("ada", LAB.id, LAB.version, "needs review", "the infrastructure failed: x", where="ada/x.ipynb")
    older = Row("bob", LAB.id, LAB.version, "graded", where="bob/x.ipynb", digest="of another notebook")
    version = Row("cy", LAB.id, LAB.version + 1, "graded", where="cy/x.ipynb")
    for row in (spoiled, older, version):
        journal.add(row)
    grader = FakeGrader(dict.fromkeys(("ada", "bob", "cy"), (True, True)))
    rows = batch(tmp_path, grader).run(handed_in(["ada", "bob", "cy"]))
    assert [r.state for r in rows] == ["graded"] * 3


def test_when_the_reference_is_not_full_what_ran_beside_it_is_for_review_and_fewer_run(tmp_path: Path) -> None:
    grader = FakeGrader(MARKS, bad={3})  # after the second ten
    made = batch(tmp_path, grader, workers=1)
    rows = made.run(handed_in(NAMES))
    states = [r.state for r in rows]
    assert states == ["graded"] * 10 + ["needs review"] * 10 + ["graded"] * 5
    assert all("reference solution" in r.why and r.points == 0 for r in rows[10:20])
    assert made.canaries == [True, True, False, True]


def test_who_still_ran_when_the_reference_was_not_full_is_for_review_too_and_fewer_run_from_then_on(tmp_path: Path) -> None:
    grader = FakeGrader(MARKS, bad={2})
    grader.slow["s10"] = 0.5  # runs on when the first reference among the submissions has ended
    made = batch(tmp_path, grader)
    by_name = {r.student: r for r in made.run(handed_in(NAMES))}
    assert (by_name["s10"].state, by_name["s10"].points) == ("needs review", 0)
    assert by_name["s24"].state == "graded"
    assert made.workers == 2


def test_those_who_run_alone_run_last_and_have_nobody_beside_them(tmp_path: Path) -> None:
    grader = FakeGrader(MARKS)
    made = batch(tmp_path, grader)
    made.alone = lambda notebook: "socket" in notebook["cells"][0]["source"]
    loud = [Submission(n, n, {"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": "import socket"}]}) for n in NAMES[:3]]
    grader.instructor["cells"][0]["metadata"] = {"shallowdive": {"answer": "a"}}
    rows = made.run([*loud, *handed_in(NAMES[3:9])])
    assert [r.student for r in rows] == NAMES[:9]
    assert grader.beside == dict.fromkeys(NAMES[:3], 1)
    assert [n for n in grader.graded if n in NAMES][-3:] == NAMES[:3]


def test_rows_that_no_reference_has_confirmed_before_a_kill_are_confirmed_or_for_review_afterwards(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    batch(tmp_path, FakeGrader(MARKS)).run(handed_in(NAMES[:4]))
    lines = journal.read_text().splitlines(keepends=True)
    assert lines[-1].strip() == '{"confirmed": true}'
    journal.write_text("".join(lines[:-1]))  # killed before the reference ran
    rows = batch(tmp_path, FakeGrader(MARKS, bad={1})).run(handed_in(NAMES[:5]))
    assert [r.state for r in rows] == ["needs review"] * 4 + ["graded"]


def test_a_later_line_of_the_journal_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.add(Row("ada", "x", 1, "graded", points=1))
    journal.add(Row("ada", "x", 1, "needs review", "why"))
    assert Journal.load(tmp_path / "j").rows["ada"].state == "needs review"
