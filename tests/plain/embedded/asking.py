"""Ask an embedded cluster as HTTP would, without a socket."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from shallowdive.embedded.api.watch import Watch
from shallowdive.embedded.cluster import Cluster, Settings
from shallowdive.embedded.request import Request, Response
from tests.plain.embedded import START

JSON = "application/json"
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MAPS, PODS = "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/pods"


class Answer(NamedTuple):
    code: int
    body: Any
    headers: dict[str, str]


class Asking:
    """One user of a cluster whose clock stands still."""

    def __init__(self, cluster: Cluster | None = None, token: str = "") -> None:
        self.cluster = cluster or Cluster(Settings(seed=1, speed=0, start=START))
        self.headers = {"accept": JSON, "user-agent": "test/1"} | ({"authorization": f"Bearer {token}"} if token else {})

    def raw(
        self, method: str, path: str, body: Any = None, content: str = JSON, headers: dict[str, str] | None = None, **query: Any
    ) -> Any:
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = {name.rstrip("_"): [str(v) for v in (value if isinstance(value, list) else [value])] for name, value in query.items()}
        return self.cluster.handle(Request(method, path, asked, self.headers | {"content-type": content} | (headers or {}), sent))

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        answer = self.raw(method, path, body, **more)
        assert isinstance(answer, Response), answer
        is_json = answer.content_type.startswith(JSON) and answer.body
        return Answer(answer.code, json.loads(answer.body) if is_json else answer.body.decode(), answer.headers)

    def get(self, path: str, **more: Any) -> Answer:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> Answer:
        return self.ask("POST", path, body, **more)

    def put(self, path: str, body: Any, **more: Any) -> Answer:
        return self.ask("PUT", path, body, **more)

    def patch(self, path: str, body: Any, content: str = MERGE, **more: Any) -> Answer:
        return self.ask("PATCH", path, body, content=content, **more)

    def delete(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.ask("DELETE", path, body, **more)

    def made(self, path: str, body: Any, **more: Any) -> Any:
        answer = self.post(path, body, **more)
        assert answer.code == 201, answer.body
        return answer.body

    def watch(self, path: str, **more: Any) -> Watch:
        stream = self.raw("GET", path, watch="true", **more)
        assert isinstance(stream, Watch), stream
        return stream

    def maps(self, *names: str, **labels: str) -> None:
        for name in names:
            self.made(MAPS, {"metadata": {"name": name, "labels": labels}, "data": {"a": "b"}})


def events(stream: Watch) -> list[dict[str, Any]]:
    """What a watch has to say now."""
    return [json.loads(line) for line in (stream.pull() or b"").splitlines()]


def told(stream: Watch) -> list[str]:
    """The same, as `ADDED one`."""
    return [f"{e['type']} {e['object'].get('metadata', {}).get('name', '')}".strip() for e in events(stream)]
