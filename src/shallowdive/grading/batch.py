"""A class, some at a time. Every finished row is in the journal before the next begins, so a killed batch goes on where it was.

The notebook as it is handed out is graded, too, whole and in part: criteria that it meets by itself carry no points.

A reference solution (the canary) is graded first, and then among every CANARY_EVERY submissions. When it is not full, the cluster or this
machine cannot take what it is given: fewer run at a time from then on, and what ran since the last good one is for review."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shallowdive.errors import Unhealthy
from shallowdive.grading.merge import merge, untouched
from shallowdive.grading.row import Row
from shallowdive.grading.run import Grader, digest_of
from shallowdive.grading.submissions import Submission

CANARY_EVERY = 10
CANARY = "(reference)"
CONFIRMED: dict[str, Any] = {"confirmed": True}
Say = Callable[[str], None]


@dataclass(slots=True)
class Journal:
    """OUT/journal.jsonl: a line for each row, on the disk when `add` returns. A line that a kill has cut off is left out."""

    path: Path
    rows: dict[str, Row] = field(default_factory=dict)
    unconfirmed: list[Row] = field(default_factory=list)
    """Graded since the last line that says that the reference was full."""

    @classmethod
    def load(cls, path: Path) -> Journal:
        journal = cls(path)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                found = json.loads(line)
                if found == CONFIRMED:
                    journal.unconfirmed.clear()
                    continue
                row = Row(**found)
            except (ValueError, TypeError):
                continue
            journal.rows[row.student] = row
            if row.digest:  # it was run
                journal.unconfirmed.append(row)
        return journal

    def add(self, row: Row) -> None:
        self.rows[row.student] = row
        self._write(asdict(row))

    def confirm(self) -> None:
        """The reference is full: what was graded so far stands."""
        self.unconfirmed.clear()
        self._write(CONFIRMED)

    def _write(self, line: dict[str, Any]) -> None:
        with self.path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            cut_off = False
            if end:
                file.seek(end - 1)
                cut_off = file.read(1) != b"\n"
            file.write((b"\n" if cut_off else b"") + json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def done(self, submission: Submission, lab: str, version: int, digest: str) -> bool:
        """The same notebook was graded for the same lab and version, or no run can change its row. What the infrastructure spoiled, and
        what a student has handed in anew, is run again."""
        row = self.rows.get(submission.student)
        if row is None or (row.lab, row.lab_version) != (lab, version):
            return False
        if submission.notebook is None:
            return row.why == submission.problem
        return row.state == "graded" and row.digest == digest


@dataclass(slots=True)
class Batch:
    """`workers` at a time at most. `reference` is a right solution, handed in as a student would. Those for whom `alone` holds run last,
    each with nobody beside it."""

    grader: Grader
    journal: Journal
    reference: Submission
    workers: int
    say: Say
    alone: Callable[[dict[str, Any]], bool] = lambda _: False
    canaries: list[bool] = field(default_factory=list)
    running: dict[Future[Row], str] = field(default_factory=dict)
    spoiled: dict[str, str] = field(default_factory=dict)
    """Who runs beside a reference that was not full, and why nothing of it counts."""

    def run(self, submissions: Iterable[Submission]) -> list[Row]:
        """Grade those that are not done; returns a row for every submission, in their order."""
        everyone = list(submissions)
        lab = self.grader.lab
        todo = [s for s in everyone if not self.journal.done(s, lab.id, lab.version, self._digest(s))]
        runnable = [s for s in todo if s.notebook is not None]
        for s in todo:
            if s.notebook is None:
                self.journal.add(self.grader.grade(s))
        if runnable:
            if left := self.grader.sweep():
                self.say(f"removed what a run that was killed had left: {len(left)} namespaces")
            self._look_at(self.grader.grade(self.reference))
            self.find_given()
        apart = [s for s in runnable if self._is_apart(s)]
        self._all([s for s in runnable if s not in apart], lambda: self.workers)
        self._all(apart, lambda: 1)
        if self.journal.unconfirmed:
            self._look_at(self.grader.grade(self.reference))
        return [self.journal.rows[s.student] for s in everyone]

    def _all(self, submissions: list[Submission], at_most: Callable[[], int]) -> None:
        """Grade them with the reference among them, and keep every row at once."""
        queue = [s for at, one in enumerate(submissions, 1) for s in ((one,) if at % CANARY_EVERY else (one, self.reference))]
        began, done = time.monotonic(), 0
        for row in self._several(queue, at_most):
            if row.student == CANARY:
                self._look_at(row)
                continue
            if row.student in self.spoiled:
                row.for_review(self.spoiled[row.student])
            self.journal.add(row)
            self.journal.unconfirmed.append(row)
            done += 1
            left_s = (time.monotonic() - began) / done * (len(submissions) - done)
            self.say(f"{row.student}: {_verdict(row)} · {done} done, {len(submissions) - done} left, about {left_s / 60:.0f} min")

    def _several(self, submissions: list[Submission], at_most: Callable[[], int]) -> Iterable[Row]:
        waiting = list(submissions)
        with ThreadPoolExecutor(self.workers) as pool:
            while waiting or self.running:
                while waiting and len(self.running) < at_most():
                    one = waiting.pop(0)
                    self.running[pool.submit(self.grader.grade, one)] = one.student
                for future in wait(self.running, return_when=FIRST_COMPLETED).done:
                    del self.running[future]
                    yield future.result()

    def _look_at(self, row: Row) -> None:
        """The reference's row. Not full: half as many at a time, and what ran since the last good one is for a person."""
        good = row.full
        self.canaries.append(good)
        if good:
            self.journal.confirm()
            return
        missed = ", ".join(c["name"] for c in row.criteria if not c["passed"]) or row.why
        self.say(f"the reference solution is not full ({missed}): what ran beside it is for review, and fewer run at a time from now on")
        why = f"the reference solution, run beside it, was not full: {missed}"
        for beside in self.journal.unconfirmed:
            beside.for_review(why)
            self.journal.add(beside)
        self.journal.unconfirmed.clear()
        self.spoiled |= dict.fromkeys(self.running.values(), why)
        self.workers = max(1, self.workers // 2)

    def find_given(self) -> None:
        """Grade the notebook as it is handed out, whole and cut off before each answer: a run that ends early must earn nothing either.

        What any of them meets carries no points. It is kept beside the journal, for when the batch goes on."""
        lab, kept = self.grader.lab, self.journal.path.with_name(f"given-{self.grader.lab.version}.json")
        notebooks = untouched(self.grader.instructor)
        key = [lab.id, lab.version, self.grader.access.source, digest_of(self.grader.instructor)]
        try:
            found = json.loads(kept.read_text(encoding="utf-8"))
            if found["of"] == key:
                self.grader.given = frozenset(found["given"])
                return
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not made yet, or of something else
        self.say(f"what the notebook meets as it is handed out: {len(notebooks)} runs")
        rows = list(
            self._several([Submission(f"(untouched {i})", "the lab", n, ours=True) for i, n in enumerate(notebooks)], lambda: self.workers)
        )
        unjudged = [row.why for row in rows if row.state != "graded"]
        if unjudged:
            raise Unhealthy("the notebook as it is handed out could not be judged", saw=unjudged[0], try_this="shallowdive status")
        self.grader.given = frozenset(c["name"] for row in rows for c in row.criteria if c["passed"])
        kept.write_text(json.dumps({"of": key, "given": sorted(self.grader.given)}), encoding="utf-8")

    def _digest(self, submission: Submission) -> str:
        return digest_of(merge(self.grader.instructor, submission.notebook).notebook) if submission.notebook else ""

    def _is_apart(self, submission: Submission) -> bool:
        return submission.notebook is not None and self.alone(merge(self.grader.instructor, submission.notebook).notebook)


def _verdict(row: Row) -> str:
    return f"{row.points} of {row.of}" if row.state == "graded" else f"needs review ({row.why[:60]})"
