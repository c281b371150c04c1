"""What a container is told: its command line and its environment, from literals, ConfigMaps, Secrets, services and the pod itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from shallowdive.embedded import quantity
from shallowdive.embedded.kinds import CONFIGMAPS, NODES, SECRETS, SERVICES
from shallowdive.embedded.store import Object, Store

PATH = "/bin"
NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
REFERENCE = re.compile(r"\$(?:\$|\(([^()]+)\))")
KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
NO_LIMIT = {"limits.cpu": "cpu", "limits.memory": "memory", "limits.ephemeral-storage": "ephemeral-storage"}


class Missing(Exception):
    """Something that the container's configuration names is not there; the message is the kubelet's."""


def command_line(container: dict[str, Any], entrypoint: tuple[str, ...], command: tuple[str, ...], env: dict[str, str]) -> list[str]:
    """What is executed: the container's `command` and `args`, where they are given, instead of the image's."""
    first = container.get("command") or list(entrypoint)
    rest = container.get("args") or ([] if container.get("command") else list(command))
    return [expand(word, env) for word in (*first, *rest)]


def expand(text: str, env: dict[str, str]) -> str:
    """`$(NAME)` becomes the variable's value when there is one; `$$` is a dollar."""
    return REFERENCE.sub(lambda m: "$" if m[0] == "$$" else env.get(m[1], m[0]), text)


def environment(store: Store, pod: Object, container: dict[str, Any], ips: dict[str, str]) -> dict[str, str]:
    """Every variable, in the order in which later ones replace earlier ones. Raises Missing."""
    env = {"PATH": PATH, "HOSTNAME": hostname(pod)}
    if pod["spec"].get("enableServiceLinks", True):
        for service in store.objects(SERVICES, pod["metadata"]["namespace"]):
            env |= service_variables(service)
    kubernetes = store.get(SERVICES, "default", "kubernetes")
    if kubernetes is not None:
        env |= service_variables(kubernetes)
    for source in container.get("envFrom") or ():
        for name, value in _whole_source(store, pod, source):
            env[source.get("prefix", "") + name] = value
    for row in container.get("env") or ():
        if "valueFrom" in row:
            found = _value_from(store, pod, container, row["valueFrom"], ips)
            env |= {} if found is None else {row["name"]: found}
        else:
            env[row["name"]] = expand(row.get("value") or "", env)
    env.setdefault("HOME", "/")
    return env


def hostname(pod: Object) -> str:
    return str(pod["spec"].get("hostname") or pod["metadata"]["name"])[:63].rstrip("-.")


def service_variables(service: Object) -> dict[str, str]:
    spec, ports = service["spec"], service["spec"].get("ports") or []
    address = spec.get("clusterIP", "")
    if address in ("", "None") or not ports:
        return {}
    name = service["metadata"]["name"].upper().replace("-", "_")
    found = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            found[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    for i, port in enumerate(ports):
        protocol = port.get("protocol", "TCP").lower()
        url = f"{protocol}://{address}:{port['port']}"
        prefix = f"{name}_PORT_{port['port']}_{protocol.upper()}"
        found |= {f"{name}_PORT": url} if not i else {}
        found |= {prefix: url, f"{prefix}_PROTO": protocol, f"{prefix}_PORT": str(port["port"]), f"{prefix}_ADDR": address}
    return found


def contents(store: Store, resource: str, namespace: str, name: str) -> dict[str, bytes] | None:
    """Keys and bytes of a ConfigMap or Secret; None when it is not there."""
    value = store.get(resource, namespace, name)
    if value is None:
        return None
    if resource == SECRETS:
        return {k: base64.b64decode(v) for k, v in (value.get("data") or {}).items()}
    binary = {k: base64.b64decode(v) for k, v in (value.get("binaryData") or {}).items()}
    return {k: v.encode() for k, v in (value.get("data") or {}).items()} | binary


def _whole_source(store: Store, pod: Object, source: dict[str, Any]) -> Iterator[tuple[str, str]]:
    resource, word, ref = (
        (CONFIGMAPS, "configmap", source["configMapRef"]) if source.get("configMapRef") else (SECRETS, "secret", source["secretRef"])
    )
    found = contents(store, resource, pod["metadata"]["namespace"], ref["name"])
    if found is None:
        if ref.get("optional"):
            return
        raise Missing(f'{word} "{ref["name"]}" not found')
    for name, value in sorted(found.items()):
        if NAME.fullmatch(source.get("prefix", "") + name):
            yield name, value.decode(errors="replace")


def _value_from(store: Store, pod: Object, container: dict[str, Any], source: dict[str, Any], ips: dict[str, str]) -> str | None:
    namespace = pod["metadata"]["namespace"]
    for field, resource, word, title in (
        ("configMapKeyRef", CONFIGMAPS, "configmap", "ConfigMap"),
        ("secretKeyRef", SECRETS, "secret", "Secret"),
    ):
        ref = source.get(field)
        if not ref:
            continue
        found = contents(store, resource, namespace, ref["name"])
        if found is not None and ref["key"] in found:
            return found[ref["key"]].decode(errors="replace")
        if ref.get("optional"):
            return None
        if found is None:
            raise Missing(f'{word} "{ref["name"]}" not found')
        raise Missing(f"couldn't find key {ref['key']} in {title} {namespace}/{ref['name']}")
    if source.get("fieldRef"):
        return field_of(pod, source["fieldRef"]["fieldPath"], ips)
    if source.get("resourceFieldRef"):
        return resource_of(store, pod, container, source["resourceFieldRef"])
    raise Missing("unsupported source of a variable")


def field_of(pod: Object, path: str, ips: dict[str, str]) -> str:
    """A field of the pod, for the downward API. `ips` holds those that are not in its stored status yet."""
    meta, spec = pod["metadata"], pod["spec"]
    keyed = KEYED.fullmatch(path)
    if keyed:
        return str((meta.get(keyed[1]) or {}).get(keyed[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        rows = meta.get(path.split(".")[1]) or {}
        return "\n".join(f'{k}="{v}"' for k, v in sorted(rows.items()))
    simple = {
        "metadata.name": meta["name"], "metadata.namespace": meta["namespace"], "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName", ""), "spec.serviceAccountName": spec.get("serviceAccountName", ""), **ips,
    }  # fmt: skip
    return str(simple.get(path, ""))


def resource_of(store: Store, pod: Object, container: dict[str, Any], ref: dict[str, Any]) -> str:
    """`limits.cpu` and its kin, in units of the divisor, rounded up; without a limit what the node has."""
    name = ref.get("containerName")
    everyone = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    of = next((c for c in everyone if c["name"] == name), container)
    kind, _, resource = ref["resource"].partition(".")
    value = ((of.get("resources") or {}).get(kind) or {}).get(resource)
    if value is None and ref["resource"] in NO_LIMIT:
        node = store.get(NODES, "", pod["spec"].get("nodeName", ""))
        value = (node or {}).get("status", {}).get("allocatable", {}).get(resource)
    divisor = ref.get("divisor") or "1"
    by = quantity.nano("1" if divisor == "0" else divisor)
    return str(-(-quantity.nano(value or "0") // by))
