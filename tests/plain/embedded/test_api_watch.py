"""Watches: what they tell, from where, and how they end."""

from __future__ import annotations

from tests.plain.embedded.asking import JSON, MAPS, TABLE, Asking, events, told


def settled() -> Asking:
    """A cluster whose namespaces have what controllers put into them."""
    api = Asking()
    api.cluster.advance(5)
    return api


def now(api: Asking) -> str:
    revision: str = api.get(MAPS).body["metadata"]["resourceVersion"]
    return revision


def labelled(api: Asking, name: str, **labels: str | None) -> None:
    assert api.patch(f"{MAPS}/{name}", {"metadata": {"labels": labels}}).code == 200


def test_a_watch_from_a_revision_tells_what_came_after_it() -> None:
    api = Asking()
    api.maps("a")
    stream = api.watch(MAPS, resourceVersion=now(api))
    api.maps("b")
    labelled(api, "a", x="y")
    api.delete(f"{MAPS}/b")
    assert told(stream) == ["ADDED b", "MODIFIED a", "DELETED b"]
    assert told(stream) == []


def test_a_watch_from_nowhere_begins_with_what_is_there() -> None:
    api = Asking()
    api.maps("a", "b")
    for query in ({}, {"resourceVersion": "0"}):
        stream = api.watch(MAPS, **query)
        assert told(stream) == ["ADDED a", "ADDED b"]


def test_an_object_that_enters_or_leaves_a_selection_is_added_or_deleted() -> None:
    api = Asking()
    api.maps("a", app="x")
    stream = api.watch(MAPS, resourceVersion=now(api), labelSelector="app=x")
    labelled(api, "a", app="z")
    labelled(api, "a", more="1")
    labelled(api, "a", app="x")
    labelled(api, "a", more="2")
    api.delete(f"{MAPS}/a")
    seen = events(stream)
    assert [e["type"] for e in seen] == ["DELETED", "ADDED", "MODIFIED", "DELETED"]
    assert seen[0]["object"]["metadata"]["labels"] == {"app": "x"}, "the last version that was selected"
    assert int(seen[0]["object"]["metadata"]["resourceVersion"]) < int(seen[1]["object"]["metadata"]["resourceVersion"])


def test_a_watch_of_one_name_hears_nothing_else() -> None:
    api = Asking()
    stream = api.watch(MAPS, resourceVersion=now(api), fieldSelector="metadata.name=b")
    api.maps("a", "b")
    assert told(stream) == ["ADDED b"]


def test_only_the_watches_of_its_namespace_are_woken() -> None:
    api = Asking()
    woken: list[str] = []
    near, far, everywhere = api.watch(MAPS), api.watch(MAPS.replace("default", "kube-system")), api.watch("/api/v1/configmaps")
    for name, stream in (("near", near), ("far", far), ("everywhere", everywhere)):
        stream.pull()
        stream.wake = lambda name=name: woken.append(name)
    api.maps("a")
    assert woken == ["near", "everywhere"]


def test_a_watch_of_a_quiet_namespace_does_not_fall_behind() -> None:
    api = Asking()
    stream = api.watch(MAPS.replace("default", "kube-system"), resourceVersion=now(api))
    stream.pull()
    for number in range(5000):
        api.cluster.store.put(
            "configmaps", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "busy", "namespace": "default", "n": number}}
        )
    assert told(stream) == []


def test_whoever_falls_behind_the_history_is_told_410_and_that_is_the_end() -> None:
    api = Asking()
    stream = api.watch(MAPS, resourceVersion=now(api))
    stream.pull()
    for number in range(5000):
        api.cluster.store.put(
            "configmaps", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "busy", "namespace": "default", "n": number}}
        )
    (event,) = events(stream)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: ")
    assert stream.pull() is None


def test_initial_events_end_with_a_bookmark_that_says_so() -> None:
    api = Asking()
    api.maps("a")
    stream = api.watch(MAPS, sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true")
    first, mark = events(stream)
    assert first["type"] == "ADDED"
    assert (mark["type"], mark["object"]["metadata"]["annotations"]) == ("BOOKMARK", {"k8s.io/initial-events-end": "true"})
    assert mark["object"]["metadata"]["resourceVersion"] == now(api)


def test_a_bookmark_comes_every_minute_to_those_who_can_read_it() -> None:
    api = settled()
    marked, plain = api.watch(MAPS, allowWatchBookmarks="true"), api.watch(MAPS)
    for stream in (marked, plain):
        stream.pull()
    api.cluster.advance(61)
    assert (told(marked), told(plain)) == (["BOOKMARK"], [])


def test_a_watch_ends_at_its_timeout_after_what_is_left_to_tell() -> None:
    api = settled()
    stream = api.watch(MAPS, timeoutSeconds=5)
    stream.pull()
    api.maps("a")
    api.cluster.advance(6)
    assert told(stream) == ["ADDED a"]
    assert stream.pull() is None


def test_a_reader_that_never_reads_holds_a_position_and_no_lines() -> None:
    api = settled()
    stream = api.watch(MAPS, resourceVersion=now(api), allowWatchBookmarks="true")
    api.maps(*(f"m{n}" for n in range(20)))
    api.cluster.advance(600)
    assert len(told(stream)) == 21, "twenty objects and one bookmark"


def test_the_columns_of_a_table_are_in_the_first_event_only() -> None:
    api = Asking()
    api.maps("a", "b")
    first, second = events(api.watch(MAPS, headers={"accept": TABLE}))
    assert [c["name"] for c in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][:2] == ["b", 1]


def test_the_old_watch_prefix_still_works() -> None:
    api = Asking()
    api.maps("a", "b")
    stream = api.raw("GET", MAPS.replace("/api/v1/", "/api/v1/watch/") + "/b")
    assert told(stream) == ["ADDED b"]


def test_a_watch_is_not_told_in_yaml() -> None:
    answer = Asking().get(MAPS, watch="true", headers={"accept": "application/yaml"})
    assert answer.code == 406
    assert JSON + ";stream=watch" in answer.body


def test_events_are_watched_under_both_of_their_names() -> None:
    api = Asking()
    about = api.get("/api/v1/namespaces/default").body
    stream = api.watch("/apis/events.k8s.io/v1/events", resourceVersion=now(api))
    api.cluster.recorder.event(about, "Normal", "Tried", "a note", "tester")
    (event,) = [e["object"] for e in events(stream)]
    assert (event["apiVersion"], event["note"], event["regarding"]["name"]) == ("events.k8s.io/v1", "a note", "default")
    assert "message" not in event
