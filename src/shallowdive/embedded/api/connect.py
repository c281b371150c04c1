"""What reaches into a running pod: logs, exec, attach, and the proxy to a port of a pod or a service.

The API server only checks and hands on: containers are the kubelet's, ports the network's."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote

from shallowdive.embedded.api import verbs
from shallowdive.embedded.api.lists import integer
from shallowdive.embedded.api.negotiate import OFFERED, respond, wanted
from shallowdive.embedded.clock import parse
from shallowdive.embedded.kinds import NODES, PODS, SERVICES
from shallowdive.embedded.kubelet.access import container_name
from shallowdive.embedded.kubelet.logs import LogOptions
from shallowdive.embedded.network import Answer, Unreachable
from shallowdive.embedded.request import Channel, Later, Response, Stream
from shallowdive.embedded.status import ApiError, Cause, bad_request, invalid
from shallowdive.embedded.store import Object

Call = verbs.Call
PLAIN = "text/plain"
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}


def find_container(call: Call, *, running: bool = False) -> tuple[Object, str]:
    """The pod of the path and the container of the query. Raises ApiError: 400, 404."""
    asked = call.asked
    pod = call.registry.get(PODS, asked.namespace, asked.name)
    name = container_name(pod, call.request.one("container"))
    if running and not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {asked.name} does not have a host assigned")
    return pod, name


# logs


def log(call: Call) -> Response | Stream:
    wanted(call.request.headers.get("accept", ""), (PLAIN, *OFFERED))
    options = log_options(call)
    pod, container = find_container(call)
    if not pod["spec"].get("nodeName"):
        return Response(204, b"", PLAIN)
    found = call.cluster.kubelet.logs(pod, container, options)
    return Response(200, found, PLAIN) if isinstance(found, bytes) else found


def log_options(call: Call) -> LogOptions:
    """Raises ApiError: 400 for what is no number or time, 422 for what makes no sense."""
    request, causes = call.request, []

    def number(name: str, least: int) -> int | None:
        if name not in request.query or not request.one(name):
            return None
        value = integer(request.one(name))
        if value < least:
            words = "must be greater than 0" if least else "must be greater than or equal to 0"
            causes.append(Cause(name, "FieldValueInvalid", f"Invalid value: {value}: {words}"))
        return value

    tail, limit, seconds = number("tailLines", 0), number("limitBytes", 1), number("sinceSeconds", 1)
    since = _time(request.one("sinceTime")) if request.one("sinceTime") else None
    if since is not None and seconds is not None:
        causes.append(Cause("[]", "FieldValueForbidden", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"))
    if request.one("stream"):
        causes.append(Cause("stream", "FieldValueForbidden", "Forbidden: may not be specified"))
    if causes:
        raise invalid("PodLogOptions", "", call.asked.name, causes)
    return LogOptions(
        follow=request.flag("follow"), previous=request.flag("previous"), timestamps=request.flag("timestamps"),
        tail_lines=tail, limit_bytes=limit, since_seconds=seconds, since_time=since,
    )  # fmt: skip


def _time(text: str) -> float:
    try:
        return parse(text)
    except ValueError:
        raise bad_request(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"') from None


# exec and its kin: the transport has upgraded the connection, or there is none to talk on


def _needs_upgrade(call: Call) -> None:
    if call.request.headers.get("upgrade", "").lower() != "websocket":
        raise bad_request("Upgrade request required")


def exec_(call: Call) -> Channel | Response:
    pod, container = find_container(call, running=True)
    _needs_upgrade(call)
    query = call.request
    argv = list(query.query.get("command", ()))
    if not argv:
        raise bad_request("you must specify at least one command for the container")
    return call.cluster.kubelet.exec(pod, container, argv, stdin=query.flag("stdin"), tty=query.flag("tty"))


def attach(call: Call) -> Channel | Response:
    pod, container = find_container(call, running=True)
    _needs_upgrade(call)
    return call.cluster.kubelet.attach(pod, container)


def portforward(call: Call) -> Response:
    find_container(call, running=True)
    _needs_upgrade(call)
    raise ApiError(501, "NotImplemented", "the embedded cluster has no port-forward: use the proxy subresource or an Ingress")


# proxy


def proxy(call: Call) -> Response | Later:
    """Pass a request on to a port of a pod, a service or a node, and its answer back."""
    asked, request = call.asked, call.request
    rest = request.path.partition(f"/{asked.plural}/{asked.name}/proxy")[2]
    if not rest:
        query = "?" + "&".join(f"{quote(k)}={quote(v)}" for k, vs in request.query.items() for v in vs) if request.query else ""
        return Response(301, b"", headers={"Location": f"{request.path}/{query}"})
    kept = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP and name not in ("authorization", "host")}
    kept |= {"x-forwarded-uri": request.path, "x-forwarded-for": "127.0.0.1"}
    onward = replace(request, path=rest, headers=kept)
    if asked.plural == NODES:
        return _node(call, rest)
    ip, port = (_pod_address if asked.plural == PODS else _service_address)(call)
    later = Later()
    call.cluster.network.send(ip, port, onward, lambda answer: later.answer(_answered(answer, ip, port)))
    return later.response or later


def _split(call: Call, what: str) -> tuple[str, str]:
    """`[scheme:]name[:port]` as name and port. Raises ApiError: 400; 503 for https, which no program here speaks."""
    name = call.asked.name
    parts = name.split(":")
    if len(parts) > 3 or (len(parts) == 3 and parts[0] not in ("http", "https", "")):
        raise bad_request(f'invalid {what} request "{name}"')
    if len(parts) == 3 and parts[0] == "https":
        raise unavailable("error trying to reach service: tls: first record does not look like a TLS handshake")
    found = parts[1:] if len(parts) == 3 else parts
    return found[0], found[1] if len(found) > 1 else ""


def _pod_address(call: Call) -> tuple[str, int]:
    name, port = _split(call, "pod")
    pod = call.registry.get(PODS, call.asked.namespace, name)
    ip = pod.get("status", {}).get("podIP", "")
    if not ip:
        raise bad_request("address not allowed")
    ports = [p for c in pod["spec"]["containers"] for p in c.get("ports", ())]
    if not port:
        return ip, ports[0]["containerPort"] if ports else 80
    if re.fullmatch(r"\d+", port):
        return ip, int(port)
    named = [p["containerPort"] for p in ports if p.get("name") == port]
    if not named:
        raise bad_request(f'invalid pod request "{call.asked.name}"')
    return ip, named[0]


def _service_address(call: Call) -> tuple[str, int]:
    name, port = _split(call, "service")
    service = call.store.get(SERVICES, call.asked.namespace, name)
    ports = service["spec"].get("ports", ()) if service else ()
    if port.isdigit():
        call.registry.get(SERVICES, call.asked.namespace, name)
    if service and port.isdigit() and not any(p["port"] == int(port) for p in ports):
        raise unavailable(f'no service port {port} found for service "{name}"')
    known = [p for p in ports if (str(p["port"]) if port.isdigit() else p.get("name", "")) == port]
    found = list(call.cluster.network.endpoints(call.asked.namespace, name, known[0]["port"])) if known else []
    if not found:
        raise unavailable(f'no endpoints available for service "{name}"')
    return call.cluster.random.choice(found)


def _node(call: Call, rest: str) -> Response:
    """A kubelet's own pages: its health, and nothing else here."""
    call.registry.get(NODES, "", call.asked.name.split(":")[0])
    if rest == "/healthz":
        return Response(200, b"ok", "text/plain; charset=utf-8")
    return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")


def _answered(answer: Answer, ip: str, port: int) -> Response:
    if not isinstance(answer, Unreachable):
        return answer
    where = f"dial tcp {ip}:{port}: connect: " if answer.why == "connection refused" else f"dial tcp {ip}:{port}: "
    error = unavailable(f"error trying to reach service: {where if answer.why != 'EOF' else ''}{answer.why}")
    return respond(error.code, error.status)


def unavailable(message: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", message)
