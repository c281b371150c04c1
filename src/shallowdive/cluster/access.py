"""The permission to talk to one cluster. Made here only, after the safety checks; nobody else builds an API client.

An owner's access needs three witnesses: our own kubeconfig file with our context and plain credentials, an address that is
loopback (or that a person confirmed), and a marker in the cluster equal to the one in our record. A tenant's access is a host,
a token and a namespace that were handed over, with the marker in that namespace."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.cluster.apply import apply
from shallowdive.cluster.home import Home, Record
from shallowdive.errors import NoCluster, NotOurs, Unhealthy

SYSTEM_NAMESPACE = "shallowdive-system"
MARKER = "shallowdive-marker"
TIMEOUT_S = (3, 10)
"""Seconds to connect and to read; every API call of ours passes it."""


class BoundedClient(client.ApiClient):
    """The official client, with a time limit on calls that name none (a paused node would hang them for ever)."""

    def call_api(  # the signature is the client's
        self, method: Any, url: Any, header_params: Any = None, body: Any = None, post_params: Any = None, _request_timeout: Any = None
    ) -> Any:
        return super().call_api(method, url, header_params, body, post_params, _request_timeout or (3, 60))


@dataclass(frozen=True, slots=True)
class Access:
    """`kind` is owner | tenant. `namespace` is '' for an owner. `http_url` is the Ingress entrance, '' when unknown.

    `grants`: what a tenant may beyond its namespace (needs of a lab), `broker` whom it asks for that.
    `marker` is what the safety check has to find; `owner` labels the namespaces made with it. `repr` shows no credentials."""

    kind: str
    backend: str
    cluster: str
    configuration: client.Configuration
    http_url: str = ""
    namespace: str = ""
    image: str = ""
    marker: str = ""
    owner: str = ""
    speed: float = 1.0
    grants: tuple[str, ...] = ()
    broker: str = ""

    @property
    def source(self) -> str:
        """What a picture says it was seen on; time that runs faster is said too."""
        return self.backend if self.speed == 1 else f"{self.backend}, time × {self.speed:g}"

    def __repr__(self) -> str:
        return f"Access({self.kind}, {self.cluster}, namespace={self.namespace or 'any of ours'})"

    def connect(self, pool: int = 12) -> client.ApiClient:
        """A new client with its own connections (exec swaps methods while it runs, so it wants its own)."""
        self.configuration.connection_pool_maxsize = pool
        return BoundedClient(self.configuration)


def open_access(home: Home) -> Access:
    """The owner's access to the cluster of this home, all three witnesses heard. NoCluster, NotOurs or Unhealthy otherwise."""
    record = Record.load(home)
    if record is None or record.phase != "ready" or not home.kubeconfig.exists():
        raise NoCluster(
            f"there is no cluster {home.cluster} yet",
            saw="an unfinished `up`" if record else f"no record in {home.record.parent}",
            try_this="shallowdive up",
        )
    configuration = read_kubeconfig(home.kubeconfig, record.context)
    check_address(configuration.host, record.server)
    access = Access(
        "owner", record.backend, record.name, configuration, record.http_url,
        image=record.image, marker=record.marker, owner=record.owner, speed=record.speed,
    )  # fmt: skip
    check_marker(access.connect(), SYSTEM_NAMESPACE, record.marker)
    return access


def tenant_access(environment: dict[str, str] | None = None) -> Access | None:
    """A tenant's access from SHALLOWDIVE_SERVER, _TOKEN_FILE, _CA_FILE, _NAMESPACE, _HTTP_URL; None when no server is named."""
    env = dict(os.environ) if environment is None else environment
    server = env.get("SHALLOWDIVE_SERVER", "")
    if not server:
        return None
    missing = [k for k in ("SHALLOWDIVE_TOKEN_FILE", "SHALLOWDIVE_CA_FILE", "SHALLOWDIVE_NAMESPACE") if not env.get(k)]
    if missing:
        raise NotOurs(
            "a tenant's access is not complete",
            saw=f"not set: {', '.join(missing)}",
            try_this="ask who gave you the access for all four values",
        )
    configuration = client.Configuration(host=server)
    configuration.api_key["authorization"] = f"Bearer {Path(env['SHALLOWDIVE_TOKEN_FILE']).read_text(encoding='utf-8').strip()}"
    configuration.ssl_ca_cert = env["SHALLOWDIVE_CA_FILE"]
    _no_proxy_for_loopback(configuration)
    namespace = env["SHALLOWDIVE_NAMESPACE"]
    access = Access(
        "tenant",
        "existing",
        "shared",
        configuration,
        env.get("SHALLOWDIVE_HTTP_URL", ""),
        namespace,
        grants=tuple(env.get("SHALLOWDIVE_GRANTS", "").split()),
        broker=env.get("SHALLOWDIVE_BROKER", ""),
    )
    check_marker(access.connect(), namespace, "")
    return access


