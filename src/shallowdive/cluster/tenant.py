"""A tenant of a cluster: one namespace, a service account that may use it, a token. What a class on a shared cluster gets."""

from __future__ import annotations

from pathlib import Path

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.cluster.access import MARKER, TIMEOUT_S, Access
from shallowdive.cluster.apply import apply, call

RULES = [
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},  # its own only: whose it is
    {"apiGroups": [""], "resources": ["pods", "services", "configmaps", "events", "persistentvolumeclaims"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["pods/log", "pods/exec", "pods/proxy", "services/proxy"], "verbs": ["get", "create"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale", "replicasets"], "verbs": ["*"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["*"]},
]


OWN = [
    ("api/v1", "pods"), ("api/v1", "services"), ("api/v1", "configmaps"), ("api/v1", "persistentvolumeclaims"), ("api/v1", "events"),
    ("apis/apps/v1", "deployments"), ("apis/apps/v1", "replicasets"), ("apis/networking.k8s.io/v1", "ingresses"),
]  # fmt: skip
"""What a tenant may make: API path and plural."""
ANSWERED = {"kubernetes.io/pvc-protection", "foregroundDeletion", "orphan", "batch.kubernetes.io/job-tracking"}
"""Finalizers of Kubernetes itself."""
OF_THE_CLUSTER = [{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch"]}]
"""For labs that look at nodes and at what runs on them, on a cluster that the tenant has alone."""


def let_look(api: client.ApiClient, namespace: str, account: str) -> str:
    """Let a service account look at nodes and pods of the whole cluster; the name of the binding, for `no_more_looks`."""
    name = f"shallowdive-look-{namespace}"
    of_rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    apply(api, of_rbac | {"kind": "ClusterRole", "rules": OF_THE_CLUSTER})
    who = [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
    apply(api, of_rbac | {"kind": "ClusterRoleBinding", "roleRef": role, "subjects": who})
    return name


def no_more_looks(api: client.ApiClient, name: str) -> None:
    rbac = client.RbacAuthorizationV1Api(api)
    rbac.delete_cluster_role_binding(name, _request_timeout=TIMEOUT_S)
    rbac.delete_cluster_role(name, _request_timeout=TIMEOUT_S)


def let_in(api: client.ApiClient, namespace: str, account: str, of_namespace: str) -> None:
    """Let a service account of some namespace use this one and nothing else; the marker says that the course may be used here."""
    rbac = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"}
    of_rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "tenant"}}
    who = [{"kind": "ServiceAccount", "name": account, "namespace": of_namespace}]
    for body in (
        of_rbac | {"kind": "Role", "rules": RULES},
        of_rbac | {"kind": "RoleBinding", "roleRef": rbac, "subjects": who},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MARKER}, "data": {"uid": "shared"}},
    ):
        apply(api, body, namespace)


def shut_out(api: client.ApiClient, namespace: str) -> None:
    """From now on nobody who was let in may do anything here, whatever token they have kept or hidden in a pod."""
    client.RbacAuthorizationV1Api(api).delete_namespaced_role_binding("tenant", namespace, _request_timeout=TIMEOUT_S)


def empty(api: client.ApiClient, namespace: str) -> None:
    """End at once what would keep a namespace from ending: pods with a long grace, finalizers that nobody answers to. What is gone by
    itself meanwhile is as good."""
    client.CoreV1Api(api).delete_collection_namespaced_pod(namespace, grace_period_seconds=0, _request_timeout=TIMEOUT_S)
    for group, plural in OWN:
        for obj in call(api, "GET", f"/{group}/namespaces/{namespace}/{plural}")["items"]:
            if set(obj["metadata"].get("finalizers") or []) - ANSWERED:
                body = {"metadata": {"finalizers": [f for f in obj["metadata"]["finalizers"] if f in ANSWERED]}}
                path = f"/{group}/namespaces/{namespace}/{plural}/{obj['metadata']['name']}"
                try:
                    call(api, "PATCH", path, body, content_type="application/merge-patch+json")
                except ApiException as exc:
                    if exc.status != 404:
                        raise


def make_tenant(owner: Access, namespace: str, who: str, folder: Path) -> dict[str, str]:
    """A service account that may use this namespace and nothing else; the environment that hands it over."""
    api = owner.connect()
    apply(api, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant"}}, namespace)
    let_in(api, namespace, "tenant", namespace)
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=1800))
    token = client.CoreV1Api(api).create_namespaced_service_account_token("tenant", namespace, request).status
    assert token is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text(str(token.token))
    (folder / "ca").write_bytes(Path(str(owner.configuration.ssl_ca_cert)).read_bytes())
    return {
        "SHALLOWDIVE_SERVER": owner.configuration.host,
        "SHALLOWDIVE_TOKEN_FILE": str(folder / "token"),
        "SHALLOWDIVE_CA_FILE": str(folder / "ca"),
        "SHALLOWDIVE_NAMESPACE": namespace,
        "SHALLOWDIVE_HTTP_URL": owner.http_url,
        "SHALLOWDIVE_LEARNER": who,
        "SHALLOWDIVE_HOME": str(folder / "home"),
    }
