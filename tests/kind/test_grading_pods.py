"""Submissions as Jobs on kind: what a student's program cannot do, marks, and nothing left."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from shallowdive.checks import LABS
from shallowdive.cluster import Access, tenant_access
from shallowdive.cluster.tenant import make_tenant, shut_out
from shallowdive.grading import job, network
from shallowdive.grading.batch import CANARY, Batch, Journal
from shallowdive.grading.cage import Ended
from shallowdive.grading.row import Row
from shallowdive.grading.run import Grader
from shallowdive.grading.submissions import Submission, parse
from shallowdive.lessons.place import BATCH
from shallowdive.live import poll
from tests.ahead import Ahead
from tests.grading.handed_in import given, solved, text
from tests.run_cluster import RunCluster

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]
LAB, NAME = "03-claims", "test-pods"
HERE = Path(__file__).parents[1] / "grading"
LIMIT_S, AT_A_TIME = 90, 2


@dataclass
class Found:
    """What `look` saw: 40 tries from inside and how their pod ended, a class that was graded."""

    runner: job.Runner
    grader: Grader
    tried: dict[str, str]
    ended: Ended
    rows: dict[str, Row]
    canaries: list[bool]


class Quick(Batch):
    def find_given(self) -> None:
        """Eight runs more: tests/grading/test_hostile.py has them."""


def look(run: RunCluster, _: object) -> Found:
    """Beside the notebooks: it mostly waits. Attacks are in series_grading_pods.py: they take their limits."""
    access = run.access()
    runner = job.prepare(run.home, access, NAME, "", print)
    grader = Grader(access, LABS[LAB], given(LAB), runner, NAME, LIMIT_S)
    tried, ended = try_everything(grader, runner)
    reference = Submission(CANARY, "", parse(text(solved(LAB))))
    good, nothing = Submission("good", "good", parse(text(solved(LAB)))), Submission("nothing", "nothing", parse(text(given(LAB))))
    with tempfile.TemporaryDirectory() as folder:
        batch = Quick(grader, Journal.load(Path(folder) / "journal.jsonl"), reference, AT_A_TIME, print)
        rows = batch.run([good, nothing])
    return Found(runner, grader, tried, ended, {r.student: r for r in rows}, batch.canaries)


AHEAD = Ahead(look)


def try_everything(grader: Grader, runner: job.Runner) -> tuple[dict[str, str], Ended]:
    source = (HERE / "inside" / "denied.py").read_text(encoding="utf-8")
    with grader.namespace("another") as other, grader.namespace("me") as place:
        cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": f"OTHER = {other.namespace!r}\n{source}"}
        notebook: dict[str, Any] = given(LAB) | {"cells": [cell | {"outputs": [], "execution_count": None}]}
        ended, report = runner.run(notebook, place, "me", LIMIT_S)
        try:
            kept = client.CoreV1Api(place.api).read_namespaced_config_map("tried", place.namespace)
        except client.ApiException as exc:
            return {"to write down what it tried": f"{exc.reason}: {report.decode()[-2000:]}"}, ended
    tried: dict[str, str] = json.loads((kept.data or {})["tried"])
    return tried, ended


@pytest.fixture
def found(request: pytest.FixtureRequest) -> Found:
    return AHEAD.result(request)


def test_a_students_program_is_denied_everything_but_its_own_namespace(found: Found) -> None:
    assert {name: said for name, said in found.tried.items() if not said.startswith("denied")} == {}
    assert len(found.tried) >= 40
    assert (found.ended.why, found.ended.left) == ("end", 0)


def test_marks_are_what_was_earned_and_the_reference_is_full(found: Found) -> None:
    rows = found.rows
    assert {n: r.why for n, r in rows.items() if r.state != "graded"} == {}
    assert rows["good"].full, rows["good"]
    assert rows["good"].points == rows["good"].of >= 5
    assert rows["nothing"].points == 0
    assert all(found.canaries)


def test_a_report_says_how_submissions_were_kept_apart(found: Found) -> None:
    assert all("a pod of its own" in r.isolation for r in found.rows.values())


def test_the_rights_of_a_student_end_before_the_judge_begins(found: Found, access: Access, tmp_path: Path) -> None:
    """Whatever token was kept, or given to a pod that works on."""
    with found.grader.namespace("me") as place:
        handed = make_tenant(access, place.namespace, "me", tmp_path)
        tenant = tenant_access(handed)
        assert tenant is not None
        core = client.CoreV1Api(tenant.connect())
        core.list_namespaced_pod(place.namespace)
        shut_out(place.api, place.namespace)

        def refused() -> bool | None:
            try:
                core.list_namespaced_pod(place.namespace)
            except client.ApiException as exc:
                return exc.status == 403 or None
            return None

        poll("the end of its rights", refused, within_s=5)


def test_nothing_of_a_batch_is_left_and_what_a_killed_one_left_is_removed(found: Found, access: Access) -> None:
    core = client.CoreV1Api(access.connect())

    def left() -> list[str]:
        return [str(n.metadata.name) for n in core.list_namespace(label_selector=f"{BATCH}={NAME}").items if n.metadata]

    poll("no namespace of the batch", lambda: None if left() else True, within_s=120, every_s=1)
    with found.grader.namespace("me") as place:  # as if killed here
        place.close()
        assert left() == [place.namespace]
        assert found.grader.sweep() == [place.namespace]
        assert found.grader.sweep() == [], "it is on its way out"
    poll("no namespace of the batch", lambda: None if left() else True, within_s=120, every_s=1)


def test_the_probe_says_whether_policies_are_enforced(found: Found, access: Access) -> None:
    """The image in kind-node enforces none, kind's own does; the report says which."""
    assert network.is_enforced(access, NAME) == found.runner.network_isolated
    assert ("not isolated" in found.runner.isolation) == (not found.runner.network_isolated)
