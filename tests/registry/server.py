"""A registry that answers as registries do on a bad day, by the first part of the repository's name.

`ok/…` is a real image: one layer, one file. The others: unauthorized, private (as a hub says "not yours or not there"), forbidden,
absent, limited, broken, slow, reset, arm. Made to hear what a node says of each; nothing is pushed, nothing kept."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
SLOW_S = 90
"""A node pulls one image after the other: while it waits for this one, it pulls no other."""
REFUSALS = {
    # first part of the name: (status, code, message)
    "unauthorized": (401, "UNAUTHORIZED", "authentication required"),
    "forbidden": (403, "DENIED", "requested access to the resource is denied"),
    "absent": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "limited": (429, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit."),
    "broken": (503, "UNAVAILABLE", "try again later"),
}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _image() -> dict[str, bytes]:
    """Blobs by digest, and the manifest under its tag's key ''."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as files:
        one = tarfile.TarInfo("hello")
        one.size = 6
        files.addfile(one, io.BytesIO(b"hello\n"))
    layer = gzip.compress(tar.getvalue(), mtime=0)
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [_digest(tar.getvalue())]}}
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _digest(config), "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": _digest(layer), "size": len(layer)}],
        }
    ).encode()
    return {_digest(b): b for b in (layer, config, manifest)} | {"": manifest}


BLOBS = _image()
ARM_ONLY = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {
                "mediaType": MANIFEST,
                "digest": _digest(BLOBS[""]),
                "size": len(BLOBS[""]),
                "platform": {"os": "linux", "architecture": "s390x"},
            }
        ],
    }
).encode()


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of /v2/NAME/manifests/TAG and /v2/NAME/blobs/DIGEST."""

    protocol_version = "HTTP/1.1"
    stopping = threading.Event()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            return self._send(200, b'{"token": "nobody"}', "application/json")
        name = self.path.partition("?")[0].removeprefix("/v2/")
        first = name.partition("/")[0]
        if first in REFUSALS:
            status, code, message = REFUSALS[first]
            return self._send(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), "application/json")
        if first == "slow":
            self.stopping.wait(SLOW_S)
        if first in ("slow", "reset"):
            self.close_connection = True
            self.connection.close()
            return None
        if first == "private":
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="registry",scope="repository:{first}:pull"'
            error = ',error="insufficient_scope"' if self.headers.get("Authorization") else ""
            return self._send(401, b"{}", "application/json", {"WWW-Authenticate": realm + error})
        if first == "arm" and "/manifests/" in name:
            return self._send(200, ARM_ONLY, INDEX)
        blob = BLOBS.get(name.rpartition("/")[2]) or (BLOBS[""] if "/manifests/" in name else b"")
        return self._send(200 if blob else 404, blob, MANIFEST if "/manifests/" in name else "application/octet-stream")

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        if status == 200 and kind in (MANIFEST, INDEX):
            self.send_header("Docker-Content-Digest", _digest(body))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a test's output is its own."""


class Registry:
    """`with Registry(address) as r:` — serves at `r.port` until the end of the block."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.server = ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    def __enter__(self) -> Registry:
        Handler.stopping.clear()
        threading.Thread(target=self.server.serve_forever, name="registry", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        Handler.stopping.set()
        self.server.shutdown()
        self.server.server_close()
