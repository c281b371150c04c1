"""What makes configuration, storage, permissions, limits and the rest invalid."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson

from shallowdive.embedded import quantity, validation_volumes, words
from shallowdive.embedded.validation_pods import selector
from shallowdive.embedded.words import Found, Go

Json = dict[str, Any]

MOST_BYTES = 1024 * 1024
RBAC = "rbac.authorization.k8s.io"
MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
REDACTED = Go('"<secret contents redacted>"')
NEEDED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
}
QUOTA_NAMES = ("cpu", "memory", "ephemeral-storage", "storage", "pods", "services", "secrets", "configmaps", "persistentvolumeclaims",
               "replicationcontrollers", "resourcequotas", "requests.cpu", "requests.memory", "requests.storage",
               "requests.ephemeral-storage",
               "limits.cpu", "limits.memory", "limits.ephemeral-storage", "services.loadbalancers", "services.nodeports")  # fmt: skip
COUNTED = QUOTA_NAMES[4:11] + QUOTA_NAMES[-2:]
HIGHEST_PRIORITY = 10**9


def _config_map(value: Json, found: Found) -> None:
    data, binary = value.get("data") or {}, value.get("binaryData") or {}
    for key in data:
        found.check(f"data[{key}]", key, words.config_key)
        if key in binary:
            found.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in binary:
        found.check(f"binaryData[{key}]", key, words.config_key)
    if sum(len(text.encode()) for text in data.values()) + sum(_size(text) for text in binary.values()) > MOST_BYTES:
        found.too_long("[]", MOST_BYTES)


def _size(text: str) -> int:
    """The bytes that base64 stands for."""
    return len(text) * 3 // 4 - text[-2:].count("=")


def _secret(value: Json, found: Found) -> None:
    data, kind = value.get("data") or {}, value.get("type", "")
    for key in data:
        found.check(f"data[{key}]", key, words.config_key)
    if sum(_size(text) for text in data.values()) > MOST_BYTES:
        found.too_long("data", MOST_BYTES)
    for key in NEEDED_KEYS.get(kind, ()):
        if key not in data:
            found.required(f"data[{key}]")
        elif key.startswith(".docker"):
            _json(data[key], f"data[{key}]", found)
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        found.required("data[username]")
        found.required("data[password]")
    if kind == "kubernetes.io/service-account-token" and not (value["metadata"].get("annotations") or {}).get(ACCOUNT):
        found.required(f"metadata.annotations[{ACCOUNT}]")


ACCOUNT = "kubernetes.io/service-account.name"


def _json(text: str, path: str, found: Found) -> None:
    raw = base64.b64decode(text)
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        first = raw.decode(errors="replace").lstrip()[:1]
        why = f"invalid character '{first}' looking for beginning of value" if first else "unexpected end of JSON input"
        found.invalid(path, REDACTED, why)


# storage


def _claim(value: Json, found: Found) -> None:
    claim_spec(value.get("spec") or {}, "spec", found)


def claim_spec(spec: Json, path: str, found: Found) -> None:
    modes = spec.get("accessModes") or []
    if not modes:
        found.required(f"{path}.accessModes", "at least 1 access mode is required")
    selector(spec.get("selector") or {}, f"{path}.selector", found)
    for mode in modes:
        found.one_of(f"{path}.accessModes", mode, MODES)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        found.forbidden(f"{path}.accessModes", "may not use ReadWriteOncePod with other access modes")
    wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    _positive(wanted, f"{path}.resources[storage]", found)
    if spec.get("storageClassName"):
        found.check(f"{path}.storageClassName", spec["storageClassName"], words.subdomain)
    if "volumeMode" in spec:
        found.one_of(f"{path}.volumeMode", spec["volumeMode"], VOLUME_MODES)


def _positive(amount: str | None, path: str, found: Found) -> None:
    if amount is None:
        found.required(path)
    elif quantity.nano(amount) <= 0:
        found.invalid(path, amount, "must be greater than zero")


def _volume(value: Json, found: Found) -> None:
    spec = value["spec"]
    if not spec.get("accessModes"):
        found.required("spec.accessModes")
    for mode in spec.get("accessModes") or ():
        found.one_of("spec.accessModes", mode, MODES)
    capacity = spec.get("capacity") or {}
    if not capacity:
        found.required("spec.capacity")
    if "storage" not in capacity or len(capacity) > 1:
        found.one_of("spec.capacity", Go(words.shown(capacity)), ("storage",))
    else:
        _positive(capacity["storage"], "spec.capacity[storage]", found)
    policy = spec.get("persistentVolumeReclaimPolicy", "Retain")
    found.one_of("spec.persistentVolumeReclaimPolicy", policy, ("Delete", "Recycle", "Retain"))
    if not validation_volumes.source(spec, "spec", found):
        found.required("spec", "must specify a volume type")
    if "local" in spec and not (spec.get("nodeAffinity") or {}).get("required"):
        found.required("spec.nodeAffinity", "Local volume requires node affinity")
    if "csi" in spec and not spec["csi"].get("volumeHandle"):
        found.required("spec.csi.volumeHandle")
    if policy == "Recycle" and (spec.get("hostPath") or {}).get("path") == "/":
        found.forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
    if spec.get("storageClassName"):
        found.check("spec.storageClassName", spec["storageClassName"], words.subdomain)
    found.one_of("spec.volumeMode", spec.get("volumeMode", "Filesystem"), VOLUME_MODES)


def _storage_class(value: Json, found: Found) -> None:
    provisioner = value.get("provisioner", "")
    if not provisioner:
        found.required("provisioner")
    else:
        found.check("provisioner", provisioner.lower(), words.qualified)
    found.one_of("reclaimPolicy", value.get("reclaimPolicy", ""), ("Delete", "Retain"))
    found.one_of("volumeBindingMode", value.get("volumeBindingMode", ""), ("Immediate", "WaitForFirstConsumer"))


# permissions


def _role(value: Json, found: Found) -> None:
    _rules(value.get("rules") or [], namespaced=True, found=found)


def _cluster_role(value: Json, found: Found) -> None:
    _rules(value.get("rules") or [], namespaced=False, found=found)


def _rules(rules: list[Json], *, namespaced: bool, found: Found) -> None:
    for index, rule in enumerate(rules):
        at = f"rules[{index}]"
        if rule.get("nonResourceURLs"):
            if namespaced:
                found.invalid(f"{at}.nonResourceURLs", rule["nonResourceURLs"], "namespaced rules cannot apply to non-resource URLs")
            elif rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                why = "rules cannot apply to both regular resources and non-resource URLs"
                found.invalid(f"{at}.nonResourceURLs", rule["nonResourceURLs"], why)
        else:
            for name, thing in (("apiGroups", "api group"), ("resources", "resource")):
                if not rule.get(name):
                    found.required(f"{at}.{name}", f"resource rules must supply at least one {thing}")
        if not rule.get("verbs"):
            found.required(f"{at}.verbs")


def _binding(*kinds: str) -> Callable[[Json, Found], None]:
    def check(value: Json, found: Found) -> None:
        reference = value.get("roleRef") or {}
        found.one_of("roleRef.apiGroup", reference.get("apiGroup", ""), (RBAC,))
        found.one_of("roleRef.kind", reference.get("kind", ""), kinds)
        if not reference.get("name"):
            found.required("roleRef.name")
        for index, subject in enumerate(value.get("subjects") or ()):
            _subject(subject, f"subjects[{index}]", "Role" in kinds, found)
        for index, subject in enumerate(value.get("subjects") or ()):
            if not subject.get("name"):
                found.required(f"subjects[{index}].name")

    return check


def _subject(subject: Json, path: str, namespaced: bool, found: Found) -> None:
    kind, group = subject.get("kind", ""), subject.get("apiGroup", "")
    found.one_of(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"))
    if kind in ("User", "Group"):
        found.one_of(f"{path}.apiGroup", group, (RBAC,))
    elif kind == "ServiceAccount":
        if subject.get("name"):
            found.check(f"{path}.name", subject["name"], words.subdomain)
        if not subject.get("namespace") and not namespaced:
            found.required(f"{path}.namespace")


# limits


def _quota(value: Json, found: Found) -> None:
    for name, amount in ((value.get("spec") or {}).get("hard") or {}).items():
        at = f"spec.hard[{name}]"
        found.check(at, name, words.qualified)
        known = name in QUOTA_NAMES or name.startswith("hugepages-")
        if "/" not in name and not known:
            if not words.qualified(name):
                found.invalid(at, name, "must be a standard resource type or fully qualified")
            found.invalid(at, name, "must be a standard resource for quota")
        if quantity.nano(amount) < 0:
            found.invalid(at, amount, words.NEGATIVE)
        elif (name in COUNTED or name.startswith("count/")) and quantity.nano(amount) % quantity.NANO:
            found.invalid(at, amount, "must be an integer")


def _limit_range(value: Json, found: Found) -> None:
    seen: set[str] = set()
    for index, item in enumerate((value.get("spec") or {}).get("limits") or ()):
        at, kind = f"spec.limits[{index}]", item.get("type", "")
        if kind not in ("Container", "Pod", "PersistentVolumeClaim") and "/" not in kind:
            found.invalid(f"{at}.type", kind, "must be a standard limit type or fully qualified")
        if kind in seen:
            found.duplicate(f"{at}.type", kind)
        seen.add(kind)
        if kind == "Pod":
            for name in ("default", "defaultRequest"):
                if item.get(name):
                    found.forbidden(f"{at}.{name}", "may not be specified when `type` is 'Pod'")
        for name in {k: None for part in ("max", "min", "default", "defaultRequest") for k in item.get(part) or ()}:
            _limits_agree(item, name, at, found)


def _limits_agree(item: Json, name: str, path: str, found: Found) -> None:
    amounts = {part: (item.get(part) or {}).get(name) for part in ("min", "max", "default", "defaultRequest")}

    def above(one: str, other: str) -> bool:
        more, less = amounts[one], amounts[other]
        return more is not None and less is not None and quantity.nano(more) > quantity.nano(less)

    low, high, default, request = amounts.values()
    if above("min", "max"):
        found.invalid(f"{path}.min[{name}]", low, f"min value {low} is greater than max value {high}")
    if above("min", "defaultRequest"):
        found.invalid(f"{path}.defaultRequest[{name}]", request, f"min value {low} is greater than default request value {request}")
    if above("defaultRequest", "max"):
        found.invalid(f"{path}.defaultRequest[{name}]", request, f"default request value {request} is greater than max value {high}")
    if above("defaultRequest", "default"):
        why = f"default request value {request} is greater than default limit value {default}"
        found.invalid(f"{path}.defaultRequest[{name}]", request, why)
    if above("min", "default"):
        found.invalid(f"{path}.default[{name}]", low, f"min value {low} is greater than default value {default}")
    if above("default", "max"):
        found.invalid(f"{path}.default[{name}]", high, f"default value {default} is greater than max value {high}")


def _priority_class(value: Json, found: Found) -> None:
    name = value["metadata"].get("name", "")
    if name.startswith("system-") and name not in ("system-node-critical", "system-cluster-critical"):
        why = "priority class names with 'system-' prefix are reserved for system use only. error:"
        found.forbidden("metadata.name", f"{why} {name} is not a known system priority class")
    elif value.get("value", 0) > HIGHEST_PRIORITY and not name.startswith("system-"):
        found.forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}")
    found.one_of("preemptionPolicy", value.get("preemptionPolicy", ""), ("PreemptLowerPriority", "Never"))


def _lease(value: Json, found: Found) -> None:
    spec = value.get("spec") or {}
    if spec.get("leaseDurationSeconds", 1) <= 0:
        found.invalid("spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0")
    found.at_least_zero("spec", spec, "leaseTransitions")


def _event(value: Json, found: Found) -> None:
    about = (value.get("involvedObject") or {}).get("namespace", "")
    if about and about != value["metadata"].get("namespace"):
        found.invalid("involvedObject.namespace", about, "does not match event.namespace")


def _revision(value: Json, found: Found) -> None:
    if type(value.get("data")) is not dict:
        found.required("data", "data must be a valid JSON object")
    found.at_least_zero("", value, "revision")


RULES: dict[str, Callable[[Json, Found], None]] = {
    "configmaps": _config_map,
    "secrets": _secret,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "storageclasses.storage.k8s.io": _storage_class,
    f"roles.{RBAC}": _role,
    f"clusterroles.{RBAC}": _cluster_role,
    f"rolebindings.{RBAC}": _binding("Role", "ClusterRole"),
    f"clusterrolebindings.{RBAC}": _binding("ClusterRole"),
    "resourcequotas": _quota,
    "limitranges": _limit_range,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "leases.coordination.k8s.io": _lease,
    "events": _event,
    "controllerrevisions.apps": _revision,
}
