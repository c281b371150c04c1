"""A class, some at a time. Every finished row is in the journal before the next begins, so a killed batch goes on where it was.

The notebook as it is handed out is graded, too, whole and in part: criteria that it meets by itself carry no points.

A reference solution (the canary) is graded first and again after every CANARY_EVERY rows. When it is not full, the cluster or this
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
from shallowdive.grading.cage import own_user
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
    """`workers` at a time at most. `reference` is a right solution, handed in as a student would."""

    grader: Grader
    journal: Journal
    reference: Submission
    workers: int
    say: Say
    users: list[int] = field(default_factory=list)
    canaries: list[bool] = field(default_factory=list)

    def run(self, submissions: Iterable[Submission]) -> list[Row]:
        """Grade those that are not done; returns a row for every submission, in their order."""
        everyone = list(submissions)
        lab = self.grader.lab
        todo = [s for s in everyone if not self.journal.done(s, lab.id, lab.version, self._digest(s))]
        runnable = [s for s in todo if s.notebook is not None]
        for s in todo:
            if s.notebook is None:
                self.journal.add(self.grader.grade(s))
        self.users = [own_user() for _ in range(self.workers)] if runnable else []
        if runnable:
            self._canary()
            self._untouched()
        began, done = time.monotonic(), 0
        while runnable:
            some, runnable = runnable[:CANARY_EVERY], runnable[CANARY_EVERY:]
            for row in self._several(some):
                self.journal.add(row)
                self.journal.unconfirmed.append(row)
                done += 1
                each = (time.monotonic() - began) / done
                left = len(todo) - len([s for s in todo if s.notebook is None]) - done
                self.say(f"{row.student}: {_verdict(row)} · {done} done, {left} left, about {each * left / 60:.0f} min")
            self._canary()
        return [self.journal.rows[s.student] for s in everyone]

    def _several(self, submissions: list[Submission]) -> Iterable[Row]:
        free, waiting = list(self.users[: self.workers]), list(submissions)
        running: dict[Future[Row], int] = {}
        with ThreadPoolExecutor(self.workers) as pool:
            while waiting or running:
                while waiting and free:
                    user = free.pop()
                    running[pool.submit(self.grader.grade, waiting.pop(0), user)] = user
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    free.append(running.pop(future))
                    yield future.result()

    def _canary(self) -> None:
        """Grade the reference. Not full: halve, and what ran since the last good one is for a person."""
        row = self.grader.grade(self.reference, self.users[0])
        good = row.full
        self.canaries.append(good)
        if good:
            self.journal.confirm()
            return
        missed = ", ".join(c["name"] for c in row.criteria if not c["passed"]) or row.why
        self.say(f"the reference solution is not full ({missed}): what ran beside it is for review, and fewer run at a time from now on")
        for beside in self.journal.unconfirmed:
            beside.for_review(f"the reference solution, run beside it, was not full: {missed}")
            self.journal.add(beside)
        self.journal.unconfirmed.clear()
        self.workers = max(1, self.workers // 2)

    def _untouched(self) -> None:
        """Grade the notebook as it is handed out, whole and cut off before each answer: a run that ends early must earn nothing either.

        What any of them meets carries no points. It is kept beside the journal, for when the batch goes on."""
        lab, kept = self.grader.lab, self.journal.path.with_name("given.json")
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
        rows = list(self._several([Submission(f"(untouched {i})", "the lab", n, ours=True) for i, n in enumerate(notebooks)]))
        unjudged = [row.why for row in rows if row.state != "graded"]
        if unjudged:
            raise Unhealthy("the notebook as it is handed out could not be judged", saw=unjudged[0], try_this="shallowdive status")
        self.grader.given = frozenset(c["name"] for row in rows for c in row.criteria if c["passed"])
        kept.write_text(json.dumps({"of": key, "given": sorted(self.grader.given)}), encoding="utf-8")

    def _digest(self, submission: Submission) -> str:
        return digest_of(merge(self.grader.instructor, submission.notebook).notebook) if submission.notebook else ""


def _verdict(row: Row) -> str:
    return f"{row.points} of {row.of}" if row.state == "graded" else f"needs review ({row.why[:60]})"
