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
from shallowdive.cluster.health import LEASES
from shallowdive.errors import NotYet, WaitTimeout
from shallowdive.live import poll
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


def until_leading(access: Access, since_s: float, *, within_s: float) -> None:
    """Wait until scheduler and controller manager have renewed their leases later than this: each of them works only while it holds its
    lease, and one that began anew waits for that of its predecessor to run out. WaitTimeout. On the embedded cluster nobody waits."""
    if access.backend != "kind":
        return
    last = [""]

    def ask() -> bool | None:
        answer: Any = client.CoordinationV1Api(access.connect()).list_namespaced_lease(
            "kube-system", _preload_content=False, _request_timeout=TIMEOUT_S
        )
        renewed = {row["metadata"]["name"]: moment(row["spec"].get("renewTime")) for row in json.loads(answer.data)["items"]}
        late = [name for name in LEASES if renewed.get(name, 0) <= since_s]
        last[0] = f"not leading yet: {', '.join(late)}"
        return None if late else True

    try:
        poll("the control plane", ask, within_s=within_s, every_s=1)
    except WaitTimeout as exc:
        raise WaitTimeout(exc.what, saw=last[0] or exc.saw, try_this="shallowdive restore") from exc


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
