"""One submission: run under nbval in a cage, with a token for one namespace; judged by this process, which is not the student's.

What nbval says is for the report only. The marks are what our criteria find on the cluster and in our own record of the namespace."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from shallowdive.checks import Lab, judge
from shallowdive.checks.student import student_of
from shallowdive.cluster import Access, NamespaceClient
from shallowdive.cluster.apply import apply
from shallowdive.cluster.health import server_version
from shallowdive.cluster.tenant import make_tenant
from shallowdive.errors import NotYet, ShallowDiveError, ToolMissing
from shallowdive.grading.cage import Ended, Spec, isolation
from shallowdive.grading.merge import Merged, is_check, merge
from shallowdive.grading.row import Row
from shallowdive.grading.submissions import Submission, stated
from shallowdive.lessons.place import NOBODY, drop_namespace, is_a_name, make_namespace

TOTAL_S, CELL_S = 900, 240
"""Limits of a submission and of one of its cells, in seconds."""
GRACE_S = 30
"""Beyond TOTAL_S, for the cage to start and to clear up."""
ENDS = {
    "time": "the run was stopped at its time limit",
    "memory": "the run was stopped: too much memory",
    "processes": "the run was stopped: too many processes",
}
QUOTA = {
    "count/pods": "40", "count/deployments.apps": "20", "count/replicasets.apps": "100", "count/services": "20", "count/configmaps": "40",
    "count/persistentvolumeclaims": "10", "count/ingresses.networking.k8s.io": "20",
}  # fmt: skip
"""What one submission may have in its namespace, several times what any lab asks for: a loop that creates must not fill the cluster."""
Notebook = dict[str, Any]


@dataclass(slots=True)
class Grader:
    """What all submissions of a batch share. `instructor` is the notebook as it was handed out; `given` are the criteria that it meets
    when nobody answers anything."""

    access: Access
    lab: Lab
    instructor: Notebook
    total_s: float = TOTAL_S
    given: frozenset[str] = frozenset()

    def check_itself(self) -> None:
        """Say before the first submission what would keep every one from being graded."""
        if self.lab.needs != ("tenant",):
            raise NotYet(
                f"lab {self.lab.id} cannot be graded in a batch yet",
                saw=f"it needs more than a namespace: {', '.join(n for n in self.lab.needs if n != 'tenant')}",
                try_this="judge it where it was done: shallowdive check " + self.lab.id.split("-")[0],
            )
        if importlib.util.find_spec("nbval") is None:
            raise ToolMissing("nbval is not installed here", saw="no module nbval", try_this="python3 dive.py test --version")

    def grade(self, submission: Submission, user: int = 0) -> Row:
        """A row, whatever the submission does. `user`: the system's user for its processes, 0 for this one."""
        began = time.monotonic()
        row = Row(submission.student, self.lab.id, self.lab.version, "graded", where=submission.where, notes=list(submission.notes))
        row.cluster, row.isolation = self.access.source, isolation()
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
            with self._namespace(drawn_for) as place:
                ended, row.cells = self._run(made.notebook, made.taken, place, user)
                if ended.why in ENDS:
                    row.notes.append(ENDS[ended.why])
                row.judged(judge(self.lab, place), self.given)
                self._still_answers()
                if ended.left:
                    row.for_review(f"{ended.left} of its processes could not be ended")
        except (ShallowDiveError, ApiException, HTTPError, OSError, subprocess.SubprocessError, ValueError) as exc:
            row.for_review(f"the infrastructure failed: {type(exc).__name__}: {str(exc).splitlines()[0][:200]}")
        row.seconds = round(time.monotonic() - began, 1)
        return row

    @contextlib.contextmanager
    def _namespace(self, learner: str) -> Iterator[NamespaceClient]:
        """A namespace of this submission's own, watched from before its first cell, gone afterwards."""
        place = NamespaceClient(self.access, make_namespace(self.access, self.lab, learner))
        try:
            quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "grading"}, "spec": {"hard": QUOTA}}
            apply(place.api, quota, place.namespace)
            place.follower.start()
            yield place
        finally:
            place.close()
            drop_namespace(self.access, place.namespace)

    def _run(self, notebook: Notebook, taken: list[str], place: NamespaceClient, user: int) -> tuple[Ended, list[str]]:
        with tempfile.TemporaryDirectory(prefix="shallowdive-grade-", ignore_cleanup_errors=True) as outside:
            folder = Path(outside) / "work"
            folder.mkdir()
            handed = make_tenant(self.access, place.namespace, student_of(place), folder)
            (folder / "submission.ipynb").write_text(json.dumps(unjudged(notebook)), encoding="utf-8")
            (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
            spec = Spec(command(), str(folder), environment(folder, handed), user=user, limit_s=self.total_s)
            if user:
                Path(outside).chmod(0o711)
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, user, user)
            (Path(outside) / "spec.json").write_text(json.dumps(asdict(spec)), encoding="utf-8")
            ended = caged(Path(outside) / "spec.json", self.total_s + GRACE_S)
            found = failed_cells(folder / "cells.xml", [c["id"] for c in notebook["cells"] if c["cell_type"] == "code"], taken)
            return ended, found

    def _still_answers(self) -> None:
        """After judging, the cluster must be there: a verdict on one that went away is none."""
        server_version(self.access)


