"""The objects a new cluster starts with: namespaces, nodes, classes, the API's own service, roles. The same ones as on kind.

Left out, and so different: what runs in kube-system on kind runs here as Python. One thing stands there: a pod on each node that requests
what kind's network plugin requests, because a node is never free for one's own pods alone."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

import orjson

from shallowdive.embedded.kinds import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    DAEMONSETS,
    ENDPOINTS,
    ENDPOINTSLICES,
    INGRESSCLASSES,
    LEASES,
    NAMESPACES,
    NODES,
    PRIORITYCLASSES,
    SERVICES,
    STORAGECLASSES,
    VERSION,
)
from shallowdive.embedded.registry import Who
from shallowdive.embedded.store import Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

API_SERVER, KUBELET, ADMIN = Who("kube-apiserver"), Who("kubelet"), Who("kubectl-client-side-apply")
API_PORT = 6443
PAUSE = "registry.k8s.io/pause:3.10.2"
IMAGES = {
    "registry.k8s.io/kube-proxy:v1.37.2": 187734743,
    "docker.io/library/traefik:v3.7.15": 185017865,
    "registry.k8s.io/e2e-test-images/agnhost:2.66.1": 66470147,
    "registry.k8s.io/e2e-test-images/agnhost:2.63.0": 65925379,
    "registry.k8s.io/coredns/coredns:v1.14.6": 52678594,
    "registry.k8s.io/e2e-test-images/busybox:1.37.0-1": 2172527,
    PAUSE: 694710,
}
"""What a node of the course's kind cluster has at the start, in bytes."""
ROOM = {"cpu": "4", "ephemeral-storage": "100Gi", "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": "8Gi", "pods": "110"}
HEALTH = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def first_objects(cluster: Cluster) -> None:
    """Create them through the registry."""
    create = cluster.registry.create
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        create(NAMESPACES, {"metadata": {"name": name}}, API_SERVER)
    for number in range(cluster.settings.workers + 1):
        _node(cluster, number)
    for resource, value in _classes():
        create(resource, value, ADMIN)
    _api_service(cluster)
    _roles(cluster)
    create(DAEMONSETS, _network(), ADMIN)


def node_name(cluster_name: str, number: int) -> str:
    """As kind names them: `x-control-plane`, `x-worker`, `x-worker2`."""
    return f"{cluster_name}-" + ("control-plane" if number == 0 else "worker" if number == 1 else f"worker{number}")


def node_address(number: int) -> str:
    return f"172.{18 + (number + 2) // 256}.0.{(number + 2) % 256}"


def _node(cluster: Cluster, number: int) -> None:
    name = node_name(cluster.settings.name, number)
    labels = {
        **{f"{prefix}kubernetes.io/{key}": value for prefix in ("beta.", "") for key, value in (("arch", "amd64"), ("os", "linux"))},
        "kubernetes.io/hostname": name,
    }
    provider = f"embedded:///{cluster.settings.name}/{name}"
    spec: dict[str, Any] = {"podCIDR": f"10.{244 + number // 256}.{number % 256}.0/24", "providerID": provider}
    spec["podCIDRs"] = [spec["podCIDR"]]
    if number == 0:
        labels |= {"node-role.kubernetes.io/control-plane": "", "node.kubernetes.io/exclude-from-external-load-balancers": ""}
        spec["taints"] = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    annotations = {"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"}
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    node = cluster.registry.create(NODES, {"metadata": metadata, "spec": spec}, KUBELET)
    cluster.registry.change(NODES, "", name, lambda value: value.update(status=_status(cluster, number)), KUBELET, subresource="status")
    cluster.registry.create(LEASES, _lease(cluster, node), KUBELET)


def _status(cluster: Cluster, number: int) -> dict[str, Any]:
    name, now = node_name(cluster.settings.name, number), cluster.clock.stamp()
    machine = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    return {
        "addresses": [{"type": "InternalIP", "address": node_address(number)}, {"type": "Hostname", "address": name}],
        "allocatable": dict(ROOM),
        "capacity": dict(ROOM),
        "conditions": [
            {"type": t, "status": s, "reason": r, "message": m, "lastHeartbeatTime": now, "lastTransitionTime": now}
            for t, s, r, m in HEALTH
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "images": [{"names": [image], "sizeBytes": size} for image, size in IMAGES.items()],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": machine,
            "containerRuntimeVersion": "containerd://embedded",
            "kernelVersion": "embedded",
            "kubeProxyVersion": "",
            "kubeletVersion": VERSION,
            "machineID": machine,
            "operatingSystem": "linux",
            "osImage": "Kubernetes Shallow Dive (embedded)",
            "systemUUID": machine,
        },
    }


