"""Create, update, delete through HTTP: what the registry decides and what the answer is."""

from __future__ import annotations

import pytest

from tests.plain.embedded.asking import MAPS, PODS, Asking

STALE = "the object has been modified; please apply your changes to the latest version and try again"
ZERO = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def api() -> Asking:
    api = Asking()
    api.maps("one")
    return api


def test_what_a_client_cannot_choose_is_not_taken(api: Asking) -> None:
    sent = {"name": "a", "uid": ZERO, "generation": 7, "creationTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x"}
    meta = api.made(MAPS, {"metadata": sent})["metadata"]
    assert meta["uid"] != ZERO
    assert not meta["creationTimestamp"].startswith("2001")
    assert not {"generation", "selfLink"} & meta.keys()
    answer = api.post(MAPS, {"metadata": {"name": "b", "resourceVersion": "1"}})
    assert (answer.code, answer.body["message"]) == (500, "resourceVersion should not be set on objects to be created")


def test_generated_names_are_tried_eight_times(api: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def draw(_self: object, prefix: str) -> str:
        tried.append(prefix)
        return "one"

    monkeypatch.setattr("shallowdive.embedded.registry.Registry.draw_name", draw)
    answer = api.post(MAPS, {"metadata": {"generateName": "x-"}})
    assert (answer.code, len(tried)) == (409, 8)
    assert answer.body["message"] == 'configmaps "one" already exists, the server was not able to generate a unique name for the object'


def test_a_dry_run_leaves_no_trace(api: Asking) -> None:
    before = api.cluster.store.revision
    api.made(MAPS, {"metadata": {"name": "dry"}}, dryRun="All")
    body = api.get(f"{MAPS}/one").body
    assert api.put(f"{MAPS}/one", body | {"data": {"x": "y"}}, dryRun="All").body["data"] == {"x": "y"}
    assert api.patch(f"{MAPS}/one", {"data": {"a": "z"}}, dryRun="All").body["data"] == {"a": "z"}
    assert api.delete(f"{MAPS}/one", dryRun="All").code == 200
    assert api.delete(MAPS, dryRun="All").code == 200
    assert api.cluster.store.revision == before
    assert api.get(f"{MAPS}/one").body == body


def test_an_update_of_an_older_version_is_a_conflict(api: Asking) -> None:
    body = api.get(f"{MAPS}/one").body
    api.patch(f"{MAPS}/one", {"data": {"a": "z"}})
    answer = api.put(f"{MAPS}/one", body)
    assert (answer.code, answer.body["message"]) == (409, f'Operation cannot be fulfilled on configmaps "one": {STALE}')
    del body["metadata"]["resourceVersion"]
    assert api.put(f"{MAPS}/one", body).code == 200, "without a version the last writer wins"
    assert api.patch(f"{MAPS}/one", {"metadata": {"resourceVersion": "1"}}).code == 409


def test_a_uid_that_is_not_the_objects_is_refused(api: Asking) -> None:
    put = api.put(f"{MAPS}/one", {"metadata": {"name": "one", "uid": ZERO}})
    assert (put.code, "AdditionalErrorMsg: Precondition failed: UID in precondition: " + ZERO in put.body["message"]) == (409, True)
    patched = api.patch(f"{MAPS}/one", {"metadata": {"uid": ZERO}})
    assert (patched.code, patched.body["message"]) == (
        422,
        f'ConfigMap "one" is invalid: metadata.uid: Invalid value: "{ZERO}": field is immutable',
    )


@pytest.mark.parametrize(
    "path, body, code",
    [("/apis/coordination.k8s.io/v1/namespaces/default/leases", {}, 201), ("/api/v1/namespaces/default/endpoints", {}, 201),
     ("/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", {"rules": []}, 201), (MAPS, {}, 404)],
)  # fmt: skip
def test_a_put_of_what_is_not_there_creates_only_some_kinds(api: Asking, path: str, body: dict[str, object], code: int) -> None:
    assert api.put(f"{path}/new", body | {"metadata": {"name": "new"}}).code == code


def test_some_kinds_are_only_updated_by_who_has_seen_them(api: Asking) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    api.made(path, {"metadata": {"name": "l"}})
    answer = api.put(f"{path}/l", {"metadata": {"name": "l"}})
    assert answer.code == 422
    assert answer.body["message"].endswith('"l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update')


def test_a_deleted_object_is_answered_with_a_status_or_itself(api: Asking) -> None:
    gone = api.delete(f"{MAPS}/one").body
    assert (gone["kind"], gone["status"], gone["details"]["name"]) == ("Status", "Success", "one")
    path = "/api/v1/namespaces/default/serviceaccounts"
    api.made(path, {"metadata": {"name": "bot"}})
    assert api.delete(f"{path}/bot").body["kind"] == "ServiceAccount"


def test_a_finalizer_keeps_an_object_until_it_is_taken_away(api: Asking) -> None:
    api.made(MAPS, {"metadata": {"name": "held", "finalizers": ["example.org/hold"]}})
    meta = api.delete(f"{MAPS}/held").body["metadata"]
    assert (meta["deletionGracePeriodSeconds"], "deletionTimestamp" in meta) == (0, True)
    assert api.patch(f"{MAPS}/held", {"metadata": {"finalizers": None}}).code == 200
    assert api.get(f"{MAPS}/held").code == 404


@pytest.mark.parametrize(
    "options, code, words",
    [({"propagationPolicy": "Foo"}, 422, 'Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"'),
     ({"propagationPolicy": "Orphan", "orphanDependents": True}, 422, "orphanDependents and deletionPropagation cannot be both set"),
     ({"dryRun": ["x"]}, 422, 'dryRun: Unsupported value: ["x"]: supported values: "All"'),
     ({"preconditions": {"uid": ZERO}}, 409,
       f'Operation cannot be fulfilled on ConfigMap "one": the UID in the precondition ({ZERO}) does not match'),
     ({"preconditions": {"resourceVersion": "1"}}, 409,
       "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record")],
)  # fmt: skip
def test_delete_options_that_do_not_hold_are_refused(api: Asking, options: dict[str, object], code: int, words: str) -> None:
    answer = api.delete(f"{MAPS}/one", options)
    assert (answer.code, words in answer.body["message"]) == (code, True), answer.body
    assert api.get(f"{MAPS}/one").code == 200


def test_a_collection_is_deleted_by_selector(api: Asking) -> None:
    api.maps("x1", "x2", app="x")
    answer = api.delete(MAPS, labelSelector="app=x")
    assert (answer.body["kind"], [i["metadata"]["name"] for i in answer.body["items"]]) == ("ConfigMapList", ["x1", "x2"])
    assert [i["metadata"]["name"] for i in api.get(MAPS).body["items"]] == ["one"]


def test_the_status_of_a_pod_may_carry_labels_that_of_a_deployment_not(api: Asking) -> None:
    api.made(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "i"}]}})
    change = {"metadata": {"labels": {"x": "y"}, "annotations": {"n": "1"}}, "spec": {"nodeName": "elsewhere"}}
    pod = api.patch(f"{PODS}/p/status", change).body
    assert (pod["metadata"]["labels"], pod["spec"].get("nodeName")) == ({"x": "y"}, None)
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    api.made(path, {"metadata": {"name": "w"}, "spec": {"selector": {"matchLabels": {"app": "w"}}, "template": template}})
    meta = api.patch(f"{path}/w/status", change | {"spec": {"replicas": 5}}).body["metadata"]
    assert ("labels" in meta, meta["annotations"], meta["generation"]) == (False, {"n": "1"}, 1)


def test_a_manager_is_named_by_the_query_or_the_user_agent(api: Asking) -> None:
    def managers(**query: str) -> list[str]:
        return [
            m["manager"]
            for m in api.made(MAPS, {"metadata": {"generateName": "m-"}, "data": {"a": "b"}}, **query)["metadata"]["managedFields"]
        ]

    assert (managers(), managers(fieldManager="me")) == (["test"], ["me"])
    assert api.post(MAPS, {"metadata": {"name": "x"}}, fieldManager="x" * 129).code == 422


def test_endpoints_warn_of_their_age(api: Asking) -> None:
    assert (
        api.get("/api/v1/endpoints").headers["Warning"]
        == '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    )
