"""Deployments and ReplicaSets, on the virtual clock. Wording as seen on kind 1.37.2."""

from __future__ import annotations

import pytest

from shallowdive.embedded.kinds import DEPLOYMENTS, PODS, REPLICASETS, REPLICATIONCONTROLLERS
from tests.plain.embedded.world import World, template

REVISION = "deployment.kubernetes.io/revision"


def sizes(world: World) -> dict[str, int]:
    """Replicas wanted of each ReplicaSet, by its image."""
    return {row["spec"]["template"]["spec"]["containers"][0]["image"]: row["spec"]["replicas"] for row in world.all(REPLICASETS)}


def test_a_deployment_becomes_available_and_says_so_as_on_kind(world: World) -> None:
    world.deployment(replicas=4)
    world.advance(5)
    status = world.must(DEPLOYMENTS, "web")["status"]
    name = world.names(REPLICASETS)[0]
    assert {key: status[key] for key in status if key != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 4,
        "updatedReplicas": 4,
        "readyReplicas": 4,
        "availableReplicas": 4,
        "terminatingReplicas": 0,
    }
    assert [(row["type"], row["status"], row["reason"], row["message"]) for row in status["conditions"]] == [
        ("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        ("Progressing", "True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'),
    ]
    assert world.events("web", "ScalingReplicaSet") == [f"Scaled up replica set {name} from 0 to 4"]
    assert world.must(DEPLOYMENTS, "web")["metadata"]["annotations"] == {REVISION: "1"}


def test_a_replicaset_of_a_deployment_looks_as_on_kind(world: World) -> None:
    world.deployment(replicas=4)
    world.advance(5)
    row = world.all(REPLICASETS)[0]
    letters = row["metadata"]["labels"]["pod-template-hash"]
    assert row["metadata"]["name"] == f"web-{letters}"
    assert 8 <= len(letters) <= 10
    assert set(letters) <= set("456789bcdf")
    assert row["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "4",
        "deployment.kubernetes.io/max-replicas": "5",
        REVISION: "1",
    }
    assert row["metadata"]["generation"] == 1
    assert row["spec"]["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": letters}}
    assert row["status"] == {
        "replicas": 4,
        "fullyLabeledReplicas": 4,
        "readyReplicas": 4,
        "availableReplicas": 4,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }
    owner = row["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"], owner["blockOwnerDeletion"]) == ("Deployment", "web", True, True)


def test_a_rolling_update_never_has_fewer_ready_or_more_pods_than_it_may(world: World) -> None:
    world.deployment(replicas=4)
    world.advance(5)
    world.set_image("i:2")
    fewest, most = 4, 4
    for _ in range(200):
        world.advance(0.1)
        living = [pod for pod in world.all(PODS) if "deletionTimestamp" not in pod["metadata"]]
        ready = [pod for pod in living if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))]
        fewest, most = min(fewest, len(ready)), max(most, len(living))
    assert (fewest, most) == (3, 5)
    assert sizes(world) == {"i:1": 0, "i:2": 4}
    assert world.events("web", "ScalingReplicaSet")[1:3] == [
        f"Scaled up replica set {world.must(DEPLOYMENTS, 'web') and new_name(world)} from 0 to 1",
        f"Scaled down replica set {old_name(world)} from 4 to 3",
    ]


def new_name(world: World) -> str:
    return next(r["metadata"]["name"] for r in world.all(REPLICASETS) if r["metadata"]["annotations"][REVISION] == "2")


def old_name(world: World) -> str:
    return next(r["metadata"]["name"] for r in world.all(REPLICASETS) if r["metadata"]["annotations"][REVISION] == "1")


