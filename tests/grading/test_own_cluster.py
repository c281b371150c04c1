"""Labs that switch parts off are graded on a cluster of the batch's own, and the recipe for students' repositories ends in the verdict of
the lab's own check. On the embedded cluster."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from shallowdive.cli import main, parser
from shallowdive.cluster import Home
from shallowdive.cluster.embedded import EmbeddedBackend
from tests.grading.handed_in import ROOT, given, solved, text

RECIPE = ROOT / "tools" / "student_repository" / "grade.yml"
LAB = "08-cluster"
SPEED = 5


def lines_of_the_recipe() -> list[list[str]]:
    """The course's commands in the workflow, as words."""
    steps: list[dict[str, Any]] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["jobs"]["grade"]["steps"]
    lines = [line for step in steps for line in str(step.get("run", "")).splitlines()]
    return [shlex.split(line.partition("shallowdive ")[2]) for line in lines if "-m shallowdive" in line]


def test_the_recipe_uses_verbs_and_options_that_there_are() -> None:
    found = [parser().parse_args(words) for words in lines_of_the_recipe()]
    assert [f.run.__name__ for f in found] == ["_up", "_grade"]
    assert found[1].require_full


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_lab_that_stops_a_node_is_graded_and_its_cluster_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHALLOWDIVE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHALLOWDIVE_CLUSTER", "sd-recipe")
    home = Home(tmp_path / "home", "sd-recipe")
    backend = EmbeddedBackend(home, speed=SPEED)
    backend.up(lambda _: None)
    try:
        for name, notebook in (("good", solved(LAB)), ("nothing", given(LAB))):
            (tmp_path / name / "class" / name).mkdir(parents=True)
            (tmp_path / name / "class" / name / "x.ipynb").write_bytes(text(notebook))
        ended = {}
        for name in ("good", "nothing"):
            words = lines_of_the_recipe()[1]
            words[1], words[words.index("--lab") + 1], words[words.index("--out") + 1] = (
                str(tmp_path / name / "class"), LAB, str(tmp_path / name / "results"),
            )  # fmt: skip
            ended[name] = main(words)
            said = capsys.readouterr().out
            (row,) = json.loads((tmp_path / name / "results" / "class.json").read_text(encoding="utf-8"))
            assert row["state"] == "graded", said
            assert (row["points"] == row["of"]) == (name == "good"), said
            assert "reference solution full in 2 of 2" in said
        assert ended == {"good": 0, "nothing": 1}
        assert [p.name for p in (home.root / "clusters").glob("grading-*.json")] == [], "its own cluster is gone"
    finally:
        backend.down(lambda _: None)
