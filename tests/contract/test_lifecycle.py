"""How objects end: grace, finalizers, owners, namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import JSON_PATCH, Api, Json, eventually
from tests.contract.conftest import Target, config_map
from tests.contract.staged import container, pod


def owner(of: Json, kind: str = "ConfigMap", **more: Any) -> Json:
    return {"apiVersion": "v1", "kind": kind, "name": of["metadata"]["name"], "uid": of["metadata"]["uid"]} | more


@pytest.fixture
def pods(api: Api, own: str) -> str:
    eventually(lambda: api.get(f"/api/v1/namespaces/{own}/serviceaccounts/default").code == 200)
    return f"/api/v1/namespaces/{own}/pods"


def gone(api: Api, path: str, limit_s: float = 30) -> None:
    eventually(lambda: api.get(path).code == 404, limit_s, f"{path} gone")


# ── grace ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_running_pod_is_told_and_given_time(api: Api, pods: str) -> None:
    """`trap` lets the process choose its end; the pod object stays until the kubelet says that it has ended."""
    script = "trap 'sleep 1; exit 0' TERM; while true; do sleep 0.1; done"
    made = api.made(pods, pod(container(script), terminationGracePeriodSeconds=20) | {"metadata": {"name": "polite"}})
    eventually(lambda: api.seen(f"{pods}/polite")["status"]["phase"] == "Running")
    with api.watch(
        pods, fieldSelector="metadata.name=polite", resourceVersion=api.seen(f"{pods}/polite")["metadata"]["resourceVersion"]
    ) as seen:
        answer = api.delete(f"{pods}/polite")
        assert answer.code == 200
        assert answer.body["kind"] == "Pod", "not ended yet, so the answer is the pod and not a Status"
        assert answer.body["metadata"]["uid"] == made["metadata"]["uid"]
        assert answer.body["metadata"]["deletionGracePeriodSeconds"] == 20
        assert answer.body["metadata"]["deletionTimestamp"] > made["metadata"]["creationTimestamp"]
        assert answer.body["metadata"]["generation"] == made["metadata"]["generation"] + 1
        events = seen.until(lambda e: e["type"] == "DELETED")
    assert events[0]["type"] == "MODIFIED"
    assert "deletionTimestamp" in events[0]["object"]["metadata"]
    last = events[-1]["object"]
    assert last["metadata"]["deletionGracePeriodSeconds"] == 0
    assert last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


def test_a_pod_that_never_got_a_node_goes_at_once(api: Api, pods: str) -> None:
    api.made(pods, pod(container(), nodeSelector={"never": "there"}, terminationGracePeriodSeconds=30) | {"metadata": {"name": "p"}})
    answer = api.delete(f"{pods}/p")
    assert answer.body["kind"] == "Pod"
    assert api.get(f"{pods}/p").code == 404


def test_no_grace_removes_the_object_at_once(api: Api, pods: str) -> None:
    api.made(pods, pod(container(), terminationGracePeriodSeconds=30) | {"metadata": {"name": "p"}})
    eventually(lambda: api.seen(f"{pods}/p")["spec"].get("nodeName"))
    assert api.delete(f"{pods}/p", gracePeriodSeconds=0).code == 200
    assert api.get(f"{pods}/p").code == 404


def test_the_body_of_a_delete_says_the_grace_too(api: Api, pods: str) -> None:
    api.made(pods, pod(container(), terminationGracePeriodSeconds=30) | {"metadata": {"name": "p"}})
    eventually(lambda: api.seen(f"{pods}/p")["spec"].get("nodeName"))
    assert (
        api.delete(f"{pods}/p", {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 7}).body["metadata"][
            "deletionGracePeriodSeconds"
        ]
        == 7
    )
    assert api.delete(f"{pods}/p", {"gracePeriodSeconds": 0}).code == 200
    assert api.get(f"{pods}/p").code == 404


def test_grace_may_not_be_negative(api: Api, maps: str) -> None:
    api.made(maps, config_map("one"))
    assert api.delete(f"{maps}/one", gracePeriodSeconds="x").code == 400


# ── finalizers ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_finalizer_holds_the_object_until_it_is_taken_away(api: Api, maps: str) -> None:
    api.made(maps, {"metadata": {"name": "held", "finalizers": ["example.org/hold"]}})
    answer = api.delete(f"{maps}/held")
    assert (answer.code, answer.body["kind"]) == (200, "ConfigMap")
    assert answer.body["metadata"]["deletionTimestamp"]
    assert answer.body["metadata"]["deletionGracePeriodSeconds"] == 0
    assert api.patch(f"{maps}/held", {"data": {"still": "writable"}}).code == 200
    refused = api.patch(f"{maps}/held", {"metadata": {"finalizers": ["example.org/hold", "example.org/new"]}})
    assert refused.code == 422
    assert "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted" in refused.body["message"]
    with api.watch(
        maps, fieldSelector="metadata.name=held", resourceVersion=api.seen(f"{maps}/held")["metadata"]["resourceVersion"]
    ) as seen:
        assert api.patch(f"{maps}/held", [{"op": "remove", "path": "/metadata/finalizers"}], JSON_PATCH).code == 200
        assert [e["type"] for e in seen.until(lambda e: e["type"] == "DELETED")] == ["DELETED"]
    assert api.get(f"{maps}/held").code == 404


def test_a_deletion_that_has_begun_is_not_taken_back(api: Api, maps: str) -> None:
    api.made(maps, {"metadata": {"name": "held", "finalizers": ["example.org/hold"]}})
    when = api.delete(f"{maps}/held").body["metadata"]["deletionTimestamp"]
    body = api.patch(f"{maps}/held", {"metadata": {"deletionTimestamp": None}}).body
    assert body["metadata"]["deletionTimestamp"] == when
    api.patch(f"{maps}/held", {"metadata": {"finalizers": None}})
    gone(api, f"{maps}/held", 2)


# ── owners ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def family(api: Api, maps: str) -> Json:
    parent = api.made(maps, config_map("parent"))
    child = {"metadata": {"name": "child", "ownerReferences": [owner(parent, blockOwnerDeletion=True)]}}
    api.made(maps, child)
    return parent


def test_background_takes_the_parent_first(api: Api, maps: str, family: Json) -> None:
    answer = api.delete(f"{maps}/parent")
    assert answer.body["status"] == "Success"
    gone(api, f"{maps}/child")


def test_foreground_takes_the_children_first(api: Api, maps: str, family: Json) -> None:
    with api.watch(maps, resourceVersion=api.seen(maps)["metadata"]["resourceVersion"]) as seen:
        answer = api.delete(f"{maps}/parent", {"propagationPolicy": "Foreground"})
        assert answer.body["metadata"]["finalizers"] == ["foregroundDeletion"]
        events = seen.until(lambda e: e["type"] == "DELETED" and e["object"]["metadata"]["name"] == "parent")
    assert [e["object"]["metadata"]["name"] for e in events if e["type"] == "DELETED"] == ["child", "parent"]


def test_orphan_leaves_the_children_without_their_owner(api: Api, maps: str, family: Json) -> None:
    assert api.delete(f"{maps}/parent", propagationPolicy="Orphan").body["metadata"]["finalizers"] == ["orphan"]
    gone(api, f"{maps}/parent")
    assert "ownerReferences" not in api.seen(f"{maps}/child")["metadata"]


def test_a_policy_that_nobody_knows_is_422(api: Api, maps: str, family: Json) -> None:
    answer = api.delete(f"{maps}/parent", propagationPolicy="Sometimes")
    assert answer.code == 422
    assert (
        'propagationPolicy: Unsupported value: "Sometimes": supported values: "Foreground", "Background", "Orphan", "nil"'
        in answer.body["message"]
    )


def test_a_child_of_two_lives_while_one_does(api: Api, maps: str) -> None:
    one, two = (api.made(maps, config_map(name)) for name in ("one", "two"))
    api.made(maps, {"metadata": {"name": "child", "ownerReferences": [owner(one), owner(two)]}})
    api.delete(f"{maps}/one")
    eventually(lambda: [r["name"] for r in api.seen(f"{maps}/child")["metadata"]["ownerReferences"]] == ["two"])
    api.delete(f"{maps}/two")
    gone(api, f"{maps}/child")


def test_a_child_of_an_owner_that_never_was_is_collected(api: Api, maps: str) -> None:
    ghost = {"metadata": {"name": "ghost", "uid": "11111111-1111-4111-8111-111111111111"}}
    api.made(maps, {"metadata": {"name": "child", "ownerReferences": [owner(ghost)]}})
    gone(api, f"{maps}/child")


def test_only_one_owner_is_the_controller(api: Api, maps: str, family: Json) -> None:
    two = [owner(family, controller=True), owner(family, controller=True) | {"uid": "22222222-2222-4222-8222-222222222222", "name": "x"}]
    answer = api.post(maps, {"metadata": {"name": "c", "ownerReferences": two}})
    assert answer.code == 422
    assert "metadata.ownerReferences: Invalid value: " in answer.body["message"]
    assert "Only one reference can have Controller set to true" in answer.body["message"]


# ── namespaces ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_new_namespace_is_active_and_gets_an_account_and_the_root_certificate(api: Api, own: str) -> None:
    seen = api.seen(f"/api/v1/namespaces/{own}")
    assert seen["status"] == {"phase": "Active"}
    assert seen["spec"] == {"finalizers": ["kubernetes"]}
    assert seen["metadata"]["labels"]["kubernetes.io/metadata.name"] == own
    eventually(lambda: api.get(f"/api/v1/namespaces/{own}/serviceaccounts/default").code == 200, 15)
    root = f"/api/v1/namespaces/{own}/configmaps/kube-root-ca.crt"
    eventually(lambda: api.get(root).code == 200, 15)
    assert api.seen(root)["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")


def test_a_namespace_ends_with_everything_in_it(api: Api, target: Target) -> None:
    name = target.namespace()
    path = f"/api/v1/namespaces/{name}"
    api.made(f"{path}/configmaps", {"metadata": {"name": "held", "finalizers": ["example.org/hold"]}})
    api.made(f"{path}/secrets", {"metadata": {"name": "free"}})
    answer = api.delete(path)
    assert answer.code == 200
    assert answer.body["kind"] == "Namespace"
    assert answer.body["status"]["phase"] == "Terminating"
    refused = api.post(f"{path}/secrets", {"metadata": {"name": "late"}})
    assert (refused.code, refused.body["reason"]) == (403, "Forbidden")
    assert refused.body["message"] == (
        f'secrets "late" is forbidden: unable to create new content in namespace {name} because it is being terminated'
    )
    assert refused.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    gone(api, f"{path}/secrets/free")

    def remaining() -> Any:
        found = {c["type"]: c for c in api.seen(path)["status"].get("conditions", [])}
        return found.get("NamespaceFinalizersRemaining", {}).get("status") == "True" and found

    found = eventually(remaining, 30)
    assert found["NamespaceFinalizersRemaining"]["message"] == (
        "Some content in the namespace has finalizers remaining: example.org/hold in 1 resource instances"
    )
    assert found["NamespaceContentRemaining"]["reason"] == "SomeResourcesRemain"
    assert api.delete(path).body["status"]["phase"] == "Terminating", "once more is no error"
    api.patch(f"{path}/configmaps/held", {"metadata": {"finalizers": None}})
    gone(api, path, 60)


@pytest.mark.parametrize("name", ["default", "kube-system"])
def test_some_namespaces_may_not_be_deleted(api: Api, name: str) -> None:
    answer = api.delete(f"/api/v1/namespaces/{name}")
    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"] == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


def test_the_account_of_a_namespace_comes_back(api: Api, own: str) -> None:
    path = f"/api/v1/namespaces/{own}/serviceaccounts/default"
    eventually(lambda: api.get(path).code == 200)
    uid = api.seen(path)["metadata"]["uid"]
    api.delete(path)
    eventually(lambda: api.get(path).code == 200 and api.seen(path)["metadata"]["uid"] != uid)
