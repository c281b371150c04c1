"""What the API server fills in when a manifest leaves it out.

Constants of one object are rows of `PLAIN`; the rest is one function for each family. Pods and their templates are `defaults_pods`',
what depends on other objects `admission`'s."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from shallowdive.embedded.defaults_pods import fill, pod, pod_template
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.store import Object

RBAC = "rbac.authorization.k8s.io"
LAST_CHANCE = 2**31 - 1

PLAIN: dict[str, dict[str, Any]] = {
    "deployments.apps": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
    "replicasets.apps": {"replicas": 1},
    "replicationcontrollers": {"replicas": 1},
    "statefulsets.apps": {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"},
    "daemonsets.apps": {"revisionHistoryLimit": 10},
    "cronjobs.batch": {"concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1},
    "jobs.batch": {"completionMode": "NonIndexed", "suspend": False, "manualSelector": False},
    "services": {"type": "ClusterIP", "sessionAffinity": "None"},
    "persistentvolumes": {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"},
    "persistentvolumeclaims": {"volumeMode": "Filesystem"},
    "horizontalpodautoscalers.autoscaling": {"minReplicas": 1},
    "csidrivers.storage.k8s.io": {"attachRequired": True, "podInfoOnMount": False, "fsGroupPolicy": "ReadWriteOnceWithFSType",
                                  "storageCapacity": False, "requiresRepublish": False, "seLinuxMount": False,
                                  "preventPodSchedulingIfMissing": False},
}  # fmt: skip
"""Constants of `spec`."""

TOP: dict[str, dict[str, Any]] = {
    "secrets": {"type": "Opaque"},
    "storageclasses.storage.k8s.io": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    "priorityclasses.scheduling.k8s.io": {"preemptionPolicy": "PreemptLowerPriority"},
}
"""Constants beside `metadata`."""


def set_defaults(kind: Kind, value: Object) -> None:
    """Fill in `value` in place. Doing it twice changes nothing."""
    for field, default in TOP.get(kind.resource, {}).items():
        value.setdefault(field, default)
    if kind.resource in PLAIN:
        fill(value.setdefault("spec", {}), PLAIN[kind.resource])
    if kind.resource in RULES:
        RULES[kind.resource](value)


# what makes pods


def _with_template(value: Object) -> None:
    pod_template(value["spec"].setdefault("template", {}))


def _deployment(value: Object) -> None:
    strategy = value["spec"].setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy.setdefault("rollingUpdate", {}), {"maxUnavailable": "25%", "maxSurge": "25%"})
    _with_template(value)


def _daemon_set(value: Object) -> None:
    value["metadata"].setdefault("annotations", {}).setdefault("deprecated.daemonset.template.generation", "1")
    strategy = value["spec"].setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy.setdefault("rollingUpdate", {}), {"maxUnavailable": 1, "maxSurge": 0})
    _with_template(value)


def _stateful_set(value: Object) -> None:
    spec = value["spec"]
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(strategy.setdefault("rollingUpdate", {}), {"partition": 0, "maxUnavailable": 1})
    fill(spec.setdefault("persistentVolumeClaimRetentionPolicy", {}), {"whenDeleted": "Retain", "whenScaled": "Retain"})
    for claim in spec.get("volumeClaimTemplates", ()):
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim["status"] = {"phase": "Pending"}
    _with_template(value)


def _replication_controller(value: Object) -> None:
    _with_template(value)
    labels = value["spec"]["template"]["metadata"].get("labels")
    if labels:
        value["spec"].setdefault("selector", dict(labels))
        value["metadata"].setdefault("labels", dict(labels))


def _job(value: Object) -> None:
    spec = value["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", LAST_CHANCE if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    for rule in spec.get("podFailurePolicy", {}).get("rules", ()):
        for pattern in rule.get("onPodConditions", ()):
            if not pattern.get("status"):
                pattern["status"] = "True"
    _with_template(value)
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        value["metadata"].setdefault("labels", dict(labels))


def _cron_job(value: Object) -> None:
    template = value["spec"].setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    _with_template({"spec": template.setdefault("spec", {})})


# services and the way to them


def _service(value: Object) -> None:
    spec = value["spec"]
    kind = spec["type"]
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}).setdefault("timeoutSeconds", 10800)
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    if kind in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")


def _endpoints(value: Object) -> None:
    for subset in value.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def _endpoint_slice(value: Object) -> None:
    for port in value.get("ports", ()) or ():
        fill(port, {"name": "", "protocol": "TCP"})


def _ingress_class(value: Object) -> None:
    if "parameters" in value.get("spec", {}):
        value["spec"]["parameters"].setdefault("scope", "Cluster")


def _network_policy(value: Object) -> None:
    spec = value.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    spec.setdefault("policyTypes", ["Ingress", *(["Egress"] if spec.get("egress") else [])])
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")


# the rest


def _namespace(value: Object) -> None:
    if value["metadata"].get("name"):
        value["metadata"].setdefault("labels", {}).setdefault("kubernetes.io/metadata.name", value["metadata"]["name"])


def _secret(value: Object) -> None:
    for key, text in value.pop("stringData", {}).items():
        value.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()


def _host_path(value: Object) -> None:
    if "hostPath" in value["spec"]:
        value["spec"]["hostPath"].setdefault("type", "")


def _role_binding(value: Object) -> None:
    if not value.setdefault("roleRef", {}).get("apiGroup"):
        value["roleRef"]["apiGroup"] = RBAC
    for subject in value.get("subjects", ()):
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = RBAC


def _autoscaler(value: Object) -> None:
    target = {"type": "Utilization", "averageUtilization": 80}
    value["spec"].setdefault("metrics", [{"type": "Resource", "resource": {"name": "cpu", "target": target}}])


def _limit_range(value: Object) -> None:
    for item in value.get("spec", {}).get("limits", ()):
        if item.get("type") == "Container":
            default = item["default"] = {**item.get("max", {}), **item.get("default", {})}
            item["defaultRequest"] = {**item.get("min", {}), **default, **item.get("defaultRequest", {})}


def _csi_driver(value: Object) -> None:
    value["spec"].setdefault("volumeLifecycleModes", ["Persistent"])


RULES: dict[str, Callable[[Object], None]] = {
    "pods": pod,
    "podtemplates": lambda value: pod_template(value.setdefault("template", {})),
    "deployments.apps": _deployment,
    "replicasets.apps": _with_template,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "replicationcontrollers": _replication_controller,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "ingressclasses.networking.k8s.io": _ingress_class,
    "networkpolicies.networking.k8s.io": _network_policy,
    "namespaces": _namespace,
    "secrets": _secret,
    "persistentvolumes": _host_path,
    "rolebindings.rbac.authorization.k8s.io": _role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _role_binding,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "limitranges": _limit_range,
    "csidrivers.storage.k8s.io": _csi_driver,
}
