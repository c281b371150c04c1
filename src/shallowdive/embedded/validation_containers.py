"""What makes the containers of a pod invalid: names, images, ports, probes, environment, resources."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded import quantity, validation_volumes, words
from shallowdive.embedded.go_types import CORE, printed
from shallowdive.embedded.words import Found

Json = dict[str, Any]

RESOURCES = ("cpu", "memory", "ephemeral-storage")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
FIELDS = ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
          "status.hostIPs", "status.podIP", "status.podIPs")  # fmt: skip
AMOUNTS = ("limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory")
SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def containers(spec: Json, path: str, volumes: set[str], found: Found) -> None:
    if not spec.get("containers"):
        found.required(f"{path}.containers")
    seen: set[str] = set()
    grace = spec.get("terminationGracePeriodSeconds", 30)
    for part in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(part) or ()):
            at = f"{path}.{part}[{index}]"
            if container.get("name") in seen:
                found.duplicate(f"{at}.name", container["name"])
            seen.add(container.get("name", ""))
            _container(container, at, volumes, grace, found)
            _ports_of(container, at, bool(spec.get("hostNetwork")), found)
            if part == "initContainers" and container.get("restartPolicy") != "Always":
                for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
                    if name in container:
                        found.forbidden(f"{at}.{name}", "may not be set for init containers without restartPolicy=Always")
    _host_ports(spec, path, found)


def _container(container: Json, path: str, volumes: set[str], grace: int, found: Found) -> None:
    name, image = container.get("name", ""), container.get("image", "")
    if not name:
        found.required(f"{path}.name")
    else:
        found.check(f"{path}.name", name, words.label)
    if not image:
        found.required(f"{path}.image")
    elif image != image.strip():
        found.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    for policy, allowed in POLICIES.items():
        if policy in container:
            found.one_of(f"{path}.{policy}", container[policy], allowed)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            _probe(container[probe], probe, f"{path}.{probe}", found)
    for hook, handler in (container.get("lifecycle") or {}).items():
        if type(handler) is dict:
            _handler(handler, f"{path}.lifecycle.{hook}", found)
            if "sleep" in handler and not 0 <= handler["sleep"].get("seconds", 0) <= grace:
                why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                found.invalid(f"{path}.lifecycle.{hook}.sleep", handler["sleep"].get("seconds", 0), why)
    _environment(container, path, found)
    validation_volumes.mounts(container, path, volumes, found)
    resources(container.get("resources") or {}, f"{path}.resources", found)
    for row in container.get("resizePolicy") or ():
        found.one_of(f"{path}.resizePolicy", row.get("resourceName", ""), ("cpu", "memory"))
        found.one_of(f"{path}.resizePolicy", row.get("restartPolicy", ""), ("NotRequired", "RestartContainer"))
    security(container.get("securityContext") or {}, f"{path}.securityContext", found)


POLICIES = {
    "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
    "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
    "restartPolicy": ("Always", "Never", "OnFailure"),
}


def _ports_of(container: Json, path: str, host_network: bool, found: Found) -> None:
    names: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        at = f"{path}.ports[{index}]"
        if port.get("name"):
            found.check(f"{at}.name", port["name"], words.port_name)
            if port["name"] in names:
                found.duplicate(f"{at}.name", port["name"])
            names.add(port["name"])
        if not port.get("containerPort"):
            found.required(f"{at}.containerPort")
        else:
            _number(port["containerPort"], f"{at}.containerPort", found)
        if port.get("hostPort"):
            _number(port["hostPort"], f"{at}.hostPort", found)
            if host_network and port["hostPort"] != port.get("containerPort"):
                found.invalid(f"{at}.hostPort", port["hostPort"], "must match `containerPort` when `hostNetwork` is true")
        found.one_of(f"{at}.protocol", port.get("protocol", "TCP"), ("SCTP", "TCP", "UDP"))


def _host_ports(spec: Json, path: str, found: Found) -> None:
    taken: set[str] = set()
    for index, container in enumerate(spec.get("containers") or ()):
        for port_index, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort"):
                name = f"{port.get('protocol', 'TCP')}/{port.get('hostIP', '')}/{port['hostPort']}"
                if name in taken:
                    found.duplicate(f"{path}.containers[{index}].ports[{port_index}].hostPort", name)
                taken.add(name)


def _number(port: int, path: str, found: Found) -> None:
    if not 1 <= port <= 65535:
        found.invalid(path, port, words.NOT_A_PORT)


def port_or_name(port: int | str, path: str, found: Found) -> None:
    if type(port) is int:
        _number(port, path, found)
    else:
        found.check(path, str(port), words.port_name)


def _probe(probe: Json, name: str, path: str, found: Found) -> None:
    _handler(probe, path, found)
    found.at_least_zero(path, probe, "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
    if "terminationGracePeriodSeconds" in probe:
        seconds = probe["terminationGracePeriodSeconds"]
        if name == "readinessProbe":
            found.invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must not be set for readinessProbes")
        elif seconds <= 0:
            found.invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must be greater than 0")
    if name != "readinessProbe" and probe.get("successThreshold", 1) not in (0, 1):
        found.invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _handler(handler: Json, path: str, found: Found) -> None:
    kinds = [name for name in HANDLERS if name in handler]
    if not kinds:
        found.required(path, "must specify a handler type")
    for extra in kinds[1:]:
        found.forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")
    at = f"{path}.{kinds[0]}" if kinds else path
    match kinds[:1]:
        case ["exec"] if not handler["exec"].get("command"):
            found.required(f"{at}.command")
        case ["httpGet"]:
            _http_get(handler["httpGet"], at, found)
        case ["tcpSocket"]:
            port_or_name(handler["tcpSocket"].get("port", 0), f"{at}.port", found)
        case ["grpc"]:
            _number(handler["grpc"].get("port", 0), f"{at}.port", found)


def _http_get(get: Json, path: str, found: Found) -> None:
    if not get.get("path"):
        found.required(f"{path}.path")
    port_or_name(get.get("port", 0), f"{path}.port", found)
    found.one_of(f"{path}.scheme", get.get("scheme", "HTTP"), ("HTTP", "HTTPS"))
    for header in get.get("httpHeaders") or ():
        found.check(f"{path}.httpHeaders", header.get("name", ""), _header)


def _header(name: str) -> list[str]:
    if name and name.replace("-", "").isalnum() and name.isascii():
        return []
    shape = "(e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
    return [f"a valid HTTP header must consist of alphanumeric characters or '-' {shape}"]


# the environment


def _environment(container: Json, path: str, found: Found) -> None:
    for index, variable in enumerate(container.get("env") or ()):
        at = f"{path}.env[{index}]"
        if not variable.get("name"):
            found.required(f"{at}.name")
        else:
            found.check(f"{at}.name", variable["name"], words.environment_name)
        if "valueFrom" in variable:
            _value_from(variable, f"{at}.valueFrom", found)
    for index, source in enumerate(container.get("envFrom") or ()):
        at = f"{path}.envFrom[{index}]"
        if source.get("prefix"):
            found.check(f"{at}.prefix", source["prefix"], words.environment_name)
        named = [name for name in ("configMapRef", "secretRef") if name in source]
        for name in named:
            if not source[name].get("name"):
                found.required(f"{at}.{name}.name")
        if not named:
            found.invalid(f"{path}.envFrom", "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(named) > 1:
            found.invalid(f"{path}.envFrom", "", "may not have more than one field specified at a time")


def _value_from(variable: Json, path: str, found: Found) -> None:
    source = variable["valueFrom"]
    named = [name for name in SOURCES if name in source]
    if "fieldRef" in source:
        _field(source["fieldRef"].get("fieldPath", ""), f"{path}.fieldRef.fieldPath", found)
    if "resourceFieldRef" in source:
        _amount(source["resourceFieldRef"].get("resource", ""), f"{path}.resourceFieldRef.resource", found)
    for name in ("configMapKeyRef", "secretKeyRef"):
        if name in source:
            found.check(f"{path}.{name}.name", source[name].get("name", ""), words.subdomain)
            if not source[name].get("key"):
                found.required(f"{path}.{name}.key")
            else:
                found.check(f"{path}.{name}.key", source[name]["key"], words.config_key)
    if not named:
        listed = ", ".join(f"`{name}`" for name in SOURCES[:-1])
        found.invalid(path, "", f"must specify one of: {listed} or `{SOURCES[-1]}`")
    elif variable.get("value"):
        found.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(named) > 1:
        found.invalid(path, "", "may not have more than one field specified at a time")


def _field(field: str, path: str, found: Found) -> None:
    if not field:
        found.required(path)
    elif field.partition("[")[0] in ("metadata.labels", "metadata.annotations"):
        if "['" not in field:
            found.one_of(path, field, FIELDS)
    elif field not in FIELDS:
        found.invalid(path, field, f"error converting fieldPath: field label not supported: {field}")


def _amount(resource: str, path: str, found: Found) -> None:
    if not resource:
        found.required(path)
    elif "hugepages-" not in resource:
        found.one_of(path, resource, AMOUNTS)


# resources


def resources(value: Json, path: str, found: Found) -> None:
    limits, requests = value.get("limits") or {}, value.get("requests") or {}
    for name, amount in limits.items():
        _resource(name, amount, f"{path}.limits[{name}]", found)
    for name, amount in requests.items():
        _resource(name, amount, f"{path}.requests[{name}]", found)
        if name in limits:
            if name in RESOURCES and quantity.nano(amount) > quantity.nano(limits[name]):
                found.invalid(f"{path}.requests", amount, f"must be less than or equal to {name} limit of {limits[name]}")
            elif name not in RESOURCES and quantity.nano(amount) != quantity.nano(limits[name]):
                found.invalid(f"{path}.requests", amount, f"must be equal to {name} limit of {limits[name]}")
        elif name not in RESOURCES and "/" in name:
            found.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
    if any(name.startswith("hugepages-") for name in (*limits, *requests)) and not {"cpu", "memory"} & {*limits, *requests}:
        found.forbidden(path, "HugePages require cpu or memory")


def resource_name(name: str, path: str, found: Found) -> None:
    """What a container may ask for: CPU, memory, local storage, huge pages, or something with a prefix."""
    if name in RESOURCES:
        return
    found.check(path, name, words.qualified)
    if "/" not in name and not name.startswith("hugepages-"):
        if name not in ("storage", "pods", "services", "secrets", "configmaps"):
            found.invalid(path, name, "must be a standard resource type or fully qualified")
        found.invalid(path, name, "must be a standard resource for containers")
    elif "/" in name and words.qualified(name):
        found.invalid(path, name, "doesn't follow extended resource name standard")


def _resource(name: str, amount: str, path: str, found: Found) -> None:
    resource_name(name, path, found)
    if quantity.nano(amount) < 0:
        found.invalid(path, amount, words.NEGATIVE)
    elif "/" in name and quantity.nano(amount) % quantity.NANO:
        found.invalid(path, amount, "must be an integer")


def security(context: Json, path: str, found: Found) -> None:
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        if context.get(name, 0) < 0:
            found.invalid(f"{path}.{name}", context[name], "must be between 0 and 2147483647, inclusive")
    if "seccompProfile" in context:
        found.one_of(
            f"{path}.seccompProfile.type", context["seccompProfile"].get("type", ""), ("Localhost", "RuntimeDefault", "Unconfined")
        )
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        found.invalid(
            path, printed(f"{CORE}SecurityContext", context), "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        )
