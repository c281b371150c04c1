"""What is added to new objects and what other objects forbid. Wording as seen on kind 1.37.2."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest

from shallowdive.embedded.kinds import (
    CONFIGMAPS,
    DEPLOYMENTS,
    INGRESSES,
    LIMITRANGES,
    NAMESPACES,
    PODS,
    PRIORITYCLASSES,
    PVCS,
    QUOTAS,
    SERVICEACCOUNTS,
    SERVICES,
)
from shallowdive.embedded.status import ApiError
from tests.plain.embedded.world import World

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def refusal(call: Any, *args: Any, **more: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as refused:
        call(*args, **more)
    return refused.value.code, refused.value.message


def service(world: World, name: str, **spec: Any) -> dict[str, Any]:
    return world.create(SERVICES, name, spec={"ports": [{"port": 80, "protocol": "TCP"}], **spec})["spec"]


def pod_with(world: World, name: str, **resources: Any) -> dict[str, Any]:
    return world.create(PODS, name, spec={"containers": [{"name": "a", "image": "i", "resources": resources}]})


# pods


def test_a_pod_gets_its_account_its_token_and_five_minutes_on_a_lost_node(world: World) -> None:
    pod = world.pod("p")
    spec = pod["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"], spec["priority"]) == ("default", "default", 0)
    [volume] = spec["volumes"]
    assert re.fullmatch("kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}", volume["name"])
    assert volume["projected"]["sources"][0] == {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    assert volume["projected"]["defaultMode"] == 420
    assert spec["containers"][0]["volumeMounts"] == [{"name": volume["name"], "readOnly": True, "mountPath": ACCOUNT}]
    assert [(row["key"], row["tolerationSeconds"]) for row in spec["tolerations"]] == [
        ("node.kubernetes.io/not-ready", 300),
        ("node.kubernetes.io/unreachable", 300),
    ]
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_no_token_is_mounted_where_pod_or_account_says_so(world: World) -> None:
    assert "volumes" not in world.pod("p", automountServiceAccountToken=False)["spec"]
    world.create(SERVICEACCOUNTS, "quiet", automountServiceAccountToken=False)
    assert "volumes" not in world.pod("q", serviceAccountName="quiet")["spec"]
    assert "volumes" in world.pod("r", serviceAccountName="quiet", automountServiceAccountToken=True)["spec"]


def test_an_account_that_is_not_there_is_refused(world: World) -> None:
    assert refusal(world.pod, "p", serviceAccountName="nobody") == (
        403,
        'pods "p" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
    )


def test_a_pod_in_a_new_namespace_does_not_wait_for_the_account(world: World) -> None:
    world.create(NAMESPACES, "lab")
    assert World(world.cluster, "lab").pod("p")["spec"]["serviceAccountName"] == "default"
    world.advance(1)
    assert World(world.cluster, "lab").names(SERVICEACCOUNTS) == ["default"]


def test_priority_comes_from_the_class_and_from_nowhere_else(world: World) -> None:
    assert world.pod("p", priorityClassName="system-node-critical")["spec"]["priority"] == 2000001000
    assert refusal(world.pod, "q", priorityClassName="nobody") == (
        403,
        'pods "q" is forbidden: no PriorityClass with name nobody was found',
    )
    assert refusal(world.pod, "q", priority=5) == (
        403,
        'pods "q" is forbidden: the integer value of priority (5) must not be provided in pod spec; '
        "priority admission controller computed 0 from the given PriorityClass name",
    )
    world.create(PRIORITYCLASSES, "usual", value=7, globalDefault=True)
    spec = world.pod("r")["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("usual", 7)


@pytest.mark.parametrize(
    ("resources", "qos"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}}, "Burstable"),
    ],
)
def test_the_quality_of_service_follows_from_requests_and_limits(world: World, resources: dict[str, Any], qos: str) -> None:
    assert pod_with(world, "p", **resources)["status"]["qosClass"] == qos


# namespaces


def test_nothing_is_made_in_a_namespace_that_is_not_there(world: World) -> None:
    assert refusal(World(world.cluster, "nowhere").pod, "p") == (404, 'namespaces "nowhere" not found')


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_stay(world: World, name: str) -> None:
    assert refusal(world.delete, NAMESPACES, name) == (403, f'namespaces "{name}" is forbidden: this namespace may not be deleted')


# services


def test_a_service_gets_a_free_address_and_keeps_it(world: World) -> None:
    spec = service(world, "a")
    assert ipaddress.ip_address(spec["clusterIP"]) in ipaddress.ip_network("10.96.0.0/16")
    assert (spec["clusterIPs"], spec["ipFamilies"], spec["ipFamilyPolicy"]) == ([spec["clusterIP"]], ["IPv4"], "SingleStack")
    changed = world.change(SERVICES, "a", lambda value: [value["spec"].pop("clusterIP"), value["spec"].pop("clusterIPs")])
    assert changed["spec"]["clusterIP"] == spec["clusterIP"]
    assert service(world, "none", clusterIP="None")["clusterIPs"] == ["None"]
    assert "clusterIP" not in service(world, "name", type="ExternalName", externalName="example.com")


def test_an_address_is_given_once_and_only_from_the_range(world: World) -> None:
    assert refusal(service, world, "a", clusterIP="10.96.0.1") == (
        422,
        'Service "a" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.1"]: '
        "failed to allocate IP 10.96.0.1: provided IP is already allocated",
    )
    assert refusal(service, world, "a", clusterIP="1.2.3.4") == (
        422,
        'Service "a" is invalid: spec.clusterIPs: Invalid value: ["1.2.3.4"]: '
        "failed to allocate IP 1.2.3.4: the provided network does not match the current range",
    )
    service(world, "a", clusterIP="10.96.0.9")
    world.delete(SERVICES, "a")
    assert service(world, "b", clusterIP="10.96.0.9")["clusterIP"] == "10.96.0.9"


def test_node_ports_are_drawn_checked_and_given_back(world: World) -> None:
    port = service(world, "a", type="NodePort")["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    asked = [{"port": 80, "protocol": "TCP", "nodePort": port}]
    assert refusal(service, world, "b", type="NodePort", ports=asked) == (
        422,
        f'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: {port}: provided port is already allocated',
    )
    assert refusal(service, world, "b", type="NodePort", ports=[{"port": 80, "protocol": "TCP", "nodePort": 80}]) == (
        422,
        'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 80: '
        "provided port is not in the valid range. The range of valid ports is 30000-32767",
    )
    plain = world.change(SERVICES, "a", lambda value: value["spec"].update(type="ClusterIP"))
    assert "nodePort" not in plain["spec"]["ports"][0]
    assert "externalTrafficPolicy" not in plain["spec"]
    assert service(world, "b", type="NodePort", ports=asked)["ports"][0]["nodePort"] == port


# classes


def test_claims_and_ingresses_get_the_default_class(world: World) -> None:
    claim = world.create(PVCS, "c", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}})
    assert claim["spec"]["storageClassName"] == "standard"
    assert claim["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    backend = {"service": {"name": "a", "port": {"number": 80}}}
    assert world.create(INGRESSES, "i", spec={"defaultBackend": backend})["spec"]["ingressClassName"] == "traefik"


# quota


def quota(world: World, **hard: str) -> None:
    world.create(QUOTAS, "q", spec={"hard": {name.replace("__", "/").replace("_", "."): amount for name, amount in hard.items()}})
    world.advance(1)


def test_a_quota_of_resources_must_be_met_by_every_container(world: World) -> None:
    quota(world, cpu="2", requests_cpu="1", limits_memory="1Gi")
    assert refusal(pod_with, world, "p") == (
        403,
        'pods "p" is forbidden: failed quota: q: must specify cpu for: a; limits.memory for: a; requests.cpu for: a',
    )
    big = {"requests": {"cpu": "1500m", "memory": "10Mi"}, "limits": {"memory": "2Gi"}}
    assert refusal(pod_with, world, "p", **big) == (
        403,
        'pods "p" is forbidden: exceeded quota: q, requested: limits.memory=2Gi,requests.cpu=1500m, '
        "used: limits.memory=0,requests.cpu=0, limited: limits.memory=1Gi,requests.cpu=1",
    )


def test_what_is_used_is_counted_and_given_back(world: World) -> None:
    quota(world, pods="2", requests_cpu="1", configmaps="2", count__deployments_apps="1", services="2", services_nodeports="0")
    small = {"requests": {"cpu": "100m"}}
    pod_with(world, "one", **small)
    pod_with(world, "two", **small)
    assert refusal(pod_with, world, "three", **small)[1] == (
        'pods "three" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
    )
    world.create(CONFIGMAPS, "cm1")
    assert refusal(world.create, CONFIGMAPS, "cm2")[1] == (
        'configmaps "cm2" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2, limited: configmaps=2'
    )
    assert refusal(service, world, "s", type="NodePort")[1] == (
        'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=0, '
        "limited: services.nodeports=0"
    )
    world.deployment(replicas=0)
    assert refusal(world.deployment, "d2")[1] == (
        'deployments.apps "d2" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, '
        "used: count/deployments.apps=1, limited: count/deployments.apps=1"
    )
    world.advance(3)
    assert world.must(QUOTAS, "q")["status"]["used"] == {
        "pods": "2",
        "requests.cpu": "200m",
        "configmaps": "2",
        "count/deployments.apps": "1",
        "services": "1",
        "services.nodeports": "0",
    }
    world.delete(PODS, "one")
    world.advance(1)
    assert world.must(QUOTAS, "q")["status"]["used"]["requests.cpu"] == "100m"
    pod_with(world, "three", **small)


def test_a_finished_pod_uses_nothing(world: World) -> None:
    quota(world, pods="1")
    world.pod("p", image="exit-0", restartPolicy="Never")
    world.advance(5)
    assert world.must(QUOTAS, "q")["status"]["used"] == {"pods": "0"}
    world.pod("q")


def test_a_dry_run_uses_nothing(world: World) -> None:
    quota(world, configmaps="2")
    for _ in range(3):
        world.create(CONFIGMAPS, "cm", dry_run=True)
    world.create(CONFIGMAPS, "cm")


# limit ranges

LIMITS = [
    {
        "type": "Container",
        "default": {"cpu": "200m", "memory": "64Mi"},
        "defaultRequest": {"cpu": "50m"},
        "min": {"cpu": "10m"},
        "max": {"cpu": "1"},
        "maxLimitRequestRatio": {"memory": "2"},
    },
    {"type": "Pod", "max": {"memory": "1Gi"}},
    {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}, "min": {"storage": "1Mi"}},
]


def test_a_container_that_asks_for_nothing_gets_the_default(world: World) -> None:
    limits = world.create(LIMITRANGES, "l", spec={"limits": LIMITS})
    assert limits["spec"]["limits"][0]["defaultRequest"] == {"cpu": "50m", "memory": "64Mi"}
    pod = pod_with(world, "p")
    assert pod["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "200m", "memory": "64Mi"},
        "requests": {"cpu": "50m", "memory": "64Mi"},
    }
    assert pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container a; cpu, memory limit for container a"
    )
    assert pod["status"]["qosClass"] == "Burstable"


def test_every_limit_that_is_broken_is_named(world: World) -> None:
    world.create(LIMITRANGES, "l", spec={"limits": LIMITS})
    big = {"requests": {"cpu": "5m", "memory": "10Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
    assert refusal(pod_with, world, "big", **big) == (
        403,
        'pods "big" is forbidden: [minimum cpu usage per Container is 10m, but request is 5m, '
        "maximum cpu usage per Container is 1, but limit is 2, "
        "memory max limit to request ratio per Container is 2, but provided ratio is 204.800000, "
        "maximum memory usage per Pod is 1Gi, but limit is 2Gi]",
    )
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "7Gi"}}}
    assert refusal(world.create, PVCS, "c", spec=claim)[1] == (
        'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 7Gi'
    )


def test_a_controller_of_pods_is_not_limited_only_its_pods_are(world: World) -> None:
    world.create(LIMITRANGES, "l", spec={"limits": [{"type": "Container", "max": {"cpu": "1m"}}]})
    world.deployment(replicas=1)
    assert world.must(DEPLOYMENTS, "web")["spec"]["template"]["spec"]["containers"][0]["image"] == "i:1"
