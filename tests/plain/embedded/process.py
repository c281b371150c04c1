"""The embedded cluster as a process, and plain connections to it: for tests of what happens on the wire."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from base64 import b64decode
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.servers import embedded_process

Answered = TypeVar("Answered")

TOKEN = "a-token-of-the-tests"
HEADERS = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", "user-agent": "tests/1"}


class Server:
    """How to talk to it, and what it wrote to stderr."""

    def __init__(self, process: subprocess.Popen[bytes], kubeconfig: dict[str, Any], log: Path) -> None:
        self.process, self.log = process, log
        cluster = kubeconfig["clusters"][0]["cluster"]
        self.port = int(cluster["server"].rpartition(":")[2])
        self.tls = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())

    def resident_bytes(self) -> int:
        fields = Path(f"/proc/{self.process.pid}/status").read_text().split("VmRSS:")[1].split()
        return int(fields[0]) * 1024

    async def connect(self, receive_buffer: int = 1 << 20) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls, limit=receive_buffer)

    @staticmethod
    def request(method: str, path: str, body: bytes = b"") -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in HEADERS.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run(wanted: Coroutine[Any, Any, Answered]) -> Answered:
    """`asyncio.run` in a thread of its own: the browser's tests leave a loop running in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, wanted).result()


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    with embedded_process(folder, "--token", TOKEN) as process:
        yield Server(process, json.loads((folder / "kubeconfig").read_text()), folder / "log")
    assert process.returncode == 0
