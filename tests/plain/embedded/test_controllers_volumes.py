"""Claims, volumes, the provisioner of the class `standard`, and disruption budgets."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.kinds import PDBS, PODS, PVCS, PVS, STORAGECLASSES
from tests.plain.embedded.world import World


def claim(world: World, name: str = "data", size: str = "5Mi", mode: str = "ReadWriteOnce", **spec: Any) -> dict[str, Any]:
    return world.create(PVCS, name, spec={"accessModes": [mode], "resources": {"requests": {"storage": size}}, **spec})


def volume(world: World, name: str, size: str, **spec: Any) -> None:
    body = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}, "storageClassName": "manual"}
    world.create(PVS, name, spec={**body, **spec})


def user(world: World, name: str = "user", of: str = "data") -> None:
    world.pod(name, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": of}}])


def test_a_claim_of_the_class_standard_waits_for_its_first_pod(world: World) -> None:
    claim(world)
    world.advance(60)
    assert world.must(PVCS, "data")["status"] == {"phase": "Pending"}
    assert world.events("data", "WaitForFirstConsumer") == ["waiting for first consumer to be created before binding"]


def test_a_claim_that_comes_after_its_pods_waits_for_their_node(world: World) -> None:
    user(world)
    world.advance(1)
    claim(world)
    world.advance(0.2)
    assert world.events("data", "WaitForPodScheduled") == ["waiting for pod user to be scheduled"]
    assert world.events("data", "WaitForFirstConsumer") == []
    world.advance(10)
    assert world.must(PVCS, "data")["status"]["phase"] == "Bound"


def test_the_first_pod_brings_a_volume_on_its_own_node(world: World) -> None:
    uid = claim(world)["metadata"]["uid"]
    user(world)
    world.advance(10)
    bound, [made] = world.must(PVCS, "data"), world.all(PVS)
    node = world.must(PODS, "user")["spec"]["nodeName"]
    assert bound["status"]["phase"] == "Bound"
    assert bound["status"]["capacity"] == {"storage": "5Mi"}
    assert bound["spec"]["volumeName"] == f"pvc-{uid}" == made["metadata"]["name"]
    assert bound["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
        "volume.beta.kubernetes.io/storage-provisioner": "rancher.io/local-path",
        "volume.kubernetes.io/selected-node": node,
        "volume.kubernetes.io/storage-provisioner": "rancher.io/local-path",
    }
    assert made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == [node]
    assert (made["spec"]["persistentVolumeReclaimPolicy"], made["status"]["phase"]) == ("Delete", "Bound")
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    assert world.events("data", "ProvisioningSucceeded") == [f"Successfully provisioned volume pvc-{uid}"]
    used = world.condition(PVCS, "data", "Unused")
    assert (used["status"], used["reason"]) == ("False", "PodUsingPVC")


def test_a_claim_that_a_pod_uses_goes_only_with_the_pod_and_takes_its_volume_along(world: World) -> None:
    claim(world)
    user(world)
    world.advance(10)
    world.delete(PVCS, "data")
    world.advance(5)
    assert "deletionTimestamp" in world.must(PVCS, "data")["metadata"]
    world.delete(PODS, "user")
    world.advance(1)
    assert world.get(PVCS, "data") is None
    assert [row["status"]["phase"] for row in world.all(PVS)] == ["Released"]
    world.advance(5)
    assert world.names(PVS) == []


def test_a_kept_volume_is_released_and_not_given_to_the_next_claim(world: World) -> None:
    volume(world, "kept", "10Mi", persistentVolumeReclaimPolicy="Retain")
    claim(world, storageClassName="manual")
    world.advance(2)
    assert world.must(PVS, "kept")["status"]["phase"] == "Bound"
    world.delete(PVCS, "data")
    world.advance(2)
    assert world.must(PVS, "kept")["status"]["phase"] == "Released"
    claim(world, "next", storageClassName="manual")
    world.advance(30)
    assert world.must(PVCS, "next")["status"]["phase"] == "Pending"


def test_the_smallest_volume_that_fits_is_taken(world: World) -> None:
    for name, size in (("large", "1Gi"), ("small", "10Mi"), ("tiny", "1Mi")):
        volume(world, name, size)
    claim(world, storageClassName="manual")
    world.advance(2)
    assert world.must(PVCS, "data")["spec"]["volumeName"] == "small"
    assert world.must(PVCS, "data")["status"]["capacity"] == {"storage": "10Mi"}


def test_a_claim_waits_for_a_volume_that_is_made_later(world: World) -> None:
    claim(world, storageClassName="manual")
    world.advance(1)
    assert world.events("data", "ProvisioningFailed") == ['storageclass.storage.k8s.io "manual" not found']
    volume(world, "late", "10Mi")
    world.advance(1)
    assert world.must(PVCS, "data")["status"]["phase"] == "Bound"


def test_a_claim_without_class_and_without_volume_says_why_it_waits(world: World) -> None:
    claim(world, storageClassName="")
    world.advance(1)
    assert world.events("data", "FailedBinding") == ["no persistent volumes available for this claim and no storage class is set"]


def test_the_provisioner_refuses_volumes_for_many_nodes(world: World) -> None:
    claim(world, mode="ReadWriteMany")
    user(world)
    world.advance(40)
    assert world.must(PVCS, "data")["status"]["phase"] == "Pending"
    assert world.events("data", "ProvisioningFailed") == [
        'failed to provision volume with StorageClass "standard": '
        "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes"
    ]


def test_a_bound_claim_whose_volume_is_gone_is_lost(world: World) -> None:
    volume(world, "kept", "10Mi")
    claim(world, storageClassName="manual")
    world.advance(2)
    world.delete(PVS, "kept")
    world.advance(1)
    assert "deletionTimestamp" in world.must(PVS, "kept")["metadata"]
    world.change(PVS, "kept", lambda value: value["metadata"].pop("finalizers"))
    world.advance(1)
    assert world.must(PVCS, "data")["status"]["phase"] == "Lost"


def test_a_class_that_binds_at_once_needs_no_pod(world: World) -> None:
    world.create(STORAGECLASSES, "manual", provisioner="kubernetes.io/no-provisioner", volumeBindingMode="Immediate")
    volume(world, "kept", "10Mi")
    claim(world, storageClassName="manual")
    world.advance(1)
    assert world.must(PVCS, "data")["status"]["phase"] == "Bound"


def test_a_budget_says_how_many_pods_may_go(world: World) -> None:
    world.deployment(replicas=3)
    world.create(PDBS, "b", spec={"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}})
    world.advance(5)
    status = world.must(PDBS, "b")["status"]
    assert {name: status[name] for name in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")} == {
        "currentHealthy": 3,
        "desiredHealthy": 2,
        "disruptionsAllowed": 1,
        "expectedPods": 3,
    }
    world.kubelet.stopped = {"shallowdive-worker", "shallowdive-worker2"}
    world.delete(PODS, world.names(PODS)[0])
    world.advance(1)
    allowed = world.condition(PDBS, "b", "DisruptionAllowed")
    assert (allowed["status"], allowed["reason"]) == ("False", "InsufficientPods")


def test_a_budget_in_percent_counts_what_the_owner_wants(world: World) -> None:
    world.deployment(replicas=4)
    world.create(PDBS, "b", spec={"maxUnavailable": "25%", "selector": {"matchLabels": {"app": "web"}}})
    world.advance(5)
    status = world.must(PDBS, "b")["status"]
    assert (status["expectedPods"], status["desiredHealthy"], status["disruptionsAllowed"]) == (4, 3, 1)
