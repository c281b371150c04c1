"""One line of a class's results: what was found of one student, for every format that is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from shallowdive.checks import CheckResult

State = Literal["graded", "needs review"]


@dataclass(slots=True)
class Row:
    """`points` of `of`: criteria that were met, without those that the notebook meets as it is handed out.

    `needs review`: a person has to look, `why` says at what; it is neither a zero nor a pass. `notes` are about what was handed in, `cells`
    are the answer cells that ended with an error and its last line, `digest` is of the notebook as it was run."""

    student: str
    lab: str
    lab_version: int
    state: State
    why: str = ""
    points: int = 0
    of: int = 0
    criteria: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    where: str = ""
    digest: str = ""
    seconds: float = 0
    cluster: str = ""
    isolation: str = ""

    @property
    def full(self) -> bool:
        """Everything that was asked for is there, also what carries no points."""
        return self.state == "graded" and bool(self.criteria) and all(c["passed"] for c in self.criteria)

    def judged(self, results: list[CheckResult], given: frozenset[str]) -> None:
        """Take over a verdict that was made outside the student's process. `given` criteria carry no points."""
        self.criteria = [asdict(r) | {"given": r.name in given} for r in results]
        counted = [r for r in results if r.name not in given]
        self.of, self.points = len(counted), sum(r.passed for r in counted)

    def for_review(self, why: str) -> None:
        self.state, self.why, self.points = "needs review", why, 0
