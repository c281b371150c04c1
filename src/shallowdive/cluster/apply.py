"""Server-side apply of any object the course uses: the same call creates it, changes it, or leaves it alone.

The official client has one patch method a kind; this finds the path from a table instead (a further kind is a row)."""

from __future__ import annotations

import json
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.errors import BadAnswer
from shallowdive.objects import Object

PATHS: dict[str, tuple[str, str]] = {
    # kind: (API path, plural); a leading "-" means cluster-scoped
    "ConfigMap": ("/api/v1", "configmaps"),
    "LimitRange": ("/api/v1", "limitranges"),
    "Namespace": ("-/api/v1", "namespaces"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Pod": ("/api/v1", "pods"),
    "ResourceQuota": ("/api/v1", "resourcequotas"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "Job": ("/apis/batch/v1", "jobs"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
    "IngressClass": ("-/apis/networking.k8s.io/v1", "ingressclasses"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "ClusterRole": ("-/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("-/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
}


def apply(api: client.ApiClient, body: Any, namespace: str = "", manager: str = "shallowdive") -> Object:
    """Apply one object (a dictionary or a client model) and return what the server stored. ApiException on refusal."""
    obj: Object = api.sanitize_for_serialization(body)
    kind = obj.get("kind", "")
    if kind not in PATHS or not obj.get("apiVersion"):
        raise BadAnswer(
            "this object cannot be applied",
            saw=f"kind {kind or 'missing'}, apiVersion {obj.get('apiVersion', 'missing')}",
            try_this=f"give apiVersion and one of the kinds {', '.join(sorted(PATHS))}",
        )
    base, plural = PATHS[kind]
    inside = "" if base.startswith("-") else f"/namespaces/{obj['metadata'].get('namespace') or namespace}"
    path = f"{base.lstrip('-')}{inside}/{plural}/{obj['metadata']['name']}"
    return call(api, "PATCH", path, obj, content_type="application/apply-patch+yaml", query={"fieldManager": manager, "force": "true"})


def call(
    api: client.ApiClient,
    method: str,
    path: str,
    body: Any = None,
    *,
    content_type: str = "application/json",
    query: dict[str, str] | None = None,
    read_s: float = 15,
) -> Object:
    """One JSON request by path, through the official client's connection and credentials."""
    headers = {"Accept": "application/json", **({"Content-Type": content_type} if body is not None else {})}
    request = api.param_serialize(
        method, path, query_params=list((query or {}).items()), header_params=headers, body=body, auth_settings=["BearerToken"]
    )
    response = api.call_api(*request, _request_timeout=(3, read_s))
    text = response.read().decode("utf-8", errors="replace")
    if not 200 <= response.status <= 299:
        raise ApiException(status=response.status, reason=response.reason, body=text)
    return dict(json.loads(text)) if text.startswith("{") else {"text": text}
