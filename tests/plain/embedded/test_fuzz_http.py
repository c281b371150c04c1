"""What is not even HTTP: the server answers 4xx or hangs up, goes on serving everybody else, and logs no bug."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

from tests.plain.embedded.process import TOKEN, Server, run, running

REQUESTS, AT_ONCE = 300, 20
ANSWER_S = 0.5
MAPS = "/api/v1/namespaces/default/configmaps"
HEADS = (
    "GET / HTTP/1.1", "GET /api/v1/pods HTTP/1.1", f"POST {MAPS} HTTP/1.1", "GET /api HTTP/1.0", "GET /api HTTP/2.0", "GET /api HTTP/9",
    "GET /api",
    "GET", "", " GET /api HTTP/1.1", "GET  /api  HTTP/1.1", "GET /api HTTP/1.1 x", "get /api HTTP/1.1", "G\x00T /api HTTP/1.1",
    "GET /%zz%/%ff%c3%28 HTTP/1.1",
    "GET /api?%zz=%ff&&&=&labelSelector=%00 HTTP/1.1", "GET api HTTP/1.1", "GET http://other/api HTTP/1.1", "GET * HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "CONNECT localhost:1 HTTP/1.1", f"GET /{'a' * 20000} HTTP/1.1", "GET /api?" + "a=b&" * 5000 + " HTTP/1.1", f"{'X' * 5000} / HTTP/1.1",
    "GET /\u00e9 HTTP/1.1",
    "PRI * HTTP/2.0", f"PATCH {MAPS}/x HTTP/1.1", f"GET {MAPS}?watch=1&timeoutSeconds=1 HTTP/1.1",
    "GET /api/v1/namespaces/default/pods/x/exec?command=sh HTTP/1.1",
)  # fmt: skip
HEADERS = (
    "Host: localhost", f"Authorization: Bearer {TOKEN}", "Content-Length: 5", "Content-Length: -1", "Content-Length: abc",
    "Content-Length: 99999999999999999999",
    "Content-Length: 5, 5", "content-length: 6", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: x",
    "Connection: close",
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 99", "Upgrade: SPDY/3.1",
    "Expect: 100-continue", "Expect: x",
    "no colon", ": empty", "A b: c", " folded", f"X: {'a' * 20000}", "X: \x00", "X: \x7f\u00ff", "Content-Type: application/json",
    "Content-Encoding: gzip",
    "Accept-Encoding: gzip", "Host: a\r\nHost: b", *(f"X-{i}: y" for i in range(3)),
)  # fmt: skip
BODIES = (
    b"",
    b"{}",
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"zz\r\n",
    b"-1\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"0\r\nX: y\r\n\r\n",
    b"\x81\x85\x00",
    b"\r\n" * 50,
)


def malformed(seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        if chance.random() < 0.1:
            yield chance.randbytes(chance.randrange(1, 400))
            continue
        end = chance.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"))
        lines = [chance.choice(HEADS), *chance.sample(HEADERS, chance.randrange(8))]
        data = (
            end.join(line.encode("utf-8", "surrogateescape") for line in lines)
            + end * chance.choice((2, 2, 2, 2, 1, 0))
            + chance.choice(BODIES)
        )
        if chance.random() < 0.2:
            at = chance.randrange(len(data) + 1)
            data = data[:at] + chance.randbytes(3) + data[at:]
        yield data * chance.choice((1, 1, 1, 2))


async def answers(server: Server, data: bytes, turns: asyncio.Semaphore) -> list[bytes]:
    """The status lines that came back before the server hung up or fell silent."""
    async with turns:
        reader, writer = await server.connect()
        got = b""
        try:
            writer.write(data)
            while chunk := await asyncio.wait_for(reader.read(65536), ANSWER_S):
                got += chunk
        except (TimeoutError, ConnectionError):
            pass
        writer.transport.abort()
        return [line for line in got.split(b"\r\n") if line.startswith(b"HTTP/")]


async def all_answers(server: Server) -> list[tuple[bytes, list[bytes]]]:
    turns = asyncio.Semaphore(AT_ONCE)
    sent = list(malformed(1, REQUESTS))
    return list(zip(sent, await asyncio.gather(*(answers(server, data, turns) for data in sent)), strict=True))


def test_no_bytes_on_the_wire_bring_a_500_or_stop_the_server(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        found = run(all_answers(server))
        broken = [(data[:300], line) for data, lines in found for line in lines if line.split()[1] >= b"500"]
        assert not broken
        assert sum(bool(lines) for _, lines in found) > REQUESTS / 2
        after = run(answers(server, server.request("GET", MAPS), asyncio.Semaphore()))
        assert after == [b"HTTP/1.1 200 OK"]
        assert "shallowdive/embedded" not in server.log.read_text(), "a bug of ours; what is not HTTP is the client's"
