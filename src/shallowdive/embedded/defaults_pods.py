"""What the API server fills in in a pod and in a pod's template, where it is less."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from shallowdive.embedded.store import Object

PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
POD_SPEC = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "schedulerName": "default-scheduler",
}
CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}


def fill(value: Object, defaults: dict[str, Any]) -> None:
    """Set what is missing."""
    for field, default in defaults.items():
        if field not in value:
            value[field] = default


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
    fill(spec, POD_SPEC)
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
    fill(container, CONTAINER)
    container.setdefault("resources", {})
    if "imagePullPolicy" not in container:
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        _field_ref(variable.get("valueFrom", {}))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            fill(container[name], PROBE)
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
        fill(handler["httpGet"], {"path": "/", "scheme": "HTTP"})
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
