"""The components of a control plane, as they can be asked for: since when each runs, and what the API server has stored.

On kind a component is a static pod and the store is etcd, which only a machine of the control plane may ask. The embedded cluster plays
all of them, and says of itself what a lab asks for."""

from __future__ import annotations

import base64
import json
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive import process
from shallowdive.cluster.access import TIMEOUT_S, Access
from shallowdive.cluster.apply import call
from shallowdive.errors import NotYet
from shallowdive.objects.pods import moment

PKI = "/etc/kubernetes/pki"
ETCD = "https://127.0.0.1:2379/v3/kv/range"
LIMIT_S = 30


def started_s(access: Access, component: str) -> float:
    """Since when (seconds since 1970) the component's process runs that runs now; 0 when none does."""
    api = access.connect()
    if access.backend == "embedded":
        return moment(call(api, "GET", "/shallowdive")["components"].get(component))
    name = f"{component}-{access.cluster}-control-plane"
    try:
        answer: Any = client.CoreV1Api(api).read_namespaced_pod(name, "kube-system", _preload_content=False, _request_timeout=TIMEOUT_S)
    except ApiException as exc:
        if exc.status == 404:
            return 0.0
        raise
    rows = json.loads(answer.data).get("status", {}).get("containerStatuses") or []
    return moment(next((r["state"]["running"]["startedAt"] for r in rows if "running" in (r.get("state") or {})), ""))


def stored(access: Access, prefix: str) -> list[str]:
    """The keys below a prefix such as `/registry/pods/NAMESPACE/`. NotYet for a tenant, and on a cluster that is not ours to ask."""
    if access.kind != "owner" or access.backend not in ("kind", "embedded"):
        raise NotYet("only its owner asks a cluster's store", saw=f"{access.backend}, {access.kind}", try_this="shallowdive up")
    if access.backend == "embedded":
        return list(call(access.connect(), "GET", "/shallowdive/keys", query={"prefix": prefix})["keys"])
    asked = json.dumps({"key": _coded(prefix), "range_end": _coded(prefix[:-1] + chr(ord(prefix[-1]) + 1)), "keys_only": True})
    with_ = ["--cacert", f"{PKI}/etcd/ca.crt", "--cert", f"{PKI}/apiserver-etcd-client.crt", "--key", f"{PKI}/apiserver-etcd-client.key"]
    command = ["docker", "exec", f"{access.cluster}-control-plane", "curl", "-sS", "--max-time", "20", *with_, ETCD, "-d", asked]
    rows = json.loads(process.must(command, limit_s=LIMIT_S)).get("kvs") or []
    return [base64.b64decode(r["key"]).decode("utf-8", "replace") for r in rows]


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
