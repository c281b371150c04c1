"""Which path answers what: discovery, what is not there, what is not allowed, what cannot be said."""

from __future__ import annotations

import json

import pytest

from shallowdive.embedded.kinds import data, kinds
from tests.plain.embedded.asking import MAPS, PODS, TABLE, Asking

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@pytest.fixture(scope="module")
def api() -> Asking:
    return Asking()


def page(kind: str) -> str:
    found = kinds()[kind]
    root = f"/apis/{found.group}/{found.version}" if found.group else f"/api/{found.version}"
    return f"{root}/{found.plural}"


@pytest.mark.parametrize("resource", sorted(name for name, kind in kinds().items() if "list" in kind.verbs))
def test_every_kind_can_be_listed_and_shown_as_a_table(api: Asking, resource: str) -> None:
    answer = api.get(page(resource))
    assert (answer.code, answer.body["kind"]) == (200, kinds()[resource].kind + "List")
    table = api.get(page(resource), headers={"accept": TABLE})
    assert (table.code, table.body["kind"], table.body["columnDefinitions"][0]["type"]) == (200, "Table", "string")


@pytest.mark.parametrize("path", ["/nothing", "/apis/example.org", "/apis/example.org/v1/foos", "/openapi", "/healthz/xyz"])
def test_what_is_outside_the_api_is_plain_404(api: Asking, path: str) -> None:
    assert api.get(path)[:2] == (404, "404 page not found\n")


@pytest.mark.parametrize(
    "path",
    ["/api/v2", "/apis/apps/v9", "/apis/apps/v9/deployments", "/api/v1/nothings", "/api/v1/namespaces/default/deployments",
     "/api/v1/namespaces/default/nodes", PODS + "/x/y", PODS + "/x/log/z", MAPS + "/x/status", "/api/v1/watch/nothings"],
)  # fmt: skip
def test_what_is_not_in_the_api_is_a_status(api: Asking, path: str) -> None:
    answer = api.get(path)
    assert (answer.code, answer.body["message"], answer.body["details"]) == (404, "the server could not find the requested resource", {})


@pytest.mark.parametrize(
    "method, path",
    [("POST", PODS + "/x"), ("PUT", PODS), ("DELETE", "/version"), ("POST", "/api/v1/pods"), ("DELETE", "/api/v1/namespaces"),
    ("PATCH", MAPS),
     ("DELETE", "/api/v1/pods"), ("PUT", "/api/v1/nodes"), ("OPTIONS", "/api/v1/pods"), ("DELETE", PODS + "/x/status"),
     ("GET", PODS + "/x/eviction"),
     ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), ("POST", "/apis/apps/v1"), ("POST", "/api"), ("HEAD",
       "/api/v1/pods")],
)  # fmt: skip
def test_a_verb_that_a_path_does_not_have_is_405(api: Asking, method: str, path: str) -> None:
    answer = api.ask(method, path, {})
    assert answer.code == 405


def test_a_slash_at_the_end_changes_nothing(api: Asking) -> None:
    for path in ("/api/v1/", "/apis/", "/apis/apps/", "/apis/apps/v1/", "/api/v1/pods/", PODS + "/"):
        assert api.get(path).body == api.get(path.rstrip("/")).body


def test_discovery_lists_exactly_what_the_data_holds(api: Asking) -> None:
    assert {g["name"] for g in api.get("/apis").body["groups"]} == {k.group for k in kinds().values() if k.group}
    for listing in data()["discovery"].values():
        path = "/api/v1" if listing["groupVersion"] == "v1" else f"/apis/{listing['groupVersion']}"
        assert api.get(path).body["resources"] == listing["resources"]


def test_aggregated_discovery_holds_the_same_resources(api: Asking) -> None:
    names = set()
    for path in ("/api", "/apis"):
        for group in api.get(path, headers={"accept": AGGREGATED}).body["items"]:
            names |= {(group["metadata"].get("name", ""), r["resource"]) for v in group["versions"] for r in v["resources"]}
    assert names == {(k.group, k.plural) for k in kinds().values()}


def test_every_document_of_openapi_refers_only_to_what_it_holds(api: Asking) -> None:
    index = json.loads(api.get("/openapi/v3").body)["paths"]
    for entry in index.values():
        text = api.raw("GET", entry["serverRelativeURL"].partition("?")[0]).body
        schemas = json.loads(text)["components"]["schemas"]
        wanted = {part.split(b'"')[0].decode() for part in text.split(b'"#/components/schemas/')[1:]}
        assert wanted <= schemas.keys()
    text = api.raw("GET", "/openapi/v2").body
    wanted = {part.split(b'"')[0].decode() for part in text.split(b'"#/definitions/')[1:]}
    assert wanted <= json.loads(text)["definitions"].keys()


def test_openapi_offers_the_parameters_that_make_kubectl_validate_on_the_server(api: Asking) -> None:
    item = api.get("/openapi/v3/apis/apps/v1").body["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} <= {p["name"] for p in item["patch"]["parameters"]}
    assert item["patch"]["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}


@pytest.mark.parametrize(
    "path, accept, message",
    [("/api/v1/namespaces", "application/zip", "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "),
     ("/version", "application/zip", "406: Not Acceptable\n\nAvailable representations: application/json"),
     (MAPS, "application/json;as=Foo;v=v1;g=meta.k8s.io",
       "only the following media types are accepted: application/json, application/yaml, "),
     (MAPS, "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
      "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)")],
)  # fmt: skip
def test_what_nobody_can_say_is_406(api: Asking, path: str, accept: str, message: str) -> None:
    answer = api.get(path, headers={"accept": accept})
    assert (answer.code, answer.body["message"].startswith(message)) == (406, True), answer.body


def test_whoever_prefers_protobuf_but_reads_json_gets_json(api: Asking) -> None:
    assert api.get(MAPS, headers={"accept": "application/vnd.kubernetes.protobuf,application/json"}).body["kind"] == "ConfigMapList"


def test_health_with_verbose_lists_its_checks(api: Asking) -> None:
    assert api.get("/readyz", verbose="").body.startswith("[+]ping ok\n[+]log ok\n[+]etcd ok\n")
    assert "[+]etcd excluded: ok" in api.get("/readyz", verbose="", exclude="etcd").body
    assert api.get("/livez/etcd").body == "ok"
