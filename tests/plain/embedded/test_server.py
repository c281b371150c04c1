"""The sockets: whatever a client does to its connection, the others lose nothing. The core is a stand-in."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
import websocket

from shallowdive.embedded import certificate, connection
from shallowdive.embedded.request import Later, Request, Response
from shallowdive.embedded.server import Server


class Core:
    """Answers as told and counts its turns; `pause` is what a turn returns."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Request], Any]] = {"/echo": lambda r: Response(200, r.body or b"-", "text/plain")}
        self.turns: list[float] = []
        self.pause: float | None = None
        self.front_door = SimpleNamespace(handle=lambda request, reply: reply(Response(200, request.headers["host"].encode())))

    def handle(self, request: Request) -> Any:
        return self.answers[request.path](request)

    def turn(self, budget_s: float) -> float | None:
        self.turns.append(time.monotonic())
        return self.pause


class Words:
    """A stream that says what it is given and then waits, or says the same for ever."""

    code, content_type = 200, "application/json"

    def __init__(self, *words: bytes, forever: bytes = b"") -> None:
        self.words, self.forever, self.pulled, self.closed = list(words), forever, 0, threading.Event()
        self.wake: Callable[[], None] = lambda: None

    def pull(self) -> bytes | None:
        self.pulled += 1
        if self.forever:
            return self.forever
        if not self.words:
            return b""
        word = self.words.pop(0)
        return None if word == b"END" else word

    def close(self) -> None:
        self.closed.set()


