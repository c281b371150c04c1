"""What makes Services, Ingresses and what stands around them invalid."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from shallowdive.embedded import words
from shallowdive.embedded.go_types import CORE, printed
from shallowdive.embedded.validation_containers import port_or_name
from shallowdive.embedded.validation_pods import label_map, selector
from shallowdive.embedded.words import NOT_A_PORT, Found

Json = dict[str, Any]

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
POLICIES = ("Cluster", "Local")
EXTERNAL = ("NodePort", "LoadBalancer")
PROTOCOLS = ("SCTP", "TCP", "UDP")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
FAMILIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
ONLY_BALANCER = "may only be used when `type` is 'LoadBalancer'"
DAY_S = 86_400


def service(value: Json, found: Found) -> None:
    spec = value["spec"]
    kind = spec.get("type", "")
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and kind != "ExternalName" and not headless:
        found.required("spec.ports")
    _by_type(spec, kind, found)
    _ports(spec.get("ports") or [], found)
    label_map(spec.get("selector") or {}, "spec.selector", found)
    found.one_of("spec.sessionAffinity", spec.get("sessionAffinity", ""), ("ClientIP", "None"))
    seconds = (spec.get("sessionAffinityConfig") or {}).get("clientIP", {}).get("timeoutSeconds")
    if spec.get("sessionAffinity") == "ClientIP" and seconds is not None and not 0 < seconds <= DAY_S:
        path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        found.invalid(path, seconds, f"must be greater than 0 and less than {DAY_S}")
    _addresses(spec, kind, found)
    found.one_of("spec.type", kind, TYPES)
    _traffic(spec, kind, found)


def _by_type(spec: Json, kind: str, found: Found) -> None:
    if kind in EXTERNAL and spec.get("clusterIP") == "None":
        found.invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    if kind == "ExternalName":
        if spec.get("clusterIP") or spec.get("clusterIPs"):
            found.forbidden("spec.clusterIPs", "may not be set for ExternalName services")
        if not spec.get("externalName"):
            found.required("spec.externalName")
        else:
            found.check("spec.externalName", spec["externalName"].rstrip("."), words.subdomain)
    for index, port in enumerate(spec.get("ports") or ()):
        if kind == "ClusterIP" and port.get("nodePort"):
            found.forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")


def _ports(ports: list[Json], found: Found) -> None:
    names: set[str] = set()
    pairs: set[tuple[int, str]] = set()
    for index, port in enumerate(ports):
        at, name, number = f"spec.ports[{index}]", port.get("name", ""), port.get("port", 0)
        protocol = port.get("protocol", "TCP")
        if not name and len(ports) > 1:
            found.required(f"{at}.name")
        elif name:
            found.check(f"{at}.name", name, words.label)
            if name in names:
                found.duplicate(f"{at}.name", name)
            names.add(name)
        if not 1 <= number <= 65535:
            found.invalid(f"{at}.port", number, NOT_A_PORT)
        found.one_of(f"{at}.protocol", protocol, PROTOCOLS)
        port_or_name(port.get("targetPort") or number, f"{at}.targetPort", found)
        if port.get("appProtocol"):
            found.check(f"{at}.appProtocol", port["appProtocol"], words.qualified)
        if (number, protocol) in pairs:
            bare = {"protocol": protocol, "port": number, "targetPort": 0}
            found.duplicate(at, printed(f"{CORE}ServicePort", bare))
        pairs.add((number, protocol))


def _addresses(spec: Json, kind: str, found: Found) -> None:
    for index, address in enumerate(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])):
        if address != "None" and kind != "ExternalName":
            found.check(f"spec.clusterIPs[{index}]", address, words.ip)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        found.check(f"spec.externalIPs[{index}]", address, words.ip)
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        found.one_of(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))
    if "ipFamilyPolicy" in spec:
        found.one_of("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], FAMILIES)
    for index, source in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        found.check(f"spec.LoadBalancerSourceRanges[{index}]", source.strip(), words.cidr)


def _traffic(spec: Json, kind: str, found: Found) -> None:
    policy = spec.get("externalTrafficPolicy")
    if policy is not None and kind not in EXTERNAL:
        found.invalid("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services")
    elif policy is not None:
        found.one_of("spec.externalTrafficPolicy", policy, POLICIES)
    if "internalTrafficPolicy" in spec:
        found.one_of("spec.internalTrafficPolicy", spec["internalTrafficPolicy"], POLICIES)
    if "trafficDistribution" in spec:
        found.one_of("spec.trafficDistribution", spec["trafficDistribution"], DISTRIBUTIONS)
    if kind != "LoadBalancer":
        for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            if name in spec:
                found.forbidden(f"spec.{name}", ONLY_BALANCER)
    if spec.get("healthCheckNodePort") and not (kind == "LoadBalancer" and policy == "Local"):
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        found.invalid("spec.healthCheckNodePort", spec["healthCheckNodePort"], why)


# ingress


def _ingress(value: Json, found: Found) -> None:
    spec = value.get("spec") or {}
    if not spec.get("rules") and "defaultBackend" not in spec:
        found.invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    for index, rule in enumerate(spec.get("rules") or ()):
        at = f"spec.rules[{index}]"
        if rule.get("host"):
            _host(rule["host"], f"{at}.host", found)
        if "http" in rule:
            if not rule["http"].get("paths"):
                found.required(f"{at}.http.paths")
            for position, path in enumerate(rule["http"].get("paths") or ()):
                _path(path, f"{at}.http.paths[{position}]", found)
    for index, tls in enumerate(spec.get("tls") or ()):
        for position, host in enumerate(tls.get("hosts") or ()):
            found.check(f"spec.tls[{index}].hosts[{position}]", host, words.subdomain if not host.startswith("*") else _wildcard)
    if "defaultBackend" in spec:
        _backend(spec["defaultBackend"], "spec.defaultBackend", found)
    if spec.get("ingressClassName"):
        found.check("spec.ingressClassName", spec["ingressClassName"], words.subdomain)


def _host(host: str, path: str, found: Found) -> None:
    if not words.ip(host):
        found.invalid(path, host, "must be a DNS name, not an IP address")
    else:
        found.check(path, host, _wildcard if "*" in host else words.subdomain)


def _wildcard(host: str) -> list[str]:
    return [] if host.startswith("*.") and not words.subdomain(host[2:]) else [words.NOT_WILDCARD]


def _path(value: Json, path: str, found: Found) -> None:
    kind, text = value.get("pathType"), value.get("path", "")
    if kind is None:
        found.required(f"{path}.pathType", "pathType must be specified")
    elif kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            found.invalid(f"{path}.path", text, "must be an absolute path")
        for part in ("//", "/./", "/../", "%2f", "%2F"):
            if part in text:
                found.invalid(f"{path}.path", text, f"must not contain '{part}'")
    else:
        found.one_of(f"{path}.pathType", kind, ("Exact", "ImplementationSpecific", "Prefix"))
        if kind == "ImplementationSpecific" and text and not text.startswith("/"):
            found.invalid(f"{path}.path", text, "must be an absolute path")
    _backend(value.get("backend") or {}, f"{path}.backend", found)


def _backend(value: Json, path: str, found: Found) -> None:
    target = value.get("service")
    if target is None and "resource" not in value:
        found.invalid(path, "", "resource or service backend is required")
    elif target is not None and "resource" in value:
        found.invalid(path, "", "cannot set both resource and service backends")
    elif target is not None:
        port = target.get("port") or {}
        if not target.get("name"):
            found.required(f"{path}.service.name")
        else:
            found.check(f"{path}.service.name", target["name"], words.label)
        if port.get("name") and port.get("number"):
            found.invalid(path, "", "cannot set both port name & port number")
        elif port.get("name"):
            found.check(f"{path}.service.port.name", port["name"], words.port_name)
        elif not port.get("number"):
            found.required(path, "port name or number is required")
        elif not 1 <= port["number"] <= 65535:
            found.invalid(f"{path}.service.port.number", port["number"], NOT_A_PORT)


def _ingress_class(value: Json, found: Found) -> None:
    controller = (value.get("spec") or {}).get("controller", "")
    if not controller:
        found.required("spec.controller")
    else:
        found.check("spec.controller", controller, words.domain_path)


def _network_policy(value: Json, found: Found) -> None:
    spec = value.get("spec") or {}
    selector(spec.get("podSelector") or {}, "spec.podSelector", found)
    for way, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(way) or ()):
            at = f"spec.{way}[{index}]"
            for position, port in enumerate(rule.get("ports") or ()):
                found.one_of(f"{at}.ports[{position}].protocol", port.get("protocol", "TCP"), ("TCP", "UDP", "SCTP"))
                if "port" in port:
                    port_or_name(port["port"], f"{at}.ports[{position}].port", found)
            for position, peer in enumerate(rule.get(side) or ()):
                if not peer:
                    found.required(f"{at}.{side}[{position}]", "must specify a peer")
                if "ipBlock" in peer:
                    found.check(f"{at}.{side}[{position}].ipBlock.cidr", peer["ipBlock"].get("cidr", ""), words.cidr)
    for index, kind in enumerate(spec.get("policyTypes") or ()):
        found.one_of(f"spec.policyTypes[{index}]", kind, ("Ingress", "Egress"))


def _endpoint_slice(value: Json, found: Found) -> None:
    kind = value.get("addressType", "")
    found.one_of("addressType", kind, ("FQDN", "IPv4", "IPv6"))
    for index, endpoint in enumerate(value.get("endpoints") or ()):
        if not endpoint.get("addresses"):
            found.required(f"endpoints[{index}].addresses")
        for position, address in enumerate(endpoint.get("addresses") or ()):
            if kind != "FQDN":
                found.check(f"endpoints[{index}].addresses[{position}]", address, words.ip)


def _endpoints(value: Json, found: Found) -> None:
    for index, subset in enumerate(value.get("subsets") or ()):
        at = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            found.required(at, "must specify `addresses` or `notReadyAddresses`")
        for part in ("addresses", "notReadyAddresses"):
            for position, address in enumerate(subset.get(part) or ()):
                _endpoint_address(address.get("ip", ""), f"{at}.{part}[{position}].ip", found)
        ports = subset.get("ports") or []
        for position, port in enumerate(ports):
            here = f"{at}.ports[{position}]"
            if not port.get("name") and len(ports) > 1:
                found.required(f"{here}.name")
            elif port.get("name"):
                found.check(f"{here}.name", port["name"], words.label)
            if not 1 <= port.get("port", 0) <= 65535:
                found.invalid(f"{here}.port", port.get("port", 0), NOT_A_PORT)
            found.one_of(f"{here}.protocol", port.get("protocol", "TCP"), PROTOCOLS)


def _endpoint_address(address: str, path: str, found: Found) -> None:
    if words.ip(address):
        found.invalid(path, address, words.NOT_AN_IP)
        found.invalid(path, address, "must be a valid IP address")
    elif ipaddress.ip_address(address).is_loopback:
        found.invalid(path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)")


RULES: dict[str, Callable[[Json, Found], None]] = {
    "services": service,
    "ingresses.networking.k8s.io": _ingress,
    "ingressclasses.networking.k8s.io": _ingress_class,
    "networkpolicies.networking.k8s.io": _network_policy,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
}
