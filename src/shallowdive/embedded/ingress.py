"""The front door: an HTTP request from outside finds its way by the Ingress objects to a ready pod.

Pure routing, in the core: `server` gives it a socket. It stands where Traefik stands on kind and follows Traefik 3.7's rules as seen
there: a prefix is a prefix of the text, the longest rule wins, a rule whose service has nobody behind it is no rule.
Left out: TLS, annotations, ExternalName services."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from shallowdive.embedded.kinds import INGRESSCLASSES, INGRESSES, SERVICES
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.network import Answer
from shallowdive.embedded.registry import Who
from shallowdive.embedded.request import Request, Response
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

CONTROLLER = "traefik.io/ingress-controller"
WHO = Who("traefik")
STATUS = {"loadBalancer": {"ingress": [{"hostname": "localhost"}]}}
GATEWAY = "10.244.0.1"
"""Who asks, as the pods see it: on kind the control-plane node's end of the pod network."""
LABEL = "[a-zA-Z0-9-]+"
"""What a `*` in a host stands for."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path of one rule. `text` is the rule as Traefik writes it; its length is its weight."""

    text: str
    host: str
    path: str
    exact: bool
    namespace: str
    backend: dict[str, Any]

    def matches(self, host: str, path: str) -> bool:
        if self.host.startswith("*."):
            if not re.fullmatch(LABEL + re.escape(self.host[1:]), host):
                return False
        elif self.host and host != self.host:
            return False
        return path == self.path if self.exact else path.startswith(self.path)


def routes_of(ingress: Object) -> Iterator[Route]:
    """The routes of an Ingress. Its default backend counts only where it has no rules."""
    namespace, spec = ingress["metadata"]["namespace"], ingress["spec"]
    if spec.get("defaultBackend") and not spec.get("rules"):
        yield Route("", "", "/", False, namespace, spec["defaultBackend"]["service"])
    for rule in spec.get("rules", ()):
        host = rule.get("host", "").lower()
        for entry in rule.get("http", {}).get("paths", ()):
            path, exact = entry.get("path", ""), entry["pathType"] == "Exact"
            if "service" in entry["backend"]:
                yield Route(rule_text(host, path, exact=exact), host, path, exact, namespace, entry["backend"]["service"])


def rule_text(host: str, path: str, *, exact: bool) -> str:
    """As Traefik words it: by its length an exact host weighs less than a wildcard, and an exact path less than a prefix."""
    words = []
    if host:
        pattern = re.escape(host).replace(r"\*", LABEL, 1)
        words.append(f"HostRegexp(`^{pattern}$`)" if host.startswith("*.") else f"Host(`{host}`)")
    if path:
        words.append(f"{'Path' if exact else 'PathPrefix'}(`{path}`)")
    return " && ".join(words)


class FrontDoor(Controller):
    """Keeps the routes and the `status` of each Ingress of its class; `handle` answers requests from outside."""

    name = "traefik"
    watches = (INGRESSES, INGRESSCLASSES)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._routes: list[Route] | None = None
        self._turns: dict[Key, int] = {}

    def keys(self, event: Event) -> list[Key]:
        self._routes = None
        return [event.key] if event.resource == INGRESSES else [e.key for e in self.store.latest(INGRESSES)]

    def reconcile(self, key: Key) -> None:
        ingress = self.store.get(INGRESSES, *key)
        if ingress is not None and self._is_ours(ingress) and ingress.get("status") != STATUS:
            self.registry.change(INGRESSES, *key, lambda value: value.update(status=STATUS), WHO, subresource="status")

    def handle(self, request: Request, reply: Callable[[Response], None]) -> None:
        """Send the request on. `reply` is called once, now or later."""
        host = request.headers.get("host", "").partition(":")[0].lower()
        path = clean(request.path)
        for route in self.routes():
            if route.matches(host, path):
                addresses = self._addresses(route)
                if addresses:
                    key = (route.namespace, route.backend["name"])
                    turn = self._turns[key] = self._turns.get(key, -1) + 1
                    self.cluster.network.send(*addresses[turn % len(addresses)], self._forwarded(request, path), lambda a: reply(_said(a)))
                    return
        reply(_text(404, "404 page not found\n", {"X-Content-Type-Options": "nosniff"}))

    def routes(self) -> list[Route]:
        """Heaviest first; of two that weigh the same, the one whose Ingress has the later name."""
        if self._routes is None:
            later_first = reversed(self.store.objects(INGRESSES))
            found = [r for i in later_first if self._is_ours(i) for r in routes_of(i)]
            self._routes = sorted(found, key=lambda r: -len(r.text))
        return self._routes

    def _is_ours(self, ingress: Object) -> bool:
        name = ingress["spec"].get("ingressClassName")
        found = self.store.get(INGRESSCLASSES, "", name) if name else None
        return found is not None and found["spec"].get("controller") == CONTROLLER

    def _addresses(self, route: Route) -> list[tuple[str, int]]:
        """The ready addresses behind a route, in order; none when the service or its port is missing."""
        key = (route.namespace, route.backend["name"])
        service, port = self.store.get(SERVICES, *key), route.backend.get("port", {})
        if service is None or service["spec"].get("type") == "ExternalName":
            return []
        return list(self.cluster.network.endpoints(*key, port.get("number") or port.get("name", "-")))

    @staticmethod
    def _forwarded(request: Request, path: str) -> Request:
        host = request.headers.get("host", "")
        added = {
            "x-forwarded-for": GATEWAY,
            "x-forwarded-host": host,
            "x-forwarded-port": host.partition(":")[2] or "80",
            "x-forwarded-proto": "http",
            "x-forwarded-server": "traefik",
            "x-real-ip": GATEWAY,
        }
        return Request(request.method, path, request.query, {"accept-encoding": "gzip", **request.headers, **added}, request.body)


def clean(path: str) -> str:
    """A path without `%41`, `//` and `..`, as the rules are compared with it."""
    path = unquote(path)
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def _said(answer: Answer) -> Response:
    if isinstance(answer, Response):
        return answer
    return _text(504, "Gateway Timeout") if "timeout" in answer.why else Response(502, b"Bad Gateway", "")


def _text(code: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(code, text.encode(), "text/plain; charset=utf-8", headers or {})
