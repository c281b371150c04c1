"""What a server says about itself: the first requests of every client."""

from __future__ import annotations

import json

import pytest

from tests.contract.api import Api, Json

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
GROUPS = [
    "apps",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "scheduling.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
]


def resources(api: Api, path: str) -> dict[str, Json]:
    return {r["name"]: r for r in api.seen(path)["resources"]}


def test_version_names_the_release(api: Api) -> None:
    version = api.seen("/version")
    assert (version["major"], version["minor"]) == ("1", "37")
    assert version["gitVersion"].startswith("v1.37.")
    assert {"gitCommit", "buildDate", "goVersion", "platform"} <= version.keys()


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_is_the_word_ok(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.code, answer.body) == (200, "ok")
    assert "text/plain" in answer.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/readyz", "/livez"])
def test_verbose_health_lists_its_checks(api: Api, path: str) -> None:
    body = api.get(path, verbose="").body
    assert "[+]ping ok\n" in body
    assert body.endswith(f"{path[1:]} check passed\n")


def test_the_root_lists_paths(api: Api) -> None:
    assert {"/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "/openapi/v2", "/openapi/v3", "/version"} <= set(
        api.seen("/")["paths"]
    )


def test_the_core_group_has_one_version(api: Api) -> None:
    body = api.seen("/api")
    assert (body["kind"], body["versions"]) == ("APIVersions", ["v1"])
    assert body["serverAddressByClientCIDRs"][0]["clientCIDR"] == "0.0.0.0/0"


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_in_the_list_and_has_a_page_of_its_own(api: Api, group: str) -> None:
    body = api.seen("/apis")
    assert (body["kind"], body["apiVersion"]) == ("APIGroupList", "v1")
    listed = {g["name"]: g for g in body["groups"]}[group]
    alone = api.seen(f"/apis/{group}")
    assert (alone["kind"], alone["apiVersion"]) == ("APIGroup", "v1")
    assert listed["preferredVersion"] == alone["preferredVersion"]
    assert {"groupVersion": f"{group}/{listed['preferredVersion']['version']}", "version": listed["preferredVersion"]["version"]} in alone[
        "versions"
    ]
    page = api.seen(f"/apis/{listed['preferredVersion']['groupVersion']}")
    assert (page["kind"], page["groupVersion"]) == ("APIResourceList", listed["preferredVersion"]["groupVersion"])


def test_a_resource_list_says_names_verbs_and_categories(api: Api) -> None:
    core = resources(api, "/api/v1")
    pods = core["pods"]
    assert pods | {"storageVersionHash": ""} == {
        "name": "pods",
        "singularName": "pod",
        "namespaced": True,
        "kind": "Pod",
        "shortNames": ["po"],
        "categories": ["all"],
        "storageVersionHash": "",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    }
    assert not core["nodes"]["namespaced"]
    assert core["namespaces"]["shortNames"] == ["ns"]
    assert "deletecollection" not in core["namespaces"]["verbs"]
    assert core["bindings"]["verbs"] == ["create"]


def test_subresources_are_in_the_resource_list(api: Api) -> None:
    core, apps = resources(api, "/api/v1"), resources(api, "/apis/apps/v1")
    assert core["pods/status"]["verbs"] == ["get", "patch", "update"]
    assert core["pods/log"]["verbs"] == ["get"]
    assert core["pods/exec"]["kind"] == "PodExecOptions"
    assert (core["pods/eviction"]["group"], core["pods/eviction"]["kind"], core["pods/eviction"]["version"]) == ("policy", "Eviction", "v1")
    assert (core["serviceaccounts/token"]["group"], core["serviceaccounts/token"]["kind"]) == ("authentication.k8s.io", "TokenRequest")
    assert (apps["deployments/scale"]["group"], apps["deployments/scale"]["kind"]) == ("autoscaling", "Scale")
    assert {
        "pods/ephemeralcontainers",
        "pods/attach",
        "pods/portforward",
        "pods/proxy",
        "services/proxy",
        "nodes/status",
        "namespaces/finalize",
    } <= core.keys()


