"""Server-side apply: who owns a field, what a conflict says, and how to let go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import APPLY, STRATEGIC, Api, Json


def desired(**data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": data}


def managers(body: Json) -> dict[tuple[str, str, str], Json]:
    """(manager, operation, subresource) → fieldsV1"""
    entries = body["metadata"]["managedFields"]
    return {(e["manager"], e["operation"], e.get("subresource", "")): e["fieldsV1"] for e in entries}


def fields(**names: Any) -> Json:
    return {"f:data": {f"f:{n}": {} for n in names} or {}}


@pytest.fixture
def one(maps: str) -> str:
    return f"{maps}/one"


def test_apply_creates_with_201_and_changes_with_200(api: Api, one: str) -> None:
    answer = api.apply(one, desired(a="1"))
    assert answer.code == 201
    (entry,) = answer.body["metadata"]["managedFields"]
    assert entry | {"time": ""} == {
        "manager": "tester",
        "operation": "Apply",
        "apiVersion": "v1",
        "time": "",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:a": {}}},
    }
    answer = api.apply(one, desired(a="2", b="3"))
    assert (answer.code, answer.body["data"]) == (200, {"a": "2", "b": "3"})


def test_the_same_apply_twice_changes_nothing(api: Api, one: str) -> None:
    first = api.apply(one, desired(a="1"))
    assert (first.code, api.apply(one, desired(a="1")).body) == (201, first.body)


def test_apply_needs_the_name_in_the_body_too(api: Api, one: str) -> None:
    answer = api.apply(one, {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}})
    assert (answer.code, answer.body["message"]) == (
        400,
        "the name of the object (one based on URL) was undeterminable: name must be provided",
    )


def test_apply_reads_yaml(api: Api, one: str) -> None:
    answer = api.apply(one, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  a: |\n    two\n    lines\n")
    assert (answer.code, answer.body["data"]) == (201, {"a": "two\nlines\n"})


def test_apply_without_a_manager_is_refused(api: Api, one: str) -> None:
    answer = api.patch(one, desired(a="1"), APPLY)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"] == 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'


def test_force_is_for_apply_only(api: Api, one: str) -> None:
    api.apply(one, desired(a="1"))
    answer = api.patch(one, {}, force=True)
    assert answer.code == 422
    assert answer.body["message"] == 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'


def test_apply_needs_kind_and_version(api: Api, one: str) -> None:
    answer = api.apply(one, {"data": {"a": "1"}})
    assert answer.code == 400
    assert answer.body["message"].startswith("invalid object type: /, Kind=")


def test_apply_refuses_managed_fields_in_the_body(api: Api, one: str) -> None:
    entry = {"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}
    answer = api.apply(one, desired(a="1") | {"metadata": {"name": "one", "managedFields": [entry]}})
    assert (answer.code, answer.body["message"]) == (400, "metadata.managedFields must be nil")


def test_a_field_of_another_manager_is_a_conflict_with_a_cause(api: Api, one: str) -> None:
    api.apply(one, desired(a="1", b="1"), "first")
    answer = api.apply(one, desired(a="2"), "second")
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    assert answer.body["message"] == 'Apply failed with 1 conflict: conflict with "first": .data.a'
    assert answer.body["details"]["causes"] == [{"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": ".data.a"}]
    assert api.seen(one)["data"] == {"a": "1", "b": "1"}


def test_two_conflicts_are_counted_and_listed(api: Api, one: str) -> None:
    api.apply(one, desired(a="1", b="1"), "first")
    answer = api.apply(one, desired(a="2", b="2"), "second")
    assert answer.body["message"] == 'Apply failed with 2 conflicts: conflicts with "first":\n- .data.a\n- .data.b'
    assert [c["field"] for c in answer.body["details"]["causes"]] == [".data.a", ".data.b"]


def test_a_conflict_with_an_update_says_its_version_and_when(api: Api, one: str, maps: str) -> None:
    api.made(maps, desired(a="1"))
    answer = api.apply(one, desired(a="2"), "second")
    assert answer.code == 409
    assert answer.body["message"] == 'Apply failed with 1 conflict: conflict with "contract" using v1: .data.a'


def test_force_takes_the_field_over(api: Api, one: str) -> None:
    api.apply(one, desired(a="1", b="1"), "first")
    answer = api.apply(one, desired(a="2"), "second", force=True)
    assert (answer.code, answer.body["data"]) == (200, {"a": "2", "b": "1"})
    assert managers(answer.body) == {("first", "Apply", ""): fields(b=1), ("second", "Apply", ""): fields(a=1)}


def test_the_same_value_is_shared_and_stays_until_both_let_go(api: Api, one: str) -> None:
    api.apply(one, desired(a="1", b="1"), "first")
    both = api.apply(one, desired(a="1"), "second")
    assert both.code == 200
    assert managers(both.body) == {("first", "Apply", ""): fields(a=1, b=1), ("second", "Apply", ""): fields(a=1)}
    assert api.apply(one, desired(b="1"), "first").body["data"] == {"a": "1", "b": "1"}
    answer = api.apply(one, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}, "second")
    assert answer.body["data"] == {"b": "1"}
    assert list(managers(answer.body)) == [("first", "Apply", "")]


def test_a_field_left_out_of_the_next_apply_is_removed(api: Api, one: str) -> None:
    api.apply(one, desired(a="1", b="1"))
    answer = api.apply(one, desired(a="1"))
    assert answer.body["data"] == {"a": "1"}
    assert managers(answer.body) == {("tester", "Apply", ""): fields(a=1)}


def test_an_update_takes_fields_from_the_applier_without_asking(api: Api, one: str) -> None:
    api.apply(one, desired(a="1", b="1"), "first")
    body = api.patch(one, {"data": {"a": "9"}}, fieldManager="editor").body
    assert managers(body) == {("first", "Apply", ""): fields(b=1), ("editor", "Update", ""): fields(a=1)}
    assert (
        api.apply(one, desired(a="1", b="1"), "first")
        .body["message"]
        .startswith('Apply failed with 1 conflict: conflict with "editor" using v1')
    )


def test_the_manager_of_an_update_is_the_first_word_of_the_user_agent(api: Api, maps: str) -> None:
    body = api.made(maps, desired(a="1"), headers={"User-Agent": "kubectl/v1.37 (linux)"})
    assert list(managers(body)) == [("kubectl", "Update", "")]
    body = api.put(f"{maps}/one", desired(a="2"), fieldManager="named").body
    assert managers(body)["named", "Update", ""] == {"f:data": {"f:a": {}}}


def test_a_manager_has_at_most_128_letters(api: Api, one: str) -> None:
    answer = api.apply(one, desired(a="1"), "m" * 129)
    assert answer.code == 422
    assert "fieldManager: Too long: may not be more than 128 bytes" in answer.body["message"]


# ── lists, and the status ────────────────────────────────────────────────────────────────────────────────────
def deployment(**more: Any) -> Json:
    main = {"name": "main", "image": "example.org/a:1", "env": [{"name": "A", "value": "1"}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [main]}}
    spec = {"replicas": 0, "paused": True, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec | more}


@pytest.fixture
def web(own: str) -> str:
    return f"/apis/apps/v1/namespaces/{own}/deployments/web"


def test_managed_fields_name_list_entries_by_their_key(api: Api, web: str) -> None:
    owned = managers(api.apply(web, deployment()).body)["tester", "Apply", ""]
    main = owned["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"main"}']
    assert main == {".": {}, "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}}, "f:image": {}, "f:name": {}}
    assert owned["f:spec"]["f:selector"] == {}, "an atomic map is owned as a whole"


def test_two_appliers_share_a_list_by_its_key(api: Api, web: str) -> None:
    api.apply(web, deployment(), "first")
    pod = {"containers": [{"name": "main", "env": [{"name": "B", "value": "2"}]}]}
    other: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": pod}}}
    answer = api.apply(web, other, "second")
    assert answer.code == 200
    main = answer.body["spec"]["template"]["spec"]["containers"][0]
    assert (main["image"], main["env"]) == ("example.org/a:1", [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    other["spec"]["template"]["spec"]["containers"] = [{"name": "main"}]
    assert api.apply(web, other, "second").body["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]


def test_a_conflict_inside_a_list_is_named_by_its_key(api: Api, web: str) -> None:
    api.apply(web, deployment(), "first")
    other = deployment()
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/b"
    answer = api.apply(web, other, "second")
    assert (
        answer.body["message"] == 'Apply failed with 1 conflict: conflict with "first": .spec.template.spec.containers[name="main"].image'
    )


def test_a_field_with_a_default_falls_back_when_nobody_owns_it(api: Api, web: str) -> None:
    api.apply(web, deployment(minReadySeconds=4, revisionHistoryLimit=3))
    body = api.apply(web, deployment()).body
    assert body["spec"]["revisionHistoryLimit"] == 10
    assert "minReadySeconds" not in body["spec"]


def with_probe(**probe: Any) -> Json:
    made = deployment()
    made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    return made


def probe_in(body: Json) -> Json:
    found: Json = body["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    return found


def test_what_an_apply_drops_goes_with_the_defaults_in_it(api: Api, web: str) -> None:
    """Nobody states the `scheme` of a request. It must not keep `httpGet` alive beside the `tcpSocket` that takes its place."""
    api.apply(web, with_probe(httpGet={"path": "/", "port": 80}, periodSeconds=1))
    answer = api.apply(web, with_probe(tcpSocket={"port": 80}, periodSeconds=1))
    assert answer.code == 200
    assert "httpGet" not in probe_in(answer.body)
    assert probe_in(answer.body)["tcpSocket"] == {"port": 80}


def test_what_an_apply_drops_stays_so_long_as_another_owns_a_part_of_it(api: Api, web: str) -> None:
    api.apply(web, with_probe(httpGet={"path": "/x", "port": 80, "httpHeaders": [{"name": "X", "value": "y"}]}))
    name = api.seen(web)["spec"]["template"]["spec"]["containers"][0]["name"]
    part = {"name": name, "readinessProbe": {"httpGet": {"port": 81}}}
    changed = api.patch(web, {"spec": {"template": {"spec": {"containers": [part]}}}}, STRATEGIC, fieldManager="other")
    assert changed.code == 200
    answer = api.apply(web, deployment())
    assert answer.code == 200
    assert probe_in(answer.body)["httpGet"] == {"path": "/", "port": 81, "scheme": "HTTP"}


def test_an_apply_that_drops_its_only_annotation_leaves_the_name(api: Api, one: str) -> None:
    api.apply(one, desired() | {"metadata": {"name": "one", "annotations": {"a": "b"}}})
    answer = api.apply(one, desired())
    assert answer.code == 200
    assert answer.body["metadata"]["name"] == "one"
    assert "annotations" not in answer.body["metadata"]


def test_a_map_that_an_apply_drops_goes_whole_when_nobody_else_owns_a_key(api: Api, web: str) -> None:
    stated = deployment()
    stated["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "fast"}
    stated["spec"]["template"]["spec"]["securityContext"] = {"runAsUser": 7}
    api.apply(web, stated)
    answer = api.apply(web, deployment())
    assert answer.code == 200
    assert "nodeSelector" not in answer.body["spec"]["template"]["spec"]
    assert answer.body["spec"]["template"]["spec"]["securityContext"] == {}


def test_the_status_is_applied_through_its_subresource(api: Api, web: str) -> None:
    api.apply(web, deployment())
    answer = api.apply(
        f"{web}/status",
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": {"readyReplicas": 3, "replicas": 3}},
        "reporter",
    )
    assert (answer.code, answer.body["status"]["readyReplicas"]) == (200, 3)
    assert managers(answer.body)["reporter", "Apply", "status"] == {"f:status": {"f:readyReplicas": {}, "f:replicas": {}}}


def test_a_scale_takes_the_ownership_of_replicas(api: Api, web: str) -> None:
    api.apply(web, deployment())
    scaled = api.patch(f"{web}/scale", {"spec": {"replicas": 1}}, fieldManager="scaler")
    assert scaled.code == 200
    found = managers(api.seen(web))
    assert found["scaler", "Update", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in found["tester", "Apply", ""]["f:spec"]


def test_the_result_of_an_apply_is_validated(api: Api, web: str) -> None:
    answer = api.apply(web, deployment(replicas=-1))
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"replikas": 1}, ".spec.replikas: field not declared in schema"),
        ({"replicas": "many"}, ".spec.replicas: expected numeric (int or float), got string"),
    ],
)
def test_apply_of_what_the_schema_does_not_have_is_500(api: Api, web: str, change: Json, message: str) -> None:
    answer = api.apply(web, deployment(**change))
    assert answer.code == 500
    assert answer.body["message"] == f"failed to create typed patch object (/web; apps/v1, Kind=Deployment): {message}"
