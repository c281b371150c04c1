"""What may not change once an object stands."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded import quantity
from shallowdive.embedded.go_types import CORE, difference, printed
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.words import IMMUTABLE, Found

Json = dict[str, Any]

FROZEN: dict[str, tuple[str, ...]] = {
    "deployments.apps": ("spec.selector",),
    "replicasets.apps": ("spec.selector",),
    "daemonsets.apps": ("spec.selector",),
    "statefulsets.apps": ("spec.serviceName", "spec.selector", "spec.podManagementPolicy"),
    "jobs.batch": ("spec.completions", "spec.selector", "spec.completionMode", "spec.podFailurePolicy", "spec.backoffLimitPerIndex",
                   "spec.managedBy", "spec.successPolicy"),
    "secrets": ("type",),
    "ingressclasses.networking.k8s.io": ("spec.controller",),
    "priorityclasses.scheduling.k8s.io": ("preemptionPolicy",),
}  # fmt: skip
"""Fields whose new value is printed."""
UNPRINTED: dict[str, tuple[str, ...]] = {
    "storageclasses.storage.k8s.io": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    "endpointslices.discovery.k8s.io": ("addressType",),
}
"""Fields of which the server prints null."""
WHEN_IMMUTABLE = f"{IMMUTABLE} when `immutable` is set"
POD = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)
CLAIM = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def check(kind: Kind, old: Json, value: Json, found: Found) -> None:
    """Add every forbidden change of this version."""
    for path in FROZEN.get(kind.resource, ()):
        if _at(old, path) != _at(value, path):
            found.invalid(path, _at(value, path), IMMUTABLE)
    for path in UNPRINTED.get(kind.resource, ()):
        if _at(old, path) != _at(value, path):
            found.invalid(path, None, IMMUTABLE)
    match kind.resource:
        case "pods":
            _pod(old["spec"], value["spec"], found)
        case "configmaps" | "secrets":
            _immutable(old, value, found)
        case "services":
            _service(old["spec"], value["spec"], found)
        case "persistentvolumeclaims":
            _claim(old, value, found)
        case "persistentvolumes":
            _volume(old["spec"], value["spec"], found)
        case "jobs.batch":
            _job(old["spec"], value["spec"], found)
        case "statefulsets.apps":
            _claims(old["spec"], value["spec"], found)
        case "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io":
            _role_reference(old, value, found)
        case "controllerrevisions.apps":
            found.invalid("data", value.get("data"), IMMUTABLE)
        case "priorityclasses.scheduling.k8s.io" if old.get("value", 0) != value.get("value", 0):
            found.forbidden("value", "may not be changed in an update.")


def _at(value: Json, path: str) -> Any:
    at: Any = value
    for name in path.split("."):
        at = (at or {}).get(name)
    return at


def _pod(old: Json, new: Json, found: Found) -> None:
    for part in ("containers", "initContainers"):
        if len(old.get(part) or ()) != len(new.get(part) or ()):
            found.forbidden(f"spec.{part}", "pod updates may not add or remove containers")
            return
    seconds, was = new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if was is not None and (seconds is None or seconds > was):
        why = (
            f"must be less than or equal to previous value {was}"
            if seconds is not None
            else "must not update from a positive integer to nil value"
        )
        found.invalid("spec.activeDeadlineSeconds", seconds, why)
        return
    gates = [gate["name"] for gate in old.get("schedulingGates") or ()]
    for index, gate in enumerate(new.get("schedulingGates") or ()):
        if gate.get("name") not in gates:
            why = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            found.forbidden(f"spec.schedulingGates[{index}].name", why)
            return
    munged = dict(new)
    _put_back(munged, old, "activeDeadlineSeconds", "tolerations", "schedulingGates", *(("nodeSelector", "affinity") if gates else ()))
    for part in ("containers", "initContainers"):
        if part in munged:
            munged[part] = [{**now, "image": was.get("image", "")} for was, now in zip(old[part], munged[part], strict=True)]
    if old.get("terminationGracePeriodSeconds", 0) < 0 and new.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = old["terminationGracePeriodSeconds"]
    if munged != old:
        before, after = (printed(f"{CORE}PodSpec", spec) for spec in (old, munged))
        found.forbidden("spec", f"{POD}\n{difference(before, after)}")


def _put_back(spec: Json, old: Json, *names: str) -> None:
    for name in names:
        spec.pop(name, None)
        if name in old:
            spec[name] = old[name]


def _immutable(old: Json, value: Json, found: Found) -> None:
    if not old.get("immutable"):
        return
    if not value.get("immutable"):
        found.forbidden("immutable", WHEN_IMMUTABLE)
    for name in ("data", "binaryData"):
        if (old.get(name) or {}) != (value.get(name) or {}):
            found.forbidden(name, WHEN_IMMUTABLE)


def _service(old: Json, new: Json, found: Found) -> None:
    if "ExternalName" in (old.get("type"), new.get("type")) or not old.get("clusterIP"):
        return
    was, now = old.get("clusterIPs") or [old["clusterIP"]], new.get("clusterIPs") or []
    if new.get("clusterIP") and now and new["clusterIP"] != now[0]:
        if new["clusterIP"] == old["clusterIP"]:
            found.invalid("spec.clusterIPs", now, "first value must match `clusterIP`")
            return
        now = [new["clusterIP"]]
    if now and now[0] != was[0]:
        found.invalid("spec.clusterIPs[0]", now, "may not change once set")


def _claim(old: Json, value: Json, found: Found) -> None:
    was, now = old["spec"], value["spec"]
    free = {**now}
    if "volumeName" not in was and "volumeName" in now:
        free.pop("volumeName")
    if (old.get("status") or {}).get("phase") == "Bound":
        free["resources"] = {**now.get("resources", {}), "requests": was.get("resources", {}).get("requests", {})}
        before, after = (quantity.nano(s.get("resources", {}).get("requests", {}).get("storage", "0")) for s in (was, now))
        if after < before:
            found.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")
    if "storageClassName" not in was and "storageClassName" in now:
        free.pop("storageClassName")
    if free != was:
        before, after = (printed(f"{CORE}PersistentVolumeClaimSpec", spec) for spec in (was, free))
        found.forbidden("spec", f"{CLAIM}\n{difference(before, after)}")
    if was.get("volumeMode") != now.get("volumeMode"):
        found.invalid("volumeMode", now.get("volumeMode"), IMMUTABLE)


def _volume(old: Json, new: Json, found: Found) -> None:
    was, now = (printed(f"{CORE}PersistentVolumeSpec", spec, only="PersistentVolumeSource") for spec in (old, new))
    if was != now:
        path = "spec.persistentvolumesource"
        found.forbidden(path, f"{path} is immutable after creation\n{difference(was, now)}")
    if old.get("volumeMode") != new.get("volumeMode"):
        found.invalid("volumeMode", new.get("volumeMode"), IMMUTABLE)


def _claims(old: Json, new: Json, found: Found) -> None:
    was, now = old.get("volumeClaimTemplates") or [], new.get("volumeClaimTemplates") or []
    if was != now:
        path = "spec.volumeClaimTemplates"
        found.invalid(path, [printed(f"{CORE}PersistentVolumeClaim", claim) for claim in now] or None, IMMUTABLE)


def _job(old: Json, new: Json, found: Found) -> None:
    was, now = old["template"], new["template"]
    if old.get("suspend") and (was.get("metadata") or {}) != (now.get("metadata") or {}):
        was = {**was, "metadata": now.get("metadata")}
    elif was != now and was.get("spec") == now.get("spec"):
        found.invalid("spec.template", printed(f"{CORE}PodTemplateSpec", now), IMMUTABLE)
    if was.get("spec") != now.get("spec"):
        found.invalid("spec.template.spec", printed(f"{CORE}PodSpec", now.get("spec")), IMMUTABLE)


def _role_reference(old: Json, value: Json, found: Found) -> None:
    if old.get("roleRef") != value.get("roleRef"):
        found.invalid("roleRef", printed("io.k8s.api.rbac.v1.RoleRef", value.get("roleRef") or {}), IMMUTABLE)
