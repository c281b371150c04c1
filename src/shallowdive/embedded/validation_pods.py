"""What makes a pod's spec invalid, in a pod or in a template; and labels and selectors, which everything has.

The containers are `validation_containers`', the volumes `validation_volumes`'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shallowdive.embedded import validation_volumes, words
from shallowdive.embedded.validation_containers import containers, security
from shallowdive.embedded.words import Found

Json = dict[str, Any]

MOST_ANNOTATIONS = 256 * 1024
NOT_IN = "must be specified when `operator` is 'In' or 'NotIn'"
NOT_EXISTS = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
NO_SUCH_OPERATOR = "not a valid selector operator"


def pod(value: Json, found: Found) -> None:
    pod_spec(value["spec"], "spec", found)


def _new_pod(value: Json, found: Found) -> None:
    if value["spec"].get("ephemeralContainers"):
        found.forbidden("spec.ephemeralContainers", "cannot be set on create")


def template(value: Json, path: str, found: Found) -> None:
    meta = value.get("metadata") or {}
    label_map(meta.get("labels") or {}, f"{path}.labels", found)
    annotation_map(meta.get("annotations") or {}, f"{path}.annotations", found)
    pod_spec(value.get("spec") or {}, f"{path}.spec", found)


def label_map(value: dict[str, str], path: str, found: Found) -> None:
    for key, text in value.items():
        found.check(path, key, words.qualified)
        found.check(path, text, words.label_value)


def annotation_map(value: dict[str, str], path: str, found: Found) -> None:
    for key in value:
        found.check(path, key.lower(), words.qualified)
    if sum(len(key.encode()) + len(text.encode()) for key, text in value.items()) > MOST_ANNOTATIONS:
        found.too_long(path, MOST_ANNOTATIONS)


def selector(value: Json, path: str, found: Found) -> bool:
    """A label selector. Returns whether it is fine."""
    before = len(found)
    label_map(value.get("matchLabels") or {}, f"{path}.matchLabels", found)
    for index, row in enumerate(value.get("matchExpressions") or ()):
        _requirement(row, f"{path}.matchExpressions[{index}]", ("In", "NotIn", "Exists", "DoesNotExist"), found)
    return len(found) == before


def _requirement(row: Json, path: str, operators: tuple[str, ...], found: Found) -> None:
    operator, values = row.get("operator"), row.get("values") or []
    if operator not in operators:
        found.invalid(f"{path}.operator", operator or "", NO_SUCH_OPERATOR)
    elif operator in ("In", "NotIn") and not values:
        found.required(f"{path}.values", NOT_IN)
    elif operator in ("Exists", "DoesNotExist") and values:
        found.forbidden(f"{path}.values", NOT_EXISTS)
    elif operator in ("Gt", "Lt") and len(values) != 1:
        found.required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    found.check(f"{path}.key", row.get("key", ""), words.qualified)


def pod_spec(spec: Json, path: str, found: Found) -> None:
    volumes = validation_volumes.volumes(spec.get("volumes") or [], f"{path}.volumes", found)
    containers(spec, path, volumes, found)
    _of_the_pod(spec, path, found)
    _placement(spec, path, found)


# the pod


def _of_the_pod(spec: Json, path: str, found: Found) -> None:
    found.one_of(f"{path}.restartPolicy", spec.get("restartPolicy", "Always"), ("Always", "OnFailure", "Never"))
    found.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy", "ClusterFirst"), ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"))
    if spec.get("dnsPolicy") == "None" and not spec.get("dnsConfig"):
        found.required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
    for index, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        found.check(f"{path}.dnsConfig.nameservers[{index}]", server, words.ip)
    label_map(spec.get("nodeSelector") or {}, f"{path}.nodeSelector", found)
    if "activeDeadlineSeconds" in spec and not 1 <= spec["activeDeadlineSeconds"] < 2**31:
        found.invalid(f"{path}.activeDeadlineSeconds", spec["activeDeadlineSeconds"], "must be between 1 and 2147483647, inclusive")
    for name, rule in NAMES.items():
        if spec.get(name):
            found.check(f"{path}.{name}", spec[name], rule)
    security(spec.get("securityContext") or {}, f"{path}.securityContext", found)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        found.check(f"{path}.hostAliases[{index}].ip", alias.get("ip", ""), words.ip)
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        found.check(f"{path}.readinessGates[{index}].conditionType", gate.get("conditionType", ""), words.qualified)
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        found.check(f"{path}.schedulingGates[{index}]", gate.get("name", ""), words.qualified)
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        found.invalid(f"{path}.shareProcessNamespace", True, "ShareProcessNamespace and HostPID cannot both be enabled")
    if "os" in spec:
        found.one_of(f"{path}.os", spec["os"].get("name", ""), ("linux", "windows"))


NAMES: dict[str, words.Rule] = {
    "serviceAccountName": words.subdomain,
    "nodeName": words.subdomain,
    "priorityClassName": words.subdomain,
    "hostname": words.label,
    "subdomain": words.label,
}


def _placement(spec: Json, path: str, found: Found) -> None:
    for index, toleration in enumerate(spec.get("tolerations") or ()):
        _toleration(toleration, f"{path}.tolerations[{index}]", found)
    affinity = spec.get("affinity") or {}
    node = affinity.get("nodeAffinity") or {}
    if "requiredDuringSchedulingIgnoredDuringExecution" in node:
        at = f"{path}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        node_terms(node["requiredDuringSchedulingIgnoredDuringExecution"].get("nodeSelectorTerms") or [], at, found)
    for index, row in enumerate(node.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        at = f"{path}.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _weight(row, at, found)
        _node_term(row.get("preference") or {}, f"{at}.preference", found)
    for name in ("podAffinity", "podAntiAffinity"):
        _pod_affinity(affinity.get(name) or {}, f"{path}.affinity.{name}", found)
    _spread(spec.get("topologySpreadConstraints") or [], f"{path}.topologySpreadConstraints", found)


def _toleration(toleration: Json, path: str, found: Found) -> None:
    key, operator, value = toleration.get("key", ""), toleration.get("operator", ""), toleration.get("value", "")
    if key:
        found.check(f"{path}.key", key, words.qualified)
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        found.invalid(f"{path}.operator", operator, why)
    if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
        found.invalid(f"{path}.effect", toleration.get("effect", ""), "effect must be 'NoExecute' when `tolerationSeconds` is set")
    if operator in ("", "Equal"):
        found.check(f"{path}.operator", value, words.label_value)
    elif operator == "Exists":
        if value:
            found.invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    else:
        found.one_of(f"{path}.operator", operator, ("Equal", "Exists"))
    if toleration.get("effect"):
        found.one_of(f"{path}.effect", toleration["effect"], ("NoSchedule", "PreferNoSchedule", "NoExecute"))


def node_terms(terms: list[Json], path: str, found: Found) -> None:
    if not terms:
        found.required(path, "must have at least one node selector term")
    for index, term in enumerate(terms):
        _node_term(term, f"{path}[{index}]", found)


def _node_term(term: Json, path: str, found: Found) -> None:
    for index, row in enumerate(term.get("matchExpressions") or ()):
        _requirement(row, f"{path}.matchExpressions[{index}]", ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"), found)


def _weight(row: Json, path: str, found: Found) -> None:
    if not 1 <= row.get("weight", 0) <= 100:
        found.invalid(f"{path}.weight", row.get("weight", 0), "must be in the range 1-100")


def _pod_affinity(affinity: Json, path: str, found: Found) -> None:
    for index, term in enumerate(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()):
        _affinity_term(term, f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]", found)
    for index, row in enumerate(affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        at = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _weight(row, at, found)
        _affinity_term(row.get("podAffinityTerm") or {}, f"{at}.podAffinityTerm", found)


def _affinity_term(term: Json, path: str, found: Found) -> None:
    selector(term.get("labelSelector") or {}, f"{path}.labelSelector", found)
    if not term.get("topologyKey"):
        found.required(f"{path}.topologyKey", "can not be empty")
    found.check(f"{path}.topologyKey", term.get("topologyKey", ""), words.qualified)


def _spread(rows: list[Json], path: str, found: Found) -> None:
    pairs = [(row.get("topologyKey", ""), row.get("whenUnsatisfiable", "")) for row in rows]
    for index, row in enumerate(rows):
        at, (key, action) = f"{path}[{index}]", pairs[index]
        if row.get("maxSkew", 0) <= 0:
            found.invalid(f"{at}.maxSkew", row.get("maxSkew", 0), "must be greater than zero")
        if not key:
            found.required(f"{at}.topologyKey", "can not be empty")
        found.one_of(f"{at}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
        if pairs[index] in pairs[index + 1 :]:
            found.duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        if "minDomains" in row and action == "ScheduleAnyway":
            why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            found.invalid(f"{at}.minDomains", row["minDomains"], why)


NEW: dict[str, Callable[[Json, Found], None]] = {"pods": _new_pod}
RULES: dict[str, Callable[[Json, Found], None]] = {
    "pods": pod,
    "podtemplates": lambda value, found: template(value.get("template") or {}, "template", found),
}