def read_kubeconfig(path: Path, context: str) -> client.Configuration:
    """A client configuration from our own file and one named context. Programs and foreign files in it are refused."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        found = {c["name"]: c["context"] for c in document["contexts"]}[context]
        cluster = {c["name"]: c["cluster"] for c in document["clusters"]}[found["cluster"]]
        user = {u["name"]: u["user"] for u in document["users"]}[found["user"]]
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as exc:
        raise NotOurs(
            f"{path.name} holds no usable context {context}",
            saw=f"{type(exc).__name__}: {exc}",
            try_this="shallowdive down, then: shallowdive up",
        ) from exc
    refuse_foreign(cluster, user)
    configuration = client.Configuration()
    from kubernetes import config

    config.load_kube_config(config_file=str(path), context=context, client_configuration=configuration, persist_config=False)
    _no_proxy_for_loopback(configuration)
    return configuration


def refuse_foreign(cluster: dict[str, object], user: dict[str, object]) -> None:
    """NotOurs when a kubeconfig entry would run a program, read another file, or skip the server's certificate."""
    bad: list[str] = [k for k in ("exec", "auth-provider", "tokenFile", "client-certificate", "client-key", "as") if k in user]
    bad += [k for k in ("certificate-authority", "proxy-url", "insecure-skip-tls-verify") if cluster.get(k)]
    if bad:
        raise NotOurs(
            "a kubeconfig entry asks for something we never do",
            saw=f"field {', '.join(bad)}",
            try_this="use an entry with an embedded certificate or token",
        )


def check_address(host: str, confirmed: str) -> None:
    name = urlparse(host).hostname or ""
    try:
        loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        loopback = False
    if not loopback and host != confirmed:
        raise NotOurs(
            "the kubeconfig points away from this machine",
            saw=f"server {host}, confirmed: {confirmed or 'none'}",
            try_this="shallowdive down, then: shallowdive up",
        )


def check_marker(api: client.ApiClient, namespace: str, marker: str) -> None:
    """The cluster must say that it is the course's: ConfigMap MARKER with our UID (any UID for a tenant)."""
    core = client.CoreV1Api(api)
    try:
        found = core.read_namespaced_config_map(MARKER, namespace, _request_timeout=TIMEOUT_S)
        uid = (found.data or {}).get("uid", "")
    except ApiException as exc:
        if exc.status in (401, 403, 404):
            raise NotOurs(
                "the cluster that answers does not carry our marker",
                saw=f"{exc.status} for ConfigMap {MARKER} in {namespace}",
                try_this="shallowdive status",
            ) from exc
        raise Unhealthy("the cluster does not answer as it should", saw=f"{exc.status} {exc.reason}", try_this="shallowdive up") from exc
    except Exception as exc:
        raise Unhealthy(
            "the cluster does not answer", saw=f"{type(exc).__name__}: {exc}".splitlines()[0][:200], try_this="shallowdive up"
        ) from exc
    if marker and uid != marker:
        raise NotOurs(
            "another cluster answers at our address",
            saw=f"marker {uid[:8] or 'empty'}, ours is {marker[:8]}",
            try_this="shallowdive status",
        )


def leave_marker(api: client.ApiClient, uid: str) -> None:
    """The namespace and the ConfigMap that say whose cluster this is."""
    apply(api, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MARKER}, "data": {"uid": uid}}
    apply(api, body, SYSTEM_NAMESPACE)


def _no_proxy_for_loopback(configuration: client.Configuration) -> None:
    if (urlparse(configuration.host).hostname or "") in ("127.0.0.1", "::1", "localhost"):
        configuration.proxy = None
