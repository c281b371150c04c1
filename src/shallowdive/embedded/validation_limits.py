"""What makes quotas, limits, priorities, disruption budgets and autoscalers invalid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shallowdive.embedded import quantity, words
from shallowdive.embedded.go_types import printed
from shallowdive.embedded.validation_containers import resource_name
from shallowdive.embedded.validation_pods import selector
from shallowdive.embedded.validation_workloads import count_or_percent, not_above_all
from shallowdive.embedded.words import Found

Json = dict[str, Any]

QUOTA_NAMES = ("cpu", "memory", "ephemeral-storage", "storage", "pods", "services", "secrets", "configmaps", "persistentvolumeclaims",
               "replicationcontrollers", "resourcequotas", "requests.cpu", "requests.memory", "requests.storage",
               "requests.ephemeral-storage",
               "limits.cpu", "limits.memory", "limits.ephemeral-storage", "services.loadbalancers", "services.nodeports")  # fmt: skip
COUNTED = QUOTA_NAMES[4:11] + QUOTA_NAMES[-2:]
HIGHEST_PRIORITY = 10**9
LIMIT_TYPES = ("Container", "Pod", "PersistentVolumeClaim")
METRICS = ("ContainerResource", "External", "Object", "Pods", "Resource")


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
        found.check(f"{at}.type", kind, words.qualified)
        if kind not in LIMIT_TYPES and "/" not in kind and not words.qualified(kind):
            found.invalid(f"{at}.type", kind, "must be a standard limit type or fully qualified")
        if kind in seen:
            found.duplicate(f"{at}.type", kind)
        seen.add(kind)
        if kind == "Pod":
            for name in ("default", "defaultRequest"):
                if item.get(name):
                    found.forbidden(f"{at}.{name}", "may not be specified when `type` is 'Pod'")
        if kind == "PersistentVolumeClaim" and not {"storage"} & ((item.get("min") or {}).keys() | (item.get("max") or {}).keys()):
            found.required(f"{at}.limits", "either minimum or maximum storage value is required, but neither was provided")
        if kind == "Container":
            for part in ("max", "min", "default", "defaultRequest"):
                for name in item.get(part) or ():
                    resource_name(name, f"{at}.{part}[{name}]", found)
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


def _disruption_budget(value: Json, found: Found) -> None:
    spec = value.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        shown = printed("io.k8s.api.policy.v1.PodDisruptionBudgetSpec", spec)
        found.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        if name in spec:
            count_or_percent(spec[name], f"spec.{name}", found)
            not_above_all(spec[name], f"spec.{name}", found)
    if "unhealthyPodEvictionPolicy" in spec:
        found.one_of("spec.unhealthyPodEvictionPolicy", spec["unhealthyPodEvictionPolicy"], ("AlwaysAllow", "IfHealthyBudget"))
    selector(spec.get("selector") or {}, "spec.selector", found)


def _autoscaler(value: Json, found: Found) -> None:
    spec, target = value["spec"], value["spec"].get("scaleTargetRef") or {}
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if least < 0:
        found.invalid("spec.minReplicas", least, words.NEGATIVE)
    if least == 0 and not any(m.get("type") in ("Object", "External") for m in spec.get("metrics") or ()):
        found.forbidden("spec.metrics", "must specify at least one Object or External metric to support scaling to zero replicas")
    if most < least:
        found.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    if most < 1:
        found.required("spec.maxReplicas")
    for name in ("kind", "name"):
        if not target.get(name):
            found.required(f"spec.scaleTargetRef.{name}")
    version = target.get("apiVersion", "")
    if "/" not in version and (version, target.get("kind")) != ("v1", "ReplicationController"):
        found.invalid("spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group")
    for index, metric in enumerate(spec.get("metrics") or ()):
        _metric(metric, f"spec.metrics[{index}]", found)


def _metric(metric: Json, path: str, found: Found) -> None:
    kind = metric.get("type", "")
    source = kind[:1].lower() + kind[1:]
    if kind not in METRICS:
        found.one_of(f"{path}.type", kind, METRICS)
    elif source not in metric:
        found.required(f"{path}.{source}", "must populate information for the given metric source")
    elif kind == "Resource":
        at, target = f"{path}.resource", metric["resource"].get("target") or {}
        if not metric["resource"].get("name"):
            found.required(f"{at}.name", "must specify a resource name")
        if not target.get("type"):
            found.required(f"{at}.target.type", "must specify a metric target type")
        if target.get("type") not in ("Utilization", "Value", "AverageValue"):
            found.invalid(f"{at}.target.type", target.get("type", ""), "must be either Utilization, Value, or AverageValue")
        if "averageUtilization" in target and target["averageUtilization"] < 1:
            found.invalid(f"{at}.target.averageUtilization", target["averageUtilization"], "must be greater than 0")
        if not {"averageUtilization", "averageValue"} & target.keys():
            found.required(f"{at}.target.averageUtilization", "must set either a target raw value or a target utilization")


RULES: dict[str, Callable[[Json, Found], None]] = {
    "resourcequotas": _quota,
    "limitranges": _limit_range,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "poddisruptionbudgets.policy": _disruption_budget,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
}
