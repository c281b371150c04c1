"""Create, read, replace, delete: codes, bodies, and what the server writes into metadata."""

from __future__ import annotations

import re

import pytest

from tests.contract.api import Api, Json
from tests.contract.conftest import config_map

UID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


def deployment(name: str = "web", replicas: int = 0, **spec: object) -> Json:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "example.org/none"}]}}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template} | spec,
    }


def test_create_answers_201_with_the_whole_object(api: Api, maps: str, own: str) -> None:
    answer = api.post(maps, config_map("one", a="b"))
    assert answer.code == 201
    body = answer.body
    assert (body["kind"], body["apiVersion"], body["data"]) == ("ConfigMap", "v1", {"a": "b"})
    meta = body["metadata"]
    assert (meta["name"], meta["namespace"]) == ("one", own)
    assert UID.match(meta["uid"])
    assert meta["resourceVersion"].isdigit()
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", meta["creationTimestamp"])
    assert "generation" not in meta, "a ConfigMap has no generation"
    assert "selfLink" not in meta
    assert api.get(f"{maps}/one").body == body


def test_a_status_or_uid_that_the_client_sends_at_creation_is_not_taken(api: Api, own: str) -> None:
    sent = deployment() | {"status": {"replicas": 7, "observedGeneration": 99}}
    sent["metadata"] |= {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 5}
    made = api.made(f"/apis/apps/v1/namespaces/{own}/deployments", sent)
    assert made["status"] == {}
    assert UID.match(made["metadata"]["uid"])
    assert not made["metadata"]["creationTimestamp"].startswith("2001")
    assert made["metadata"]["generation"] == 1


def test_create_refuses_a_resource_version(api: Api, maps: str) -> None:
    sent = config_map("one")
    sent["metadata"]["resourceVersion"] = "1"
    answer = api.post(maps, sent)
    assert answer.code == 500
    assert answer.body["message"] == "resourceVersion should not be set on objects to be created"


def test_generate_name_adds_five_letters(api: Api, maps: str) -> None:
    one, two = (api.made(maps, {"metadata": {"generateName": "letter-"}})["metadata"] for _ in range(2))
    assert one["generateName"] == "letter-"
    assert re.match(r"^letter-[bcdfghjklmnpqrstvwxz2456789]{5}$", one["name"])
    assert one["name"] != two["name"]


def test_no_name_at_all_is_refused(api: Api, maps: str) -> None:
    answer = api.post(maps, {"data": {}})
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"] == 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    assert answer.body["details"] == {
        "kind": "ConfigMap",
        "causes": [
            {"reason": "FieldValueRequired", "message": "Required value: name or generateName is required", "field": "metadata.name"}
        ],
    }


def test_the_same_name_twice_is_already_exists(api: Api, maps: str) -> None:
    api.made(maps, config_map("one"))
    assert api.post(maps, config_map("one")).body == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": 'configmaps "one" already exists',
        "reason": "AlreadyExists", "details": {"name": "one", "kind": "configmaps"}, "code": 409,
    }  # fmt: skip


def test_already_exists_names_the_group(api: Api, own: str) -> None:
    path = f"/apis/apps/v1/namespaces/{own}/deployments"
    api.made(path, deployment())
    body = api.post(path, deployment()).body
    assert body["message"] == 'deployments.apps "web" already exists'
    assert body["details"] == {"name": "web", "group": "apps", "kind": "deployments"}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_what_is_not_there_is_not_found(api: Api, ns: str, method: str) -> None:
    answer = api.ask(method, f"/api/v1/namespaces/{ns}/pods/ghost", {} if method == "PATCH" else None, "application/merge-patch+json")
    assert answer.code == 404
    assert answer.body == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": 'pods "ghost" not found',
        "reason": "NotFound", "details": {"name": "ghost", "kind": "pods"}, "code": 404,
    }  # fmt: skip


def test_not_found_names_the_group(api: Api, ns: str) -> None:
    body = api.get(f"/apis/apps/v1/namespaces/{ns}/deployments/ghost").body
    assert body["message"] == 'deployments.apps "ghost" not found'
    assert body["details"] == {"name": "ghost", "group": "apps", "kind": "deployments"}


def test_put_of_what_is_not_there_is_not_found(api: Api, maps: str) -> None:
    answer = api.put(f"{maps}/ghost", config_map("ghost"))
    assert (answer.code, answer.body["message"]) == (404, 'configmaps "ghost" not found')


