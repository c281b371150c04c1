"""A broker does for a submission what its lab needs, and refuses the rest; its errors arrive as they were raised."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlparse

import pytest

from shallowdive.checks import LABS
from shallowdive.cluster.broker import MOST_BYTES, Broker
from shallowdive.cluster.hands import AskingHands
from shallowdive.cluster.outage import CONTROL_PLANE, NODE, Part
from shallowdive.errors import BadAnswer, NotYet, ShallowDiveError, WaitTimeout
from shallowdive.objects.processes import Process

PROCESS = Process("n1", 4711, 1, "sleep", "a" * 64)
LIGHTS, PLUGS, INSIDE = LABS["08-cluster"].needs, LABS["05-architecture"].needs, LABS["04-containers"].needs


@dataclass
class FakeHands:
    """Notes what was asked for."""

    asked: list[Any] = field(default_factory=list)
    closed: int = 0

    def off(self, part: Part) -> None:
        self.asked.append(("off", part))

    def on(self, part: Part) -> None:
        self.asked.append(("on", part))

    def settled(self, since_s: float) -> None:
        raise WaitTimeout("waited 180 s for: the whole cluster", saw="not leading yet", try_this="shallowdive restore")

    def stored(self, prefix: str) -> list[str]:
        return [prefix + "web"]

    def look_into(self, node: str, line: str) -> str:
        return f"{node}: {line}"

    def container_processes(self, node: str) -> list[Process]:
        return [PROCESS]

    def close(self) -> None:
        self.closed += 1


def open_for(needs: tuple[str, ...]) -> tuple[Broker, FakeHands]:
    hands = FakeHands()
    return Broker(hands, needs, "lab-x"), hands  # type: ignore[arg-type]


def test_it_does_what_the_lab_needs_and_switches_everything_on_at_its_end() -> None:
    broker, hands = open_for(LIGHTS)
    with broker:
        asking = AskingHands(broker.url)
        asking.off(Part(NODE, "n1"))
        asking.on(Part(NODE, "n1"))
        assert hands.closed == 0
    assert hands.asked == [("off", Part(NODE, "n1")), ("on", Part(NODE, "n1"))]
    assert hands.closed == 1


def test_it_reads_the_store_and_looks_into_nodes_where_the_lab_does() -> None:
    broker, _ = open_for(PLUGS)
    with broker:
        assert AskingHands(broker.url).stored("/registry/pods/lab-x/") == ["/registry/pods/lab-x/web"]
    broker, _ = open_for(INSIDE)
    with broker:
        assert AskingHands(broker.url).container_processes("n1") == [PROCESS]
        assert AskingHands(broker.url).look_into("n1", "hostname") == "n1: hostname"


@pytest.mark.parametrize(
    ("needs", "ask"),
    [
        (LIGHTS, lambda h: h.stored("/registry/pods/lab-x/")),
        (LIGHTS, lambda h: h.look_into("n1", "hostname")),
        (LIGHTS, lambda h: h.off(Part(CONTROL_PLANE, "kube-apiserver"))),
        (PLUGS, lambda h: h.off(Part(NODE, "n1"))),
        (PLUGS, lambda h: h.off(Part(CONTROL_PLANE, "etcd"))),
        (PLUGS, lambda h: h.off(Part(CONTROL_PLANE, "../x"))),
        (PLUGS, lambda h: h.stored("/registry/secrets/kube-system/")),
        (PLUGS, lambda h: h.stored("/")),
        (INSIDE, lambda h: h.settled(0)),
        (("tenant",), lambda h: h.off(Part(NODE, "n1"))),
    ],
)
def test_it_refuses_what_the_lab_does_not_need(needs: tuple[str, ...], ask: Any) -> None:
    broker, hands = open_for(needs)
    with broker, pytest.raises((NotYet, BadAnswer)):
        ask(AskingHands(broker.url))
    assert hands.asked == []


def test_an_error_arrives_as_it_was_raised() -> None:
    broker, _ = open_for(PLUGS)
    with broker, pytest.raises(WaitTimeout) as caught:
        AskingHands(broker.url).settled(1.0)
    assert (caught.value.saw, caught.value.try_this) == ("not leading yet", "shallowdive restore")


def test_without_the_secret_or_in_bad_form_it_does_nothing() -> None:
    broker, hands = open_for(LIGHTS)
    with broker:
        address = urlparse(broker.url)
        with pytest.raises(NotYet):
            AskingHands(f"http://127.0.0.1:{address.port}/another").off(Part(NODE, "n1"))
        for body in (b"", b"[1]", b"{", b'{"kind": 1}', b'{"kind": {}, "name": []}', b"x" * (MOST_BYTES + 1), b'{"0": "x"}'):
            link = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=10)
            link.request("POST", f"{address.path}/off", body)
            assert "error" in json.loads(link.getresponse().read()), body
            link.close()
    assert hands.asked == []


def test_nobody_there_is_said_in_words() -> None:
    broker, _ = open_for(LIGHTS)
    with broker:
        url = broker.url
    with pytest.raises(ShallowDiveError, match="does not answer"):
        AskingHands(url).off(Part(NODE, "n1"))
