"""The store: revisions, history, the past, and who owns whom."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.embedded.store import Expired, Store, clone


def thing(name: str, namespace: str = "default", **more: Any) -> dict[str, Any]:
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "namespace": namespace} | more}


def changed(store: Store, name: str, **more: Any) -> None:
    value = clone(store.get("configmaps", "default", name) or {})
    value["metadata"] |= more
    store.put("configmaps", value)


def names(events: list[Any]) -> list[str]:
    return [event.key[1] for event in events]


def test_every_write_takes_the_next_revision_and_says_what_it_was() -> None:
    store = Store()
    seen: list[tuple[str, int]] = []
    store.listen(lambda event: seen.append((event.type, event.revision)))
    store.put("configmaps", thing("a"))
    changed(store, "a", labels={"x": "y"})
    store.remove("configmaps", "default", "a")
    assert seen == [("ADDED", 1), ("MODIFIED", 2), ("DELETED", 3)]


def test_a_list_is_sorted_by_namespace_and_name() -> None:
    store = Store()
    for namespace, name in (("b", "1"), ("a", "2"), ("a", "1")):
        store.put("configmaps", thing(name, namespace))
    assert [event.key for event in store.latest("configmaps")] == [("a", "1"), ("a", "2"), ("b", "1")]


def test_the_past_is_the_present_with_the_history_undone() -> None:
    store = Store()
    for name in "abc":
        store.put("configmaps", thing(name))
    then = store.revision
    changed(store, "a", labels={"x": "y"})
    store.remove("configmaps", "default", "b")
    store.put("configmaps", thing("d"))
    past = store.latest_at("configmaps", then)
    assert names(past) == ["a", "b", "c"]
    assert "labels" not in past[0].object["metadata"]
    assert names(store.latest("configmaps")) == ["a", "c", "d"]


def test_a_deleted_event_carries_the_revision_of_the_deletion_and_leaves_the_last_version_alone() -> None:
    store = Store()
    kept = store.put("configmaps", thing("a"))
    store.remove("configmaps", "default", "a")
    *_, event = store.events_after("configmaps", 0)
    assert (event.object["metadata"]["resourceVersion"], kept["metadata"]["resourceVersion"]) == ("2", "1")


def test_the_history_of_one_resource_is_bounded_and_others_do_not_shorten_it() -> None:
    store = Store(history=3)
    store.put("configmaps", thing("kept"))
    for _ in range(10):
        store.put("secrets", thing("busy"))
    assert len(list(store.events_after("configmaps", 0))) == 1
    with pytest.raises(Expired, match=r"too old resource version: 2 \(8\)"):
        store.events_after("secrets", 2)


def test_an_object_is_found_by_the_uid_of_its_owner_until_it_is_disowned() -> None:
    store = Store()
    store.put("configmaps", thing("a", ownerReferences=[{"uid": "u"}]))
    assert store.owned_by("u") == [("configmaps", ("default", "a"))]
    changed(store, "a", ownerReferences=[])
    assert store.owned_by("u") == []


def test_an_item_of_a_list_is_the_object_without_its_kind() -> None:
    store = Store()
    store.put("configmaps", thing("a"))
    event = store.event("configmaps", "default", "a")
    assert event is not None
    assert event.encoded == b'{"kind":"ConfigMap","apiVersion":"v1",' + event.bare[1:]
    assert b"apiVersion" not in event.bare


def test_who_listens_to_one_resource_hears_only_of_it_and_before_the_others() -> None:
    store = Store()
    heard: list[str] = []
    store.listen(lambda event: heard.append(f"any {event.resource}"))
    store.listen(lambda event: heard.append("maps"), "configmaps")
    store.put("secrets", thing("a"))
    store.put("configmaps", thing("a"))
    assert heard == ["any secrets", "maps", "any configmaps"]
