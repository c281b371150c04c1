"""The servers that the figures of `embedded.py` and `client_e2e.py` come from: the embedded cluster as a process, an API server with
its etcd, and a server that answers without thinking. Each is a context manager that gives a kubeconfig and stops what it started."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import urllib3

sys.path.append(str(Path(__file__).resolve().parents[1]))
from tests.servers import START_S, embedded_process, start, stop, wait_for_file


@dataclass(frozen=True)
class Target:
    """A running server. `pids`: the processes whose memory is the server's."""

    name: str
    kubeconfig: Path
    pids: tuple[int, ...]
    start_s: float

    def memory_bytes(self) -> int:
        """Resident memory now."""
        return sum(resident_bytes(pid) for pid in self.pids)


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/status has no VmRSS")


def end_on_terminate() -> None:
    """SIGTERM unwinds, so that what was started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@contextmanager
def embedded(folder: Path, *, speed: float = 20.0, seed: int = 1, workers: int = 2) -> Iterator[Target]:
    """The embedded cluster in a process of its own. `start_s`: from the start of the program to the kubeconfig it writes when it
    answers."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with embedded_process(folder, "--speed", str(speed), "--seed", str(seed), "--workers", str(workers)) as process:
        yield Target("embedded", folder / "kubeconfig", (process.pid,), time.monotonic() - began)


def find_binaries(folder: Path, control_plane: str) -> Path:
    """A folder with `etcd` and `kube-apiserver`, taken once from a running kind node: they are static, and run anywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("etcd", "kube-apiserver"):
        if not (folder / name).exists():
            partial = folder / f"{name}.part"
            with partial.open("wb") as out:
                script = f"cat /proc/$(pgrep -xo {name})/exe"
                subprocess.run(["docker", "exec", control_plane, "sh", "-c", script], stdout=out, check=True, timeout=120)
            partial.chmod(0o755)
            partial.rename(folder / name)
    return folder


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def kubeconfig_text(server: str, token: str, authority: str = "") -> str:
    """JSON is YAML."""
    cluster = {"server": server, **({"certificate-authority": authority} if authority else {})}
    context = {"cluster": "bench", "user": "bench"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": cluster}],
            "contexts": [{"name": "bench", "context": context}],
            "users": [{"name": "bench", "user": {"token": token}}],
        }
    )


def api_server_options(folder: Path, etcd: str, port: int) -> list[str]:
    """As kubeadm sets them, but with tokens from a file and certificates of its own. No controller runs, so no service account is there."""
    key = folder / "service-account.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True, timeout=60)
    (folder / "tokens.csv").write_text('bench-token,bench,1,"system:masters"\n')
    return [
        "--bind-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        f"--etcd-servers={etcd}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--disable-admission-plugins=ServiceAccount",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.96.0.0/16",
    ]


@contextmanager
def api_server(folder: Path, binaries: Path) -> Iterator[Target]:
    """A real kube-apiserver and its etcd, both on loopback. `start_s`: from the start of etcd to the first answer of /readyz."""
    folder.mkdir(parents=True, exist_ok=True)
    client_port, peer_port, port = free_port(), free_port(), free_port()
    etcd_url, peer_url = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    options = api_server_options(folder, etcd_url, port)
    urls = [f"--listen-client-urls={etcd_url}", f"--advertise-client-urls={etcd_url}", f"--listen-peer-urls={peer_url}"]
    peers = [f"--initial-advertise-peer-urls={peer_url}", f"--initial-cluster=default={peer_url}", f"--data-dir={folder / 'etcd'}"]
    running: list[subprocess.Popen[bytes]] = []
    began = time.monotonic()
    try:
        running.append(start([str(binaries / "etcd"), *urls, *peers], folder / "etcd.log"))
        running.append(start([str(binaries / "kube-apiserver"), *options], folder / "api-server.log"))
        certificate = folder / "certificates" / "apiserver.crt"
        wait_for_file(certificate, running[1], folder / "api-server.log")
        wait_until_ready(port, certificate, running[1], folder / "api-server.log")
        took = time.monotonic() - began
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(kubeconfig_text(f"https://127.0.0.1:{port}", "bench-token", str(certificate)))
        yield Target("real", kubeconfig, tuple(p.pid for p in running), took)
    finally:
        for process in reversed(running):
            stop(process)


def wait_until_ready(port: int, authority: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    pool = urllib3.HTTPSConnectionPool("127.0.0.1", port, ca_certs=str(authority), retries=False)
    while True:
        with suppress(urllib3.exceptions.HTTPError):
            if pool.request("GET", "/readyz", headers={"Authorization": "Bearer bench-token"}).status == 200:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the API server is not ready:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


CANNED = """
import asyncio, json, sys
one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "n", "namespace": "bench", "uid": "0", "resourceVersion": "1",
       "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app": "bench"}}, "data": {"key": "value"}}
many = {"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "1"}, "items": [one] * int(sys.argv[2])}
def answer(value):
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body
ONE, MANY = answer(one), answer(many)
class Canned(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.got = transport, b""
    def data_received(self, data):
        self.got += data
        while b"\\r\\n\\r\\n" in self.got:
            head, _, rest = self.got.partition(b"\\r\\n\\r\\n")
            length = next((int(l.split(b":")[1]) for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length")), 0)
            if len(rest) < length:
                return
            self.got = rest[length:]
            path = head.split(b" ", 2)
            self.transport.write(MANY if path[0] == b"GET" and path[1].partition(b"?")[0].endswith(b"configmaps") else ONE)
async def main():
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", 0)
    with open(sys.argv[1], "w") as f:
        f.write(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def canned(folder: Path, items: int) -> Iterator[Target]:
    """A server that gives the same bytes to everybody: what is left is the client's own time."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log, kubeconfig = folder / "port", folder / "log", folder / "kubeconfig"
    process = start([sys.executable, "-c", CANNED, str(port), str(items)], log)
    try:
        wait_for_file(port, process, log)
        time.sleep(0.1)
        kubeconfig.write_text(kubeconfig_text(f"http://127.0.0.1:{port.read_text()}", "none"))
        yield Target("canned", kubeconfig, (process.pid,), 0.0)
    finally:
        stop(process)
