"""A tenant of a cluster: one namespace, a service account that may use it, a token. What a class on a shared cluster gets."""

from __future__ import annotations

from pathlib import Path

from kubernetes import client

from shallowdive.cluster.access import MARKER, Access
from shallowdive.cluster.apply import apply

RULES = [
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},  # its own only: whose it is
    {"apiGroups": [""], "resources": ["pods", "services", "configmaps", "events", "persistentvolumeclaims"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["pods/log", "pods/exec", "pods/proxy", "services/proxy"], "verbs": ["get", "create"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale", "replicasets"], "verbs": ["*"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["*"]},
]


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
