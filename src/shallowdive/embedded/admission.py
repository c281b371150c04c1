"""What the cluster adds to an object, or refuses because of other objects. Each rule is a short function; `CREATE` lists them by kind.

Addresses of services are `addresses`', quotas `quota`'s, limit ranges `limits`'.
Left out: admission webhooks, pod security, node restriction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shallowdive.embedded import addresses, limits, quota, status
from shallowdive.embedded.kinds import (
    INGRESSCLASSES,
    INGRESSES,
    JOBS,
    LIMITRANGES,
    NAMESPACES,
    PODS,
    PRIORITYCLASSES,
    PVCS,
    PVS,
    SERVICEACCOUNTS,
    SERVICES,
    STORAGECLASSES,
    Kind,
)
from shallowdive.embedded.schema import shown_in
from shallowdive.embedded.store import Object, clone

if TYPE_CHECKING:
    from shallowdive.embedded.registry import Registry, Who

IMMORTAL = ("default", "kube-system", "kube-public")
ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
UNREACHABLE_S = 300
FIRST_STATUS: dict[str, Callable[[Object], dict[str, Any]]] = {
    PODS: lambda pod: {"phase": "Pending", "qosClass": qos_class(pod["spec"])},
    NAMESPACES: lambda _: {"phase": "Active"},
    PVCS: lambda _: {"phase": "Pending"},
    PVS: lambda _: {"phase": "Pending"},
}
"""The status of a new object; of every other kind it is what its type always shows."""


def admit_create(registry: Registry, kind: Kind, value: Object, who: Who, *, dry_run: bool) -> None:  # noqa: ARG001
    """Change `value` in place, or raise ApiError (403, 404, 422)."""
    if kind.namespaced:
        _namespace_is_open(registry, kind, value)
    if not _is_whole(kind, value):
        return  # nothing to add to what the validation refuses
    for rule in CREATE.get(kind.resource, ()):
        rule(registry, value)
    if "status" in kind.subresources:
        first = FIRST_STATUS.get(kind.resource)
        value.setdefault("status", first(value) if first is not None else clone(shown_in(kind.schema).get("status", {})))
    quota.check(registry, kind, None, value)


def admit_update(registry: Registry, kind: Kind, old: Object, value: Object, who: Who, *, subresource: str) -> None:  # noqa: ARG001
    """The same for a new version of `old`."""
    if subresource or not _is_whole(kind, value):
        return
    if kind.resource == SERVICES:
        addresses.on_update(registry, old, value)
    if kind.resource in (SERVICES, PVCS):
        quota.check(registry, kind, old, value)


def admit_delete(registry: Registry, kind: Kind, old: Object, who: Who | None) -> None:  # noqa: ARG001
    """Raise ApiError 403 for what must stay, as the namespace `default`."""
    name = old["metadata"]["name"]
    if kind.resource == NAMESPACES and name in IMMORTAL:
        raise status.forbidden(NAMESPACES, name, "this namespace may not be deleted")


def _namespace_is_open(registry: Registry, kind: Kind, value: Object) -> None:
    name = value["metadata"].get("namespace", "")
    namespace = registry.store.get(NAMESPACES, "", name)
    if namespace is None:
        raise status.not_found(NAMESPACES, name)
    if "deletionTimestamp" in namespace["metadata"]:
        why = f"unable to create new content in namespace {name} because it is being terminated"
        error = status.forbidden(kind.resource, value["metadata"]["name"], why)
        cause = {"reason": "NamespaceTerminating", "message": f"namespace {name} is being terminated", "field": "metadata.namespace"}
        error.status["details"]["causes"] = [cause]
        raise error


def _is_whole(kind: Kind, value: Object) -> bool:
    """Whether an object has what the rules below rely on. What lacks it is refused in a moment, in better words."""
    spec = value.get("spec") or {}
    parts: Sequence[Any] = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()), *(spec.get("ports") or ()))
    needed = {PODS: "containers", SERVICES: "type", PVCS: "resources", LIMITRANGES: "limits"}.get(kind.resource)
    return (
        bool(value["metadata"].get("name"))
        and (needed is None or bool(spec.get(needed)))
        and (kind.resource not in (PODS, SERVICES) or all(part.get("name") or part.get("port") for part in parts))
        and (kind.resource != INGRESSES or "spec" in value)
        and (kind.resource != LIMITRANGES or all(row.get("type") for row in spec["limits"]))
    )


def _name_namespace(_: Registry, value: Object) -> None:
    meta = value["metadata"]
    meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}
    spec = value.setdefault("spec", {})
    if "kubernetes" not in spec.setdefault("finalizers", []):
        spec["finalizers"].append("kubernetes")


# pods


def _give_account(registry: Registry, pod: Object) -> None:
    """The service account, and its token as a volume in every container."""
    spec, meta = pod["spec"], pod["metadata"]
    name = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = registry.store.get(SERVICEACCOUNTS, meta["namespace"], name)
    if account is None and name == "default":
        account = default_account(registry, meta["namespace"])
    if account is None:
        why = f'error looking up service account {meta["namespace"]}/{name}: serviceaccount "{name}" not found'
        raise status.forbidden(PODS, meta["name"], why)
    if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(row) for row in account["imagePullSecrets"]]
    if spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True)):
        _mount_token(registry, spec)


def default_account(registry: Registry, namespace: str) -> Object:
    """Make the account `default` of a namespace. A pod does not wait for the service account controller."""
    from shallowdive.embedded.registry import Who

    return registry.create(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": namespace}}, Who("kube-controller-manager"))


def _mount_token(registry: Registry, spec: dict[str, Any]) -> None:
    bare = [
        container
        for container in (*(spec.get("initContainers") or ()), *spec["containers"])
        if all(mount.get("mountPath") != ACCOUNT_PATH for mount in container.get("volumeMounts") or ())
    ]
    if not bare:
        return
    volume = registry.draw_name("kube-api-access-")
    for container in bare:
        mount = {"name": volume, "readOnly": True, "mountPath": ACCOUNT_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    own_namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [own_namespace]}},
    ]
    spec["volumes"] = [*(spec.get("volumes") or ()), {"name": volume, "projected": {"sources": sources, "defaultMode": 420}}]


def _tolerate_lost_nodes(_: Registry, pod: Object) -> None:
    """Five minutes on a node that is not ready or not reachable, unless the pod says otherwise."""
    tolerations = pod["spec"].setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(row.get("key") in (key, None, "") and row.get("effect") in ("NoExecute", None, "") for row in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": UNREACHABLE_S})


def _give_priority(registry: Registry, pod: Object) -> None:
    spec, name = pod["spec"], pod["spec"].get("priorityClassName", "")
    if name:
        found = registry.store.get(PRIORITYCLASSES, "", name)
        if found is None:
            raise status.forbidden(PODS, pod["metadata"]["name"], f"no PriorityClass with name {name} was found")
    else:
        marked = [row for row in registry.store.objects(PRIORITYCLASSES) if row.get("globalDefault")]
        found = min(marked, key=lambda row: int(row["value"]), default=None)
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
    value = int(found["value"]) if found else 0
    if spec.get("priority", value) != value:
        why = (
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
            f"priority admission controller computed {value} from the given PriorityClass name"
        )
        raise status.forbidden(PODS, pod["metadata"]["name"], why)
    spec["priority"] = value
    spec.setdefault("preemptionPolicy", (found or {}).get("preemptionPolicy", "PreemptLowerPriority"))


def qos_class(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort, from requests and limits of CPU and memory."""
    containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
    rows = [container.get("resources") or {} for container in containers]
    pairs = [((row.get("requests") or {}).get(what), (row.get("limits") or {}).get(what)) for row in rows for what in ("cpu", "memory")]
    if all(request is None and limit is None for request, limit in pairs):
        return "BestEffort"
    return "Guaranteed" if all(limit is not None and request in (limit, None) for request, limit in pairs) else "Burstable"


