"""Which resources can be watched, and the official client's call that lists each. A further kind is a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubernetes import client

KINDS: dict[str, tuple[str, str]] = {
    # kind: (API class, list call); a call with "namespaced" takes the namespace first
    "Pod": ("CoreV1Api", "list_namespaced_pod"),
    "Service": ("CoreV1Api", "list_namespaced_service"),
    "ConfigMap": ("CoreV1Api", "list_namespaced_config_map"),
    "PersistentVolumeClaim": ("CoreV1Api", "list_namespaced_persistent_volume_claim"),
    "PersistentVolume": ("CoreV1Api", "list_persistent_volume"),
    "Event": ("CoreV1Api", "list_namespaced_event"),
    "Node": ("CoreV1Api", "list_node"),
    "Deployment": ("AppsV1Api", "list_namespaced_deployment"),
    "ReplicaSet": ("AppsV1Api", "list_namespaced_replica_set"),
    "EndpointSlice": ("DiscoveryV1Api", "list_namespaced_endpoint_slice"),
    "Ingress": ("NetworkingV1Api", "list_namespaced_ingress"),
    "StatefulSet": ("AppsV1Api", "list_namespaced_stateful_set"),
    "DaemonSet": ("AppsV1Api", "list_namespaced_daemon_set"),
    "Job": ("BatchV1Api", "list_namespaced_job"),
    "HorizontalPodAutoscaler": ("AutoscalingV2Api", "list_namespaced_horizontal_pod_autoscaler"),
    "PodDisruptionBudget": ("PolicyV1Api", "list_namespaced_pod_disruption_budget"),
    "ResourceQuota": ("CoreV1Api", "list_namespaced_resource_quota"),
    "LimitRange": ("CoreV1Api", "list_namespaced_limit_range"),
    "ServiceAccount": ("CoreV1Api", "list_namespaced_service_account"),
    "Secret": ("CoreV1Api", "list_namespaced_secret"),
    "Namespace": ("CoreV1Api", "list_namespace"),
    "StorageClass": ("StorageV1Api", "list_storage_class"),
    "IngressClass": ("NetworkingV1Api", "list_ingress_class"),
    "APIService": ("ApiregistrationV1Api", "list_api_service"),
}
LAB_KINDS = ("Pod", "ReplicaSet", "Deployment", "Service", "EndpointSlice", "Ingress", "ConfigMap", "Event")
"""What a tenant's namespace is followed by: nothing cluster-scoped."""


def is_namespaced(kind: str) -> bool:
    return "namespaced" in KINDS[kind][1]


def list_call(api: client.ApiClient, kind: str, namespace: str) -> Callable[..., Any]:
    """The client's list call for a kind, with the namespace filled in where the kind has one."""
    group, name = KINDS[kind]
    call = getattr(getattr(client, group)(api), name)
    return (lambda **kw: call(namespace, **kw)) if is_namespaced(kind) else call
