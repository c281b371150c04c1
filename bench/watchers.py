"""Many watchers on one server, the last of which never reads: do the others see every event, in order?

Raw sockets in one thread, so that a watcher costs no thread here and what it read is counted line by line."""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import load
import yaml

STILL_S = 20.0


class Watcher:
    """One plain HTTP connection with a watch on it. Knows the names it was told of, in order."""

    def __init__(self, server: str, token: str, path: str) -> None:
        url = urllib.parse.urlsplit(server)
        self.socket = socket.create_connection((url.hostname or "", url.port or 80))
        request = f"GET {path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n\r\n"
        self.socket.sendall(request.encode())
        self.rest = b""
        self.names: list[str] = []

    def read(self) -> bool:
        """Take what there is. False at the end. The chunks' own lines are not JSON and are skipped."""
        data = self.socket.recv(1 << 18)
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.names += [json.loads(line)["object"]["metadata"]["name"] for line in lines if line.startswith(b'{"type"')]
        return bool(data)


def run(kubeconfig: Path, namespace: str, *, watchers: int, writes: int, payload: int = 1000) -> dict[str, Any]:
    """Write while `watchers` watch and one of them never reads: what the others saw."""
    document = yaml.safe_load(kubeconfig.read_text())
    server, token = document["clusters"][0]["cluster"]["server"], document["users"][0]["user"]["token"]
    version = load.core(kubeconfig).list_namespaced_config_map(namespace, limit=1).metadata.resource_version
    path = f"/api/v1/namespaces/{namespace}/configmaps?watch=1&resourceVersion={version}"
    all_of_them = [Watcher(server, token, path) for _ in range(watchers)]
    readers, deaf = all_of_them[:-1], all_of_them[-1]
    names = [f"told-{i}" for i in range(writes)]
    written: list[float] = []
    api = load.core(kubeconfig)

    def write() -> None:
        began = time.perf_counter()
        for name in names:
            api.create_namespaced_config_map(namespace, load.config_map(name, padding="x" * payload))
        written.append(time.perf_counter() - began)

    writer = threading.Thread(target=write)
    began = time.perf_counter()
    writer.start()
    listen(readers, lambda: all(len(r.names) >= writes for r in readers))
    took = time.perf_counter() - began
    writer.join()
    for watcher in (*readers, deaf):
        watcher.socket.close()
    return {
        "watchers": watchers,
        "writes": writes,
        "complete": sum(r.names == names for r in readers),
        "of": len(readers),
        "writes_per_s": round(writes / written[0]),
        "events_per_s": round(sum(len(r.names) for r in readers) / took),
    }


def listen(readers: list[Watcher], done: Callable[[], bool]) -> None:
    """Read from all until `done`, or until nothing came for a while."""
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader.socket, selectors.EVENT_READ, reader)
        while not done():
            ready = selector.select(STILL_S)
            if not ready:
                return
            for key, _ in ready:
                if not key.data.read():
                    selector.unregister(key.fileobj)
