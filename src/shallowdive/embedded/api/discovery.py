"""What the server says about itself: its paths, version, health, groups and resources. A client asks this first.

Only what is served is listed; the rows come from Kubernetes' own discovery documents (`kinds.data`)."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from shallowdive.embedded.api.negotiate import DISCOVERY, OFFERED, respond, wanted, wants_aggregated_discovery
from shallowdive.embedded.api.route import PageNotFound, group_versions
from shallowdive.embedded.kinds import VERSION, data
from shallowdive.embedded.request import Request, Response
from shallowdive.embedded.status import no_such_path

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

PLAIN = "text/plain; charset=utf-8"
AGGREGATED = f"application/json;g=apidiscovery.k8s.io;v=v2;as={DISCOVERY}"
HEALTH = {
    "/healthz": ("ping", "log", "etcd"),
    "/livez": ("ping", "log", "etcd"),
    "/readyz": ("ping", "log", "etcd", "informer-sync", "shutdown"),
}
"""The checks of each health page. All hold as long as the process answers at all."""
MAJOR, MINOR = VERSION.lstrip("v").split(".")[:2]


def version() -> dict[str, str]:
    return {
        "major": MAJOR, "minor": MINOR, "emulationMajor": MAJOR, "emulationMinor": MINOR, "minCompatibilityMajor": MAJOR,
        "minCompatibilityMinor": str(int(MINOR) - 1), "gitVersion": VERSION, "gitCommit": "embedded", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "none, this is Python", "compiler": "embedded", "platform": "linux/amd64",
    }  # fmt: skip


def listings() -> dict[str, dict[str, Any]]:
    """APIResourceLists by path: `/api/v1`, `/apis/apps/v1`."""
    return {f"/{name.replace('__', '/')}": listing for name, listing in data()["discovery"].items()}


def group(name: str) -> dict[str, Any]:
    versions = [{"groupVersion": f"{name}/{v}", "version": v} for v in group_versions()[name]]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def groups() -> list[str]:
    return [name for name in group_versions() if name]


def takes_any_method(path: str) -> bool:
    return path in ("/", "/apis") or path.startswith(tuple(HEALTH))


def paths() -> list[str]:
    found = {"/api", "/apis", "/metrics", "/openapi/v2", "/openapi/v3", "/version", *listings(), *HEALTH}
    found |= {f"/apis/{name}" for name in groups()} | {f"{page}/{check}" for page, checks in HEALTH.items() for check in checks}
    return sorted(found)


@cache
def aggregated(core: bool) -> bytes:
    """Everything in one document: what kubectl asks for since 1.26."""
    items = []
    for name, versions in group_versions().items():
        if (name == "") is core:
            shown = [{"version": v, "resources": _resources(name, v), "freshness": "Current"} for v in versions]
            items.append({"metadata": {"name": name} if name else {}, "versions": shown})
    return orjson.dumps({"kind": DISCOVERY, "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}) + b"\n"


def _resources(group_name: str, version_name: str) -> list[dict[str, Any]]:
    rows = listings()[f"/apis/{group_name}/{version_name}" if group_name else f"/api/{version_name}"]["resources"]
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        name, _, subresource = row["name"].partition("/")
        kind = {"group": row.get("group", ""), "version": row.get("version", ""), "kind": row["kind"]}
        if subresource:
            found[name].setdefault("subresources", []).append({"subresource": subresource, "responseKind": kind, "verbs": row["verbs"]})
            continue
        scope = "Namespaced" if row["namespaced"] else "Cluster"
        found[name] = {
            "resource": name,
            "responseKind": kind,
            "scope": scope,
            "singularResource": row["singularName"],
            "verbs": row["verbs"],
        }
        found[name] |= {key: row[key] for key in ("shortNames", "categories") if key in row}
    return list(found.values())


def health(request: Request) -> Response:
    """`ok`, or the list of checks when asked for with `?verbose`."""
    page, _, check = request.path[1:].partition("/")
    checks = HEALTH[f"/{page}"]
    if check:
        if check not in checks:
            raise PageNotFound
        return Response(200, b"ok", PLAIN)
    if "verbose" not in request.query:
        return Response(200, b"ok", PLAIN)
    excluded = request.query.get("exclude", ())
    lines = [f"[+]{name} {'excluded: ok' if name in excluded else 'ok'}\n" for name in checks]
    return Response(200, f"{''.join(lines)}{page} check passed\n".encode(), PLAIN)


def metrics(cluster: Cluster) -> Response:
    """A few numbers in the text format of Prometheus."""
    lines = ["# HELP apiserver_storage_objects Number of stored objects at the time of last check split by kind.\n"]
    lines.append("# TYPE apiserver_storage_objects gauge\n")
    lines += [f'apiserver_storage_objects{{resource="{r}"}} {cluster.store.count(r)}\n' for r in sorted(cluster.store.resources())]
    lines.append("# TYPE process_cpu_seconds_total counter\n")
    lines.append(f"process_cpu_seconds_total {time.process_time():.2f}\n")
    return Response(200, "".join(lines).encode(), "text/plain; version=0.0.4; charset=utf-8")


def document(cluster: Cluster, request: Request) -> Response:
    """Any page that is no resource. Raises ApiError 404, 406; PageNotFound."""
    path, accept = request.path.rstrip("/") or "/", request.headers.get("accept", "")
    if "/" + path[1:].partition("/")[0] in HEALTH:
        return health(request)
    if path in ("/api", "/apis") and wants_aggregated_discovery(accept):
        return Response(200, aggregated(path == "/api"), AGGREGATED)
    if path == "/metrics":
        return metrics(cluster)
    value = _page(path)
    media = wanted(accept, OFFERED if path.startswith("/api") else OFFERED[:1])
    return respond(200, value, media)


def _page(path: str) -> dict[str, Any]:
    if path == "/":
        return {"paths": paths()}
    if path == "/version":
        return version()
    if path == "/api":
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]
        return {"kind": "APIVersions", "versions": group_versions()[""], "serverAddressByClientCIDRs": addresses}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in groups()]}
    if path in listings():
        return listings()[path]
    words = path[1:].split("/")
    if words[0] == "apis" and len(words) > 1 and words[1] in groups():
        if len(words) == 2:
            return {"kind": "APIGroup", "apiVersion": "v1"} | group(words[1])
        raise no_such_path()
    if words[0] == "api":
        raise no_such_path()
    raise PageNotFound
