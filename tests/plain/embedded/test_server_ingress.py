"""The front door's rules, each as Traefik 3.7 was seen to follow it on kind."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from shallowdive.embedded.ingress import CONTROLLER, FrontDoor, clean
from shallowdive.embedded.kinds import ENDPOINTSLICES, INGRESSCLASSES, INGRESSES, SERVICES
from shallowdive.embedded.network import Handler, Network, Reply, Unreachable
from shallowdive.embedded.request import Request, Response
from shallowdive.embedded.store import Store

Json = dict[str, Any]
NS = "default"
seen: list[Request] = []


def answering(name: str) -> Handler:
    def handler(request: Request, reply: Reply) -> None:
        seen.append(request)
        reply(Response(200, name.encode(), "text/plain"))

    return handler


class Door:
    """A store with objects put straight into it; `ask` is a request from outside."""

    def __init__(self) -> None:
        self.store = Store()
        self.network = Network(self.store, Random(1))
        self.door = FrontDoor(SimpleNamespace(store=self.store, network=self.network, registry=None, clock=None))  # type: ignore[arg-type]
        self.store.listen(lambda event: self.door.keys(event) if event.resource in self.door.watches else None)
        self.put(INGRESSCLASSES, "traefik", {"controller": CONTROLLER}, namespace="")
        for name, ip in (("web", "10.9.0.1"), ("two", "10.9.0.2")):
            self.service(name, ip)
            self.network.listen(ip, 8080, answering(name))
        self.service("nobody")
        self.service("refused", "10.9.0.3")
        self.network.addresses.add("10.9.0.3")

    def put(self, resource: str, name: str, spec: Json, namespace: str = NS, **more: Any) -> None:
        meta = {"name": name, "uid": f"{resource}-{name}"} | ({"namespace": namespace} if namespace else {}) | more.pop("meta", {})
        self.store.put(resource, {"metadata": meta, "spec": spec, **more})

    def service(self, name: str, *ips: str, ready: bool = True, **spec: Any) -> None:
        self.put(SERVICES, name, {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]} | spec)
        endpoints = [{"addresses": [ip], "conditions": {"ready": ready}} for ip in ips]
        labels = {"kubernetes.io/service-name": name}
        self.put(ENDPOINTSLICES, f"{name}-x", {}, meta={"labels": labels}, endpoints=endpoints, ports=[{"name": "http", "port": 8080}])

    def ingress(self, name: str, *rules: tuple[str, str, str, str], className: str = "traefik", **spec: Any) -> None:
        made = [
            {
                **({"host": host} if host else {}),
                "http": {"paths": [{"path": path, "pathType": kind, "backend": {"service": {"name": service, "port": {"number": 80}}}}]},
            }
            for host, path, kind, service in rules
        ]
        self.put(INGRESSES, name, {"ingressClassName": className, **({"rules": made} if made else {}), **spec})

    def ask(self, host: str, path: str, **headers: str) -> tuple[int, str]:
        answers: list[Response] = []
        self.door.handle(Request("GET", path, {}, {"host": host, **headers}), answers.append)
        [answer] = answers
        return answer.code, answer.body.decode()


@pytest.fixture
def door() -> Door:
    seen.clear()
    return Door()


NOT_FOUND = (404, "404 page not found\n")


@pytest.mark.parametrize(
    "rules, host, path, answer",
    [
        ([("a.localhost", "/ok", "Prefix", "web")], "a.localhost", "/ok", (200, "web")),
        ([("a.localhost", "/ok", "Prefix", "web")], "A.Localhost:8080", "/ok", (200, "web")),
        ([("a.localhost", "/ok", "Prefix", "web")], "b.localhost", "/ok", NOT_FOUND),
        ([("a.localhost", "/ok", "Prefix", "web")], "a.localhost", "/", NOT_FOUND),
        ([("a.localhost", "/ok", "Prefix", "web")], "a.localhost", "/okay", (200, "web")),
        ([("a.localhost", "/ok", "ImplementationSpecific", "web")], "a.localhost", "/okay", (200, "web")),
        ([("a.localhost", "/ok/", "Prefix", "web")], "a.localhost", "/ok", NOT_FOUND),
        ([("a.localhost", "/ok", "Exact", "web")], "a.localhost", "/ok", (200, "web")),
        ([("a.localhost", "/ok", "Exact", "web")], "a.localhost", "/ok/", NOT_FOUND),
        ([("a", "/", "Prefix", "web"), ("a", "/long", "Prefix", "two")], "a", "/long/x", (200, "two")),
        ([("a", "/h", "Prefix", "web"), ("a", "/h", "Exact", "two")], "a", "/h", (200, "web")),
        ([("*.w.localhost", "/", "Prefix", "web")], "x.w.localhost", "/", (200, "web")),
        ([("*.w.localhost", "/", "Prefix", "web")], "x.y.w.localhost", "/", NOT_FOUND),
        ([("*.w.localhost", "/", "Prefix", "web")], "w.localhost", "/", NOT_FOUND),
        ([("*.w.localhost", "/h", "Exact", "web"), ("c.w.localhost", "/h", "Exact", "two")], "c.w.localhost", "/h", (200, "web")),
        ([("", "/", "Prefix", "web")], "anything", "/", (200, "web")),
        ([("", "/", "Prefix", "web"), ("a", "/", "Prefix", "two")], "a", "/", (200, "two")),
        ([("a", "/", "Prefix", "missing")], "a", "/", NOT_FOUND),
        ([("a", "/", "Prefix", "nobody")], "a", "/", NOT_FOUND),
        ([("a", "/ok", "Prefix", "web"), ("a", "/ok/deeper", "Exact", "nobody")], "a", "/ok/deeper", (200, "web")),
        ([("a", "/", "Prefix", "refused")], "a", "/", (502, "Bad Gateway")),
    ],
)
def test_a_request_goes_where_the_rules_say(
    rules: list[tuple[str, str, str, str]], host: str, path: str, answer: tuple[int, str], door: Door
) -> None:
    door.ingress("one", *rules)
    assert door.ask(host, path) == answer


def test_of_two_equal_rules_the_ingress_with_the_later_name_wins(door: Door) -> None:
    door.ingress("a", ("h", "/", "Prefix", "web"))
    door.ingress("b", ("h", "/", "Prefix", "two"))
    assert door.ask("h", "/") == (200, "two")


def test_a_default_backend_takes_what_no_rule_takes_but_only_without_rules_beside_it(door: Door) -> None:
    two = {"service": {"name": "two", "port": {"number": 80}}}
    door.ingress("with-rules", ("a", "/x", "Exact", "web"), defaultBackend=two)
    assert door.ask("a", "/y") == NOT_FOUND
    door.ingress("alone", defaultBackend=two)
    assert door.ask("a", "/y") == (200, "two")
    assert door.ask("a", "/x") == (200, "web")


def test_an_ingress_of_another_class_is_nobodys(door: Door) -> None:
    door.ingress("other", ("a", "/", "Prefix", "web"), className="nobody")
    assert door.ask("a", "/") == NOT_FOUND
    door.put(INGRESSCLASSES, "nobody", {"controller": CONTROLLER}, namespace="")
    assert door.ask("a", "/") == (200, "web")


def test_a_port_by_name_is_found_and_a_port_that_the_service_lacks_is_no_rule(door: Door) -> None:
    door.ingress("named", ("a", "/", "Prefix", "web"))
    for port, answer in (({"name": "http"}, (200, "web")), ({"name": "grpc"}, NOT_FOUND), ({"number": 81}, NOT_FOUND)):
        backend = {"service": {"name": "web", "port": port}}
        rule = {"host": "a", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        door.put(INGRESSES, "named", {"ingressClassName": "traefik", "rules": [rule]})
        assert door.ask("a", "/") == answer


def test_pods_take_turns_and_one_that_is_not_ready_takes_none(door: Door) -> None:
    door.ingress("one", ("a", "/", "Prefix", "both"))
    door.service("both", "10.9.0.1", "10.9.0.2")
    assert [door.ask("a", "/")[1] for _ in range(4)] == ["web", "two", "web", "two"]
    door.service("both", "10.9.0.1", "10.9.0.2", ready=False)
    assert door.ask("a", "/") == NOT_FOUND


def test_the_program_behind_sees_who_asked_and_cannot_be_told_otherwise(door: Door) -> None:
    door.ingress("one", ("a", "/", "Prefix", "web"))
    door.ask("a:8080", "/x/../y", **{"x-forwarded-for": "1.2.3.4", "x-real-ip": "1.2.3.4", "user-agent": "curl"})
    headers = seen[0].headers
    assert seen[0].path == "/y"
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == "10.244.0.1"
    assert (headers["x-forwarded-host"], headers["x-forwarded-port"], headers["x-forwarded-proto"]) == ("a:8080", "8080", "http")
    assert (headers["host"], headers["user-agent"]) == ("a:8080", "curl")


def test_a_pod_that_does_not_answer_in_time_is_a_504(door: Door) -> None:
    door.ingress("one", ("a", "/", "Prefix", "web"))
    door.network.listen("10.9.0.1", 8080, lambda request, reply: reply(Unreachable("i/o timeout")))
    assert door.ask("a", "/") == (504, "Gateway Timeout")


@pytest.mark.parametrize(
    "path, cleaned", [("//a", "/a"), ("/a/./b/", "/a/b/"), ("/a/../b", "/b"), ("/%61", "/a"), ("/../..", "/"), ("", "/")]
)
def test_a_path_is_cleaned_before_it_is_compared(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned
