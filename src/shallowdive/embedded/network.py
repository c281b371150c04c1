"""The cluster's network as a table: which address and port answers, which pods stand behind a service, which name has which address.

A call does not return its answer, it is given it later, so that a slow program costs no thread. No packet leaves the process;
the front door and the `proxy` subresource come in here. Left out: anything but HTTP over TCP, session affinity, network policies."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import ENDPOINTSLICES, SERVICES
from shallowdive.embedded.request import Request, Response
from shallowdive.embedded.store import Object, Store

REFUSED, TIMED_OUT, NO_HOST, CLOSED = "connection refused", "i/o timeout", "no such host", "EOF"
DOMAIN = "cluster.local"
DNS_ADDRESS = "10.96.0.10"
SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer, and why: REFUSED, TIMED_OUT (said at once: who asks knows how long it would have waited), NO_HOST, CLOSED."""

    why: str


Answer = Response | Unreachable
Reply = Callable[[Answer], None]
Handler = Callable[[Request, Reply], None]
"""A listening program: takes a request and calls the reply exactly once, now or later."""


@dataclass(slots=True)
class Network:
    store: Store
    random: random.Random
    listening: dict[tuple[str, int], Handler] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)
    """Pod addresses that exist: a closed port on one of them refuses, any other address does not answer."""
    services: Index = field(init=False)
    slices: Index = field(init=False)

    def __post_init__(self) -> None:
        self.services = Index(self.store, SERVICES, lambda s: s["spec"].get("clusterIPs") or ())
        self.slices = Index(self.store, ENDPOINTSLICES, _service_of)

    def listen(self, ip: str, port: int, handler: Handler) -> None:
        self.listening[(ip, port)] = handler

    def close(self, ip: str, port: int) -> None:
        self.listening.pop((ip, port), None)

    def answers(self, ip: str, port: int) -> bool:
        """Whether somebody would take a connection."""
        service = next(self.services.objects(ip), None)
        if service is None:
            return (ip, port) in self.listening
        return any(to in self.listening for to in self.endpoints(service["metadata"]["namespace"], service["metadata"]["name"], port))

    # asking

    def send(self, ip: str, port: int, request: Request, reply: Reply) -> None:
        """Send to the address of a pod or of a service."""
        handler = self.listening.get((ip, port))
        if handler is not None:
            handler(request, reply)
        elif ip in self.addresses:
            reply(Unreachable(REFUSED))
        else:
            service = next(self.services.objects(ip), None)
            if service is None or not any(p["port"] == port for p in service["spec"].get("ports") or ()):
                reply(Unreachable(TIMED_OUT))
            else:
                self._send_to(service, port, request, reply)

    def send_service(self, namespace: str, name: str, port: int | str, request: Request, reply: Reply) -> None:
        """Send to one of the ready pods behind a service. `port` is a number, a name, or '' for the only one."""
        service = self.store.get(SERVICES, namespace, name)
        if service is None:
            reply(Unreachable(NO_HOST))
        else:
            self._send_to(service, port, request, reply)

    def _send_to(self, service: Object, port: int | str, request: Request, reply: Reply) -> None:
        choices = list(self.endpoints(service["metadata"]["namespace"], service["metadata"]["name"], port))
        if choices:
            self.send(*self.random.choice(choices), request, reply)
        else:
            reply(Unreachable(REFUSED))

    def endpoints(self, namespace: str, name: str, port: int | str = "") -> Iterator[tuple[str, int]]:
        """(address, port) of each ready pod behind a service's port."""
        service = self.store.get(SERVICES, namespace, name)
        ports = ((service or {}).get("spec", {})).get("ports") or []
        wanted = next((p for p in ports if str(port) in ("", str(p["port"]), p.get("name", ""))), None)
        if wanted is None:
            return
        for slice_ in self.slices.objects((namespace, name)):
            number = next((p["port"] for p in slice_.get("ports") or () if (p.get("name") or "") == wanted.get("name", "")), None)
            if number is not None:
                yield from ((ip, number) for e in slice_.get("endpoints") or () if _serves(e) for ip in e["addresses"])

    # names

    def resolve(self, host: str, namespace: str) -> list[str]:
        """Addresses of a name asked for in a pod of this namespace: its search list is tried as the pod's resolver does. [] for none."""
        if host.replace(".", "").isdigit():
            return [host]
        name = host.rstrip(".")
        for suffix in (f".{namespace}.svc.{DOMAIN}", f".svc.{DOMAIN}", f".{DOMAIN}", ""):
            if found := self.look_up(name + suffix):
                return found
        return []

    def look_up(self, name: str) -> list[str]:
        """Addresses of a full name: `SERVICE.NAMESPACE.svc.cluster.local`, `HOSTNAME.SERVICE.…`. [] for none."""
        before, found, _ = name.partition(f".svc.{DOMAIN}")
        parts = before.split(".")
        if not found or len(parts) not in (2, 3):
            return []
        service = self.store.get(SERVICES, parts[-1], parts[-2])
        if service is None:
            return []
        if service["spec"].get("externalName"):
            return self.look_up(service["spec"]["externalName"])
        address = service["spec"].get("clusterIP", "")
        if address != "None":
            return [address] if len(parts) == 2 and address else []
        host = parts[0] if len(parts) == 3 else ""
        every = bool(service["spec"].get("publishNotReadyAddresses"))
        rows = (e for s in self.slices.objects((parts[-1], parts[-2])) for e in s.get("endpoints") or () if every or _serves(e))
        return [ip for e in rows if not host or host in (e.get("hostname"), e["addresses"][0].replace(".", "-")) for ip in e["addresses"]]


def _serves(endpoint: dict[str, Any]) -> bool:
    return bool((endpoint.get("conditions") or {}).get("ready", True))


def _service_of(slice_: Object) -> list[tuple[str, str]]:
    name = (slice_["metadata"].get("labels") or {}).get(SERVICE_NAME)
    return [(slice_["metadata"]["namespace"], name)] if name else []
