"""The record of a namespace: bounded memory, one file for two kernels."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import pytest
from kubernetes import client

from shallowdive.live import Follower, History, Seen, collector
from shallowdive.live.link import kept
from shallowdive.live.spool import PORTION, Spool

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


def test_a_batch_that_outgrows_the_memory_loses_nothing(tmp_path: Path) -> None:
    for spool in (Spool(held=10), Spool(tmp_path / "h.jsonl", held=10)):
        twin = [seen(i) for i in range(200)]
        for first, end in ((0, 15), (15, 60), (60, 61), (61, 200)):
            spool.extend(twin[first:end])
            assert list(spool) == twin[:end]
        for i in range(200, 300):
            twin.append(seen(i))
            spool.extend(twin[-1:])
        assert list(spool) == twin
        assert len(spool._newest[1]) <= 20


def test_taking_an_event_touches_no_file_and_a_temporary_file_catches_up_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    spool, written = Spool(held=100), list[int]()
    write = Spool._write

    def noted(self: Spool, batch: list[Seen]) -> None:
        written.append(len(batch))
        write(self, batch)

    monkeypatch.setattr(Spool, "_write", noted)
    spool.add([seen(i) for i in range(101)])
    assert spool.file is None
    for i in range(101, 300):
        spool.extend([seen(i)])
    assert max(written) == PORTION
    assert sum(written) == len(spool._places) >= 299 - 2 * 100
    assert list(spool) == [seen(i) for i in range(300)]


def test_an_event_is_in_the_picture_and_told_before_it_is_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(client.ApiClient(), "d", ["Pod"], History(file=tmp_path / "h.jsonl"))
    told: list[tuple[bool, bool]] = []

    def slow_disk(_: Spool, batch: list[Seen]) -> None:
        free: list[bool] = []

        def look() -> None:
            free.append(follower.changed.acquire(timeout=5))
            follower.changed.release()

        other = threading.Thread(target=look)
        other.start()
        other.join()
        told.append((follower.state.get("Pod", "a") is batch[-1].object, free[0]))

    monkeypatch.setattr(Spool, "_write", slow_disk)
    follower.take("Pod", [("ADDED", seen(1).object)], 1.0)
    follower.take_all("Pod", {("", "a"): seen(2).object}, 2.0)
    assert told == [(True, True)] * 2, "there, and nobody is kept from looking"


def test_what_is_kept_says_who_manages_and_not_which_paths() -> None:
    entry = {"manager": "kubelet", "operation": "Update", "time": "t", "fieldsV1": {"f:status": {}}}
    made = kept("Pod", {"metadata": {"name": "a", "managedFields": [entry]}})
    assert made == {"kind": "Pod", "metadata": {"name": "a", "managedFields": [{"manager": "kubelet", "operation": "Update", "time": "t"}]}}


def test_what_lives_for_ever_is_set_aside_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[str] = []
    monkeypatch.setattr(collector, "_once", threading.Lock())
    monkeypatch.setattr("gc.collect", lambda: frozen.append("collect"))
    monkeypatch.setattr("gc.freeze", lambda: frozen.append("freeze"))
    assert [collector.set_aside() for _ in range(3)] == [True, False, False]
    assert frozen == ["collect", "freeze"], "garbage is not set aside"


def test_the_collector_does_not_look_through_an_object_of_the_api_which_is_freed_as_ever() -> None:
    """With a thousand pods it would stop every link for a quarter of a second, again and again."""
    made = kept("Pod", {"metadata": {"name": "a", "labels": {"app": "web"}}, "spec": {"containers": [{"ports": [{"port": 80}]}, {}]}})
    parts = [
        made,
        made["metadata"],
        made["spec"],
        made["spec"]["containers"],
        made["spec"]["containers"][0],
        made["spec"]["containers"][0]["ports"],
    ]
    assert not any(map(gc.is_tracked, parts))
    collector.spare(made)
    assert made["spec"]["containers"] == [{"ports": [{"port": 80}]}, {}]

    class Witness(str):
        pass

    witness = Witness("x")
    gone = weakref.ref(witness)
    made = kept("Pod", {"metadata": {"name": "a"}, "spec": [{"deep": [witness]}]})
    del witness
    gc.disable()
    try:
        assert gone() is not None
        made = {}
        assert gone() is None, "without a collection"
    finally:
        gc.enable()
