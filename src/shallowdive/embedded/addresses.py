"""Cluster addresses and node ports of services: drawn, checked, and never given twice.

What is taken is what the stored services say; an index answers that without looking at all of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from shallowdive.embedded import status
from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import SERVICES
from shallowdive.embedded.status import Cause
from shallowdive.embedded.store import Object, Store

if TYPE_CHECKING:
    from shallowdive.embedded.registry import Registry

NETWORK = ipaddress.ip_network("10.96.0.0/16")
BY_HAND = 256
"""The first addresses are left to those who ask for one by hand, and are drawn last. The real one does so too."""
NODE_PORTS = range(30000, 32768)
NODE_PORTS_BY_HAND = 86

_taken: WeakKeyDictionary[Store, Index] = WeakKeyDictionary()


def _index(store: Store) -> Index:
    if store not in _taken:
        _taken[store] = Index(store, SERVICES, _addresses_of)
    return _taken[store]


def _addresses_of(service: Object) -> Iterator[str | int]:
    spec = service["spec"]
    if spec.get("clusterIP") not in (None, "", "None"):
        yield spec["clusterIP"]
    for port in spec.get("ports") or ():
        if port.get("nodePort"):
            yield port["nodePort"]
    if spec.get("healthCheckNodePort"):
        yield spec["healthCheckNodePort"]


def on_create(registry: Registry, service: Object) -> None:
    """Fill in `clusterIP` and node ports, or raise ApiError 422."""
    _give_address(registry, service)
    _give_ports(registry, service, set())


def on_update(registry: Registry, old: Object, service: Object) -> None:
    """Keep what was given when the new version leaves it out; give back and draw anew when the type changes."""
    was, spec = old["spec"], service["spec"]
    if not _wants_address(spec):
        if _wants_address(was) and spec.get("clusterIP") == was.get("clusterIP"):
            del spec["clusterIP"]
            spec.pop("clusterIPs", None)
    elif _wants_address(was) and not spec.get("clusterIP"):
        spec["clusterIP"], spec["clusterIPs"] = was["clusterIP"], list(was.get("clusterIPs") or [was["clusterIP"]])
    elif not was.get("clusterIP"):
        _give_address(registry, service)
    _drop_what_the_type_has_not(was, spec)
    _keep_ports(was, spec)
    _give_ports(registry, service, {port.get("nodePort", 0) for port in was.get("ports") or ()})


def _drop_what_the_type_has_not(was: dict[str, Any], spec: dict[str, Any]) -> None:
    """A change of the type alone is enough: what the old type had and the new one cannot have goes, unless it was changed too."""
    kind = spec.get("type")
    lost = {
        "externalTrafficPolicy": kind in ("NodePort", "LoadBalancer"),
        "healthCheckNodePort": kind == "LoadBalancer",
        "allocateLoadBalancerNodePorts": kind == "LoadBalancer",
        "loadBalancerClass": kind == "LoadBalancer",
        "internalTrafficPolicy": kind != "ExternalName",
        "ipFamilies": kind != "ExternalName",
        "ipFamilyPolicy": kind != "ExternalName",
    }
    for name, stays in lost.items():
        if not stays and name in spec and spec[name] == was.get(name):
            del spec[name]


def _keep_ports(was: dict[str, Any], spec: dict[str, Any]) -> None:
    given = {(port["port"], port.get("protocol", "TCP")): port.get("nodePort") for port in was.get("ports") or ()}
    for port in spec.get("ports") or ():
        known = given.get((port["port"], port.get("protocol", "TCP")))
        if not _wants_ports(spec):
            if port.get("nodePort") and port["nodePort"] == known:
                del port["nodePort"]
        elif known and not port.get("nodePort"):
            port["nodePort"] = known


def _wants_address(spec: dict[str, Any]) -> bool:
    return str(spec.get("type")) != "ExternalName"


def _wants_ports(spec: dict[str, Any]) -> bool:
    kind = spec.get("type", "ClusterIP")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True) is not False)


def _give_address(registry: Registry, service: Object) -> None:
    spec = service["spec"]
    if not _wants_address(spec):
        return
    given = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
    if given and given != "None":
        _check_address(registry, service, given)
    spec["clusterIP"] = given or _draw_address(registry)
    spec["clusterIPs"] = [spec["clusterIP"]]
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")


def _check_address(registry: Registry, service: Object, given: str) -> None:
    try:
        inside = ipaddress.ip_address(given) in NETWORK
    except ValueError:
        return  # no address at all is the validation's to refuse
    if not inside:
        why = "the provided network does not match the current range"
    elif _index(registry.store).count(given):
        why = "provided IP is already allocated"
    else:
        return
    message = f'Invalid value: ["{given}"]: failed to allocate IP {given}: {why}'
    raise _refused(service, [Cause("spec.clusterIPs", "FieldValueInvalid", message)])


def _draw_address(registry: Registry) -> str:
    taken, first = _index(registry.store), int(NETWORK.network_address)
    while True:
        address = str(ipaddress.ip_address(first + registry.random.randrange(BY_HAND, NETWORK.num_addresses - 1)))
        if not taken.count(address):
            return address


def _give_ports(registry: Registry, service: Object, own: set[int]) -> None:
    spec, drawn = service["spec"], set(own)
    if not _wants_ports(spec):
        return
    for index, port in enumerate(spec.get("ports") or ()):
        given = port.get("nodePort", 0)
        if not given:
            port["nodePort"] = _draw_port(registry, drawn)
        elif given not in own:
            _check_port(registry, service, index, given)
        drawn.add(port["nodePort"])


def _check_port(registry: Registry, service: Object, index: int, given: int) -> None:
    if given not in NODE_PORTS:
        why = f"provided port is not in the valid range. The range of valid ports is {NODE_PORTS[0]}-{NODE_PORTS[-1]}"
    elif _index(registry.store).count(given):
        why = "provided port is already allocated"
    else:
        return
    raise _refused(service, [Cause(f"spec.ports[{index}].nodePort", "FieldValueInvalid", f"Invalid value: {given}: {why}")])


def _draw_port(registry: Registry, drawn: set[int]) -> int:
    taken = _index(registry.store)
    free = [port for port in NODE_PORTS[NODE_PORTS_BY_HAND:] if port not in drawn and not taken.count(port)]
    if not free:
        free = [port for port in NODE_PORTS if port not in drawn and not taken.count(port)]
    if not free:
        raise status.ApiError(500, "InternalError", "Internal error occurred: failed to allocate a nodePort: range is full")
    return registry.random.choice(free)


def _refused(service: Object, causes: list[Cause]) -> status.ApiError:
    return status.invalid("Service", "", service["metadata"]["name"], causes)
