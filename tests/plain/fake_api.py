"""A small API server that tests script: it counts requests, serves a list, and does to a watch what a test tells it."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client

CUT, HANG = object(), object()


class FakeApi:
    """`items` are ConfigMaps by name; `script` is a queue of what the next watch events are (dictionaries), CUT or HANG."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.version = 10
        self.requests: list[str] = []
        self.script: queue.Queue[Any] = queue.Queue()
        self.status = 200
        self.ended = threading.Event()
        self.newest: object = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None: ...

            def do_GET(self) -> None:
                outer.requests.append(self.path)
                if outer.status != 200:
                    self._send({"kind": "Status", "code": outer.status, "message": "no"}, outer.status)
                elif "watch=" in self.path:
                    self._watch()
                else:
                    meta = {"resourceVersion": str(outer.version)}
                    self._send({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": meta, "items": list(outer.items.values())})

            do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

            def _send(self, body: dict[str, Any], code: int = 200) -> None:
                data = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _hang_up(self) -> None:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

            def _watch(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                outer.newest = self
                while not outer.ended.is_set() and outer.newest is self:
                    try:
                        what = outer.script.get(timeout=0.1)
                    except queue.Empty:
                        continue
                    if what is CUT:
                        self._hang_up()
                        return
                    if what is HANG:
                        outer.ended.wait(30)
                        self._hang_up()
                        return
                    line = (json.dumps(what) + "\n").encode()
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    self.wfile.flush()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, name: str, **data: str) -> dict[str, Any]:
        """Change the stored list; returns the object (no event is sent)."""
        self.version += 1
        self.items[name] = {"metadata": {"name": name, "namespace": "d", "uid": name, "resourceVersion": str(self.version)}, "data": data}
        return self.items[name]

    def event(self, kind: str, obj: dict[str, Any]) -> None:
        self.script.put({"type": kind, "object": {"kind": "ConfigMap", "apiVersion": "v1", **obj}})

    def api(self) -> client.ApiClient:
        configuration = client.Configuration(host=self.url)
        configuration.proxy = None
        return client.ApiClient(configuration)

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
