"""One command's worth: a folder of submissions becomes a folder of results."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shallowdive.checks import Lab
from shallowdive.cluster import Home, backend_for, open_access, up
from shallowdive.cluster.backend import Say
from shallowdive.cluster.home import FileLock
from shallowdive.errors import NotYet, ToolMissing
from shallowdive.grading import caged, job
from shallowdive.grading.batch import CANARY, Batch, Journal
from shallowdive.grading.hidden import read_hidden
from shallowdive.grading.merge import answered
from shallowdive.grading.results import write
from shallowdive.grading.row import Row
from shallowdive.grading.run import TOTAL_S, Grader, Runner, version_in
from shallowdive.grading.submissions import Submission, find
from shallowdive.grading.suspicion import is_suspicious


@dataclass(frozen=True, slots=True)
class Graded:
    """What a batch found: a row for everybody, whether each run of the reference was full, what kept submissions apart."""

    rows: list[Row]
    canaries: list[bool]
    isolation: str


@dataclass(frozen=True, slots=True)
class Options:
    """`course` holds labs/. `where` is pod, process, or '' for what fits the cluster; `workers` 0 means what fits; `image` '' means: built
    here. `hidden` is an instructor's file with criteria of their own."""

    course: Path
    where: str = ""
    image: str = ""
    workers: int = 0
    limit_s: float = TOTAL_S
    hidden: Path | None = None


def grade_class(home: Home, lab: Lab, submissions: Path, out: Path, options: Options, say: Say) -> Graded:
    """Grade what is in `submissions` on the cluster of `home`, and write the results to `out`. With the same `out`, a batch goes on where
    it was."""
    hidden = read_hidden(options.hidden) if options.hidden else ()
    if importlib.util.find_spec("nbval") is None:
        raise ToolMissing("nbval is not installed here", saw="no module nbval", try_this="python3 dive.py test --version")
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    batch_id = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:12]
    with (
        FileLock(out / "grading.lock", "grade", "this class is being graded right now"),
        cluster_for(home, lab, batch_id, say) as where_it_is,
    ):
        access = open_access(where_it_is)
        in_pod = lab.needs == ("tenant",) and (options.where or ("process" if access.backend == "embedded" else "pod")) == "pod"
        runner: Runner = job.prepare(home, access, batch_id, options.image, say) if in_pod else caged.Runner(access, lab, where_it_is)
        several = 1 if lab.alone else options.workers or (job.capacity(access) if in_pod else os.cpu_count() or 1)
        journal, everyone = Journal.load(out / "journal.jsonl"), find(submissions, lab.id)
        rows: dict[str, Row] = {}
        canaries: list[bool] = []
        for edition in editions(options.course, lab):
            theirs = [s for s in everyone if edition.is_of(s)]
            if theirs or edition.lab == lab:
                grader = Grader(access, edition.lab, edition.instructor, runner, batch_id, options.limit_s, hidden)
                reference = Submission(CANARY, "the solution", answered(edition.instructor, edition.solution))
                batch = Batch(grader, journal, reference, several, say)
                if not runner.network_isolated:
                    batch.alone = edition.is_suspicious
                rows |= {r.student: r for r in batch.run(theirs)}
                canaries += batch.canaries
        write([rows[s.student] for s in everyone], out)
        return Graded([rows[s.student] for s in everyone], canaries, runner.isolation)


@dataclass(frozen=True, slots=True)
class Edition:
    """A version of a lab: its notebook as it was handed out, its solution, and (by `lab.module`) its checks."""

    lab: Lab
    instructor: dict[str, Any]
    solution: dict[str, Any]
    others: frozenset[int]
    """Versions that have an edition of their own."""

    def is_of(self, submission: Submission) -> bool:
        """What says no version, or one that nobody knows, is of the newest, whose grader says so."""
        stated = version_in(submission.notebook) if submission.notebook else 0
        return stated == self.lab.version or (not self.lab.is_old and stated not in self.others)

    def is_suspicious(self, notebook: dict[str, Any]) -> bool:
        return is_suspicious(notebook, self.instructor, self.solution)


def editions(course: Path, lab: Lab) -> list[Edition]:
    """The newest, from labs/, and older ones that were kept, from labs/versions/N/: notebook, solutions/, and checks/labNN_…_vN.py."""
    folders = {lab.version: course / "labs"}
    for folder in sorted((course / "labs" / "versions").glob("*")):
        if folder.name.isdigit() and (folder / f"{lab.id}.ipynb").exists():
            folders[int(folder.name)] = folder
    return [
        Edition(replace(lab, version=v), notebook_of(f, lab), notebook_of(f / "solutions", lab), frozenset(folders) - {v})
        for v, f in folders.items()
    ]


@contextmanager
def cluster_for(home: Home, lab: Lab, batch_id: str, say: Say) -> Iterator[Home]:
    """The cluster of `home`; for a lab that needs more than a namespace, one of the batch's own of the same kind, removed at the end. The
    batch that a kill has ended finds its own again."""
    if lab.needs == ("tenant",):
        yield home
        return
    backend = open_access(home).backend
    if backend == "existing":
        raise NotYet(
            f"lab {lab.id} needs a cluster of its own",
            saw=f"it needs {', '.join(n for n in lab.needs if n != 'tenant')}, and this cluster is shared",
            try_this="grade it with a cluster of this machine: shallowdive up --name grading, then: shallowdive grade … --name grading",
        )
    if lab.kind_only and backend != "kind":
        raise NotYet(f"lab {lab.id} needs a kind cluster", saw=f"this one is {backend}", try_this="shallowdive up --backend kind")
    own = Home(home.root, f"grading-{batch_id}")
    made = backend_for(own, backend=backend)
    say(f"lab {lab.id} gets a cluster of its own: {own.cluster}")
    try:
        up(made, say)
        yield own
    finally:
        made.down(say)


def notebook_of(folder: Path, lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{lab.id}.ipynb").read_text(encoding="utf-8"))
    return found
