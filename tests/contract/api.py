"""HTTP as it is on the wire: what the contract tests send and what came back, with nothing in between.

The official client would hide status codes, headers and unknown fields, so these tests speak through urllib3 with the
credentials of a kubeconfig. Where the client is the user, a test takes `Api.client` instead."""

from __future__ import annotations

import base64
import json
import queue
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import urllib3
import yaml
from kubernetes import client, config

Json = dict[str, Any]
JSON = "application/json"
JSON_PATCH, MERGE, STRATEGIC = (f"application/{kind}+json" for kind in ("json-patch", "merge-patch", "strategic-merge-patch"))
APPLY = "application/apply-patch+yaml"


class Answer(NamedTuple):
    code: int
    body: Any
    headers: urllib3.HTTPHeaderDict


class Api:
    """One user at one API server. `like` makes another user of the same server."""

    def __init__(self, kubeconfig: Path, token: str | None = None, anonymous: bool = False) -> None:
        self.kubeconfig = kubeconfig
        document = yaml.safe_load(kubeconfig.read_text())
        context = next(c["context"] for c in document["contexts"] if c["name"] == document["current-context"])
        cluster = next(c["cluster"] for c in document["clusters"] if c["name"] == context["cluster"])
        user = next(u["user"] for u in document["users"] if u["name"] == context["user"])
        self.server: str = cluster["server"].rstrip("/")
        self.headers = {"Accept": JSON, "User-Agent": "contract/1"}
        self.tls: Json = {}
        if "certificate-authority-data" in cluster:
            self.tls["ca_certs"] = _file(cluster["certificate-authority-data"])
        if token is None and not anonymous:
            token = user.get("token")
            if "client-certificate-data" in user:
                self.tls |= {"cert_file": _file(user["client-certificate-data"]), "key_file": _file(user["client-key-data"])}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self.pool = urllib3.PoolManager(maxsize=24, retries=False, **self.tls)

    def like(self, token: str | None = None, anonymous: bool = False) -> Api:
        return Api(self.kubeconfig, token, anonymous)

    @property
    def client(self) -> client.ApiClient:
        settings = client.Configuration()
        config.load_kube_config(str(self.kubeconfig), client_configuration=settings, persist_config=False)
        settings.no_proxy = "*"
        return client.ApiClient(settings)

    def ask(self, method: str, path: str, body: Any = None, content: str = JSON, headers: Json | None = None, **query: Any) -> Answer:
        sent = None if body is None else body if isinstance(body, (bytes, str)) else json.dumps(body)
        all_headers = self.headers | ({"Content-Type": content} if sent is not None else {}) | (headers or {})
        reply = self.pool.request(method, self.url(path, query), body=sent, headers=all_headers, timeout=30)
        kind = reply.headers.get("Content-Type", "")
        return Answer(reply.status, json.loads(reply.data) if JSON in kind else reply.data.decode(), reply.headers)

    def url(self, path: str, query: Json) -> str:
        words = {key.rstrip("_"): str(value).lower() if isinstance(value, bool) else value for key, value in query.items()}
        return f"{self.server}{path}" + (f"?{urlencode(words, doseq=True)}" if words else "")

    def get(self, path: str, **more: Any) -> Answer:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> Answer:
        return self.ask("POST", path, body, **more)

    def put(self, path: str, body: Any, **more: Any) -> Answer:
        return self.ask("PUT", path, body, **more)

    def patch(self, path: str, body: Any, content: str = MERGE, **more: Any) -> Answer:
        return self.ask("PATCH", path, body, content, **more)

    def apply(self, path: str, body: Any, manager: str = "tester", **more: Any) -> Answer:
        return self.ask("PATCH", path, body, APPLY, fieldManager=manager, **more)

    def delete(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.ask("DELETE", path, body, **more)

    def made(self, path: str, body: Json, **more: Any) -> Json:
        """Create; the object. Anything but 201 is a failure of the test's own preparation."""
        answer = self.post(path, body, **more)
        assert answer.code == 201, answer.body
        return answer.body  # type: ignore[no-any-return]

    def seen(self, path: str, **more: Any) -> Json:
        answer = self.get(path, **more)
        assert answer.code == 200, answer.body
        return answer.body  # type: ignore[no-any-return]

    def watch(self, path: str, headers: Json | None = None, **query: Any) -> Watch:
        return Watch(self, path, headers or {}, query)


class Watch:
    """A watch in a thread of its own; events come out of a queue. `closed` when the server ended it."""

    def __init__(self, api: Api, path: str, headers: Json, query: Json) -> None:
        url = api.url(path, {"watch": "true"} | query)
        self.reply = api.pool.request(
            "GET", url, headers=api.headers | headers, preload_content=False, timeout=urllib3.Timeout(connect=10, read=600)
        )
        self.code, self.lines, self.closed = self.reply.status, queue.Queue[str](), threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = b""
        try:
            for chunk in self.reply.stream(65536):
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    self.lines.put(line.decode())
            if rest:
                self.lines.put(rest.decode())
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as exc:  # closed by us (bytes may be ciphertext then)
            self.lines.put(json.dumps({"type": "BROKEN", "object": repr(exc)}))
        self.closed.set()

    def next(self, limit_s: float = 15) -> Json:
        try:
            return json.loads(self.lines.get(timeout=limit_s))  # type: ignore[no-any-return]
        except queue.Empty:
            raise AssertionError(f"no event in {limit_s} s") from None

    def take(self, count: int) -> list[Json]:
        return [self.next() for _ in range(count)]

    def until(self, wanted: Callable[[Json], object], limit_s: float = 20) -> list[Json]:
        """All events up to and with the first that is wanted."""
        events: list[Json] = []
        deadline = time.monotonic() + limit_s
        while not events or not wanted(events[-1]):
            events.append(self.next(max(0.1, deadline - time.monotonic())))
        return events

    def rest(self) -> list[Json]:
        """What is left once the server has closed."""
        assert self.closed.wait(30), "the server did not close the watch"
        return [json.loads(self.lines.get_nowait()) for _ in range(self.lines.qsize())]

    def close(self) -> None:
        with suppress(RuntimeError, OSError):  # ended already; `close` would wait for the thread that reads
            self.reply.shutdown()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def eventually(look: Callable[[], Any], limit_s: float = 60, what: str = "") -> Any:
    """The first true answer of `look`; a failure with the last answer after the limit."""
    deadline, pause = time.monotonic() + limit_s, 0.02
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what or 'the condition'} (last: {answer!r})"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.3)
    return answer


def _file(data: str) -> str:
    with tempfile.NamedTemporaryFile(prefix="contract-", delete=False) as file:
        file.write(base64.b64decode(data))
    return file.name
