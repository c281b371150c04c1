"""The three older kinds of patch. Server-side apply has a file of its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import JSON, JSON_PATCH, MERGE, STRATEGIC, Api, Json
from tests.contract.conftest import config_map


def container(name: str, **more: Any) -> Json:
    return {"name": name, "image": f"example.org/{name}:1"} | more


@pytest.fixture
def web(api: Api, own: str) -> str:
    """A paused Deployment of two containers that nothing runs."""
    pod = {
        "containers": [container("a", env=[{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]), container("b")],
        "nodeSelector": {"k": "v"},
    }
    spec = {
        "paused": True,
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod},
    }
    path = f"/apis/apps/v1/namespaces/{own}/deployments"
    api.made(path, {"metadata": {"name": "web", "labels": {"one": "1", "two": "2"}}, "spec": spec})
    return f"{path}/web"


def containers(body: Json) -> list[Json]:
    found: list[Json] = body["spec"]["template"]["spec"]["containers"]
    return found


def in_pod(**spec: Any) -> Json:
    return {"spec": {"template": {"spec": spec}}}


def test_merge_patch_adds_changes_and_removes_by_null(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", a="1", b="2"))
    answer = api.patch(f"{maps}/one", {"data": {"a": "9", "b": None, "c": "3"}})
    assert (answer.code, answer.body["data"]) == (200, {"a": "9", "c": "3"})


def test_merge_patch_replaces_lists(api: Api, web: str) -> None:
    assert [c["name"] for c in containers(api.patch(web, in_pod(containers=[container("c")])).body)] == ["c"]


def test_an_empty_merge_patch_changes_nothing(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one", a="1"))
    assert api.patch(f"{maps}/one", {}).body == made


def test_strategic_patch_merges_lists_by_their_key(api: Api, web: str) -> None:
    body = api.patch(web, in_pod(containers=[{"name": "b", "image": "example.org/b:2"}]), STRATEGIC).body
    assert [(c["name"], c["image"]) for c in containers(body)] == [("a", "example.org/a:1"), ("b", "example.org/b:2")]


def test_strategic_patch_puts_new_entries_first(api: Api, web: str) -> None:
    assert [c["name"] for c in containers(api.patch(web, in_pod(containers=[container("c")]), STRATEGIC).body)] == ["c", "a", "b"]


def test_strategic_patch_merges_inside_a_merged_entry(api: Api, web: str) -> None:
    env = [{"name": "Y", "value": "3"}, {"name": "Z", "value": "4"}]
    first = containers(api.patch(web, in_pod(containers=[{"name": "a", "env": env}]), STRATEGIC).body)[0]
    assert {e["name"]: e["value"] for e in first["env"]} == {"X": "1", "Y": "3", "Z": "4"}


def test_strategic_patch_deletes_an_entry(api: Api, web: str) -> None:
    body = api.patch(web, in_pod(containers=[{"name": "a", "$patch": "delete"}]), STRATEGIC).body
    assert [c["name"] for c in containers(body)] == ["b"]


def test_strategic_patch_replaces_a_list_when_told(api: Api, web: str) -> None:
    body = api.patch(web, in_pod(containers=[{"$patch": "replace"}, container("z")]), STRATEGIC).body
    assert [c["name"] for c in containers(body)] == ["z"]


def test_strategic_patch_replaces_a_map_when_told(api: Api, web: str) -> None:
    body = api.patch(web, {"metadata": {"labels": {"$patch": "replace", "three": "3"}}}, STRATEGIC).body
    assert body["metadata"]["labels"] == {"three": "3"}


def test_strategic_patch_removes_by_null(api: Api, web: str) -> None:
    body = api.patch(web, in_pod(nodeSelector=None), STRATEGIC).body
    assert "nodeSelector" not in body["spec"]["template"]["spec"]
    assert api.patch(web, {"metadata": {"labels": {"one": None}}}, STRATEGIC).body["metadata"]["labels"] == {"two": "2"}


def test_strategic_patch_retains_the_keys_it_names(api: Api, web: str) -> None:
    assert "rollingUpdate" in api.seen(web)["spec"]["strategy"]
    body = api.patch(web, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}, STRATEGIC).body
    assert body["spec"]["strategy"] == {"type": "Recreate"}


def test_strategic_patch_sets_the_order_of_a_list(api: Api, web: str) -> None:
    body = api.patch(
        web, in_pod(**{"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "a"}]}), STRATEGIC
    ).body
    assert [c["name"] for c in containers(body)] == ["b", "a"]


def test_strategic_patch_deletes_from_a_list_of_words(api: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/configmaps"
    api.made(path, {"metadata": {"name": "one", "finalizers": ["example.org/a", "example.org/b"]}})
    body = api.patch(f"{path}/one", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.org/a"]}}, STRATEGIC).body
    assert body["metadata"]["finalizers"] == ["example.org/b"]
    assert "finalizers" not in api.patch(f"{path}/one", {"metadata": {"finalizers": None}}).body["metadata"]


def test_strategic_patch_merges_ports_by_their_number(api: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/services"
    api.made(path, {"metadata": {"name": "s"}, "spec": {"ports": [{"name": "a", "port": 80}]}})
    body = api.patch(f"{path}/s", {"spec": {"ports": [{"name": "b", "port": 81}]}}, STRATEGIC).body
    assert {p["port"] for p in body["spec"]["ports"]} == {80, 81}


def test_json_patch_runs_its_operations_in_order(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", a="1", b="2"))
    steps = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "9"},
        {"op": "remove", "path": "/data/b"},
        {"op": "add", "path": "/metadata/labels", "value": {"x": "y"}},
        {"op": "add", "path": "/metadata/labels/with~1slash", "value": "z"},
        {"op": "copy", "from": "/data/a", "path": "/data/c"},
        {"op": "move", "from": "/data/c", "path": "/data/d"},
    ]
    answer = api.patch(f"{maps}/one", steps, JSON_PATCH)
    assert answer.code == 200
    assert answer.body["data"] == {"a": "9", "d": "9"}
    assert answer.body["metadata"]["labels"] == {"x": "y", "with/slash": "z"}


def test_json_patch_reaches_into_lists(api: Api, web: str) -> None:
    at = "/spec/template/spec/containers"
    steps = [
        {"op": "replace", "path": f"{at}/0/image", "value": "i"},
        {"op": "add", "path": f"{at}/-", "value": container("z")},
        {"op": "add", "path": f"{at}/1", "value": container("m")},
    ]
    body = api.patch(web, steps, JSON_PATCH).body
    assert [c["name"] for c in containers(body)] == ["a", "m", "b", "z"]
    assert containers(body)[0]["image"] == "i"


def test_a_failing_test_operation_changes_nothing(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", a="1"))
    steps = [{"op": "replace", "path": "/data/a", "value": "9"}, {"op": "test", "path": "/data/a", "value": "1"}]
    answer = api.patch(f"{maps}/one", steps, JSON_PATCH)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"] == "the server rejected our request due to an error in our request"
    assert api.seen(f"{maps}/one")["data"] == {"a": "1"}


def test_removing_what_is_not_there_is_refused(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", a="1"))
    answer = api.patch(f"{maps}/one", [{"op": "remove", "path": "/data/ghost"}], JSON_PATCH)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")


@pytest.mark.parametrize("sent, content", [("{", MERGE), ("[", JSON_PATCH), ("{", STRATEGIC), ('{"not": "a list"}', JSON_PATCH)])
def test_a_patch_that_cannot_be_read_is_400(api: Api, maps: str, sent: str, content: str) -> None:
    api.made(maps, config_map("one"))
    answer = api.patch(f"{maps}/one", sent, content)
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize("content", [JSON, "text/plain"])
def test_a_patch_of_no_known_kind_is_415(api: Api, maps: str, content: str) -> None:
    api.made(maps, config_map("one"))
    answer = api.patch(f"{maps}/one", {}, content)
    assert (answer.code, answer.body["reason"], answer.body["message"]) == (415, "UnsupportedMediaType", "415: Unsupported Media Type")


def test_a_patch_may_not_rename(api: Api, maps: str) -> None:
    api.made(maps, config_map("one"))
    answer = api.patch(f"{maps}/one", {"metadata": {"name": "two"}})
    assert answer.code == 400
    assert answer.body["message"] == "the name of the object (two) does not match the name on the URL (one)"


def test_a_patch_to_something_invalid_is_422(api: Api, web: str) -> None:
    answer = api.patch(web, {"spec": {"replicas": -1}})
    assert answer.code == 422
    assert (
        answer.body["message"] == 'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )


def test_a_patch_with_a_wrong_type_is_refused(api: Api, web: str) -> None:
    answer = api.patch(web, {"spec": {"replicas": "many"}}, STRATEGIC)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["details"]["causes"][0]["field"] == "patch"
    assert answer.body["message"] == ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:many]]": unrecognized type: int32'
    assert api.patch(web, {"spec": {"replicas": "many"}}).code == 422
    assert api.patch(web, [{"op": "replace", "path": "/spec/replicas", "value": "many"}], JSON_PATCH).code == 422


def test_a_patch_with_an_unknown_field_warns_or_refuses(api: Api, maps: str) -> None:
    api.made(maps, config_map("one"))
    answer = api.patch(f"{maps}/one", {"datas": {"a": "b"}})
    assert (answer.code, answer.headers["Warning"]) == (200, '299 - "unknown field \\"datas\\""')
    answer = api.patch(f"{maps}/one", {"datas": {"a": "b"}}, fieldValidation="Strict")
    assert answer.code == 422
    assert answer.body["message"].endswith('strict decoding error: unknown field "datas"')