@pytest.mark.parametrize(
    "path, name, short",
    [
        ("/apis/apps/v1", "deployments", "deploy"),
        ("/apis/apps/v1", "replicasets", "rs"),
        ("/apis/apps/v1", "statefulsets", "sts"),
        ("/apis/apps/v1", "daemonsets", "ds"),
        ("/apis/batch/v1", "cronjobs", "cj"),
        ("/apis/networking.k8s.io/v1", "ingresses", "ing"),
        ("/api/v1", "configmaps", "cm"),
        ("/api/v1", "services", "svc"),
        ("/api/v1", "persistentvolumeclaims", "pvc"),
        ("/api/v1", "nodes", "no"),
        ("/api/v1", "serviceaccounts", "sa"),
        ("/api/v1", "events", "ev"),
        ("/apis/storage.k8s.io/v1", "storageclasses", "sc"),
        ("/apis/policy/v1", "poddisruptionbudgets", "pdb"),
        ("/apis/autoscaling/v2", "horizontalpodautoscalers", "hpa"),
    ],
)
def test_kubectl_finds_its_short_names(api: Api, path: str, name: str, short: str) -> None:
    assert resources(api, path)[name]["shortNames"] == [short]


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_aggregated_discovery_holds_everything_in_one_answer(api: Api, path: str) -> None:
    answer = api.get(path, headers={"Accept": AGGREGATED})
    assert answer.headers["Content-Type"] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    group = {g.get("metadata", {}).get("name", ""): g for g in answer.body["items"]}["" if path == "/api" else "apps"]
    found = {r["resource"]: r for r in group["versions"][0]["resources"]}
    name = "pods" if path == "/api" else "deployments"
    assert found[name]["scope"] == "Namespaced"
    assert found[name]["responseKind"]["kind"] == {"pods": "Pod", "deployments": "Deployment"}[name]
    assert "status" in {s["subresource"] for s in found[name]["subresources"]}


def test_openapi_v3_has_an_index_and_one_document_per_group(api: Api) -> None:
    paths = json.loads(api.get("/openapi/v3").body)["paths"]  # it calls itself text/plain
    url = paths["apis/apps/v1"]["serverRelativeURL"]
    assert url.startswith("/openapi/v3/apis/apps/v1?hash=")
    document = api.seen(url)
    assert document["openapi"].startswith("3.0")
    kind = document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    assert kind["x-kubernetes-group-version-kind"] == [{"group": "apps", "kind": "Deployment", "version": "v1"}]
    assert "/apis/apps/v1/namespaces/{namespace}/deployments/{name}" in document["paths"]


def test_openapi_v3_describes_fields_for_kubectl_explain(api: Api) -> None:
    schemas = api.seen("/openapi/v3/api/v1")["components"]["schemas"]
    assert "containers" in schemas["io.k8s.api.core.v1.PodSpec"]["required"]
    assert schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]["x-kubernetes-patch-merge-key"] == "name"


def test_openapi_v2_is_a_swagger_document(api: Api) -> None:
    document = api.seen("/openapi/v2")
    assert document["swagger"] == "2.0"
    assert document["definitions"]["io.k8s.api.core.v1.Pod"]["x-kubernetes-group-version-kind"] == [
        {"group": "", "kind": "Pod", "version": "v1"}
    ]


@pytest.mark.parametrize("path", ["/nothing", "/nothing/at/all", "/apis/example.org"])
def test_an_unknown_path_is_plain_404(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.code == 404
    assert answer.body == "404 page not found\n"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothings",
        "/api/v2",
        "/apis/apps/v9",
        "/apis/apps/v1/namespaces/default/nothings/x",
        "/api/v1/namespaces/default/deployments",
    ],
)
def test_an_unknown_resource_is_a_status(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.code == 404
    assert answer.body == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404, "details": {},
        "message": "the server could not find the requested resource",
    }  # fmt: skip


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/api/v1/namespaces/default/pods/x"),
        ("PUT", "/api/v1/namespaces/default/pods"),
        ("DELETE", "/version"),
        ("POST", "/api/v1/pods"),
    ],
)
def test_a_verb_that_a_path_does_not_have_is_405(api: Api, method: str, path: str) -> None:
    answer = api.ask(method, path, {})
    assert answer.code == 405


def test_an_answer_that_nobody_offers_is_406(api: Api) -> None:
    answer = api.get("/api/v1/namespaces", headers={"Accept": "application/zip"})
    assert (answer.code, answer.body["reason"]) == (406, "NotAcceptable")
    assert answer.body["message"].startswith("406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, ")


def test_yaml_is_spoken_both_ways(api: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/configmaps"
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: written\ndata:\n  a: b\n"
    answer = api.post(path, text, content="application/yaml", headers={"Accept": "application/yaml"})
    assert answer.code == 201
    assert answer.headers["Content-Type"] == "application/yaml"
    assert "\ndata:\n  a: b\n" in "\n" + answer.body
