"""A seeded generator of requests that are wrong in some way, and what must be true of every answer.

Nothing here knows what the right answer is: only that there is one. A refused request changes nothing; nobody gets a 500; nothing
is raised."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from shallowdive.embedded.kinds import Kind, by_api, kinds
from shallowdive.embedded.request import Request
from tests.plain.embedded.nasty import (
    APPLY,
    DIRECTIVES,
    HEADERS,
    METHODS,
    NAMES,
    NASTY,
    OTHER_PATHS,
    PATCHES,
    QUERIES,
    SELECTOR_PARTS,
    SUBRESOURCES,
    YAML_TEXTS,
)  # fmt: skip

FIXTURES = Path(__file__).with_name("fixtures") / "fuzz"
NAMESPACE = "fuzz"


def manifests() -> list[dict[str, Any]]:
    """One valid object of every kind."""
    return list(yaml.safe_load_all((FIXTURES / "manifests.yaml").read_text()))


def path_of(kind: Kind, namespace: str = NAMESPACE, name: str = "") -> str:
    room = f"/namespaces/{namespace}" if kind.namespaced else ""
    return f"{'/apis/' if kind.group else '/api/'}{kind.api_version}{room}/{kind.plural}" + (f"/{name}" if name else "")


def copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def to_line(request: Request) -> str:
    """A request as a line of a fixture. Bytes are characters below 256."""
    parts = {"method": request.method, "path": request.path, "query": dict(request.query), "headers": dict(request.headers)}
    return json.dumps(parts | {"body": request.body.decode("latin-1")})


def from_line(line: str) -> Request:
    value = json.loads(line)
    return Request(value["method"], value["path"], value["query"], value["headers"], value["body"].encode("latin-1"))


class Generator:
    """Endless wrong requests from one seed."""

    def __init__(self, seed: int, headers: dict[str, str]) -> None:
        self.random = random.Random(seed)
        self.headers = headers
        self.manifests = manifests()
        self.kinds = list(kinds().values())

    def requests(self, count: int) -> Iterator[Request]:
        makers: tuple[tuple[Callable[[], Request], int], ...] = (
            (self.spoiled_create, 30), (self.spoiled_update, 20), (self.patch, 25), (self.question, 15), (self.elsewhere, 10),
        )  # fmt: skip
        calls, weights = zip(*makers, strict=True)
        for _ in range(count):
            request = self.random.choices(calls, weights)[0]()
            yield self.disturbed(request)

    def one(self, of: Any) -> Any:
        return self.random.choice(of)

    def nasty(self) -> Any:
        return copied(self.one(NASTY))

    def manifest(self) -> tuple[Kind, dict[str, Any]]:
        value = copied(self.one(self.manifests))
        kind = by_api(value["apiVersion"], value["kind"])
        assert kind is not None
        return kind, value

    # bodies

    def spoiled_create(self) -> Request:
        kind, value = self.manifest()
        if self.random.random() < 0.8:
            value["metadata"]["name"] = f"new-{self.random.randrange(10**6)}"
        return Request("POST", path_of(kind), {}, dict(self.headers), self.spoiled(value))

    def spoiled_update(self) -> Request:
        kind, value = self.manifest()
        name = value["metadata"].get("name", "seed")
        sub = self.one(("", "", "/status", "/scale", "/finalize", "/resize", "/ephemeralcontainers", "/binding", "/eviction", "/token"))
        method = "POST" if sub in ("/binding", "/eviction", "/token") else "PUT"
        return Request(method, path_of(kind, name=name) + sub, {}, dict(self.headers), self.spoiled(value))

    def spoiled(self, value: Any) -> bytes:
        for _ in range(self.random.choice((1, 1, 1, 2, 4))):
            value = self.changed(value)
        data = json.dumps(value).encode()
        return data if self.random.random() < 0.7 else self.broken(data)

    def changed(self, value: Any) -> Any:
        """One place of a value replaced, taken out, doubled or renamed."""
        places = list(_places(value))
        if not places:
            return self.nasty()
        holder, key = self.one(places)
        match self.random.randrange(6):
            case 0 | 1 | 2:
                holder[key] = self.nasty()
            case 3:
                del holder[key]
            case 4 if isinstance(holder, dict):
                holder[self.one(("x", "", "é", "$patch", key.upper(), "a" * 400))] = copied(holder[key])
            case _:
                other, at = self.one(places)
                holder[key] = copied(other[at]) if _holds(other, at) else None
        return value

    def broken(self, data: bytes) -> bytes:
        at = self.random.randrange(len(data) + 1)
        match self.random.randrange(10):
            case 0:
                return data[:at]
            case 1:
                return data[:at] + self.random.randbytes(4) + data[at:]
            case 2:
                return data[:at] + b"\xff\xfe\xc3\x28" + data[at:]
            case 3:
                return b'{"metadata":{"name":"twice"},' + data[1:]
            case 4:
                return b"[" * 100_000
            case 5:
                return b'{"a":' * 5000 + b"1" + b"}" * 5000
            case 6:
                return data.replace(b"1", b"1" * 400)
            case 7:
                return self.one(
                    (b"", b"null", b"[]", b'""', b"0", b"{}", b"NaN", b"\x00", b"\xef\xbb\xbf{}", b"tru", b'{"a":NaN}', b"k8s\x00\n\x0c")
                )
            case 8:
                return data + data
            case _:
                return self.one(YAML_TEXTS).encode()

    def patch(self) -> Request:
        kind, value = self.manifest()
        name = value["metadata"].get("name", "seed")
        content = self.one((*PATCHES, APPLY))
        if content == PATCHES[0]:
            body = json.dumps(self.operations(value)).encode()
        elif content == APPLY and self.random.random() < 0.3:
            body = self.one(YAML_TEXTS).encode()
        else:
            part = {k: value[k] for k in value if self.random.random() < 0.7}
            if self.random.random() < 0.4:
                holder = self.one([h for h, _ in _places(part)] or [part])
                if isinstance(holder, dict):
                    holder[self.one(DIRECTIVES)] = self.one(("delete", "replace", "merge", [{"name": "web"}], ["a"], None, 1, [1], {}))
            body = self.spoiled(part)
        if self.random.random() < 0.15:
            body = self.broken(body)
        query = {"fieldManager": [self.one(("fuzz", "other", ""))], "force": [self.one(("true", "false", "x"))]} if content == APPLY else {}
        sub = self.one(("", "", "", "/status", "/scale", "/resize", "/ephemeralcontainers"))
        return Request("PATCH", path_of(kind, name=name) + sub, query, {**self.headers, "content-type": content}, body)

    def operations(self, value: Any) -> Any:
        if self.random.random() < 0.1:
            return self.nasty()
        pointers = [_pointer(value, holder, key) for holder, key in _places(value)]
        odd = (
            "",
            "/",
            "a",
            "/~",
            "/~2",
            "/metadata/labels/-",
            "/spec/containers/-1",
            "/spec/containers/01",
            "/spec/containers/99",
            "/-",
            "/é",
            "//",
            "/kind",
        )
        found = []
        for _ in range(self.random.randrange(5)):
            operation: dict[str, Any] = {"op": self.one(("add", "remove", "replace", "move", "copy", "test", "x", None, 1, "Add"))}
            for field_name in ("path", "from"):
                if self.random.random() < 0.9:
                    operation[field_name] = self.one(pointers) if self.random.random() < 0.7 else self.one((*odd, None, 1))
            if self.random.random() < 0.8:
                operation["value"] = self.nasty()
            found.append(operation if self.random.random() < 0.95 else self.one((1, None, [], "x")))
        return found

    # everything else

    def question(self) -> Request:
        """A read or a deletion with a strange query."""
        kind = self.one(self.kinds)
        name = self.one(("", "", "seed", self.one(NAMES)))
        sub = f"/{self.one(SUBRESOURCES)}" if name and self.random.random() < 0.5 else ""
        method = self.one(("GET", "GET", "GET", "DELETE", "POST"))
        body = self.one(
            (
                b"",
                b"",
                b"{}",
                b'{"gracePeriodSeconds":"x"}',
                b'{"preconditions":{"uid":1}}',
                b'{"propagationPolicy":"x"}',
                b'{"dryRun":["x"]}',
            )
        )
        if method == "DELETE" and self.random.random() < 0.7:
            body = self.spoiled(
                {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 1, "preconditions": {"uid": "x"}, "dryRun": ["All"]}
            )
        namespace = self.one((NAMESPACE, NAMESPACE, NAMESPACE, self.one(NAMES)))
        return Request(method, path_of(kind, namespace, name) + sub, self.query(), dict(self.headers), body)

    def query(self) -> dict[str, list[str]]:
        found = {}
        for _ in range(self.random.randrange(4)):
            name = self.one(list(QUERIES))
            found[name] = [self.one(QUERIES[name]) for _ in range(self.one((1, 1, 1, 2, 0)))]
        for name in ("labelSelector", "fieldSelector"):
            if self.random.random() < 0.4:
                found[name] = ["".join(self.one(SELECTOR_PARTS) for _ in range(self.random.randrange(8)))]
        return found

    def elsewhere(self) -> Request:
        path = self.one(OTHER_PATHS)
        if self.random.random() < 0.3:
            path = "/" + "/".join(
                self.one(("api", "apis", "v1", "apps", "namespaces", "pods", *NAMES)) for _ in range(self.random.randrange(9))
            )
        body = self.one((b"", b"{}", b'{"speed":"x"}', b'{"speed":-1}', b'{"speed":1e999}', b"[]", self.spoiled(self.manifest()[1])))
        return Request(self.one(METHODS), path, self.query(), dict(self.headers), body)

    def disturbed(self, request: Request) -> Request:
        """Now and then another header, method, query or name as well."""
        if self.random.random() < 0.15:
            name = self.one(list(HEADERS))
            request.headers = {**request.headers, name: self.one(HEADERS[name])}
        if self.random.random() < 0.05:
            request.headers = {k: v for k, v in request.headers.items() if k != self.one(list(request.headers))}
        if self.random.random() < 0.05:
            request.method = self.one(METHODS)
        if self.random.random() < 0.2:
            request.query = {**request.query, **self.query()}
        if self.random.random() < 0.03:
            request.path = request.path.replace("seed", self.one(NAMES)).replace(NAMESPACE, self.one((NAMESPACE, *NAMES)))
        return request


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (dict or list, key or index) below a value."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _holds(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def _pointer(value: Any, holder: Any, key: Any) -> str:
    """Where a place is, as RFC 6901 writes it."""
    if value is holder:
        return f"/{key}"
    for k in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        below = _pointer(value[k], holder, key)
        if below:
            return f"/{k}{below}"
    return ""
