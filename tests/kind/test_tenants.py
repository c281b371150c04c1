"""Tenants: a namespace, a token, nothing cluster-scoped. The notebooks of labs that say `tenant` run so on kind (conftest.py), and an
existing cluster is shared so."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from shallowdive.checks import LABS
from shallowdive.checks.student import LEARNER, student_of
from shallowdive.cluster import Access, Home, NamespaceClient, State, open_access, tenant_access, up
from shallowdive.cluster.access import MARKER, SYSTEM_NAMESPACE
from shallowdive.cluster.existing import ExistingBackend
from shallowdive.cluster.tenant import make_tenant
from shallowdive.errors import NotOurs
from shallowdive.lessons.place import make_namespace

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]


def test_a_tenant_reaches_nothing_but_its_namespace(access: Access, tmp_path: Path) -> None:
    env = make_tenant(access, make_namespace(access, LABS["12-deployment"], "tenant-alone"), "tenant-alone", tmp_path)
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
        lambda: client.CoreV1Api(api).read_namespace(SYSTEM_NAMESPACE),
        lambda: client.CoreV1Api(api).patch_namespace(tenant.namespace, {"metadata": {"labels": {LEARNER: "another"}}}),
    )
    for call in denied:
        with pytest.raises(client.ApiException) as caught:
            call()
        assert caught.value.status == 403
    place = NamespaceClient(tenant, tenant.namespace)
    place.follower.start()
    assert student_of(place) == "tenant-alone", "what is drawn for it is what the judge draws"
    place.close()
    client.CoreV1Api(access.connect()).delete_namespace(tenant.namespace)


def test_a_namespace_without_the_marker_is_refused(access: Access, tmp_path: Path) -> None:
    env = make_tenant(access, make_namespace(access, LABS["12-deployment"], "tenant-unmarked"), "tenant-unmarked", tmp_path)
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
