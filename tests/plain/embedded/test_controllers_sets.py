"""StatefulSets and DaemonSets, on the virtual clock."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.kinds import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS, PVCS, STATEFULSETS
from tests.plain.embedded.world import World, template


def stateful(world: World, **spec: Any) -> None:
    body = {"serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": template(app="db")}
    world.create(STATEFULSETS, "db", spec={**body, **spec})


def daemon(world: World, **spec: Any) -> None:
    world.create(DAEMONSETS, "each", spec={"selector": {"matchLabels": {"app": "each"}}, "template": template(app="each"), **spec})


def images(world: World) -> dict[str, str]:
    return {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in world.all(PODS)}


def set_image(world: World, resource: str, name: str, image: str) -> None:
    world.change(resource, name, lambda value: value["spec"]["template"]["spec"]["containers"][0].update(image=image))


def test_a_stateful_set_counts_up_one_ready_pod_after_the_other(world: World) -> None:
    stateful(world, replicas=3)
    for _ in range(60):
        world.advance(0.1)
        for name in world.names(PODS)[:-1]:
            assert world.condition(PODS, name, "Ready")["status"] == "True"
    assert world.names(PODS) == ["db-0", "db-1", "db-2"]
    pod = world.must(PODS, "db-1")
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    status = world.must(STATEFULSETS, "db")["status"]
    assert (status["readyReplicas"], status["currentReplicas"], status["updatedReplicas"]) == (3, 3, 3)
    assert world.events("db", "SuccessfulCreate")[0] == "create Pod db-0 in StatefulSet db successful"


def test_a_stateful_set_scales_down_from_the_highest_number_and_keeps_the_claims(world: World) -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}
    stateful(world, replicas=2, volumeClaimTemplates=[claim])
    world.advance(30)
    assert world.names(PVCS) == ["data-db-0", "data-db-1"]
    world.scale(1, "db", STATEFULSETS)
    world.advance(3)
    assert world.names(PODS) == ["db-0"]
    assert world.names(PVCS) == ["data-db-0", "data-db-1"]


def test_a_pod_of_a_stateful_set_comes_back_under_its_own_name(world: World) -> None:
    stateful(world, replicas=2)
    world.advance(5)
    uid = world.must(PODS, "db-0")["metadata"]["uid"]
    world.delete(PODS, "db-0")
    world.advance(5)
    assert world.must(PODS, "db-0")["metadata"]["uid"] != uid


def test_a_stateful_set_updates_from_the_highest_number_down_to_its_partition(world: World) -> None:
    stateful(world, replicas=3, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})
    world.advance(10)
    set_image(world, STATEFULSETS, "db", "i:2")
    world.advance(20)
    assert images(world) == {"db-0": "i:1", "db-1": "i:2", "db-2": "i:2"}
    status = world.must(STATEFULSETS, "db")["status"]
    assert status["currentRevision"] != status["updateRevision"]
    world.change(STATEFULSETS, "db", lambda value: value["spec"]["updateStrategy"]["rollingUpdate"].update(partition=0))
    world.advance(20)
    assert set(images(world).values()) == {"i:2"}
    status = world.must(STATEFULSETS, "db")["status"]
    assert status["currentRevision"] == status["updateRevision"]
    assert [row["revision"] for row in world.all(CONTROLLERREVISIONS)] in ([1, 2], [2, 1])


def test_a_daemon_set_has_one_pod_on_each_node_that_lets_it(world: World) -> None:
    daemon(world)
    world.advance(5)
    assert sorted(pod["spec"]["nodeName"] for pod in world.all(PODS)) == ["shallowdive-worker", "shallowdive-worker2"]
    status = world.must(DAEMONSETS, "each")["status"]
    assert status == {
        "currentNumberScheduled": 2,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 2,
        "numberReady": 2,
        "observedGeneration": 1,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
    }
    assert "controller-revision-hash" in world.all(PODS)[0]["metadata"]["labels"]


def test_a_daemon_set_follows_the_labels_of_nodes(world: World) -> None:
    spec = template(app="each")
    spec["spec"]["nodeSelector"] = {"disk": "fast"}
    daemon(world, template=spec)
    world.advance(3)
    assert world.names(PODS) == []
    world.change(NODES, "shallowdive-worker", lambda node: node["metadata"]["labels"].update(disk="fast"))
    world.advance(3)
    assert [pod["spec"]["nodeName"] for pod in world.all(PODS)] == ["shallowdive-worker"]
    world.change(NODES, "shallowdive-worker", lambda node: node["metadata"]["labels"].pop("disk"))
    world.advance(3)
    assert world.names(PODS) == []


def test_a_daemon_set_rolls_node_by_node(world: World) -> None:
    daemon(world)
    world.advance(5)
    set_image(world, DAEMONSETS, "each", "i:2")
    fewest = 2
    for _ in range(100):
        world.advance(0.1)
        fewest = min(fewest, world.must(DAEMONSETS, "each")["status"]["numberReady"])
    assert fewest == 1
    assert set(images(world).values()) == {"i:2"}
