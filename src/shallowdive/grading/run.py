"""One submission: run under nbval where it can do no harm, with a token for one namespace; judged by this process, which is not the
student's.

What nbval says is for the report only. The marks are what our criteria find on the cluster and in our own record of the namespace."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from shallowdive.checks import Lab, judge
from shallowdive.checks.result import Criterion
from shallowdive.checks.student import student_of
from shallowdive.cluster import Access, NamespaceClient
from shallowdive.cluster.access import TIMEOUT_S
from shallowdive.cluster.apply import apply
from shallowdive.cluster.health import server_version
from shallowdive.cluster.tenant import empty, shut_out
from shallowdive.errors import ShallowDiveError
from shallowdive.grading.cage import Ended
from shallowdive.grading.merge import Merged, merge
from shallowdive.grading.nbval import failed_cells, unjudged
from shallowdive.grading.row import Row
from shallowdive.grading.submissions import Submission, stated
from shallowdive.lessons.place import BATCH, HOME, NOBODY, drop_namespace, is_a_name, make_namespace
from shallowdive.objects import Object

TOTAL_S = 900
"""Limit of a submission, in seconds."""
ENDS = {
    "time": "the run was stopped at its time limit",
    "memory": "the run was stopped: too much memory",
    "processes": "the run was stopped: too many processes",
    "disk": "the run was stopped: too much written",
}
QUOTA = {
    "count/pods": "40", "count/deployments.apps": "20", "count/replicasets.apps": "100", "count/services": "20", "count/configmaps": "40",
    "count/persistentvolumeclaims": "10", "count/ingresses.networking.k8s.io": "20",
}  # fmt: skip
"""What one submission may have in its namespace, several times what any lab asks for: a loop that creates must not fill the cluster."""
Notebook = dict[str, Any]


class Runner(Protocol):
    """Where a student's program runs: in a cage on this machine (caged.py) or in a pod (job.py)."""

    @property
    def isolation(self) -> str:
        """What keeps it apart, in words for a report."""

    @property
    def network_isolated(self) -> bool:
        """Whether it reaches nothing but the API server and the entrance."""

    def around(self) -> list[Object]:
        """What else stands in the namespace of a submission, to limit it."""

    def run(self, notebook: Notebook, place: NamespaceClient, learner: str, limit_s: float) -> tuple[Ended, bytes]:
        """To its end or a limit, nothing of it alive afterwards; also nbval's report."""


@dataclass(slots=True)
class Grader:
    """What all submissions of a batch share. `instructor` is the notebook as it was handed out; `given` are the criteria that it meets
    when nobody answers anything, `hidden` the instructor's own. `batch` labels all that is made on the cluster."""

    access: Access
    lab: Lab
    instructor: Notebook
    runner: Runner
    batch: str
    total_s: float = TOTAL_S
    hidden: tuple[Criterion, ...] = ()
    given: frozenset[str] = frozenset()

    def grade(self, submission: Submission) -> Row:
        """A row, whatever the submission does."""
        began = time.monotonic()
        row = Row(submission.student, self.lab.id, self.lab.version, "graded", where=submission.where, notes=list(submission.notes))
        row.cluster, row.isolation = self.access.source, self.runner.isolation
        if submission.notebook is None:
            row.for_review(submission.problem)
            return row
        if (version := version_in(submission.notebook)) not in (0, self.lab.version):
            row.for_review(f"it is of version {version} of the lab, and the checks here are of version {self.lab.version}")
            return row
        made = Merged(submission.notebook) if submission.ours else merge(self.instructor, submission.notebook)
        row.notes += made.notes
        row.digest = digest_of(made.notebook)
        if (drawn_for := learner_in(submission.notebook)) != NOBODY:
            row.notes.append(f"what is drawn was drawn for {drawn_for}")
        try:
            with self.namespace(drawn_for) as place:
                ended, report = self.runner.run(unjudged(made.notebook), place, student_of(place), self.total_s)
                row.cells = failed_cells(report, [c["id"] for c in made.notebook["cells"] if c["cell_type"] == "code"], made.taken)
                if ended.why in ENDS:
                    row.notes.append(ENDS[ended.why])
                shut_out(place.api, place.namespace)
                row.judged(judge(self.lab, place, self.hidden), self.given)
                self._still_answers()
                if ended.left:
                    row.for_review(f"{ended.left} of its processes could not be ended")
        except (ShallowDiveError, ApiException, HTTPError, OSError, subprocess.SubprocessError, ValueError) as exc:
            row.for_review(f"the infrastructure failed: {type(exc).__name__}: {str(exc).splitlines()[0][:200]}")
        row.seconds = round(time.monotonic() - began, 1)
        return row

    @contextlib.contextmanager
    def namespace(self, learner: str) -> Iterator[NamespaceClient]:
        """A namespace of this submission's own, watched from before its first cell, gone afterwards."""
        place = NamespaceClient(self.access, make_namespace(self.access, self.lab, learner, {BATCH: self.batch}))
        try:
            quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "grading"}, "spec": {"hard": QUOTA}}
            for body in (quota, *self.runner.around()):
                apply(place.api, body, place.namespace)
            place.follower.start()
            yield place
        finally:
            place.close()
            drop_namespace(self.access, place.namespace)
            empty(place.api, place.namespace)

    def sweep(self) -> list[str]:
        """Remove what a killed run of this batch left on the cluster, and help to its end what is on its way out. Names of the removed."""
        core = client.CoreV1Api(self.access.connect())
        found = core.list_namespace(label_selector=f"{HOME}={self.access.owner},{BATCH}={self.batch}", _request_timeout=TIMEOUT_S).items
        names = [str(n.metadata.name) for n in found if n.metadata and not n.metadata.deletion_timestamp]
        for name in names:
            core.delete_namespace(name, _request_timeout=TIMEOUT_S)
        for namespace in found:
            empty(core.api_client, str(namespace.metadata.name if namespace.metadata else ""))
        return names

    def _still_answers(self) -> None:
        """After judging, the cluster must be there: a verdict on one that went away is none."""
        server_version(self.access)


def digest_of(notebook: Notebook) -> str:
    sources = [(c["id"], c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:16]


def version_in(notebook: Notebook) -> int:
    """The version of the lab that the notebook says it is of; 0 when it does not."""
    version = stated(notebook, "version")
    return version if isinstance(version, int) and not isinstance(version, bool) else 0


def learner_in(notebook: Notebook) -> str:
    """For whom what is drawn was drawn: the name in the notebook's metadata, else `me`, as for somebody who set none."""
    name = stated(notebook, "learner")
    return name if isinstance(name, str) and is_a_name(name) else NOBODY
