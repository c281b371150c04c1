"""The kinds of resource this cluster serves: rows of data from Kubernetes' own discovery and OpenAPI documents.

`data()` reads `kubernetes-1.37.2-api.json.gz`, published by the Kubernetes project
under the Apache License 2.0, cut down to what is served here, and `kubernetes-1.37.2-more.json` (`tools/more_kinds.py`)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import orjson

VERSION = "v1.37.2"

PODS, NODES, SERVICES, ENDPOINTS, EVENTS = "pods", "nodes", "services", "endpoints", "events"
NAMESPACES, CONFIGMAPS, SECRETS, SERVICEACCOUNTS = "namespaces", "configmaps", "secrets", "serviceaccounts"
PVS, PVCS, QUOTAS, LIMITRANGES = "persistentvolumes", "persistentvolumeclaims", "resourcequotas", "limitranges"
DEPLOYMENTS, REPLICASETS, JOBS = "deployments.apps", "replicasets.apps", "jobs.batch"
STATEFULSETS, DAEMONSETS, CRONJOBS = "statefulsets.apps", "daemonsets.apps", "cronjobs.batch"
ENDPOINTSLICES, LEASES = "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io"
INGRESSES, INGRESSCLASSES = "ingresses.networking.k8s.io", "ingressclasses.networking.k8s.io"
STORAGECLASSES, PDBS = "storageclasses.storage.k8s.io", "poddisruptionbudgets.policy"
PRIORITYCLASSES, REPLICATIONCONTROLLERS = "priorityclasses.scheduling.k8s.io", "replicationcontrollers"
CONTROLLERREVISIONS = "controllerrevisions.apps"
ROLES, ROLEBINDINGS = "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io"
CLUSTERROLES, CLUSTERROLEBINDINGS = "clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource. `resource` is its full name (`deployments.apps`), `schema` its name in OpenAPI."""

    resource: str
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    subresources: frozenset[str]
    schema: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def has_generation(self) -> bool:
        """Whether the server counts changes of the spec in `metadata.generation`."""
        return self.resource in WITH_GENERATION


WITH_GENERATION = {
    PODS, DEPLOYMENTS, REPLICASETS, STATEFULSETS, DAEMONSETS, JOBS, CRONJOBS, ENDPOINTSLICES, INGRESSES, INGRESSCLASSES, PDBS,
    "replicationcontrollers", "networkpolicies.networking.k8s.io", "horizontalpodautoscalers.autoscaling",
    "priorityclasses.scheduling.k8s.io",
}  # fmt: skip


@cache
def data() -> dict[str, Any]:
    """`schemas` (OpenAPI v2 definitions, references are `#name`) and `discovery` (APIResourceLists by path)."""
    files = resources.files("shallowdive.embedded")
    value: dict[str, Any] = orjson.loads(gzip.decompress(files.joinpath("kubernetes-1.37.2-api.json.gz").read_bytes()))
    more = orjson.loads(files.joinpath("kubernetes-1.37.2-more.json").read_bytes())
    return {name: {**value[name], **more[name]} for name in value}


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by its resource name."""
    schemas = {
        (g.get("group", ""), g["version"], g["kind"]): name
        for name, schema in data()["schemas"].items()
        for g in schema.get("x-kubernetes-group-version-kind", ())
    }
    found: dict[str, Kind] = {}
    for listing in data()["discovery"].values():
        group, _, version = listing["groupVersion"].rpartition("/")
        for row in listing["resources"]:
            if "/" in row["name"]:
                continue
            plural = row["name"]
            subs = frozenset(r["name"].partition("/")[2] for r in listing["resources"] if r["name"].startswith(plural + "/"))
            resource = f"{plural}.{group}" if group else plural
            schema = schemas.get((group, version, row["kind"]), "")
            found[resource] = Kind(resource, group, version, plural, row["kind"], row["namespaced"], tuple(row["verbs"]), subs, schema)
    return found


def kind_of(resource: str) -> Kind:
    return kinds()[resource]


@cache
def by_api(api_version: str, kind: str) -> Kind | None:
    """The kind that an object or an owner reference names."""
    return next((k for k in kinds().values() if k.kind == kind and k.api_version == api_version), None)
