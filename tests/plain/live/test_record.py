"""The record of a namespace: bounded memory, one file for two kernels."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from shallowdive.live import History, Seen
from shallowdive.live.spool import Spool

UID = "3f1c"


def seen(version: int, type_: str = "MODIFIED", uid: str = UID, at_s: float = 0) -> Seen:
    return Seen(at_s or version, type_, "Pod", {"kind": "Pod", "metadata": {"name": "a", "uid": uid, "resourceVersion": str(version)}})


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_long_record_is_read_as_a_list_and_held_in_part(tmp_path: Path, on_disk: bool) -> None:
    spool, twin = Spool(tmp_path / "h.jsonl" if on_disk else None, held=10), [seen(i) for i in range(137)]
    for one in twin:
        spool.extend([one])
    assert list(spool) == twin
    assert (spool[0], spool[-1], spool[5:9], spool[100:], spool[:]) == (twin[0], twin[-1], twin[5:9], twin[100:], twin)
    assert len(spool._newest[1]) <= 20
    assert len(spool) == 137
    with pytest.raises(IndexError):
        spool[137]


def test_a_record_that_is_read_while_it_grows_shows_all_that_was_there_when_it_began() -> None:
    spool = Spool(held=10)
    spool.extend([seen(i) for i in range(15)])
    reader = iter(spool)
    read = [next(reader)]
    spool.extend([seen(i) for i in range(15, 60)])
    read += list(reader)
    assert [s.at_s or 0 for s in read][:15] == [s.at_s for s in (seen(i) for i in range(15))]


def test_a_record_without_a_file_of_its_own_leaves_none_behind() -> None:
    spool = Spool(held=5)
    spool.extend([seen(i) for i in range(20)])
    file = spool.file
    assert file is not None
    assert file.exists()
    del spool
    gc.collect()
    assert not file.exists()


def test_two_kernels_on_one_lab_leave_each_event_once(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    one, other = History(file=file), History(file=file)
    for version, type_ in ((1, "ADDED"), (2, "MODIFIED"), (3, "DELETED")):
        one.append(seen(version, type_))
        if version > 1:  # the other one began later: its first look is an ADDED of a version that the first saw as MODIFIED
            other.append(seen(version, "ADDED" if version == 2 else type_))
    other.append(seen(2, "DELETED"))
    assert [(s.type, s.object["metadata"]["resourceVersion"]) for s in History.load(file).events] == [
        ("ADDED", "1"),
        ("MODIFIED", "2"),
        ("DELETED", "3"),
    ]


def test_an_object_that_was_missed_and_seen_again_is_deleted_a_second_time(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    record = History([seen(1, "ADDED"), seen(1, "DELETED"), seen(2, "ADDED"), seen(3, "DELETED")], file=file)
    assert [s.type for s in History.load(file).events] == [s.type for s in record.events]


def test_places_stay_right_when_another_kernel_writes_in_between(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    one, other = Spool(file, held=3), Spool(file, held=3)
    for i in range(30):
        one.extend([seen(i, uid="one")])
        other.extend([seen(i, uid="öther" * i)])
    assert list(one) == [seen(i, uid="one") for i in range(30)]
    again = History.load(file)
    again.append(seen(99))
    assert len(again.events) == 61
    assert again.events[-1] == seen(99)
