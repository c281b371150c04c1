"""Nodes: what they say about themselves, and how pods are kept away or sent away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.api import Api, Json, eventually
from tests.contract.staged import condition, container, pod
from tests.contract.test_controllers import World, names


@pytest.fixture
def worker(api: Api) -> Iterator[str]:
    """A worker that is schedulable and untainted again at the end."""
    name = next(n["metadata"]["name"] for n in api.seen("/api/v1/nodes")["items"] if not n["spec"].get("taints"))
    yield name
    api.patch(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": None, "taints": None}})
    eventually(lambda: not api.seen(f"/api/v1/nodes/{name}")["spec"].get("taints"), 20)


@pytest.fixture
def world(api: Api, own: str) -> World:
    return World(api, own)


def bound(world: World, name: str) -> Json:
    found: Json = eventually(lambda: p if (p := world.api.seen(f"{world.core}/pods/{name}"))["spec"].get("nodeName") else None)
    return found


def test_three_nodes_are_ready(api: Api) -> None:
    nodes = api.seen("/api/v1/nodes")["items"]
    assert len(nodes) == 3
    for node in nodes:
        found = {c["type"]: c for c in node["status"]["conditions"]}
        assert {k: v["status"] for k, v in found.items() if not k.startswith("example")} == {
            "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True",
        }  # fmt: skip
        assert (found["Ready"]["reason"], found["Ready"]["message"]) == ("KubeletReady", "kubelet is posting ready status")
        assert found["MemoryPressure"]["reason"] == "KubeletHasSufficientMemory"


def test_a_node_names_itself_and_its_role(api: Api) -> None:
    nodes = {n["metadata"]["name"]: n for n in api.seen("/api/v1/nodes")["items"]}
    heads = [n for n in nodes.values() if "node-role.kubernetes.io/control-plane" in n["metadata"]["labels"]]
    assert len(heads) == 1
    assert heads[0]["spec"]["taints"] == [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    assert heads[0]["metadata"]["name"].endswith("-control-plane")
    for name, node in nodes.items():
        labels = node["metadata"]["labels"]
        assert labels["kubernetes.io/hostname"] == name
        assert labels["kubernetes.io/os"] == labels["beta.kubernetes.io/os"] == "linux"
        assert labels["kubernetes.io/arch"] == node["status"]["nodeInfo"]["architecture"]
        assert {a["type"] for a in node["status"]["addresses"]} == {"InternalIP", "Hostname"}
        assert node["spec"]["podCIDR"].startswith("10.244.")
        assert node["spec"]["podCIDRs"] == [node["spec"]["podCIDR"]]
        assert node["spec"]["providerID"].startswith(("kind://", "embedded://"))


def test_a_node_says_what_it_has(api: Api) -> None:
    status = api.seen("/api/v1/nodes")["items"][0]["status"]
    assert {"cpu", "memory", "pods", "ephemeral-storage"} <= status["capacity"].keys()
    assert status["allocatable"]["pods"] == "110"
    assert status["nodeInfo"]["kubeletVersion"].startswith("v1.37.")
    assert "://" in status["nodeInfo"]["containerRuntimeVersion"], "containerd on kind; the embedded one says what it is"
    assert any("registry.k8s.io/e2e-test-images/agnhost" in name for image in status["images"] for name in image["names"])


def test_a_node_renews_its_lease(api: Api) -> None:
    name = api.seen("/api/v1/nodes")["items"][0]["metadata"]["name"]
    spec = api.seen(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}")["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == (name, 40)


def test_a_cordoned_node_gets_a_taint_and_no_new_pods(world: World, worker: str) -> None:
    assert world.api.patch(f"/api/v1/nodes/{worker}", {"spec": {"unschedulable": True}}).code == 200
    taints = eventually(lambda: world.api.seen(f"/api/v1/nodes/{worker}")["spec"].get("taints"))
    assert [(t["key"], t["effect"]) for t in taints] == [("node.kubernetes.io/unschedulable", "NoSchedule")]
    world.api.made(f"{world.core}/pods", pod(container(), nodeSelector={"kubernetes.io/hostname": worker}) | {"metadata": {"name": "p"}})

    def scheduled() -> Json | None:
        conditions = world.api.seen(f"{world.core}/pods/p")["status"].get("conditions", [])
        return next((c for c in conditions if c["type"] == "PodScheduled"), None)

    found = eventually(scheduled)
    assert found["message"] == (
        "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s), "
        "1 node(s) were unschedulable. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )
    world.api.patch(f"/api/v1/nodes/{worker}", {"spec": {"unschedulable": None}})
    assert bound(world, "p")["spec"]["nodeName"] == worker, "it is tried again when the node is open"


def test_a_no_execute_taint_sends_pods_away_after_what_they_tolerate(world: World, worker: str) -> None:
    mine = {"key": "example.org/out", "operator": "Exists", "effect": "NoExecute"}
    for name, tolerations in (("none", []), ("some", [mine | {"tolerationSeconds": 2}]), ("always", [mine])):
        spec = {"nodeName": worker, "tolerations": tolerations, "terminationGracePeriodSeconds": 0}
        world.api.made(f"{world.core}/pods", pod(container("sleep 1000"), **spec) | {"metadata": {"name": name}})
    for name in ("none", "some", "always"):
        eventually(lambda n=name: world.api.seen(f"{world.core}/pods/{n}")["status"]["phase"] == "Running")
    start = world.api.seen(f"{world.core}/pods")["metadata"]["resourceVersion"]
    with world.api.watch(f"{world.core}/pods", resourceVersion=start) as seen:
        world.api.patch(
            f"/api/v1/nodes/{worker}", {"spec": {"taints": [{"key": "example.org/out", "value": "now", "effect": "NoExecute"}]}}
        )
        events = seen.until(lambda e: e["type"] == "DELETED" and e["object"]["metadata"]["name"] == "some", 40)
    assert [e["object"]["metadata"]["name"] for e in events if e["type"] == "DELETED"] == ["none", "some"]
    assert condition(events[-1]["object"], "DisruptionTarget") | {"lastTransitionTime": ""} == {
        "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "lastProbeTime": None, "lastTransitionTime": "",
        "message": "Taint manager: deleting due to NoExecute taint", "observedGeneration": 1,
    }  # fmt: skip
    assert world.api.get(f"{world.core}/pods/always").code == 200


def test_a_drained_node_is_empty_and_its_pods_are_elsewhere(world: World, worker: str) -> None:
    """What `kubectl drain` does: cordon, then evict."""
    world.start(2, {"nodeSelector": {"kubernetes.io/os": "linux"}})
    world.available()
    world.api.patch(f"/api/v1/nodes/{worker}", {"spec": {"unschedulable": True}})
    for victim in [p for p in world.pods() if p["spec"]["nodeName"] == worker]:
        name = victim["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": world.ns}}
        assert world.api.post(f"{world.core}/pods/{name}/eviction", eviction).code == 201
    eventually(lambda: len(names(world.pods())) == 2 and all(p["spec"].get("nodeName") not in (None, worker) for p in world.pods()))


def test_a_pod_bound_to_a_node_that_is_not_there_is_collected(world: World) -> None:
    world.api.made(f"{world.core}/pods", pod(container(), nodeName="nowhere") | {"metadata": {"name": "lost"}})
    assert world.api.seen(f"{world.core}/pods/lost")["status"]["phase"] == "Pending"


def test_pods_are_found_by_their_node(world: World, worker: str) -> None:
    world.api.made(f"{world.core}/pods", pod(container("true"), nodeName=worker) | {"metadata": {"name": "there"}})
    found = world.api.seen("/api/v1/pods", fieldSelector=f"spec.nodeName={worker}")["items"]
    assert (world.ns, "there") in {(p["metadata"]["namespace"], p["metadata"]["name"]) for p in found}
    assert {p["spec"]["nodeName"] for p in found} == {worker}
    eventually(lambda: world.api.seen(f"{world.core}/pods", fieldSelector="status.phase=Succeeded")["items"])
