"""An API server that does to its watchers what networks, proxies and restarts do. It keeps ConfigMaps, and nothing else of Kubernetes.

What is true in a real server is true here: versions count up, a list and its version belong together, a watch begins after its version,
a bookmark comes before a watch ends, and a watch from a version that is still to come says nothing at all (seen on kind, 1.37)."""

from __future__ import annotations

import bisect
import contextlib
import json
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes import client

Event = tuple[int, dict[str, Any]]
FAR = 50_000


class FaultyServer:
    """`objects` by name is the truth. Every fault is a method or a field; `well()` takes all of them back."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self.objects: dict[str, dict[str, Any]] = {}
        self.version, self.oldest, self.made = 20 * FAR, 0, 0
        self.log: list[Event] = []
        self.requests: list[str] = []
        self.changed = threading.Condition()
        self.open: set[Handler] = set()
        self.ended = False
        self.well()
        server = type("Server", (ThreadingHTTPServer,), {"daemon_threads": True, "request_queue_size": 128, "block_on_close": False})
        self.http = server(("127.0.0.1", 0), type("Bound", (Handler,), {"home": self}))
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), name="faulty", daemon=True).start()

    def api(self) -> client.ApiClient:
        configuration = client.Configuration(host=self.url)
        configuration.proxy = None
        return client.ApiClient(configuration)

    def close(self) -> None:
        self.ended = True
        self.cut()
        self.http.shutdown()
        self.http.server_close()

    def truth(self) -> dict[str, tuple[str, str]]:
        """(uid, resourceVersion) by name."""
        with self.changed:
            return {name: (o["metadata"]["uid"], o["metadata"]["resourceVersion"]) for name, o in self.objects.items()}

    # ── writes ───────────────────────────────────────────────────────────────────────────────────────────────
    def put(self, name: str, **data: str) -> None:
        with self.changed:
            old = self.objects.get(name)
            self.made += old is None
            uid = old["metadata"]["uid"] if old else f"uid-{self.made}"
            self._write(name, "MODIFIED" if old else "ADDED", uid, data)

    def delete(self, name: str) -> None:
        with self.changed:
            if name in self.objects:
                self._write(name, "DELETED", self.objects[name]["metadata"]["uid"], {})

    def _write(self, name: str, event_type: str, uid: str, data: dict[str, str]) -> None:
        self.version += 1
        meta = {"name": name, "namespace": "d", "uid": uid, "resourceVersion": str(self.version)}
        obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": {"at": str(time.time()), **data}}
        self.log.append((self.version, {"type": event_type, "object": obj}))
        if event_type == "DELETED":
            del self.objects[name]
        else:
            self.objects[name] = obj
        self.changed.notify_all()

    # ── faults ───────────────────────────────────────────────────────────────────────────────────────────────
    def well(self) -> None:
        self.twice = self.swapped = self.slow_list_s = self.watch_at_most_s = 0.0
        self.failing = self.gone_as_status = self.down = self.frozen = False
        self.deaf: set[Handler] = set()
        with self.changed:
            self.changed.notify_all()

    def cut(self, *, mid_line: bool = False) -> None:
        """Every link breaks, in the middle of a line or between two."""
        for handler in list(self.open):
            if mid_line:
                handler.chunk(b'{"type":"ADDED","object":{"kind":"ConfigMap","metada')
            handler.hang_up()

    def end_watches(self) -> None:
        """Every watch ends in good order, as when its time is over."""
        with self.changed:
            for handler in self.open:
                handler.over = True
            self.changed.notify_all()

    def stall(self) -> None:
        """The links that are open now stay open and say nothing any more: half-open."""
        self.deaf = set(self.open)

    def compact(self) -> None:
        """What happened until now can be watched from no more."""
        with self.changed:
            self.oldest = self.version

    def send_error(self, code: int) -> None:
        """An event on every open watch: 410 Gone, or a failure of the server."""
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "too old resource version"}
        for handler in list(self.open):
            handler.line({"type": "ERROR", "object": status})

    def rebuild(self, *, orderly: bool) -> None:
        """Another cluster under the same address: half of the names, other UIDs, and versions that went back by more than is written in
        a test. A cluster that is swapped while nobody is connected, and counts as far as the old one did, cannot be told from it."""
        with self.changed:
            names = self.rng.sample(sorted(self.objects), len(self.objects) // 2)
            self.version, self.oldest = self.version - FAR - self.rng.randrange(50), 0
            self.objects.clear()
            self.log = []
            for name in names:
                self.put(name)
        if orderly:
            self.end_watches()
        else:
            self.cut()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    home: FaultyServer
    over = False

    def log_message(self, *_: object) -> None: ...

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        home = self.home
        home.requests.append(self.path)
        while home.frozen and not home.ended:
            time.sleep(0.01)
        if home.down or home.ended:
            self.hang_up()
        elif home.failing:
            self.answer({"kind": "Status", "code": 500, "message": "etcdserver: request timed out"}, 500)
        elif "watch=" in self.path:
            self.watch({k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()})
        else:
            time.sleep(home.slow_list_s)
            with home.changed:
                meta, items = {"resourceVersion": str(home.version)}, list(home.objects.values())
            self.answer({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": meta, "items": items})

    def answer(self, body: dict[str, Any], code: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def watch(self, query: dict[str, str]) -> None:
        home, at, limit_s = self.home, int(query["resourceVersion"]), float(query["timeoutSeconds"])
        if at < home.oldest and home.gone_as_status:
            self.answer({"kind": "Status", "code": 410, "message": f"too old resource version: {at} ({home.oldest})"}, 410)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.over = False
        home.open.add(self)
        try:
            if at < home.oldest:
                self.line({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}})
            else:
                short_s = home.watch_at_most_s
                self.follow(at, time.monotonic() + (short_s or limit_s), 0 if short_s else 0.2 * limit_s)
            self.wfile.write(b"0\r\n\r\n")
        finally:
            home.open.discard(self)

    def follow(self, at: int, until: float, bookmark_before_s: float) -> None:
        home, log, marked = self.home, self.home.log, False
        while time.monotonic() < until and not self.over:
            with home.changed:
                news, now = self.after(log, at), home.version
                if not news and not home.ended:
                    home.changed.wait(timeout=0.05)
                    news, now = self.after(log, at), home.version
            if home.down:  # a request that was on its way when the server went
                self.hang_up()
            at = news[-1][0] if news else at
            for event in self.disorder(news):
                self.line(event)
            late = until - time.monotonic() < bookmark_before_s
            if late and not marked and not news and at <= now and self not in home.deaf and log is home.log:
                marked = True
                self.line({"type": "BOOKMARK", "object": {"kind": "ConfigMap", "metadata": {"resourceVersion": str(now)}}})
        while self in home.deaf and not home.ended:
            time.sleep(0.02)

    def after(self, log: list[Event], at: int) -> list[Event]:
        if self in self.home.deaf or log is not self.home.log:
            return []
        return log[bisect.bisect_right(log, at, key=lambda e: e[0]) :]

    def disorder(self, news: list[Event]) -> list[dict[str, Any]]:
        home, lines = self.home, [e for _, e in news]
        for i in range(len(lines) - 1):
            if home.rng.random() < home.swapped:
                lines[i], lines[i + 1] = lines[i + 1], lines[i]
        return [line for e in lines for line in ([e, e] if home.rng.random() < home.twice else [e])]

    def line(self, event: dict[str, Any]) -> None:
        self.chunk((json.dumps(event) + "\n").encode())

    def chunk(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
