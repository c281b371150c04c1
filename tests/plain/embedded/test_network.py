"""The network: who answers at which address and name, in which words nobody does."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.embedded.kinds import SERVICES
from shallowdive.embedded.request import Request, Response
from tests.plain.embedded.living import Living, shell, web

NOT_READY = {"readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}


def service(living: Living, name: str, selects: str, **spec: Any) -> str:
    body = {"selector": {"app": selects}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]} | spec
    return str(living.create(SERVICES, {"metadata": {"name": name}, "spec": body})["spec"].get("clusterIP", ""))


def ask_service(living: Living, name: str, port: int | str) -> Any:
    box: list[Any] = []
    living.cluster.network.send_service("default", name, port, Request("GET", "/hostname"), box.append)
    return box[0].body.decode() if isinstance(box[0], Response) else box[0].why


@pytest.fixture
def shop(living: Living) -> Living:
    """Two ready pods and one that is not, behind a service; and a pod to ask from."""
    for name in ("a", "b"):
        living.pod(name, web(), labels={"app": "shop"}, after=0)
    living.pod("c", web(**NOT_READY), labels={"app": "shop"}, after=0)
    living.pod("box", shell(), after=0)
    service(living, "shop", "shop")
    living.advance(5)
    return living


def test_a_service_spreads_requests_over_its_ready_pods(shop: Living) -> None:
    assert {ask_service(shop, "shop", port) for port in (80, "80", "http", "") for _ in range(10)} == {"a", "b"}


def test_a_service_is_found_by_its_names(shop: Living) -> None:
    for name in ("shop", "shop.default", "shop.default.svc", "shop.default.svc.cluster.local"):
        assert shop.run("box", f"wget -qO- http://{name}/hostname")[0] in ("a", "b")
    assert shop.cluster.network.resolve("shop", "kube-system") == []


def test_a_headless_service_has_the_addresses_of_its_ready_pods(shop: Living) -> None:
    service(shop, "each", "shop", clusterIP="None")
    shop.advance(2)
    ready = {shop.look(name)["status"]["podIP"] for name in ("a", "b")}
    assert set(shop.cluster.network.resolve("each", "default")) == ready


def test_a_pod_of_a_subdomain_has_a_name(living: Living) -> None:
    service(living, "db", "db", clusterIP="None")
    pod = living.pod("db-0", web(), labels={"app": "db"}, hostname="db-0", subdomain="db", after=5)
    assert living.cluster.network.resolve("db-0.db", "default") == [pod["status"]["podIP"]]
    assert living.run("db-0", "hostname -f")[0] == "db-0.db.default.svc.cluster.local\n"


def test_a_service_without_ready_pods_refuses(shop: Living) -> None:
    service(shop, "empty", "nobody")
    assert ask_service(shop, "empty", 80) == "connection refused"
    assert ask_service(shop, "ghost", 80) == "no such host"
    words = shop.run("box", "wget -qO- http://empty/")[1]
    assert words.startswith("wget: can't connect to remote host (10.96.")
    assert words.endswith("): Connection refused\n")


def test_a_port_that_a_service_does_not_have_is_silence(shop: Living) -> None:
    assert shop.run("box", "wget -qO- -T 2 http://shop:81/")[1] == "wget: download timed out\n"


def test_a_target_port_that_nobody_listens_on_refuses(shop: Living) -> None:
    service(shop, "wrong", "shop", ports=[{"port": 80, "targetPort": 9999}])
    shop.advance(2)
    assert ask_service(shop, "wrong", 80) == "connection refused"


def test_a_pod_that_is_not_ready_still_answers_at_its_own_address(shop: Living) -> None:
    assert shop.ask("c", "/hostname").body == b"c"
    assert shop.get(shop.look("c")["status"]["podIP"], 81, "/").why == "connection refused"


def test_a_server_sees_who_asks(shop: Living) -> None:
    ip = shop.look("box")["status"]["podIP"]
    assert shop.run("box", "wget -qO- http://shop/clientip")[0].startswith(f"{ip}:")


def test_names_as_busybox_prints_them(shop: Living) -> None:
    address = shop.look("shop", SERVICES)["spec"]["clusterIP"]
    out, _, code = shop.run("box", "nslookup shop.default.svc.cluster.local")
    assert out == f"Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\nName:\tshop.default.svc.cluster.local\nAddress: {address}\n\n\n"
    assert code == 0
    assert shop.run("box", "nslookup nosuch")[2] == 1