def _network() -> Object:
    labels = {"app": "network"}
    container = {"name": "network", "image": PAUSE, "resources": {"requests": {"cpu": "100m", "memory": "50Mi"}}}
    spec = {
        "containers": [container],
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "tolerations": [{"operator": "Exists"}],
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "metadata": {"name": "network", "namespace": "kube-system", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def _lease(cluster: Cluster, node: Object) -> Object:
    meta = node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": meta["name"], "uid": meta["uid"]}
    spec = {"holderIdentity": meta["name"], "leaseDurationSeconds": 40, "renewTime": cluster.clock.micro_stamp()}
    return {"metadata": {"name": meta["name"], "namespace": "kube-node-lease", "ownerReferences": [owner]}, "spec": spec}


def _classes() -> list[tuple[str, Object]]:
    return [
        (
            PRIORITYCLASSES,
            {
                "metadata": {"name": "system-node-critical"},
                "value": 2000001000,
                "description": "Used for system critical pods that must not be moved from their current node.",
            },
        ),
        (
            PRIORITYCLASSES,
            {
                "metadata": {"name": "system-cluster-critical"},
                "value": 2000000000,
                "description": "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
            },
        ),
        (
            STORAGECLASSES,
            {
                "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                "provisioner": "rancher.io/local-path",
                "reclaimPolicy": "Delete",
                "volumeBindingMode": "WaitForFirstConsumer",
            },
        ),
        (
            INGRESSCLASSES,
            {
                "metadata": {"name": "traefik", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
                "spec": {"controller": "traefik.io/ingress-controller"},
            },
        ),
    ]


def _api_service(cluster: Cluster) -> None:
    """The service `kubernetes`, through which pods find the API server. The API server itself keeps its endpoints."""
    create, meta = cluster.registry.create, {"name": "kubernetes", "namespace": "default"}
    address, port = node_address(0), {"name": "https", "port": API_PORT, "protocol": "TCP"}
    spec = {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": API_PORT}]}
    create(SERVICES, {"metadata": {**meta, "labels": {"component": "apiserver", "provider": "kubernetes"}}, "spec": spec}, API_SERVER)
    no_mirror = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    subsets = [{"addresses": [{"ip": address}], "ports": [dict(port)]}]
    create(ENDPOINTS, {"metadata": {**meta, "labels": no_mirror}, "subsets": subsets}, API_SERVER)
    slice_ = {"addressType": "IPv4", "endpoints": [{"addresses": [address], "conditions": {"ready": True}}], "ports": [dict(port)]}
    create(ENDPOINTSLICES, {"metadata": {**meta, "labels": {"kubernetes.io/service-name": "kubernetes"}}, **slice_}, API_SERVER)


def _roles(cluster: Cluster) -> None:
    """The default roles. `admin`, `edit` and `view` are empty here: the aggregation controller fills them."""
    group = "rbac.authorization.k8s.io"
    data = orjson.loads(resources.files("shallowdive.embedded").joinpath("roles.json").read_bytes())
    annotations, label = {"rbac.authorization.kubernetes.io/autoupdate": "true"}, {"kubernetes.io/bootstrapping": "rbac-defaults"}
    for row in data["roles"]:
        metadata = {"name": row["name"], "annotations": dict(annotations), "labels": {**label, **row.get("labels", {})}}
        body = {key: row[key] for key in ("aggregationRule", "rules") if key in row}
        cluster.registry.create(CLUSTERROLES, {"metadata": metadata, **body}, API_SERVER)
    for row in data["bindings"]:
        metadata = {"name": row["name"], "annotations": dict(annotations), "labels": dict(label)}
        role = {"apiGroup": group, "kind": "ClusterRole", "name": row["role"]}
        subjects = [{"apiGroup": group, "kind": "Group", "name": name} for name in row["groups"]]
        cluster.registry.create(CLUSTERROLEBINDINGS, {"metadata": metadata, "roleRef": role, "subjects": subjects}, API_SERVER)
