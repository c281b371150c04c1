"""The recipe for students' repositories, run: it ends in the verdict of the lab's own check, on a cluster of the batch's own. Five minutes,
so in `make soak`: it grades two classes, and for each the lab as it is handed out, one after the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shallowdive.cli import main
from shallowdive.cluster import Home
from shallowdive.cluster.embedded import EmbeddedBackend
from tests.grading.handed_in import given, solved, text
from tests.grading.test_own_cluster import LAB, SPEED, lines_of_the_recipe


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