def test_a_version_that_comes_back_scales_its_old_replicaset_up_and_gets_a_new_revision(world: World) -> None:
    world.deployment(replicas=2)
    world.advance(5)
    first = world.names(REPLICASETS)
    world.set_image("i:2")
    world.advance(20)
    world.set_image("i:1")
    world.advance(20)
    assert len(world.names(REPLICASETS)) == 2
    row = world.must(REPLICASETS, first[0])
    assert row["spec"]["replicas"] == 2
    assert row["metadata"]["annotations"][REVISION] == "3"
    assert row["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert world.must(DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "3"


def test_scaling_makes_no_revision(world: World) -> None:
    world.deployment(replicas=2)
    world.advance(5)
    world.scale(5)
    world.advance(5)
    assert world.must(DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "1"
    assert world.all(REPLICASETS)[0]["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] == "5"


def test_a_broken_version_stalls_and_is_reported_after_its_deadline(world: World) -> None:
    world.deployment(replicas=4, progressDeadlineSeconds=60)
    world.advance(5)
    world.set_image("stuck")
    world.advance(55)
    assert sizes(world) == {"i:1": 3, "stuck": 2}
    assert world.condition(DEPLOYMENTS, "web", "Progressing")["reason"] == "ReplicaSetUpdated"
    assert world.condition(DEPLOYMENTS, "web", "Available")["status"] == "True"
    world.advance(10)
    late = world.condition(DEPLOYMENTS, "web", "Progressing")
    assert (late["status"], late["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert late["message"] == f'ReplicaSet "{new_name(world)}" has timed out progressing.'


def test_scaling_in_the_middle_of_a_rollout_is_shared_out(world: World) -> None:
    world.deployment(replicas=10, strategy={"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})
    world.advance(5)
    world.set_image("stuck")
    world.advance(5)
    assert sizes(world) == {"i:1": 8, "stuck": 5}
    world.scale(15)
    world.advance(5)
    assert sizes(world) == {"i:1": 11, "stuck": 7}


def test_recreate_waits_until_the_last_old_pod_is_gone(world: World) -> None:
    world.deployment(replicas=3, strategy={"type": "Recreate"})
    world.advance(5)
    world.set_image("i:2")
    for _ in range(60):
        world.advance(0.1)
        images = {pod["spec"]["containers"][0]["image"] for pod in world.all(PODS)}
        assert len(images) <= 1
    assert images == {"i:2"}


def test_a_paused_deployment_scales_but_does_not_roll(world: World) -> None:
    world.deployment(replicas=2)
    world.advance(5)
    world.change(DEPLOYMENTS, "web", lambda value: value["spec"].update(paused=True))
    world.set_image("i:2")
    world.scale(3)
    world.advance(5)
    assert sizes(world) == {"i:1": 3}
    assert world.condition(DEPLOYMENTS, "web", "Progressing")["reason"] == "DeploymentPaused"
    world.change(DEPLOYMENTS, "web", lambda value: value["spec"].pop("paused"))
    world.advance(20)
    assert sizes(world) == {"i:1": 0, "i:2": 3}


def test_old_replicasets_beyond_the_history_limit_go(world: World) -> None:
    world.deployment(replicas=1, revisionHistoryLimit=1)
    for number in range(2, 6):
        world.advance(10)
        world.set_image(f"i:{number}")
    world.advance(10)
    assert sorted(sizes(world)) == ["i:4", "i:5"]


def test_a_name_that_is_taken_makes_another_hash(world: World) -> None:
    world.deployment(replicas=1)
    world.advance(5)
    name = world.names(REPLICASETS)[0]
    world.delete(DEPLOYMENTS, "web", "Orphan")
    world.advance(2)

    def hide(value: dict) -> None:
        value["metadata"]["labels"] = {"other": "x"}

    world.change(REPLICASETS, name, hide)
    world.deployment(replicas=1)
    world.advance(5)
    assert world.must(DEPLOYMENTS, "web")["status"]["collisionCount"] == 1
    assert len(world.names(REPLICASETS)) == 2


def test_min_ready_seconds_count_before_a_pod_is_available(world: World) -> None:
    world.deployment(replicas=1, minReadySeconds=10)
    world.advance(6)
    assert world.must(DEPLOYMENTS, "web")["status"]["readyReplicas"] == 1
    assert "availableReplicas" not in world.must(DEPLOYMENTS, "web")["status"]
    world.advance(10)
    assert world.must(DEPLOYMENTS, "web")["status"]["availableReplicas"] == 1


def test_deleting_a_pod_of_a_replicaset_brings_a_new_one_with_another_name(world: World) -> None:
    world.replica_set(replicas=3)
    world.advance(5)
    before = set(world.names(PODS))
    world.registry.delete(PODS, "default", min(before))
    world.advance(5)
    after = set(world.names(PODS))
    assert len(after) == 3
    assert len(after - before) == 1
    assert world.events("web", "SuccessfulCreate")[-1] == f"Created pod: {(after - before).pop()}"


def test_a_relabelled_pod_is_released_and_replaced_and_taken_back(world: World) -> None:
    world.replica_set(replicas=2)
    world.advance(5)
    name = world.names(PODS)[0]
    world.change(PODS, name, lambda pod: pod["metadata"].update(labels={"app": "loose"}))
    world.advance(5)
    assert len(world.names(PODS)) == 3
    assert "ownerReferences" not in world.must(PODS, name)["metadata"]
    world.change(PODS, name, lambda pod: pod["metadata"].update(labels={"app": "web"}))
    world.advance(5)
    assert len(world.names(PODS)) == 2


def test_a_bare_pod_that_fits_is_adopted(world: World) -> None:
    world.pod("lone", labels={"app": "web"})
    world.advance(3)
    world.replica_set(replicas=1)
    world.advance(3)
    assert world.names(PODS) == ["lone"]
    assert world.must(PODS, "lone")["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"


@pytest.mark.parametrize("cost", ["-5", "-100"])
def test_scaling_down_takes_the_cheapest_pod_first(world: World, cost: str) -> None:
    world.replica_set(replicas=4)
    world.advance(5)
    cheap = world.names(PODS)[2]
    note = {"controller.kubernetes.io/pod-deletion-cost": cost}
    world.change(PODS, cheap, lambda pod: pod["metadata"].update(annotations=note))
    world.scale(3, resource=REPLICASETS)
    world.advance(3)
    assert cheap not in world.names(PODS)
    assert world.events("web", "SuccessfulDelete") == [f"Deleted pod: {cheap}"]


def test_scaling_down_takes_a_pod_that_is_not_ready_before_any_other(world: World) -> None:
    world.replica_set(replicas=3)
    world.advance(5)
    world.kubelet.stopped = {"shallowdive-worker", "shallowdive-worker2"}
    world.scale(4, resource=REPLICASETS)
    world.advance(3)
    world.scale(3, resource=REPLICASETS)
    world.advance(1)
    gone = [pod for pod in world.all(PODS) if "deletionTimestamp" in pod["metadata"]]
    assert [pod["status"]["phase"] for pod in gone] == ["Pending"]


def test_a_refused_pod_is_reported_by_event_and_condition(world: World) -> None:
    world.create("resourcequotas", "q", spec={"hard": {"pods": "1"}})
    world.deployment(replicas=2)
    world.advance(3)
    failure = world.condition(DEPLOYMENTS, "web", "ReplicaFailure")
    assert failure["reason"] == "FailedCreate"
    assert failure["message"].endswith("is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1")
    assert world.events("web", "FailedCreate")[0].startswith('Error creating: pods "web-')
    world.change("resourcequotas", "q", lambda quota: quota["spec"].update(hard={"pods": "5"}))
    world.advance(60)
    assert world.must(DEPLOYMENTS, "web")["status"]["availableReplicas"] == 2
    assert not world.condition(DEPLOYMENTS, "web", "ReplicaFailure")


def test_a_replication_controller_keeps_its_pods_too(world: World) -> None:
    world.create(REPLICATIONCONTROLLERS, "old", spec={"replicas": 2, "selector": {"app": "old"}, "template": template(app="old")})
    world.advance(5)
    status = world.must(REPLICATIONCONTROLLERS, "old")["status"]
    counts = dict.fromkeys(("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"), 2)
    assert status == {**counts, "observedGeneration": 1}


def test_more_than_ten_like_events_are_combined(world: World) -> None:
    world.replica_set(replicas=14)
    world.advance(5)
    said = world.events("web", "SuccessfulCreate")
    assert len(said) == 10
    assert said[-1].startswith("(combined from similar events): Created pod: web-")
