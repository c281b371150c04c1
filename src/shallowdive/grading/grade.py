"""One command's worth: a folder of submissions becomes a folder of results."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowdive.checks import Lab
from shallowdive.cluster import Home, open_access
from shallowdive.cluster.backend import Say
from shallowdive.cluster.home import FileLock
from shallowdive.errors import NotYet, ToolMissing
from shallowdive.grading import caged, job
from shallowdive.grading.batch import CANARY, Batch, Journal
from shallowdive.grading.merge import answered
from shallowdive.grading.results import write
from shallowdive.grading.row import Row
from shallowdive.grading.run import Grader, Runner
from shallowdive.grading.submissions import Submission, find
from shallowdive.grading.suspicion import is_suspicious


@dataclass(frozen=True, slots=True)
class Graded:
    """What a batch found: a row for everybody, whether each run of the reference was full, what kept submissions apart."""

    rows: list[Row]
    canaries: list[bool]
    isolation: str


def grade_class(
    home: Home, lab: Lab, submissions: Path, out: Path, *, course: Path, say: Say, where: str = "", image: str = "", workers: int = 0,
    limit_s: float,
) -> Graded:  # fmt: skip
    """Grade what is in `submissions` on the cluster of `home`, and write the results to `out`.

    With the same `out`, a batch goes on where it was.

    `course` holds labs/ and labs/solutions/. `where` is pod, process, or '' for what fits the cluster; `workers` 0 means what fits."""
    can_be_graded(lab)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(out / "grading.lock", "grade", "this class is being graded right now"):
        access, batch_id = open_access(home), hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:12]
        in_pod = (where or ("process" if access.backend == "embedded" else "pod")) == "pod"
        runner: Runner = job.prepare(home, access, batch_id, image, say) if in_pod else caged.Runner(access)
        instructor, solution = (notebook_of(course / folder, lab) for folder in ("labs", "labs/solutions"))
        grader = Grader(access, lab, instructor, runner, batch_id, limit_s)
        reference = Submission(CANARY, "the solution", answered(instructor, solution))
        several = workers or (job.capacity(access) if in_pod else os.cpu_count() or 1)
        batch = Batch(grader, Journal.load(out / "journal.jsonl"), reference, several, say)
        if not runner.network_isolated:
            batch.alone = lambda notebook: is_suspicious(notebook, instructor, solution)
        rows = batch.run(find(submissions, lab.id))
        write(rows, out)
        return Graded(rows, batch.canaries, runner.isolation)


def can_be_graded(lab: Lab) -> None:
    """Say before the first submission what would keep every one from being graded."""
    if lab.needs != ("tenant",):
        raise NotYet(
            f"lab {lab.id} cannot be graded in a batch yet",
            saw=f"it needs more than a namespace: {', '.join(n for n in lab.needs if n != 'tenant')}",
            try_this="judge it where it was done: shallowdive check " + lab.id.split("-")[0],
        )
    if importlib.util.find_spec("nbval") is None:
        raise ToolMissing("nbval is not installed here", saw="no module nbval", try_this="python3 dive.py test --version")


def notebook_of(folder: Path, lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{lab.id}.ipynb").read_text(encoding="utf-8"))
    return found
