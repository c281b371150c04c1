"""Services, EndpointSlices and Endpoints, on the virtual clock."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.kinds import ENDPOINTS, ENDPOINTSLICES, PODS, SERVICES
from tests.plain.embedded.world import ME, World

PORT = {"port": 80, "protocol": "TCP", "targetPort": 8080}


def service(world: World, name: str = "web", **spec: Any) -> None:
    world.create(SERVICES, name, spec={"selector": {"app": "web"}, "ports": [dict(PORT)], **spec})


def slices(world: World, name: str = "web") -> list[dict[str, Any]]:
    rows = world.all(ENDPOINTSLICES)
    return [row for row in rows if row["metadata"]["labels"]["kubernetes.io/service-name"] == name]


def test_a_service_without_pods_has_an_empty_slice_and_empty_endpoints(world: World) -> None:
    service(world)
    world.advance(1)
    [row] = slices(world)
    assert (row["endpoints"], row["ports"], row["addressType"]) == (None, None, "IPv4")
    assert row["metadata"]["labels"] == {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": "web",
    }
    assert row["metadata"]["generateName"] == "web-"
    assert "subsets" not in world.must(ENDPOINTS, "web")


def test_ready_pods_stand_in_the_slice_with_node_and_reference(world: World) -> None:
    service(world)
    pod = world.pod("one", labels={"app": "web"})
    world.advance(5)
    [row] = slices(world)
    pod = world.must(PODS, "one")
    assert row["endpoints"] == [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", "namespace": "default", "name": "one", "uid": pod["metadata"]["uid"]},
        }
    ]
    assert row["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    assert world.must(ENDPOINTS, "web")["subsets"][0]["ports"] == [{"port": 8080, "protocol": "TCP"}]


def test_a_pod_that_is_not_ready_is_listed_but_gets_no_traffic(world: World) -> None:
    service(world)
    world.pod("one", labels={"app": "web"})
    world.advance(5)
    rows = [{"type": "Ready", "status": "False", "lastTransitionTime": world.cluster.clock.stamp()}]
    world.kubelet.stopped = {world.must(PODS, "one")["spec"]["nodeName"]}
    world.change(PODS, "one", lambda pod: pod["status"].update(conditions=rows), subresource="status")
    world.advance(1)
    assert slices(world)[0]["endpoints"][0]["conditions"] == {"ready": False, "serving": False, "terminating": False}
    [subset] = world.must(ENDPOINTS, "web")["subsets"]
    assert "addresses" not in subset
    assert len(subset["notReadyAddresses"]) == 1


def test_a_terminating_pod_is_serving_but_not_ready_and_leaves_the_endpoints(world: World) -> None:
    service(world)
    world.pod("one", labels={"app": "web"})
    world.advance(5)
    world.kubelet.stopped = {world.must(PODS, "one")["spec"]["nodeName"]}
    world.delete(PODS, "one")
    world.advance(1)
    assert slices(world)[0]["endpoints"][0]["conditions"] == {"ready": False, "serving": True, "terminating": True}
    assert "subsets" not in world.must(ENDPOINTS, "web")


def test_relabelling_moves_a_pod_from_one_service_to_another(world: World) -> None:
    service(world)
    service(world, "other", selector={"app": "other"})
    world.pod("one", labels={"app": "web"})
    world.advance(5)
    world.change(PODS, "one", lambda pod: pod["metadata"].update(labels={"app": "other"}))
    world.advance(1)
    assert slices(world)[0]["endpoints"] is None
    assert len(slices(world, "other")[0]["endpoints"]) == 1


def test_a_named_port_is_looked_up_in_each_pod(world: World) -> None:
    service(world, ports=[{"name": "p", "port": 80, "protocol": "TCP", "targetPort": "http"}])
    for number in (8080, 9090):
        ports = [{"name": "http", "containerPort": number, "protocol": "TCP"}]
        containers = [{"name": "a", "image": "i", "ports": ports}]
        body = {"containers": containers}
        world.create(PODS, f"p{number}", metadata={"labels": {"app": "web"}}, spec=body)
    world.advance(5)
    assert sorted(row["ports"][0]["port"] for row in slices(world)) == [8080, 9090]
    assert sorted(subset["ports"][0]["port"] for subset in world.must(ENDPOINTS, "web")["subsets"]) == [8080, 9090]


def test_more_than_a_hundred_pods_need_a_second_slice_and_one_change_touches_one_slice(world: World) -> None:
    service(world)
    world.cluster.registry.change(
        "nodes", "", "shallowdive-worker", lambda n: n["status"]["allocatable"].update(pods="500"), ME, subresource="status"
    )
    world.replica_set(replicas=130)
    world.advance(10)
    rows = slices(world)
    assert sorted(len(row["endpoints"]) for row in rows) == [30, 100]
    before = {row["metadata"]["name"]: row["metadata"]["generation"] for row in rows}
    world.delete(PODS, rows[0]["endpoints"][0]["targetRef"]["name"])
    world.advance(5)
    assert sum(len(row["endpoints"]) for row in slices(world)) == 130
    assert len(slices(world)) == 2
    assert any(row["metadata"]["generation"] > before[row["metadata"]["name"]] for row in slices(world))


def test_endpoints_made_by_hand_for_a_service_without_selector_are_mirrored(world: World) -> None:
    world.create(SERVICES, "db", spec={"ports": [dict(PORT)]})
    subsets = [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 5432, "protocol": "TCP"}]}]
    world.create(ENDPOINTS, "db", subsets=subsets)
    world.advance(1)
    [row] = slices(world, "db")
    assert row["endpoints"] == [{"addresses": ["192.0.2.7"], "conditions": {"ready": True}}]
    assert row["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "endpointslicemirroring-controller.k8s.io"


def test_publishing_unready_addresses_sends_traffic_to_every_pod(world: World) -> None:
    service(world, publishNotReadyAddresses=True, clusterIP="None")
    world.pod("one", labels={"app": "web"})
    world.advance(5)
    rows = [{"type": "Ready", "status": "False", "lastTransitionTime": world.cluster.clock.stamp()}]
    world.kubelet.stopped = {world.must(PODS, "one")["spec"]["nodeName"]}
    world.change(PODS, "one", lambda pod: pod["status"].update(conditions=rows), subresource="status")
    world.advance(1)
    assert slices(world)[0]["endpoints"][0]["conditions"]["ready"] is True
    assert slices(world)[0]["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


def test_a_deleted_service_takes_its_endpoints_and_slices_along(world: World) -> None:
    service(world)
    world.advance(1)
    world.delete(SERVICES, "web")
    world.advance(1)
    assert world.names(ENDPOINTS) == ["kubernetes"]
    assert slices(world) == []
