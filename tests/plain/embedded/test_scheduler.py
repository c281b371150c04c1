"""The scheduler: where pods go, why they go nowhere, in the words of the real one."""

from __future__ import annotations

from collections import Counter

import pytest

from shallowdive.embedded.kinds import NODES, PODS, REPLICASETS
from tests.plain.embedded.living import ME, Living, requests, shell

TAINT = "1 node(s) had untolerated taint(s)"
NO_HELP = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
MOST = "1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod."


def cores(living: Living) -> int:
    return int(living.cluster.registry.get(NODES, "", "shallowdive-worker")["status"]["allocatable"]["cpu"])


def why_not(living: Living, name: str) -> str:
    row = next(c for c in living.look(name)["status"]["conditions"] if c["type"] == "PodScheduled")
    assert row["status"] == "False"
    assert (row["reason"], row["message"]) in {("Unschedulable", m) for m in living.messages(name, "FailedScheduling")}
    return str(row["message"])


def test_pods_of_one_owner_are_spread_over_the_workers_and_not_the_control_plane(living: Living) -> None:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [shell()]}}
    spec = {"replicas": 6, "selector": {"matchLabels": {"app": "x"}}, "template": template}
    living.create(REPLICASETS, {"metadata": {"name": "x"}, "spec": spec})
    living.advance(1)
    pods = [p for p in living.cluster.store.objects(PODS) if p["metadata"]["namespace"] == "default"]
    assert Counter(p["spec"].get("nodeName") for p in pods) == {"shallowdive-worker": 3, "shallowdive-worker2": 3}


REFUSED = {
    "cpu": ({"containers": [shell(**requests(cpu="500"))]}, f"{TAINT}, 2 Insufficient cpu. {NO_HELP}"),
    "gpu": (
        {"containers": [shell(resources={"limits": {"nvidia.com/gpu": "1"}})]},
        f"{TAINT}, 2 Insufficient nvidia.com/gpu. {NO_HELP}",
    ),
    "selector": (
        {"nodeSelector": {"disk": "ssd"}},
        f"{TAINT}, 2 node(s) didn't match Pod's node affinity/selector. {NO_HELP}",
    ),
    "affinity": (
        {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"a": "b"}}, "topologyKey": "kubernetes.io/hostname"}]}}},
        f"{TAINT}, 2 node(s) didn't match pod affinity rules. {NO_HELP}",
    ),
    "spread": (
        {"topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}]},
        f"{TAINT}, 2 node(s) didn't match pod topology spread constraints (missing required label). {NO_HELP}",
    ),
    "claim": (
        {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "nope"}}]},
        'persistentvolumeclaim "nope" not found. not found',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_pod_that_fits_nowhere_is_told_why_in_the_real_words(living: Living, case: str) -> None:
    spec, message = REFUSED[case]
    living.create(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [shell()]} | spec})
    living.advance(1)
    assert why_not(living, "p") == f"0/3 nodes are available: {message}"


def test_pods_that_keep_all_others_away(living: Living) -> None:
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"}]}}  # fmt: skip
    for name in ("one", "two", "three"):
        living.pod(name, shell(), labels={"app": "x"}, affinity=apart, after=1)
    assert {living.node_of("one"), living.node_of("two")} == {"shallowdive-worker", "shallowdive-worker2"}
    refused = (
        f"0/3 nodes are available: {TAINT}, 2 node(s) didn't match pod anti-affinity rules. preemption: 0/3 nodes are available: {MOST}"
    )
    assert why_not(living, "three") == refused
    living.delete("one", 0)
    living.advance(15)
    assert living.node_of("three")


def test_a_host_port_is_given_once_for_each_node(living: Living) -> None:
    port = {"ports": [{"containerPort": 80, "hostPort": 8099}]}
    for name in ("a", "b", "c"):
        living.pod(name, shell(**port), after=1)
    assert living.node_of("a") != living.node_of("b")
    assert "2 node(s) didn't have free ports for the requested pod ports" in why_not(living, "c")


def test_it_is_requests_that_are_packed_and_the_room_of_a_deleted_pod_is_used_again(living: Living) -> None:
    for i in range(2):
        living.pod(f"big{i}", shell(**requests(cpu=f"{cores(living) * 1000 - 500}m")), after=1)
    living.pod("late", shell(**requests(cpu="600m")), after=1)
    assert "2 Insufficient cpu" in why_not(living, "late")
    assert MOST in why_not(living, "late")
    living.delete("big0", 0)
    living.advance(12)
    assert living.node_of("late")


def test_a_cordoned_node_gets_nothing_new_and_keeps_what_it_has(living: Living) -> None:
    first = living.pod("first", shell())
    for name in ("shallowdive-worker", "shallowdive-worker2"):
        living.change_node(name, unschedulable=True)
    living.pod("second", shell(), after=1)
    assert living.look("first")["status"]["phase"] == first["status"]["phase"] == "Running"
    assert "2 node(s) were unschedulable" in why_not(living, "second")
    living.change_node("shallowdive-worker2", unschedulable=False)
    living.advance(12)
    assert living.node_of("second") == "shallowdive-worker2"


def test_a_toleration_opens_the_control_plane(living: Living) -> None:
    everywhere = [{"operator": "Exists"}]
    living.pod("p", shell(), tolerations=everywhere, nodeSelector={"kubernetes.io/hostname": "shallowdive-control-plane"}, after=1)
    assert living.node_of("p") == "shallowdive-control-plane"


def test_spread_puts_the_next_pod_where_fewer_are(living: Living) -> None:
    rule = [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
             "labelSelector": {"matchLabels": {"app": "s"}}, "nodeTaintsPolicy": "Honor"}]  # fmt: skip
    for i in range(4):
        living.pod(f"s{i}", shell(), labels={"app": "s"}, topologySpreadConstraints=rule, after=1)
    assert sorted(Counter(living.node_of(f"s{i}") for i in range(4)).values()) == [2, 2]


def test_another_scheduler_s_pod_is_left_alone(living: Living) -> None:
    living.pod("foreign", shell(), schedulerName="mine", after=5)
    assert living.look("foreign")["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_a_gate_holds_a_pod_until_it_is_taken_away(living: Living) -> None:
    living.pod("gated", shell(), schedulingGates=[{"name": "wait/here"}])
    condition = living.look("gated")["status"]["conditions"][0]
    assert (condition["reason"], condition["message"]) == ("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")
    assert not living.events("gated")
    living.cluster.registry.change(PODS, "default", "gated", lambda p: p["spec"].pop("schedulingGates"), ME)
    living.advance(3)
    assert living.look("gated")["status"]["phase"] == "Running"


def test_a_pod_of_higher_priority_takes_the_place_of_a_lower_one(living: Living) -> None:
    living.create("priorityclasses.scheduling.k8s.io", {"metadata": {"name": "high"}, "value": 1000})
    for i in range(2):
        living.pod(f"low{i}", shell(**requests(cpu=f"{cores(living) * 1000 - 400}m")), terminationGracePeriodSeconds=1, after=3)
    living.pod("vip", shell(**requests(cpu="2")), priorityClassName="high", after=20)
    assert living.look("vip")["status"]["phase"] == "Running"
    assert sum(living.is_there(f"low{i}") for i in range(2)) == 1
    assert any(message.startswith("Preempted by pod ") for i in range(2) for _, message in living.events(f"low{i}", "Preempted"))
