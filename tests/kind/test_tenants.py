"""Tenants: a namespace, a token, nothing cluster-scoped. The labs that say `tenant` run so, and an existing cluster is shared so."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from shallowdive.checks import LABS
from shallowdive.cluster import Access, Home, NamespaceClient, State, open_access, tenant_access, up
from shallowdive.cluster.access import MARKER, SYSTEM_NAMESPACE
from shallowdive.cluster.apply import apply
from shallowdive.cluster.existing import ExistingBackend
from shallowdive.errors import NotOurs
from shallowdive.lessons.place import make_namespace

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
RUN = "import json,sys; from shallowdive.notebooks.execute import execute, read; execute(read(sys.argv[1]))"

RULES = [
    {"apiGroups": [""], "resources": ["pods", "services", "configmaps", "events", "persistentvolumeclaims"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["pods/log", "pods/exec", "pods/proxy", "services/proxy"], "verbs": ["get", "create"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale", "replicasets"], "verbs": ["*"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["*"]},
]


def make_tenant(owner: Access, lab: str, who: str, folder: Path) -> dict[str, str]:
    """A namespace with a service account that may use it and nothing else; the environment that hands it over."""
    namespace = make_namespace(owner, LABS[lab], who)
    api = owner.connect()
    rbac = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"}
    for body in (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "tenant"}, "rules": RULES},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "tenant"},
            "roleRef": rbac,
            "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": namespace}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MARKER}, "data": {"uid": "shared"}},
    ):
        apply(api, body, namespace)
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=1800))
    token = client.CoreV1Api(api).create_namespaced_service_account_token("tenant", namespace, request).status
    assert token is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text(token.token)
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


def run_lab(lab: str, env: dict[str, str]) -> str:
    """The solution in a kernel that has a tenant's access only; '' or what went wrong."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SHALLOWDIVE_") and k != "KUBECONFIG"}
    file = ROOT / "labs" / "solutions" / f"{lab}.ipynb"
    ended = subprocess.run(
        [sys.executable, "-c", RUN, str(file)], env={**clean, **env}, capture_output=True, text=True, timeout=400, check=False
    )
    if ended.returncode:
        return ended.stderr[-1500:]
    receipt = json.loads((Path(env["SHALLOWDIVE_HOME"]) / "receipts" / f"{lab}-{env['SHALLOWDIVE_LEARNER']}.json").read_text())
    return "" if receipt["passed"] else str(receipt["checks"])


@pytest.fixture(scope="module")
def runs(access: Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Every lab that needs no more than a namespace, run by a tenant of its own, all at once."""
    labs = [lab.id for lab in LABS.values() if lab.needs == ("tenant",)]
    envs = {lab: make_tenant(access, lab, f"tenant-{lab[:2]}", tmp_path_factory.mktemp(f"tenant-{lab}")) for lab in labs}
    with ThreadPoolExecutor(len(labs)) as pool:
        yield dict(zip(labs, pool.map(lambda lab: run_lab(lab, envs[lab]), labs), strict=True))
    core = client.CoreV1Api(access.connect())
    for env in envs.values():
        core.delete_namespace(env["SHALLOWDIVE_NAMESPACE"])


@pytest.mark.parametrize("lab", [lab.id for lab in LABS.values() if lab.needs == ("tenant",)])
def test_a_lab_that_declares_tenant_runs_with_one_namespace_and_its_token(lab: str, runs: dict[str, str]) -> None:
    assert runs[lab] == ""


def test_a_tenant_reaches_nothing_but_its_namespace(access: Access, tmp_path: Path) -> None:
    env = make_tenant(access, "12-deployment", "tenant-alone", tmp_path)
    tenant = tenant_access(env)
    assert tenant is not None
    api = tenant.connect()
    denied = (
        lambda: client.CoreV1Api(api).list_node(),
        lambda: client.CoreV1Api(api).list_namespace(),
        lambda: client.CoreV1Api(api).list_namespaced_secret("kube-system"),
        lambda: client.CoreV1Api(api).list_namespaced_pod(SYSTEM_NAMESPACE),
        lambda: client.CoreV1Api(api).create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="more"))),
        lambda: client.RbacAuthorizationV1Api(api).list_namespaced_role(tenant.namespace),
    )
    for call in denied:
        with pytest.raises(client.ApiException) as caught:
            call()
        assert caught.value.status == 403
    place = NamespaceClient(tenant, tenant.namespace)
    place.follower.start()
    place.close()
    client.CoreV1Api(access.connect()).delete_namespace(tenant.namespace)


def test_a_namespace_without_the_marker_is_refused(access: Access, tmp_path: Path) -> None:
    env = make_tenant(access, "12-deployment", "tenant-unmarked", tmp_path)
    core = client.CoreV1Api(access.connect())
    core.delete_namespaced_config_map(MARKER, env["SHALLOWDIVE_NAMESPACE"])
    with pytest.raises(NotOurs, match="does not carry our marker"):
        tenant_access(env)
    core.delete_namespace(env["SHALLOWDIVE_NAMESPACE"])


def test_an_existing_cluster_is_adopted_by_name_and_given_back(access: Access, kind_home: Home, tmp_path: Path) -> None:
    """The run's own cluster plays the existing one; it carries a marker already, as a shared one would."""
    mine = Home(tmp_path / "home", "shared")
    context = f"kind-{kind_home.cluster}"
    backend = ExistingBackend(mine, kind_home.kubeconfig, context, context, access.http_url)
    assert up(backend, lambda _: None).state is State.RUNNING
    assert up(ExistingBackend(mine), lambda _: None).state is State.RUNNING, "found again without being named"
    ours = make_namespace(open_access(mine), LABS["12-deployment"], "me")
    theirs = make_namespace(access, LABS["12-deployment"], "neighbour")
    core = client.CoreV1Api(access.connect())
    assert ExistingBackend(mine).down(lambda _: None)
    phases = {n.metadata.name: n.status.phase for n in core.list_namespace().items if n.metadata and n.status}
    assert phases.get(ours, "Terminating") == "Terminating"
    assert phases[theirs] == "Active", "a neighbour's namespace was touched"
    assert phases[SYSTEM_NAMESPACE] == "Active", "the marker was there before us"
    assert not mine.kubeconfig.exists()
    core.delete_namespace(theirs)


def test_a_tenants_kubeconfig_needs_no_file_of_the_person(kind_home: Home, access: Access) -> None:
    """Everything we hand to the client is in our own file: no program, no path."""
    document = yaml.safe_load(kind_home.kubeconfig.read_text())
    user = document["users"][0]["user"]
    assert set(user) == {"client-certificate-data", "client-key-data"}
    assert base64.b64decode(user["client-certificate-data"]).startswith(b"-----BEGIN")
    assert kind_home.kubeconfig.stat().st_mode & 0o077 == 0, access
