"""What a student may have put in the place of a report is neither followed nor waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shallowdive.grading.nbval import failed_cells, read_regular

REPORT = "<testsuites><testcase name='Cell 1'><failure>one\nNameError: x</failure></testcase><testcase name='Cell 0'/></testsuites>"
ENTITIES = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><testsuites>&b;</testsuites>"


def found_in(path: Path, taken: list[str]) -> list[str]:
    try:
        return failed_cells(read_regular(path), ["given", "repair"], taken)
    except OSError:
        return []


def test_the_last_line_of_a_students_failed_cell_is_told(tmp_path: Path) -> None:
    (tmp_path / "cells.xml").write_text(REPORT)
    assert found_in(tmp_path / "cells.xml", ["repair"]) == ["repair: NameError: x"]
    assert found_in(tmp_path / "cells.xml", []) == []


@pytest.mark.timeout(20)
def test_links_pipes_folders_devices_and_entities_are_no_report(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(REPORT)
    places = {name: tmp_path / name for name in ("link", "zero", "pipe", "folder", "entities", "nothing")}
    places["link"].symlink_to(tmp_path / "real")
    places["zero"].symlink_to("/dev/zero")
    os.mkfifo(places["pipe"])
    places["folder"].mkdir()
    places["entities"].write_text(ENTITIES)
    assert {name: found_in(path, ["repair"]) for name, path in places.items()} == {name: [] for name in places}
