"""Many watchers on one server, the last of which never reads: do the others see every event, in order?

Plain asyncio connections in one thread; the writer is the official client in another."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
import urllib.parse
from base64 import b64decode
from pathlib import Path
from typing import Any

import load
import yaml

STILL_S = 30.0


class Watcher:
    """One connection with a watch on it. Knows the names it was told of, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.names: list[str] = []

    async def listen(self, count: int) -> None:
        """Read events until there are `count`, or none comes for a while. Lines that are no JSON are the sizes of chunks."""
        while len(self.names) < count:
            try:
                line = await asyncio.wait_for(self.reader.readline(), STILL_S)
            except TimeoutError:
                return
            if line.startswith(b'{"type"'):
                self.names.append(line.partition(b'"name":"')[2].partition(b'"')[0].decode())
            elif not line:
                return


async def connect(kubeconfig: Path, path: str) -> Watcher:
    document = yaml.safe_load(kubeconfig.read_text())
    cluster, token = document["clusters"][0]["cluster"], document["users"][0]["user"]["token"]
    url = urllib.parse.urlsplit(cluster["server"])
    tls = None
    if url.scheme == "https":
        packed = cluster.get("certificate-authority-data")
        tls = ssl.create_default_context(
            cadata=b64decode(packed).decode() if packed else Path(cluster["certificate-authority"]).read_text()
        )
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=tls, limit=1 << 20)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return Watcher(reader, writer)


def run(kubeconfig: Path, namespace: str, *, watchers: int, writes: int, payload: int = 1000) -> dict[str, Any]:
    """Write while `watchers` watch and one of them never reads: what the others saw."""
    return asyncio.run(_run(kubeconfig, namespace, watchers, writes, payload))


async def _run(kubeconfig: Path, namespace: str, watchers: int, writes: int, payload: int) -> dict[str, Any]:
    api = load.core(kubeconfig)
    version = api.list_namespaced_config_map(namespace, limit=1).metadata.resource_version
    path = f"/api/v1/namespaces/{namespace}/configmaps?watch=1&resourceVersion={version}"
    *readers, deaf = [await connect(kubeconfig, path) for _ in range(watchers)]
    names = [f"told-{i}" for i in range(writes)]
    written: list[float] = []

    def write() -> None:
        began = time.perf_counter()
        for name in names:
            api.create_namespaced_config_map(namespace, load.config_map(name, padding="x" * payload))
        written.append(time.perf_counter() - began)

    writer = threading.Thread(target=write)
    began = time.perf_counter()
    writer.start()
    await asyncio.gather(*(reader.listen(writes) for reader in readers))
    took = time.perf_counter() - began
    writer.join()
    for watcher in (*readers, deaf):
        watcher.writer.transport.abort()
    return {
        "watchers": watchers,
        "writes": writes,
        "complete": sum(reader.names == names for reader in readers),
        "of": len(readers),
        "writes_per_s": round(writes / written[0]),
        "events_per_s": round(sum(len(reader.names) for reader in readers) / took),
    }
