"""What makes configuration, storage, permissions and the rest invalid."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson

from shallowdive.embedded import quantity, validation_volumes, words
from shallowdive.embedded.go_types import CORE, printed
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


def _csi_driver(value: Json, found: Found) -> None:
    spec = value.get("spec") or {}
    found.one_of("spec.fsGroupPolicy", spec.get("fsGroupPolicy", "None"), ("File", "None", "ReadWriteOnceWithFSType"))
    for mode in spec.get("volumeLifecycleModes") or ():
        found.one_of("spec.volumeLifecycleModes", mode, ("Persistent", "Ephemeral"))


def _attributes_class(value: Json, found: Found) -> None:
    if not value.get("driverName"):
        found.required("driverName")
    else:
        found.check("driverName", value["driverName"].lower(), words.qualified)
    if not value.get("parameters"):
        found.required("parameters", "must contain at least one key/value pair")


def _node(value: Json, found: Found) -> None:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate((value.get("spec") or {}).get("taints") or ()):
        at, key, effect = f"metadata.taints[{index}]", taint.get("key", ""), taint.get("effect", "")
        found.check(f"{at}.key", key, words.qualified)
        found.check(f"{at}.value", taint.get("value", ""), words.label_value)
        found.one_of(f"{at}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))
        if (key, effect) in seen:
            found.duplicate(at, printed(f"{CORE}Taint", taint), "taints must be unique by key and effect pair")
        seen.add((key, effect))


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
    "leases.coordination.k8s.io": _lease,
    "events": _event,
    "controllerrevisions.apps": _revision,
    "csidrivers.storage.k8s.io": _csi_driver,
    "volumeattributesclasses.storage.k8s.io": _attributes_class,
    "nodes": _node,
}
