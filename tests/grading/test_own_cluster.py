"""Labs that switch parts off are graded on a cluster of the batch's own, and the recipe for students' repositories ends in the verdict of
the lab's own check. On the embedded cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from kubernetes import client

from shallowdive.checks import LABS
from shallowdive.cli import parser
from shallowdive.cluster import Home, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.grading import caged
from shallowdive.grading.hidden import read_hidden
from shallowdive.grading.run import Grader
from shallowdive.grading.submissions import Submission, parse
from tests.grading.handed_in import ROOT, given, solved, text

RECIPE = ROOT / "tools" / "student_repository" / "grade.yml"
LAB = "08-cluster"
SPEED = 5
HIDDEN = re.compile(r"```python\n(.*?CRITERIA.*?)```", re.DOTALL)


def lines_of_the_recipe() -> list[list[str]]:
    """The course's commands in the workflow, as words."""
    steps: list[dict[str, Any]] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["jobs"]["grade"]["steps"]
    lines = [line for step in steps for line in str(step.get("run", "")).splitlines()]
    return [shlex.split(line.partition("shallowdive ")[2]) for line in lines if "-m shallowdive" in line]


def test_the_recipe_uses_verbs_and_options_that_there_are() -> None:
    found = [parser().parse_args(words) for words in lines_of_the_recipe()]
    assert [f.run.__name__ for f in found] == ["_up", "_grade"]
    assert found[1].require_full


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("own"), "sd-own")
    backend = EmbeddedBackend(made, speed=SPEED)
    backend.up(lambda _: None)
    yield made
    backend.down(lambda _: None)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_program_that_has_no_rights_of_its_own_switches_what_its_lab_is_about(home: Home) -> None:
    """In the cage, through the broker; afterwards every node is on, and nobody may look at nodes any more. The book's hidden criterion is
    judged beside the lab's own."""
    access = open_access(home)
    (home.root / "mine.py").write_text(HIDDEN.search((ROOT / "book" / "instructors.md").read_text(encoding="utf-8"))[1], encoding="utf-8")  # type: ignore[index]
    hidden = read_hidden(home.root / "mine.py")
    grader = Grader(access, LABS[LAB], given(LAB), caged.Runner(access, LABS[LAB], home), "own", 240, hidden)
    row = grader.grade(Submission("good", "x", parse(text(solved(LAB)))))
    assert row.full, row
    assert [c["name"] for c in row.criteria][-1] == "labelled"
    nodes = client.CoreV1Api(access.connect()).list_node().items
    assert {c.status for n in nodes for c in n.status.conditions if c.type == "Ready"} == {"True"}
    rbac = client.RbacAuthorizationV1Api(access.connect())
    assert [b.metadata.name for b in rbac.list_cluster_role_binding().items if "look" in b.metadata.name] == []
