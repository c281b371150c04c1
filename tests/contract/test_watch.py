"""Watches: where they start, what a selector makes of a change, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client, watch

from tests.contract.api import Api, Json, eventually
from tests.contract.conftest import Target

INITIAL_END = "k8s.io/initial-events-end"


def short(events: list[Json]) -> list[tuple[str, str]]:
    return [(e["type"], e["object"]["metadata"].get("name", "")) for e in events]


@pytest.fixture
def path(own: str) -> str:
    """Secrets: nothing but the test makes one in this namespace."""
    return f"/api/v1/namespaces/{own}/secrets"


def make(api: Api, path: str, name: str, **labels: str) -> Json:
    return api.made(path, {"metadata": {"name": name, "labels": labels}})


def test_a_watch_goes_on_from_a_list(api: Api, path: str) -> None:
    make(api, path, "before")
    start = api.seen(path)["metadata"]["resourceVersion"]
    with api.watch(path, resourceVersion=start) as seen:
        made = make(api, path, "a")
        changed = api.patch(f"{path}/a", {"stringData": {"k": "v"}}).body
        api.delete(f"{path}/a")
        events = seen.take(3)
    assert short(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert events[0]["object"] == made
    assert events[1]["object"] == changed
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in events]
    assert versions == sorted(set(versions)), "a deletion has a version of its own"


def test_a_watch_replays_what_happened_since(api: Api, path: str) -> None:
    start = make(api, path, "a")["metadata"]["resourceVersion"]
    make(api, path, "b")
    api.delete(f"{path}/b")
    with api.watch(path, resourceVersion=start) as seen:
        assert short(seen.take(2)) == [("ADDED", "b"), ("DELETED", "b")]


@pytest.mark.parametrize("query", [{}, {"resourceVersion": ""}, {"resourceVersion": "0"}])
def test_a_watch_without_a_start_tells_first_what_is_there(api: Api, path: str, query: Json) -> None:
    for name in ("b", "a"):
        make(api, path, name)
    with api.watch(path, **query) as seen:
        assert sorted(short(seen.take(2))) == [("ADDED", "a"), ("ADDED", "b")]
        make(api, path, "c")
        assert short(seen.take(1)) == [("ADDED", "c")]


def test_objects_enter_and_leave_the_view_of_a_label_selector(api: Api, path: str) -> None:
    start = api.seen(path)["metadata"]["resourceVersion"]
    with api.watch(path, resourceVersion=start, labelSelector="colour=blue") as seen:
        make(api, path, "a", colour="red")
        for colour in ("blue", "blue2", "blue"):
            api.patch(f"{path}/a", {"metadata": {"labels": {"colour": colour}}})
        api.patch(f"{path}/a", {"metadata": {"annotations": {"x": "y"}}})
        api.delete(f"{path}/a")
        events = seen.take(5)
    assert [e["type"] for e in events] == ["ADDED", "DELETED", "ADDED", "MODIFIED", "DELETED"]
    assert events[1]["object"]["metadata"]["labels"] == {"colour": "blue"}, "the object as it was while it could be seen"


def test_one_object_is_watched_by_a_field_selector(api: Api, path: str) -> None:
    start = make(api, path, "a")["metadata"]["resourceVersion"]
    with api.watch(path, resourceVersion=start, fieldSelector="metadata.name=b") as seen:
        api.delete(f"{path}/a")
        make(api, path, "b")
        assert short(seen.take(1)) == [("ADDED", "b")]


def test_the_old_watch_path_of_one_object(api: Api, path: str) -> None:
    make(api, path, "a")
    make(api, path, "b")
    answer = api.get(path.replace("/api/v1/", "/api/v1/watch/") + "/a", timeoutSeconds=1)
    assert answer.code == 200
    lines = answer.body if isinstance(answer.body, str) else str(answer.body)
    assert "ADDED" in lines


def test_a_watch_of_all_namespaces(api: Api, path: str) -> None:
    start = api.seen("/api/v1/secrets")["metadata"]["resourceVersion"]
    with api.watch("/api/v1/secrets", resourceVersion=start, fieldSelector="metadata.name=everywhere") as seen:
        make(api, path, "everywhere")
        (event,) = seen.take(1)
    assert event["object"]["metadata"]["namespace"] == path.split("/")[4]


def test_a_watch_ends_when_its_time_is_over(api: Api, path: str) -> None:
    with api.watch(path, timeoutSeconds=1) as seen:
        assert seen.rest() == []
    assert seen.code == 200


def test_a_watch_is_json_by_line_in_chunks(api: Api, path: str) -> None:
    make(api, path, "a")
    make(api, path, "b")
    with api.watch(path, timeoutSeconds=1) as seen:
        assert seen.reply.headers["Transfer-Encoding"] == "chunked"
        assert seen.reply.headers["Content-Type"] == "application/json"
        assert len(seen.rest()) == 2


def test_a_watch_from_a_forgotten_version_gets_an_expired_status_as_its_only_event(api: Api) -> None:
    """Leases change all the time, so a server forgets the first of them in the third minute of its life."""

    def first() -> list[Json]:
        with api.watch("/apis/coordination.k8s.io/v1/leases", resourceVersion="1") as seen:
            events = [seen.next()]
            assert seen.code == 200
            return events + (seen.rest() if events[0]["type"] == "ERROR" else [])

    (event,) = eventually(lambda: found if (found := first())[0]["type"] == "ERROR" else None, 170)
    status = event["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


def test_bookmarks_carry_a_version_and_nothing_else(api: Api, path: str) -> None:
    """A server sends one shortly before it closes a watch that asked for them."""
    with api.watch(path, resourceVersion=api.seen(path)["metadata"]["resourceVersion"], allowWatchBookmarks=True, timeoutSeconds=3) as seen:
        make(api, path, "a")
        events = seen.rest()
    assert events[-1]["type"] == "BOOKMARK"
    assert events[-1]["object"]["kind"] == "Secret"
    assert events[-1]["object"]["metadata"].keys() == {"resourceVersion"}
    assert int(events[-1]["object"]["metadata"]["resourceVersion"]) >= int(events[0]["object"]["metadata"]["resourceVersion"])


def test_a_streaming_list_ends_with_an_annotated_bookmark(api: Api, path: str) -> None:
    make(api, path, "a")
    query = {"sendInitialEvents": True, "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": True}
    with api.watch(path, **query) as seen:
        events = seen.take(2)
        assert short(events) == [("ADDED", "a"), ("BOOKMARK", "")]
        assert events[1]["object"]["metadata"]["annotations"] == {INITIAL_END: "true"}
        assert events[1]["object"]["metadata"]["resourceVersion"].isdigit()
        make(api, path, "b")
        assert short(seen.take(1)) == [("ADDED", "b")]


def test_a_streaming_list_needs_a_match(api: Api, path: str) -> None:
    answer = api.get(path, watch="true", sendInitialEvents="true")
    assert answer.code == 422
    assert answer.body["message"].endswith(
        "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    )


def test_a_watch_from_no_number_is_refused(api: Api, path: str) -> None:
    answer = api.get(path, watch="true", resourceVersion="abc")
    assert answer.code == 500
    assert answer.body["message"] == 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'


def test_deleting_a_collection_is_one_event_each(api: Api, path: str) -> None:
    for name in ("a", "b"):
        make(api, path, name)
    start = api.seen(path)["metadata"]["resourceVersion"]
    with api.watch(path, resourceVersion=start) as seen:
        api.delete(path)
        assert sorted(short(seen.take(2))) == [("DELETED", "a"), ("DELETED", "b")]


def test_a_write_that_changes_nothing_makes_no_event(api: Api, path: str) -> None:
    made = make(api, path, "a")
    with api.watch(path, resourceVersion=made["metadata"]["resourceVersion"]) as seen:
        api.put(f"{path}/a", made)
        api.patch(f"{path}/a", {})
        make(api, path, "b")
        assert short(seen.take(1)) == [("ADDED", "b")]


def test_the_client_watches(target: Target, own: str) -> None:
    core = client.CoreV1Api(target.api.client)
    core.create_namespaced_secret(own, {"metadata": {"name": "a"}, "stringData": {"k": "v"}})
    seen: list[Any] = []
    for event in watch.Watch().stream(core.list_namespaced_secret, own, timeout_seconds=5):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 1:
            core.delete_namespaced_secret("a", own)
        if len(seen) == 2:
            break
    assert seen == [("ADDED", "a"), ("DELETED", "a")]