def test_create_in_a_namespace_that_is_not_there(api: Api) -> None:
    answer = api.post("/api/v1/namespaces/nowhere/configmaps", config_map("one"))
    assert (answer.code, answer.body["message"]) == (404, 'namespaces "nowhere" not found')
    assert answer.body["details"] == {"name": "nowhere", "kind": "namespaces"}


def test_a_list_in_a_namespace_that_is_not_there_is_empty(api: Api) -> None:
    body = api.seen("/api/v1/namespaces/nowhere/configmaps")
    assert (body["kind"], body["items"]) == ("ConfigMapList", [])


def test_the_namespace_in_the_body_must_be_the_one_in_the_path(api: Api, maps: str) -> None:
    sent = config_map("one")
    sent["metadata"]["namespace"] = "default"
    answer = api.post(maps, sent)
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"] == "the namespace of the provided object does not match the namespace sent on the request"


def test_the_name_in_the_body_must_be_the_one_in_the_path(api: Api, maps: str) -> None:
    api.made(maps, config_map("one"))
    answer = api.put(f"{maps}/one", config_map("two"))
    assert answer.code == 400
    assert answer.body["message"] == "the name of the object (two) does not match the name on the URL (one)"


def test_replace_takes_the_whole_object_and_keeps_what_the_server_owns(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one", a="b", c="d"))
    answer = api.put(f"{maps}/one", config_map("one", c="e"))
    assert answer.code == 200
    assert answer.body["data"] == {"c": "e"}
    for kept in ("uid", "creationTimestamp", "namespace"):
        assert answer.body["metadata"][kept] == made["metadata"][kept]
    assert int(answer.body["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_replacing_with_the_same_thing_changes_nothing(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one", a="b"))
    assert api.put(f"{maps}/one", made).body["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_stale_resource_version_is_a_conflict(api: Api, maps: str) -> None:
    old = api.made(maps, config_map("one", a="1"))
    api.put(f"{maps}/one", config_map("one", a="2"))
    answer = api.put(f"{maps}/one", old | {"data": {"a": "3"}})
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    assert answer.body["message"] == (
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert answer.body["details"] == {"name": "one", "kind": "configmaps"}
    assert api.seen(f"{maps}/one")["data"] == {"a": "2"}


def test_a_stale_resource_version_in_a_patch_is_a_conflict(api: Api, maps: str) -> None:
    old = api.made(maps, config_map("one", a="1"))["metadata"]["resourceVersion"]
    api.patch(f"{maps}/one", {"data": {"a": "2"}})
    answer = api.patch(f"{maps}/one", {"metadata": {"resourceVersion": old}, "data": {"a": "3"}})
    assert answer.code == 409
    assert "the object has been modified" in answer.body["message"]


def test_another_uid_in_a_replace_is_a_conflict(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one"))
    answer = api.put(f"{maps}/one", {"metadata": {"name": "one", "uid": "11111111-1111-4111-8111-111111111111"}})
    assert answer.code == 409
    assert answer.body["message"] == (
        'Operation cannot be fulfilled on configmaps "one": StorageError: invalid object, Code: 4, Key: /registry/configmaps/'
        f"{made['metadata']['namespace']}/one, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: "
        f"11111111-1111-4111-8111-111111111111, UID in object meta: {made['metadata']['uid']}"
    )


def test_delete_answers_with_a_status_that_names_the_victim(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one"))
    answer = api.delete(f"{maps}/one")
    assert answer.code == 200
    assert answer.body == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }  # fmt: skip
    assert api.get(f"{maps}/one").code == 404


@pytest.mark.parametrize("wrong", ["uid", "resourceVersion"])
def test_delete_with_a_precondition_that_does_not_hold(api: Api, maps: str, wrong: str) -> None:
    meta = api.made(maps, config_map("one"))["metadata"]
    value = {"uid": "11111111-1111-4111-8111-111111111111", "resourceVersion": "1"}[wrong]
    answer = api.delete(f"{maps}/one", {"preconditions": {wrong: value}})
    assert answer.code == 409
    words = {"uid": "UID", "resourceVersion": "ResourceVersion"}[wrong]
    assert f"the {words} in the precondition ({value}) does not match the {words} in record ({meta[wrong]})." in answer.body["message"]
    assert api.delete(f"{maps}/one", {"preconditions": {wrong: meta[wrong]}}).code == 200


def test_deletecollection_takes_what_a_selector_names(api: Api, maps: str) -> None:
    for name in ("one", "two", "three"):
        api.made(maps, config_map(name) | {"metadata": {"name": name, "labels": {"odd": str(name != "two").lower()}}})
    answer = api.delete(maps, labelSelector="odd=true")
    assert answer.code == 200
    assert answer.body["kind"] == "ConfigMapList"
    assert sorted(i["metadata"]["name"] for i in answer.body["items"]) == ["one", "three"]
    assert [i["metadata"]["name"] for i in api.seen(maps)["items"] if i["metadata"]["name"] != "kube-root-ca.crt"] == ["two"]
    api.delete(maps, fieldSelector="metadata.name=two")
    assert api.get(f"{maps}/two").code == 404


# ── dry run ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_dry_create_answers_and_keeps_nothing(api: Api, maps: str) -> None:
    answer = api.post(maps, config_map("one", a="b"), dryRun="All")
    assert answer.code == 201
    assert UID.match(answer.body["metadata"]["uid"])
    assert "resourceVersion" not in answer.body["metadata"]
    assert api.get(f"{maps}/one").code == 404


def test_a_dry_change_answers_and_keeps_nothing(api: Api, maps: str) -> None:
    made = api.made(maps, config_map("one", a="b"))
    assert api.put(f"{maps}/one", config_map("one", a="c"), dryRun="All").body["data"] == {"a": "c"}
    assert api.patch(f"{maps}/one", {"data": {"a": "d"}}, dryRun="All").body["data"] == {"a": "d"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"e": "f"}}
    assert api.apply(f"{maps}/one", body, dryRun="All").body["data"] == {"a": "b", "e": "f"}
    assert api.delete(f"{maps}/one", dryRun="All").code == 200
    assert api.delete(maps, dryRun="All").code == 200
    assert api.seen(f"{maps}/one") == made


def test_a_dry_create_is_validated(api: Api, maps: str) -> None:
    assert api.post(maps, config_map("Not A Name"), dryRun="All").code == 422


def test_dry_run_knows_one_word(api: Api, maps: str) -> None:
    answer = api.post(maps, config_map("one"), dryRun="yes")
    assert answer.code == 422
    assert answer.body["message"].endswith('dryRun: Unsupported value: ["yes"]: supported values: "All"')


# ── generation ───────────────────────────────────────────────────────────────────────────────────────────────
def test_generation_counts_changes_of_the_spec_only(api: Api, own: str) -> None:
    path = f"/apis/apps/v1/namespaces/{own}/deployments"
    made = api.made(path, deployment(paused=True))
    assert made["metadata"]["generation"] == 1
    web = f"{path}/web"
    assert api.patch(web, {"metadata": {"labels": {"a": "b"}}}).body["metadata"]["generation"] == 1
    assert api.patch(f"{web}/status", {"status": {"replicas": 4}}).body["metadata"]["generation"] == 1
    changed = api.patch(web, {"spec": {"replicas": 2}, "status": {"replicas": 9}}).body
    assert changed["metadata"]["generation"] == 2
    assert changed["status"].get("replicas") != 9, "a write to the object does not touch its status"


def test_resource_versions_of_one_server_only_grow(api: Api, maps: str) -> None:
    seen = [int(api.made(maps, config_map())["metadata"]["resourceVersion"]) for _ in range(4)]
    assert seen == sorted(set(seen))
    assert int(api.seen(maps)["metadata"]["resourceVersion"]) >= seen[-1]


def test_managed_fields_say_who_wrote_what(api: Api, maps: str) -> None:
    (entry,) = api.made(maps, config_map("one", a="b"))["metadata"]["managedFields"]
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "manager": "contract",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {".": {}, "f:a": {}}},
    }


def test_an_annotation_of_a_deployment_counts_as_a_change_of_its_generation(api: Api, own: str) -> None:
    path = f"/apis/apps/v1/namespaces/{own}/deployments"
    api.made(path, deployment(paused=True))
    assert api.patch(f"{path}/web", {"metadata": {"annotations": {"c": "d"}}}).body["metadata"]["generation"] == 2


def test_an_object_without_a_written_field_has_no_managers(api: Api, maps: str) -> None:
    assert "managedFields" not in api.made(maps, {"metadata": {"name": "bare"}})["metadata"]
