"""Many watchers of one cluster, some of which never read: the others lose nothing, and those that do not read cost nothing."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest

from shallowdive.embedded.cluster import Cluster, Settings
from shallowdive.embedded.request import Request, Response, Stream
from tests.plain.embedded.process import HEADERS, TOKEN, Server, run, running

pytestmark = pytest.mark.measures

MAPS = "/api/v1/namespaces/default/configmaps"
WATCHERS = 50


def body_of(number: int, payload: int) -> bytes:
    return orjson.dumps({"metadata": {"name": f"told-{number}"}, "data": {"padding": "x" * payload}})


def write(cluster: Cluster, number: int, payload: int = 10) -> None:
    answer = cluster.handle(Request("POST", MAPS, {}, HEADERS, body_of(number, payload)))
    assert isinstance(answer, Response)
    assert answer.code == 201, answer.body


def delete(cluster: Cluster, number: int) -> None:
    answer = cluster.handle(Request("DELETE", f"{MAPS}/told-{number}", {}, HEADERS))
    assert isinstance(answer, Response)
    assert answer.code == 200, answer.body


def open_watch(cluster: Cluster) -> Stream:
    query = {"watch": ["1"], "resourceVersion": [str(cluster.store.revision)]}
    stream = cluster.handle(Request("GET", MAPS, query, HEADERS))
    assert not isinstance(stream, Response), stream
    stream.wake = lambda: None
    return stream  # type: ignore[return-value]


def events(data: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in data.splitlines()]


def names(data: bytes) -> list[str]:
    return [event["object"]["metadata"]["name"] for event in events(data)]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(Settings(seed=1, speed=0, token=TOKEN))


def test_every_watcher_sees_every_event_in_order_while_one_never_reads(cluster: Cluster) -> None:
    *readers, deaf = [open_watch(cluster) for _ in range(WATCHERS)]
    seen: list[bytes] = [b""] * len(readers)
    for number in range(300):
        write(cluster, number)
        if number % 7 == 0:
            seen = [had + (reader.pull() or b"") for had, reader in zip(seen, readers, strict=True)]
    seen = [had + (reader.pull() or b"") for had, reader in zip(seen, readers, strict=True)]
    expected = [f"told-{number}" for number in range(300)]
    assert all(names(data) == expected for data in seen)
    assert names(deaf.pull() or b"") == expected


def test_a_watcher_that_comes_back_too_late_is_told_410_and_the_stream_ends(cluster: Cluster) -> None:
    late = open_watch(cluster)
    cluster.store._history = 20
    for number in range(50):
        write(cluster, number)
    [told] = events(late.pull() or b"")
    assert (told["type"], told["object"]["code"], told["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert late.pull() is None


def growth_bytes(cluster: Cluster, held: list[bytes] | None) -> int:
    """What 1,000 writes of 5 kB leave in memory when each object is deleted again. `held`: a queue to prove that the measure sees one."""
    query = {"watch": ["1"], "resourceVersion": [str(cluster.store.revision)]}
    for number in range(100):
        write(cluster, number, 5000)
        delete(cluster, number)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        watcher = cluster.handle(Request("GET", MAPS, query | {"resourceVersion": [str(cluster.store.revision)]}, HEADERS))
        for number in range(1000):
            write(cluster, number, 5000)
            delete(cluster, number)
            if held is not None:
                held.append(watcher.pull() or b"")  # type: ignore[union-attr]
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


LIMIT_BYTES = 2_000_000


def test_ten_watchers_that_never_read_hold_no_memory(cluster: Cluster) -> None:
    cluster.store._history = 50
    deaf = [open_watch(cluster) for _ in range(10)]
    assert growth_bytes(cluster, None) < LIMIT_BYTES
    assert len(deaf) == 10


def test_the_measure_of_memory_notices_one_watcher_with_a_queue(cluster: Cluster) -> None:
    cluster.store._history = 50
    assert growth_bytes(cluster, []) > 2 * LIMIT_BYTES


# over the socket


async def read_names(reader: asyncio.StreamReader, count: int) -> list[str]:
    """The names in a chunked stream of watch events: every line of JSON is one, chunk sizes are not."""
    found: list[str] = []
    while len(found) < count:
        line = await reader.readline()
        if not line:
            break
        if line.startswith(b'{"type"'):
            found.append(json.loads(line)["object"]["metadata"]["name"])
    return found


async def answered(reader: asyncio.StreamReader) -> int:
    """Read one answer that has a length. Returns its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    await reader.readexactly(length)
    return int(head.split()[1])


async def flood(server: Server, readers: int, deaf: int, writes: int, payload: int) -> tuple[list[list[str]], int]:
    """What each reader was told, and by how many bytes the server grew."""
    connections = [await server.connect() for _ in range(readers)] + [await server.connect(1024) for _ in range(deaf)]
    for _, writer in connections:
        writer.write(server.request("GET", f"{MAPS}?watch=1"))
    await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in connections))
    before = server.resident_bytes()
    listening = [asyncio.create_task(read_names(reader, writes + 1)) for reader, _ in connections[:readers]]
    reader, writer = await server.connect()
    for number in range(writes):
        writer.write(server.request("POST", MAPS, body_of(number, payload)))
        assert await answered(reader) == 201
    told = await asyncio.wait_for(asyncio.gather(*listening), 60)
    grown = server.resident_bytes() - before
    for _, other in [*connections, (reader, writer)]:
        other.transport.abort()
    return [[name for name in one if name.startswith("told-")] for one in told], grown


def test_over_the_socket_the_others_lose_nothing_and_ten_that_never_read_cost_no_memory(tmp_path: Path) -> None:
    writes, payload, deaf = 300, 20_000, 10
    with running(tmp_path) as server:
        told, grown = run(flood(server, WATCHERS - deaf, deaf, writes, payload))
        assert all(one == [f"told-{number}" for number in range(writes)] for one in told)
        assert len(told) == 40
        # the objects themselves and their encoded form stay: 12 MB. Queues of the deaf would be 60 MB more.
        assert grown < 40_000_000
