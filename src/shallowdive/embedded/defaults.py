"""What the API server fills in when a manifest leaves it out.

Constants of one object are rows of `PLAIN`; the rest is one function for each family. What depends on other objects is `admission`'s;
a pod's template is filled in less than a pod."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

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
                                  "storageCapacity": False, "requiresRepublish": False, "seLinuxMount": False, "preventPodSchedulingIfMissing": False},
}  # fmt: skip
"""Constants of `spec`."""

TOP: dict[str, dict[str, Any]] = {
    "secrets": {"type": "Opaque"},
    "storageclasses.storage.k8s.io": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    "priorityclasses.scheduling.k8s.io": {"preemptionPolicy": "PreemptLowerPriority"},
}
"""Constants beside `metadata`."""

PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
POD_SPEC = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "schedulerName": "default-scheduler",
}
CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}


def set_defaults(kind: Kind, value: Object) -> None:
    """Fill in `value` in place. Doing it twice changes nothing."""
    for field, default in TOP.get(kind.resource, {}).items():
        value.setdefault(field, default)
    if kind.resource in PLAIN:
        _fill(value.setdefault("spec", {}), PLAIN[kind.resource])
    if kind.resource in RULES:
        RULES[kind.resource](value)


def _fill(value: Object, defaults: dict[str, Any]) -> None:
    for field, default in defaults.items():
        if field not in value:
            value[field] = default


# pods


def pod(value: Object) -> None:
    spec = value.setdefault("spec", {})
    for container in containers(spec):
        resources = container.setdefault("resources", {})
        if "limits" in resources:
            resources["requests"] = {**resources["limits"], **resources.get("requests", {})}
        if spec.get("hostNetwork"):
            for port in container.get("ports", ()):
                port.setdefault("hostPort", port.get("containerPort", 0))
    spec.setdefault("enableServiceLinks", True)
    pod_spec(spec)


def containers(spec: Object) -> Iterator[Object]:
    """The containers of a pod's spec, without ephemeral ones."""
    yield from spec.get("initContainers", ())
    yield from spec.get("containers", ())


def pod_template(template: Object) -> None:
    template.setdefault("metadata", {})
    pod_spec(template.setdefault("spec", {}))


def pod_spec(spec: Object) -> None:
    _fill(spec, POD_SPEC)
    spec.setdefault("securityContext", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in containers(spec):
        _container(container)
    for container in spec.get("ephemeralContainers", ()):
        _container(container)
    for volume in spec.get("volumes", ()):
        _volume(volume)


def _container(container: Object) -> None:
    _fill(container, CONTAINER)
    container.setdefault("resources", {})
    if "imagePullPolicy" not in container:
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        _field_ref(variable.get("valueFrom", {}))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _fill(container[name], PROBE)
            _handler(container[name])
    for handler in container.get("lifecycle", {}).values():
        if type(handler) is dict:
            _handler(handler)


@lru_cache(maxsize=1024)
def pull_policy(image: str) -> str:
    """`Always` for the tag `latest` and for no tag."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or (image and not (tag or digest)) else "IfNotPresent"


def _handler(handler: Object) -> None:
    if "httpGet" in handler:
        _fill(handler["httpGet"], {"path": "/", "scheme": "HTTP"})
    if "grpc" in handler:
        handler["grpc"].setdefault("service", "")


def _field_ref(source: Object) -> None:
    if "fieldRef" in source:
        source["fieldRef"].setdefault("apiVersion", "v1")
    if "resourceFieldRef" in source:
        source["resourceFieldRef"].setdefault("divisor", "0")


def _volume(volume: Object) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        if name in volume:
            volume[name].setdefault("defaultMode", 420)
    for source in (volume, *volume.get("projected", {}).get("sources", ())):
        for item in source.get("downwardAPI", {}).get("items", ()):
            _field_ref(item)
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    if "image" in volume:
        volume["image"].setdefault("pullPolicy", pull_policy(volume["image"].get("reference", "")))
    if "ephemeral" in volume:
        volume["ephemeral"].get("volumeClaimTemplate", {}).get("spec", {}).setdefault("volumeMode", "Filesystem")


# what makes pods


def _with_template(value: Object) -> None:
    pod_template(value["spec"].setdefault("template", {}))


def _deployment(value: Object) -> None:
    strategy = value["spec"].setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), {"maxUnavailable": "25%", "maxSurge": "25%"})
    _with_template(value)


def _daemon_set(value: Object) -> None:
    value["metadata"].setdefault("annotations", {}).setdefault("deprecated.daemonset.template.generation", "1")
    strategy = value["spec"].setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), {"maxUnavailable": 1, "maxSurge": 0})
    _with_template(value)


def _stateful_set(value: Object) -> None:
    spec = value["spec"]
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), {"partition": 0, "maxUnavailable": 1})
    _fill(spec.setdefault("persistentVolumeClaimRetentionPolicy", {}), {"whenDeleted": "Retain", "whenScaled": "Retain"})
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
        _fill(port, {"name": "", "protocol": "TCP"})


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
