"""Owners and namespaces that go, and what goes with them."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.embedded.kinds import (
    CLUSTERROLES,
    CONFIGMAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SERVICEACCOUNTS,
)
from shallowdive.embedded.status import ApiError
from tests.plain.embedded.world import ME, World


def owned(world: World, name: str, owner: dict[str, Any], *, block: bool = False) -> None:
    meta = owner["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": meta["name"], "uid": meta["uid"], "blockOwnerDeletion": block}
    world.create(CONFIGMAPS, name, metadata={"ownerReferences": [reference]})


def test_in_the_background_the_owner_goes_first(world: World) -> None:
    world.deployment(replicas=2)
    world.advance(5)
    world.delete(DEPLOYMENTS, "web", "Background")
    assert world.get(DEPLOYMENTS, "web") is None
    assert len(world.names(PODS)) == 2
    world.advance(2)
    assert (world.names(REPLICASETS), world.names(PODS)) == ([], [])


def test_in_the_foreground_the_owner_goes_last(world: World) -> None:
    world.deployment(replicas=2)
    world.advance(5)
    world.kubelet.stopped = {"shallowdive-worker", "shallowdive-worker2"}
    world.delete(DEPLOYMENTS, "web", "Foreground")
    world.advance(2)
    assert world.must(DEPLOYMENTS, "web")["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert all("deletionTimestamp" in pod["metadata"] for pod in world.all(PODS))
    assert len(world.names(PODS)) == 2
    world.kubelet.stopped = set()
    world.advance(12)
    assert (world.names(DEPLOYMENTS), world.names(REPLICASETS), world.names(PODS)) == ([], [], [])


def test_orphans_stay_and_forget_their_owner(world: World) -> None:
    world.deployment(replicas=2)
    world.advance(5)
    world.delete(DEPLOYMENTS, "web", "Orphan")
    world.advance(2)
    assert world.get(DEPLOYMENTS, "web") is None
    [row] = world.all(REPLICASETS)
    assert "ownerReferences" not in row["metadata"]
    assert len(world.names(PODS)) == 2


def test_an_object_whose_owner_never_was_is_deleted(world: World) -> None:
    owned(world, "lost", {"metadata": {"name": "nobody", "uid": "00000000-0000-0000-0000-000000000000"}})
    world.advance(1)
    assert world.get(CONFIGMAPS, "lost") is None


def test_an_owner_of_the_same_name_but_another_uid_does_not_count(world: World) -> None:
    first = world.create(CONFIGMAPS, "boss")
    owned(world, "child", first)
    world.advance(1)
    world.delete(CONFIGMAPS, "boss", "Background")
    world.create(CONFIGMAPS, "boss")
    world.advance(1)
    assert world.get(CONFIGMAPS, "child") is None


def test_an_object_with_two_owners_lives_as_long_as_one_of_them(world: World) -> None:
    one, two = world.create(CONFIGMAPS, "one"), world.create(CONFIGMAPS, "two")
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": row["metadata"]["name"], "uid": row["metadata"]["uid"]} for row in (one, two)
    ]
    world.create(CONFIGMAPS, "child", metadata={"ownerReferences": references})
    world.delete(CONFIGMAPS, "one")
    world.advance(1)
    assert [row["name"] for row in world.must(CONFIGMAPS, "child")["metadata"]["ownerReferences"]] == ["two"]
    world.delete(CONFIGMAPS, "two")
    world.advance(1)
    assert world.get(CONFIGMAPS, "child") is None


def test_only_a_blocking_reference_holds_an_owner_in_the_foreground(world: World) -> None:
    boss = world.create(CONFIGMAPS, "boss")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "uid": boss["metadata"]["uid"]}
    world.create(CONFIGMAPS, "held", metadata={"ownerReferences": [reference], "finalizers": ["example.com/hold"]})
    world.delete(CONFIGMAPS, "boss", "Foreground")
    world.advance(1)
    assert world.get(CONFIGMAPS, "boss") is None
    assert "deletionTimestamp" in world.must(CONFIGMAPS, "held")["metadata"]


def test_a_new_namespace_has_an_account_a_certificate_and_its_label(world: World) -> None:
    world.create(NAMESPACES, "lab")
    world.advance(1)
    lab = World(world.cluster, "lab")
    assert lab.names(SERVICEACCOUNTS) == ["default"]
    assert lab.names(CONFIGMAPS) == ["kube-root-ca.crt"]
    namespace = world.must(NAMESPACES, "lab")
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "lab"}
    assert (namespace["spec"], namespace["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})


def test_the_certificate_and_the_account_come_back_when_deleted_or_changed(world: World) -> None:
    world.change(CONFIGMAPS, "kube-root-ca.crt", lambda value: value.update(data={"ca.crt": "mine"}))
    world.delete(SERVICEACCOUNTS, "default")
    world.advance(1)
    assert world.must(CONFIGMAPS, "kube-root-ca.crt")["data"] == {"ca.crt": ""}
    assert world.names(SERVICEACCOUNTS) == ["default"]


def test_a_namespace_goes_with_all_that_is_in_it(world: World) -> None:
    world.create(NAMESPACES, "lab")
    lab = World(world.cluster, "lab")
    lab.deployment(replicas=2)
    world.advance(5)
    world.delete(NAMESPACES, "lab")
    world.advance(3)
    assert world.get(NAMESPACES, "lab") is None
    assert not any(lab.all(resource) for resource in (PODS, REPLICASETS, DEPLOYMENTS, CONFIGMAPS, SERVICEACCOUNTS))


def test_a_namespace_that_cannot_go_yet_says_what_is_left(world: World) -> None:
    world.create(NAMESPACES, "lab")
    World(world.cluster, "lab").create(CONFIGMAPS, "held", metadata={"finalizers": ["example.com/hold"]})
    world.advance(1)
    world.delete(NAMESPACES, "lab")
    world.advance(2)
    rows = {row["type"]: (row["status"], row["reason"], row["message"]) for row in world.must(NAMESPACES, "lab")["status"]["conditions"]}
    assert rows["NamespaceContentRemaining"] == (
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: configmaps. has 1 resource instances",
    )
    assert rows["NamespaceFinalizersRemaining"] == (
        "True",
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    )
    with pytest.raises(ApiError) as refused:
        World(world.cluster, "lab").create(CONFIGMAPS, "new")
    assert refused.value.message == (
        'configmaps "new" is forbidden: unable to create new content in namespace lab because it is being terminated'
    )
    assert refused.value.status["details"]["causes"] == [
        {"reason": "NamespaceTerminating", "message": "namespace lab is being terminated", "field": "metadata.namespace"}
    ]
    world.registry.change(CONFIGMAPS, "lab", "held", lambda value: value["metadata"].pop("finalizers"), ME)
    world.advance(1)
    assert world.get(NAMESPACES, "lab") is None


def test_view_edit_and_admin_hold_the_rules_of_the_roles_they_aggregate(world: World) -> None:
    def may(role: str, resource: str, verb: str) -> bool:
        rules = world.must(CLUSTERROLES, role).get("rules") or []
        return any(resource in rule.get("resources", ()) and verb in rule["verbs"] for rule in rules)

    assert may("view", "pods", "get")
    assert not may("view", "secrets", "get")
    assert may("edit", "secrets", "get")
    assert may("edit", "pods", "get")
    assert may("admin", "rolebindings", "create")
    label = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    rule = {"apiGroups": ["example.com"], "resources": ["crontabs"], "verbs": ["get"]}
    world.create(CLUSTERROLES, "more", metadata={"labels": label}, rules=[rule])
    world.advance(1)
    assert may("view", "crontabs", "get")
    assert may("admin", "crontabs", "get")
