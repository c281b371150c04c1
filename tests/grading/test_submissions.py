"""Every student has a row, whatever was handed in and however it was packed; nothing is written, nothing outside is read."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from shallowdive.grading.merge import merge
from shallowdive.grading.submissions import Submission, find, parse, student_of
from tests.grading.handed_in import LAB, changed, given, solved, text, zipped
from tests.grading.mutated import try_mutated

GOOD = text(solved())


def rows(folder: Path) -> dict[str, Submission]:
    return {s.student: s for s in find(folder, LAB)}


def hand_in(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("ada", "ada"),
        ("ada.ipynb", "ada"),
        ("Grace Hopper_4711_assignsubmission_file_", "Grace Hopper"),
        ("Zoë Müller_12_assignsubmission_file", "Zoë Müller"),
        ("hoppergrace_LATE_4711_8150_12-deployment.ipynb", "hoppergrace"),
        ("hoppergrace_4711_8150_12-deployment-1.ipynb", "hoppergrace"),
        ("Lab 12_jdoe_attempt_2026-11-27-10-00-00_my.ipynb", "Lab 12_jdoe"),
        ("_1_2_.ipynb", "_1_2_"),
    ],
)
def test_the_student_is_read_from_the_name_that_a_school_gives(name: str, student: str) -> None:
    assert student_of(name)[0] == student


def test_two_students_of_one_name_are_two_rows(tmp_path: Path) -> None:
    names = ("Ann Lee_4711_assignsubmission_file_", "Ann Lee_4712_assignsubmission_file_", "Bo_9_assignsubmission_file_")
    found = rows(hand_in(tmp_path, {f"{name}/lab.ipynb": GOOD for name in names}))
    assert list(found) == ["Ann Lee (4711)", "Ann Lee (4712)", "Bo"]
    assert all(row.notebook for row in found.values())


def test_folders_archives_and_files_beside_each_other_are_rows(tmp_path: Path) -> None:
    found = rows(
        hand_in(
            tmp_path,
            {
                "ada/lab.ipynb": GOOD,
                "bob.zip": zipped({"deep/er/renamed (1).ipynb": GOOD, "notes.txt": b"x"}),
                "cy_LATE_1_2_x.ipynb": GOOD,
                "dan/inner.zip": zipped({"a.zip": zipped({"x.ipynb": GOOD})}),
                "eve/empty.txt": b"",
                ".hidden/x.ipynb": GOOD,
            },
        )
    )
    assert list(found) == ["ada", "bob", "cy", "dan", "eve"]
    assert {who: bool(s.notebook) for who, s in found.items()} == {"ada": True, "bob": True, "cy": True, "dan": True, "eve": False}
    assert found["eve"].problem == "no notebook of this lab: no notebook"
    assert found["bob"].where == "bob.zip/deep/er/renamed (1).ipynb"


def test_the_archive_of_a_whole_class_is_a_row_for_each_of_its_folders(tmp_path: Path) -> None:
    (tmp_path / "class.zip").write_bytes(
        zipped({"ada/lab.ipynb": GOOD, "bob/lab.ipynb": b"", "Cy Lee_1_assignsubmission_file_/l.ipynb": GOOD})
    )
    found = rows(tmp_path / "class.zip")
    assert list(found) == ["Cy Lee", "ada", "bob"]
    assert found["bob"].problem == "no notebook of this lab: bob/lab.ipynb: the file is empty"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the file is empty"),
        (b"  \n", "the file is empty"),
        (GOOD[: len(GOOD) // 2], "no JSON, perhaps cut off"),
        (b"<<<<<<< HEAD\n" + GOOD, "conflict marks of git"),
        (b"[1, 2]", "no notebook of format 4"),
        (b'{"cells": {}}', "no notebook of format 4"),
        (b'{"worksheets": [], "nbformat": 3}', "no notebook of format 4"),
        (b"[" * 200_000, "no JSON"),
        (b"\xff\xfe\x00\x01", "no JSON"),
        (text({"cells": [{}] * 1001}), "more than 1000 cells"),
        (text({"cells": [{"source": "x" * 200_001}]}), "a cell of more than 200000 characters"),
    ],
)
def test_a_file_that_is_no_notebook_says_why_in_one_line(tmp_path: Path, data: bytes, why: str) -> None:
    row = rows(hand_in(tmp_path, {"ada/lab.ipynb": data}))["ada"]
    assert why in row.problem
    assert "\n" not in row.problem


def test_a_byte_order_mark_windows_line_ends_and_sources_as_lists_are_read(tmp_path: Path) -> None:
    as_lists = changed(solved(), lambda c: c | {"source": [line + "\r\n" for line in c["source"].split("\n")]})
    row = rows(hand_in(tmp_path, {"ada/lab.ipynb": b"\xef\xbb\xbf" + text(as_lists)}))["ada"]
    assert row.notebook is not None
    assert not any("\r" in c["source"] for c in row.notebook["cells"])
    assert merge(given(), row.notebook).notes == []


def test_two_notebooks_of_the_lab_that_differ_are_for_a_person_and_two_that_do_not_are_one(tmp_path: Path) -> None:
    other = text(changed(solved(), lambda c: c | {"source": c["source"] + "\n# 2"} if c["id"] == "repair" else c))
    hand_in(tmp_path, {"ada/lab.ipynb": GOOD, "ada/lab (1).ipynb": other, "bob/lab.ipynb": GOOD, "bob/copy.ipynb": GOOD})
    found = rows(tmp_path)
    assert found["ada"].problem == "several notebooks of this lab, and they differ: ada/lab (1).ipynb, ada/lab.ipynb"
    assert found["bob"].notebook


def test_the_lab_is_known_by_what_the_notebook_carries_and_not_by_its_name(tmp_path: Path) -> None:
    hand_in(
        tmp_path,
        {"ada/12-deployment.ipynb": text(solved("11-pod")), "ada/11-pod.ipynb": GOOD, "bob/12-deployment.ipynb": text(solved("11-pod"))},
    )
    found = rows(tmp_path)
    assert found["ada"].where == "ada/11-pod.ipynb"
    assert found["bob"].problem == "no notebook of this lab: only of other labs: 11-pod"


def test_a_notebook_that_lost_its_metadata_is_taken_and_told(tmp_path: Path) -> None:
    bare = changed(solved(), lambda c: {"cell_type": c["cell_type"], "source": c["source"]}) | {"metadata": "none"}
    row = rows(hand_in(tmp_path, {"ada/lab.ipynb": text(bare)}))["ada"]
    assert row.notebook is not None
    assert row.notes == ["ada/lab.ipynb has lost the name of its lab"]


# ── hostile archives ─────────────────────────────────────────────────────────────────────────────────────────
def test_names_that_lead_elsewhere_write_nothing_and_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(text(given()))
    inbox = tmp_path / "in"
    hand_in(inbox, {"ada.zip": zipped({"../../out.ipynb": GOOD, "/etc/x.ipynb": GOOD, "..\\..\\y.ipynb": GOOD})})
    (inbox / "bob").mkdir()
    (inbox / "bob" / "lab.ipynb").symlink_to(secret)
    (inbox / "cy").symlink_to(tmp_path)
    os.mkfifo(inbox / "bob" / "pipe.ipynb")
    before = sorted(p for p in tmp_path.rglob("*"))
    found = rows(inbox)
    assert sorted(p for p in tmp_path.rglob("*")) == before
    assert found["ada"].notebook
    assert "lab.ipynb is a link: not followed" in found["bob"].problem
    assert "pipe.ipynb is neither a file nor a folder" in found["bob"].problem
    assert "cy is a link: not followed" in found["cy"].problem


def test_a_small_archive_of_a_huge_file_ends_at_the_limit(tmp_path: Path) -> None:
    hand_in(tmp_path, {"ada.zip": zipped({"x.ipynb": b"0" * (200 << 20)}), "bob.zip": zipped({f"{i}.txt": b"" for i in range(3000)})})
    found = rows(tmp_path)
    assert "more than 50 MiB of notebooks" in found["ada"].problem
    assert "more than 2000 files" in found["bob"].problem


def test_archives_in_archives_in_archives_end(tmp_path: Path) -> None:
    data = GOOD
    name = "x.ipynb"
    for i in range(6):
        data, name = zipped({name: data}), f"{i}.zip"
    row = rows(hand_in(tmp_path, {"ada.zip": data}))["ada"]
    assert "too deep inside archives" in row.problem


def test_an_archive_with_a_password_or_a_wrong_sum_is_said(tmp_path: Path) -> None:
    data = bytearray(zipped({"x.ipynb": GOOD}))
    data[60] ^= 0xFF
    locked = bytearray(zipped({"x.ipynb": GOOD}))
    locked[6] |= 1
    at = locked.rfind(b"PK\x01\x02")
    locked[at + 8] |= 1
    found = rows(hand_in(tmp_path, {"ada.zip": bytes(data), "bob.zip": bytes(locked), "cy.zip": b"PK nonsense"}))
    assert "cannot be read" in found["ada"].problem
    assert "password" in found["bob"].problem
    assert "no readable zip archive" in found["cy"].problem


# ── mutated input ────────────────────────────────────────────────────────────────────────────────────────────
def test_mutated_notebooks_and_archives_are_read_or_said_to_be_unreadable(tmp_path: Path) -> None:
    tracemalloc.start()
    good = try_mutated(tmp_path, LAB, 300, seed=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < good < 300
    assert peak < 200 << 20


def test_a_notebook_is_what_parse_says_it_is() -> None:
    for cell in parse(GOOD)["cells"]:
        assert set(cell) == {"cell_type", "id", "metadata", "source"}