# jobs, storage, ingresses


def _label_job(_: Registry, job: Object) -> None:
    """A job selects its pods by its own UID, unless it was given a selector by hand."""
    meta, spec = job["metadata"], job["spec"]
    template = spec["template"].setdefault("metadata", {})
    shared = (meta.get("labels") or {}) == (template.get("labels") or {})
    if not spec.get("manualSelector"):
        ours: dict[str, str] = {}
        for prefix in ("batch.kubernetes.io/", ""):
            ours |= {f"{prefix}controller-uid": meta["uid"], f"{prefix}job-name": meta["name"]}
        template["labels"] = {**(template.get("labels") or {}), **ours}
        spec.setdefault("selector", {}).setdefault("matchLabels", {})["batch.kubernetes.io/controller-uid"] = meta["uid"]
    if shared and template.get("labels"):
        meta["labels"] = dict(template["labels"])


def _default_class(registry: Registry, resource: str, annotation: str) -> str:
    """The newest class that is marked as default, '' when none is."""
    rows = [row for row in registry.store.objects(resource) if (row["metadata"].get("annotations") or {}).get(annotation) == "true"]
    rows.sort(key=lambda row: row["metadata"]["name"])
    return max(rows, key=lambda row: str(row["metadata"]["creationTimestamp"]))["metadata"]["name"] if rows else ""


def _chooser(resource: str, field: str, legacy: str, default: str) -> Callable[[Registry, Object], None]:
    """Fill in `spec.FIELD` with the default class, where neither it nor the annotation of old is set."""

    def choose(registry: Registry, value: Object) -> None:
        if value["spec"].get(field) is None and (value["metadata"].get("annotations") or {}).get(legacy) is None:
            name = _default_class(registry, resource, default)
            if name:
                value["spec"][field] = name

    return choose


_choose_storage_class = _chooser(
    STORAGECLASSES, "storageClassName", "volume.beta.kubernetes.io/storage-class", "storageclass.kubernetes.io/is-default-class"
)
_choose_ingress_class = _chooser(
    INGRESSCLASSES, "ingressClassName", "kubernetes.io/ingress.class", "ingressclass.kubernetes.io/is-default-class"
)


def _protect(finalizer: str) -> Callable[[Registry, Object], None]:
    def rule(_: Registry, value: Object) -> None:
        finalizers = value["metadata"].setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)

    return rule


CREATE: dict[str, tuple[Callable[[Registry, Object], None], ...]] = {
    NAMESPACES: (_name_namespace,),
    PODS: (_give_account, _tolerate_lost_nodes, _give_priority, limits.limit_pod),
    JOBS: (_label_job,),
    SERVICES: (addresses.on_create,),
    PVCS: (_choose_storage_class, _protect("kubernetes.io/pvc-protection"), limits.limit_claim),
    PVS: (_protect("kubernetes.io/pv-protection"),),
    INGRESSES: (_choose_ingress_class,),
    LIMITRANGES: (limits.fill_range,),
}
