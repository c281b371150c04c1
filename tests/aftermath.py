"""What a cluster is like, apart from the labs' own namespaces: a lab and its judging must leave it as it was."""

from __future__ import annotations

import json
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from shallowdive.cluster import Access
from shallowdive.cluster.apply import call
from shallowdive.errors import WaitTimeout
from shallowdive.lessons.place import BATCH, LAB
from shallowdive.live import poll
from shallowdive.objects import condition, labels_of, name_of
from shallowdive.objects.pods import is_ready

CLUSTER_WIDE = (
    "/apis/storage.k8s.io/v1/storageclasses", "/apis/networking.k8s.io/v1/ingressclasses", "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
)  # fmt: skip
SETTLED_S = 150


def look(access: Access) -> dict[str, str]:
    """A line for each thing: nodes with what they say of themselves, objects of the whole cluster, pods of the system."""
    api = access.connect()
    seen: dict[str, str] = {}
    for node in items(api, "/api/v1/nodes"):
        taints = sorted(f"{t['key']}:{t['effect']}" for t in node["spec"].get("taints") or [])
        own = {k: v for k, v in labels_of(node).items() if not k.startswith("beta.")}
        seen[f"node {name_of(node)}"] = f"Ready {condition(node, 'Ready')}, taints {taints}, labels {json.dumps(own, sort_keys=True)}"
        seen[f"node {name_of(node)} takes pods"] = str(not node["spec"].get("unschedulable"))
    for path in CLUSTER_WIDE:
        seen |= {f"{path.rpartition('/')[2]} {name_of(o)}": "there" for o in items(api, path)}
    for namespace in items(api, "/api/v1/namespaces"):
        ours = labels_of(namespace).keys() & {LAB, BATCH}
        if not ours and not name_of(namespace).startswith(("contract-", "test-")):
            seen[f"namespace {name_of(namespace)}"] = "there"
    for space in ("kube-system", "shallowdive-system", "local-path-storage", "default"):
        for pod in items(api, f"/api/v1/namespaces/{space}/pods"):
            if name_of(pod).startswith(
                "helper-pod-"
            ):  # makes or removes a volume of somebody who works beside; the volumes are counted last
                continue
            whose = name_of(pod) if "ownerReferences" not in pod["metadata"] else pod["metadata"].get("generateName") or name_of(pod)
            seen[f"pod {space}/{whose} on {pod['spec'].get('nodeName')}"] = "ready" if is_ready(pod) else "not ready"
        for kind in ("services", "configmaps", "secrets", "serviceaccounts"):
            seen |= {f"{kind} {space}/{name_of(o)}": "there" for o in items(api, f"/api/v1/namespaces/{space}/{kind}")}
    return seen


def look_settled(access: Access) -> dict[str, str]:
    """The same, once the system's own pods are ready: on a cluster that was made a moment ago some are not."""
    return poll(
        "the system's pods", lambda: None if "not ready" in (seen := look(access)).values() else seen, within_s=SETTLED_S, every_s=1
    )


def items(api: client.ApiClient, path: str) -> list[dict[str, Any]]:
    try:
        return list(call(api, "GET", path)["items"])
    except ApiException as exc:
        if exc.status == 404:  # the embedded cluster has no such kind
            return []
        raise


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    names = sorted(before.keys() | after.keys())
    return [f"{n}: {before.get(n, 'not there')} -> {after.get(n, 'gone')}" for n in names if before.get(n) != after.get(n)]


def until_as_before(access: Access, before: dict[str, str]) -> list[str]:
    """What is still different after SETTLED_S; usually nothing, at once."""
    last: list[str] = []

    def ask() -> bool | None:
        last[:] = differences(before, look(access))
        return None if last else True

    try:
        poll("the cluster as it was", ask, within_s=SETTLED_S, every_s=1)
    except (WaitTimeout, ApiException, HTTPError):
        return last or ["nobody answered"]
    return []
