"""What a submission's pods may reach, as NetworkPolicies, and whether this cluster enforces any.

A cluster accepts a policy whether or not anything enforces it, so two pods are asked: the same connection with and without one."""

from __future__ import annotations

import secrets
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.cluster import Access
from shallowdive.cluster.access import SYSTEM_NAMESPACE, TIMEOUT_S
from shallowdive.cluster.apply import apply, call
from shallowdive.cluster.images import AGNHOST
from shallowdive.lessons.place import BATCH, HOME
from shallowdive.live import poll
from shallowdive.objects import Object

PROBE_S, CONNECT_S = 90, 4
TAKES_EFFECT_S = 3
"""What a network gets to notice a policy before the probe connects."""
DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def of_runner(access: Access) -> Object:
    """For the student's program: nobody comes in; out, only to the API server and to the entrance."""
    api = [{"to": [{"ipBlock": {"cidr": f"{address}/32"}}], "ports": [{"port": port}]} for address, port in servers(access)]
    return policy("runner", [], [*api, {"to": [_traefik()]}])


def of_lab(access: Access) -> Object:
    """For what it makes: in, from each other, the entrance and the API server (which hands on what one asks it to); out, to each other and
    to the cluster's names."""
    inside: dict[str, Any] = {"podSelector": {}}
    server = [{"from": [{"ipBlock": {"cidr": f"{address}/32"}}]} for address, _ in servers(access)]
    names = {"to": [{"namespaceSelector": _called("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}], **DNS}
    return policy("lab", [{"from": [inside, _traefik()]}, *server], [{"to": [inside]}, names])


def policy(name: str, ingress: list[Object], egress: list[Object], of: dict[str, str] | None = None) -> Object:
    """For every pod of its namespace, or those with the labels `of`."""
    spec = {"podSelector": {"matchLabels": of} if of else {}, "policyTypes": ["Ingress", "Egress"], "ingress": ingress, "egress": egress}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}


def servers(access: Access) -> list[tuple[str, int]]:
    """Addresses and ports of the API server itself: policies see where a packet arrives, not the Service that it was sent to."""
    slices = call(access.connect(), "GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")
    return [(address, port["port"]) for e in slices["endpoints"] for address in e["addresses"] for port in slices["ports"]]


def entrance(access: Access) -> str:
    """The ingress controller as a pod reaches it; '' where the course has installed none."""
    try:
        service = call(access.connect(), "GET", f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/services/traefik")
    except ApiException as exc:
        if exc.status == 404:
            return ""
        raise
    return f"http://{service['spec']['clusterIP']}"


def is_enforced(access: Access, batch: str) -> bool:
    """Whether a pod that a policy closes in is closed in. False also where nothing answers without one, for then nothing was shown."""
    api, name = access.connect(), f"probe-{secrets.token_hex(4)}"
    labels = {HOME: access.owner, BATCH: batch, "pod-security.kubernetes.io/enforce": "restricted"}
    apply(api, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        apply(api, policy("closed", [], [], {"app": "closed"}), name)
        poll("the namespace's service account", lambda: _has_account(api, name), within_s=PROBE_S)
        for app in ("open", "closed"):
            apply(api, _probe(app, servers(access)[0]), name)
        return {app: _status(api, name, app) for app in ("open", "closed")} == {"open": 0, "closed": 1}
    finally:
        client.CoreV1Api(api).delete_namespace(name, _request_timeout=TIMEOUT_S)


def _probe(app: str, server: tuple[str, int]) -> Object:
    line = f"sleep {TAKES_EFFECT_S}; /agnhost connect --timeout={CONNECT_S}s {server[0]}:{server[1]}"
    container = {
        "name": "probe", "image": AGNHOST, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", line],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }  # fmt: skip
    security = {"runAsNonRoot": True, "runAsUser": 65_000, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "securityContext": security, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": app, "labels": {"app": app}}, "spec": spec}


def _status(api: client.ApiClient, namespace: str, pod: str) -> int:
    def ask() -> int | None:
        rows = call(api, "GET", f"/api/v1/namespaces/{namespace}/pods/{pod}")["status"].get("containerStatuses") or [{}]
        end = (rows[0].get("state") or {}).get("terminated")
        return int(end["exitCode"]) if end else None

    return poll(f"the end of the {pod} probe", ask, within_s=PROBE_S, every_s=0.5)


def _has_account(api: client.ApiClient, namespace: str) -> bool | None:
    return True if call(api, "GET", f"/api/v1/namespaces/{namespace}/serviceaccounts")["items"] else None


def _traefik() -> Object:
    return {"namespaceSelector": _called(SYSTEM_NAMESPACE), "podSelector": {"matchLabels": {"app": "traefik"}}}


def _called(namespace: str) -> Object:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
