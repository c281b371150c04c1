"""Nodes that are lost, and the pods on them."""

from __future__ import annotations

from shallowdive.embedded.clock import parse
from shallowdive.embedded.kinds import NODES, PODS
from tests.plain.embedded.world import World

WORKER = "shallowdive-worker"


def ready(world: World, name: str) -> tuple[str, str]:
    row = world.condition(NODES if name.startswith("shallowdive") else PODS, name, "Ready")
    return row["status"], row.get("reason", "")


def taints(world: World) -> set[tuple[str, str]]:
    return {(row["key"], row["effect"]) for row in world.must(NODES, WORKER)["spec"].get("taints") or ()}


def lose(world: World) -> None:
    world.kubelet.stopped = {WORKER}


def test_a_node_without_heartbeat_becomes_unknown_after_fifty_seconds_and_is_tainted(world: World) -> None:
    lose(world)
    world.advance(39)
    assert ready(world, WORKER)[0] == "True"
    world.advance(12)
    assert ready(world, WORKER) == ("Unknown", "NodeStatusUnknown")
    assert world.condition(NODES, WORKER, "MemoryPressure")["message"] == "Kubelet stopped posting node status."
    unreachable = "node.kubernetes.io/unreachable"
    assert taints(world) == {(unreachable, "NoSchedule"), (unreachable, "NoExecute")}
    assert world.events(WORKER, "NodeNotReady") == [f"Node {WORKER} status is now: NodeNotReady"]


def test_pods_of_a_lost_node_are_not_ready_then_leave_after_their_toleration(world: World) -> None:
    world.pod("plain", nodeName=WORKER)
    hurry = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10}
    world.pod("hasty", nodeName=WORKER, tolerations=[hurry])
    world.advance(5)
    assert ready(world, "plain")[0] == "True"
    lose(world)
    world.advance(52)
    assert ready(world, "plain")[0] == "False"
    assert world.events("plain", "NodeNotReady") == ["Node is not ready"]
    assert "deletionTimestamp" not in world.must(PODS, "hasty")["metadata"]
    world.advance(10)
    assert "deletionTimestamp" in world.must(PODS, "hasty")["metadata"]
    target = world.condition(PODS, "hasty", "DisruptionTarget")
    assert (target["reason"], target["message"]) == ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
    assert world.events("hasty", "TaintManagerEviction") == ["Marking for deletion Pod default/hasty"]
    world.advance(280)
    assert "deletionTimestamp" not in world.must(PODS, "plain")["metadata"]
    world.advance(20)
    assert "deletionTimestamp" in world.must(PODS, "plain")["metadata"]


def test_a_node_that_comes_back_loses_its_taints_and_keeps_the_pods_still_there(world: World) -> None:
    world.pod("plain", nodeName=WORKER)
    world.advance(5)
    lose(world)
    world.advance(100)
    world.kubelet.stopped = set()
    world.advance(12)
    assert ready(world, WORKER)[0] == "True"
    assert taints(world) == set()
    assert ready(world, "plain")[0] == "True"
    assert world.events("plain", "TaintManagerEviction") == ["Cancelling deletion of Pod default/plain"]
    world.advance(400)
    assert world.get(PODS, "plain") is not None


def test_a_deployment_moves_away_and_nothing_moves_back(world: World) -> None:
    world.deployment(replicas=4)
    world.advance(5)
    there = [pod["metadata"]["name"] for pod in world.all(PODS) if pod["spec"]["nodeName"] == WORKER]
    assert len(there) == 2
    lose(world)
    world.advance(360)
    ready_pods = [pod for pod in world.all(PODS) if ready(world, pod["metadata"]["name"])[0] == "True"]
    assert {pod["spec"]["nodeName"] for pod in ready_pods} == {"shallowdive-worker2"}
    assert len(ready_pods) == 4
    world.kubelet.stopped = set()
    world.advance(60)
    assert {pod["spec"]["nodeName"] for pod in world.all(PODS)} == {"shallowdive-worker2"}


def test_a_noexecute_taint_by_hand_evicts_at_once(world: World) -> None:
    world.pod("plain", nodeName=WORKER)
    world.advance(5)
    world.kubelet.stopped = {WORKER}
    taint = {"key": "out", "effect": "NoExecute"}
    world.change(NODES, WORKER, lambda node: node["spec"].update(taints=[taint]))
    world.advance(1)
    assert "deletionTimestamp" in world.must(PODS, "plain")["metadata"]


def test_a_cordoned_node_is_tainted_for_the_scheduler_and_keeps_its_pods(world: World) -> None:
    world.pod("plain", nodeName=WORKER)
    world.advance(5)
    world.change(NODES, WORKER, lambda node: node["spec"].update(unschedulable=True))
    world.advance(5)
    assert taints(world) == {("node.kubernetes.io/unschedulable", "NoSchedule")}
    assert ready(world, "plain")[0] == "True"
    world.change(NODES, WORKER, lambda node: node["spec"].pop("unschedulable"))
    world.advance(1)
    assert taints(world) == set()


def test_pods_of_a_node_that_was_deleted_are_collected(world: World) -> None:
    world.pod("plain", nodeName=WORKER)
    world.advance(5)
    world.kubelet.stopped = {WORKER}
    world.delete(NODES, WORKER)
    world.advance(30)
    assert world.get(PODS, "plain") is not None
    world.advance(20)
    assert world.get(PODS, "plain") is None


def test_a_heartbeat_is_the_renewal_of_the_lease(world: World) -> None:
    world.advance(100)
    lease = world.store.get("leases.coordination.k8s.io", "kube-node-lease", WORKER)
    assert lease is not None
    assert world.cluster.clock.now() - parse(lease["spec"]["renewTime"]) < 11