def caged(spec: Path, within_s: float) -> Ended:
    """Run the cage; its standard input stays open as long as we live. ValueError when it said nothing that can be read."""
    command = [sys.executable, "-m", "shallowdive.grading.cage", str(spec)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            assert process.stdin is not None
            process.stdin.close()  # as if we were gone: the cage ends everything in it
            try:
                process.wait(GRACE_S)
            finally:
                process.kill()
            raise
        said = process.stdout.read()
        if process.returncode:
            raise ValueError(f"the cage failed: {process.stderr.read().strip().splitlines()[-1:]}")
        return Ended(**json.loads(said))


def command() -> list[str]:
    """nbval and no other plugin; outputs are not compared, and no reference is ever taken from a submission."""
    options = ["-q", "-p", "nbval.plugin", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env", "--junitxml=cells.xml"]
    limits = [f"--nbval-cell-timeout={CELL_S}", "--nbval-kernel-startup-timeout=60"]
    return [sys.executable, "-m", "pytest", *options, *limits, "submission.ipynb"]


def environment(folder: Path, handed: dict[str, str]) -> dict[str, str]:
    """Nothing of the grader's: no home, no kubeconfig, no secrets; the programs of this Python, and the tenant's token."""
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    ours = {"PYTHONPATH": os.environ["PYTHONPATH"]} if os.environ.get("PYTHONPATH") else {}
    return {
        "PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "PYTHONUTF8": "1", "SHALLOWDIVE_STATIC": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "IPYTHONDIR": str(folder / "ipython"), "KUBECONFIG": os.devnull, **ours, **handed,
    }  # fmt: skip


def unjudged(notebook: Notebook) -> Notebook:
    """The check of the learner's copy is not run: it would act on the cluster, and be no evidence. Tags of nbval are dropped."""
    cells = []
    for cell in notebook["cells"]:
        new = cell | {"metadata": {}}
        if is_check(cell):
            new["source"] = "# judged from outside"
        cells.append(new)
    return notebook | {"cells": cells}


def failed_cells(report: Path, ids: list[str], taken: list[str]) -> list[str]:
    """`id: first line of its error` of the student's cells that failed, from nbval's report: a hint for the reader, written by a process
    that the student controls, so nothing else is made of it."""
    try:
        data = read_regular(report)
        tree = ET.fromstring(data if b"<!" not in data else b"")  # pytest declares nothing: no entities that grow
    except (OSError, ET.ParseError):
        return []
    found = []
    for case in tree.iter("testcase"):
        name, failure = case.get("name", ""), case.find("failure")
        at = int(name.removeprefix("Cell ")) if name.removeprefix("Cell ").isdigit() else -1
        if failure is not None and 0 <= at < len(ids) and ids[at] in taken:
            lines = [line for line in (failure.text or "").splitlines() if line.strip()]
            found.append(f"{ids[at]}: {lines[-1][:200] if lines else 'failed'}")
    return found


def read_regular(path: Path, most: int = 4 << 20) -> bytes:
    """The beginning of a file that a student may have replaced: a link is not followed, a pipe is not waited for. OSError then."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path.name} is no plain file")
        return file.read(most)


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