class Echo:
    """A channel that returns what it is told, and ends at `bye`."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.heard: list[tuple[int, bytes]] = []
        self.ended, self.closed = False, threading.Event()
        self.wake: Callable[[], None] = lambda: None

    def receive(self, channel: int, data: bytes) -> None:
        self.heard.append((channel, data))
        self.ended = data == b"bye"
        self.frames.append((3 if self.ended else 1, b'{"status":"Success"}' if self.ended else data.upper()))
        self.wake()

    def pull(self) -> list[tuple[int, bytes]] | None:
        if self.ended and not self.frames:
            return None
        frames, self.frames = self.frames, []
        return frames

    def close(self) -> None:
        self.closed.set()


class Running:
    """A server in a thread; `run` executes something in its loop."""

    def __init__(self, core: Core, tls: ssl.SSLContext | None = None) -> None:
        self.core, self.loop = core, asyncio.new_event_loop()
        self.server = Server(core)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.port, self.entrance = asyncio.run_coroutine_threadsafe(self.server.listen(0, 0, tls), self.loop).result(10)

    def run(self, call: Callable[[], object]) -> None:
        self.loop.call_soon_threadsafe(call)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def link(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        with closing(self.link()) as link:
            link.request(method, path, body)
            answer = link.getresponse()
            return answer.status, answer.read()

    def raw(self, data: bytes) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        link.sendall(data)
        return link


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def running(core: Core) -> Iterator[Running]:
    made = Running(core)
    yield made
    made.close()


def test_one_connection_serves_many_requests(running: Running) -> None:
    with closing(running.link()) as link:
        for word in (b"one", b"two"):
            link.request("POST", "/echo", word)
            answer = link.getresponse()
            assert (answer.status, answer.read()) == (200, word)
            used = link.sock
        assert used is link.sock


def test_the_path_is_decoded_and_every_value_of_a_query_name_is_kept(running: Running, core: Core) -> None:
    seen: list[Request] = []
    core.answers["/a b"] = lambda r: seen.append(r) or Response(204)  # type: ignore[func-returns-value]
    assert running.ask("GET", "/a%20b?x=1&x=%2F&watch")[0] == 204
    assert seen[0].query == {"x": ["1", "/"], "watch": [""]}
    assert seen[0].flag("watch")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: minus one\r\nHost: a\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Long: " + b"x" * 1_100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_what_is_not_http_is_a_400_or_a_closed_connection_and_never_a_500(sent: bytes, running: Running) -> None:
    with closing(running.raw(sent)) as link:
        link.shutdown(socket.SHUT_WR)
        said = link.recv(1000)
    assert said == b"" or said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    assert running.ask("GET", "/echo")[0] == 200


def test_a_body_over_the_limit_is_refused_in_the_real_servers_words(running: Running) -> None:
    limit = 3 * 1024 * 1024
    assert running.ask("POST", "/echo", b"x" * limit) == (200, b"x" * limit)
    code, said = running.ask("POST", "/echo", b"x" * (limit + 1))
    assert code == 413
    assert json.loads(said)["message"] == "Request entity too large: limit is 3145728"


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(running: Running) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with closing(running.raw(head)) as link:
        assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"hi")
        said = link.makefile("rb").read()
    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"hi")


def test_a_stream_is_written_when_it_wakes_and_ends_when_it_says_so(running: Running, core: Core) -> None:
    stream = Words(b"one\n")
    core.answers["/watch"] = lambda _: stream
    with closing(running.link()) as link:
        link.request("GET", "/watch")
        answer = link.getresponse()
        assert answer.getheader("Transfer-Encoding") == "chunked"
        assert answer.readline() == b"one\n"
        running.run(lambda: (stream.words.append(b"two\n"), stream.wake()))
        assert answer.readline() == b"two\n"
        running.run(lambda: (stream.words.append(b"END"), stream.wake()))
        assert answer.read() == b""
    assert stream.closed.wait(5)


def test_a_stream_whose_reader_is_gone_is_closed(running: Running, core: Core) -> None:
    stream = Words(b"one\n")
    core.answers["/watch"] = lambda _: stream
    with closing(running.link()) as link:
        link.request("GET", "/watch")
        assert link.getresponse().readline() == b"one\n"
    assert stream.closed.wait(5)


def test_a_reader_that_never_reads_is_not_written_to_and_others_are_answered(running: Running, core: Core) -> None:
    greedy = Words(forever=b"x" * 65536)
    core.answers["/watch"] = lambda _: greedy
    with closing(running.raw(b"GET /watch HTTP/1.1\r\nHost: a\r\n\r\n")):
        before = -1
        end = time.monotonic() + 10
        while greedy.pulled != before and time.monotonic() < end:
            before = greedy.pulled
            assert running.ask("POST", "/echo", b"still here") == (200, b"still here")
            time.sleep(0.1)
        assert greedy.pulled == before, "it goes on pulling for somebody who does not read"
        assert greedy.pulled * 65536 < 32 << 20
    assert greedy.closed.wait(5)


def test_an_answer_that_takes_a_while_does_not_hold_up_the_others(running: Running, core: Core) -> None:
    later = Later()
    core.answers["/slow"] = lambda _: later
    with closing(running.link()) as link:
        link.request("GET", "/slow")
        assert running.ask("GET", "/echo")[0] == 200
        running.run(lambda: later.answer(Response(200, b"at last")))
        assert link.getresponse().read() == b"at last"


def test_an_answer_that_never_comes_is_a_504(running: Running, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LATER_S", 0.05)
    core.answers["/never"] = lambda _: Later()
    code, said = running.ask("GET", "/never")
    assert (code, json.loads(said)["reason"]) == (504, "Timeout")


def test_a_fault_of_the_core_is_a_500_in_json_and_not_the_end(running: Running, core: Core, caplog: pytest.LogCaptureFixture) -> None:
    core.answers["/broken"] = lambda _: 1 / 0
    code, said = running.ask("GET", "/broken")
    assert (code, json.loads(said)["reason"]) == (500, "InternalError")
    assert "ZeroDivisionError" in caplog.text
    assert running.ask("GET", "/echo")[0] == 200


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_a_websocket_carries_the_channels_both_ways(protocol: str, running: Running, core: Core) -> None:
    channel = Echo()
    core.answers["/exec"] = lambda _: channel
    link = websocket.create_connection(f"ws://127.0.0.1:{running.port}/exec", subprotocols=[protocol], timeout=10)
    assert link.subprotocol == protocol
    assert link.recv() == b"\x01", "an empty message says that the channel is open"
    link.send_binary(b"\x00hello")
    assert link.recv() == b"\x01HELLO"
    link.send_binary(b"\x00bye")
    assert link.recv() == b'\x03{"status":"Success"}'
    assert link.recv_frame().opcode == websocket.ABNF.OPCODE_CLOSE
    link.close()
    assert channel.closed.wait(5)


def test_version_5_can_close_one_channel(running: Running, core: Core) -> None:
    channel = Echo()
    core.answers["/exec"] = lambda _: channel
    link = websocket.create_connection(f"ws://127.0.0.1:{running.port}/exec", subprotocols=["v5.channel.k8s.io"], timeout=10)
    link.send_binary(b"\xff\x00")
    assert link.recv() == b"\x01"
    assert link.recv() == b"\x01"
    assert channel.heard == [(0, b"")]
    link.close()
    assert channel.closed.wait(5)


def test_exec_without_a_websocket_is_a_400(running: Running, core: Core) -> None:
    channel = Echo()
    core.answers["/exec"] = lambda _: channel
    code, said = running.ask("POST", "/exec")
    assert (code, json.loads(said)["message"]) == (400, "Upgrade request required")
    assert channel.closed.is_set()


def test_the_cluster_gets_a_turn_after_a_request_and_when_its_pause_is_over(running: Running, core: Core) -> None:
    core.pause = 0.05
    before = len(core.turns)
    running.ask("GET", "/echo")
    end = time.monotonic() + 5
    while len(core.turns) < before + 3 and time.monotonic() < end:
        time.sleep(0.01)
    first, second, third = core.turns[before : before + 3]
    assert second - first > 0.04
    assert third - second > 0.04


def test_a_cluster_with_much_to_do_does_not_starve_requests(running: Running, core: Core) -> None:
    core.pause = 0.0
    assert all(running.ask("GET", "/echo")[0] == 200 for _ in range(20))
    core.pause = None


def test_a_turn_that_fails_is_logged_and_not_the_last(running: Running, core: Core, caplog: pytest.LogCaptureFixture) -> None:
    core.turn = lambda budget_s: core.turns.append(0.0) or 1 / 0  # type: ignore[assignment, method-assign, func-returns-value]
    before = len(core.turns)
    running.ask("GET", "/echo")
    end = time.monotonic() + 5
    while len(core.turns) < before + 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert len(core.turns) >= before + 2
    assert "a turn of the cluster failed" in caplog.text


def test_the_entrance_passes_on_the_host(running: Running) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", running.entrance, timeout=10)) as link:
        link.request("GET", "/", headers={"Host": "shop.localhost"})
        assert link.getresponse().read() == b"shop.localhost"


def test_the_certificate_convinces_a_strict_client_that_was_given_it(core: Core) -> None:
    tls, pem = certificate.server_context()
    secure = Running(core, tls)
    try:
        trusting = ssl.create_default_context(cadata=pem)
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        with closing(http.client.HTTPSConnection("127.0.0.1", secure.port, context=trusting, timeout=10)) as link:
            link.request("POST", "/echo", b"x")
            assert link.getresponse().status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(
                socket.create_connection(("127.0.0.1", secure.port), timeout=10), server_hostname="127.0.0.1"
            )
    finally:
        secure.close()
