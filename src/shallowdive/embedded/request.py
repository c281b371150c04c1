"""A request and its answer, without a transport: `Cluster.handle(request)` returns a `Response` or a `Stream`.

So the same core answers a socket, a notebook kernel or a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import orjson


@dataclass(frozen=True, slots=True)
class User:
    """Who asks. Groups decide what they may (`access`)."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """`query` maps a name to all its values; header names are in lower case; `body` is what came, undecoded."""

    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def one(self, name: str, default: str = "") -> str:
        values = self.query.get(name)
        return values[0] if values else default

    def flag(self, name: str) -> bool:
        """A boolean of the query: anything but `false` and `0` is true, also no value at all."""
        return name in self.query and self.one(name).lower() not in ("false", "0")


@dataclass(slots=True)
class Response:
    code: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


HANG_UP = Response(0)
"""No answer at all: the connection is closed, as by a server that is not there."""


def json_response(code: int, value: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(code, orjson.dumps(value), headers=headers or {})


class Stream(Protocol):
    """An answer without an end: a watch, a followed log.

    `pull` returns what there is now (b'' for nothing yet, None for the end); the transport sets `wake` and is called when there is more.
    A stream holds a position, not a queue: whoever does not read costs nothing."""

    code: int
    content_type: str
    wake: Callable[[], None]

    def pull(self) -> bytes | None: ...
    def close(self) -> None: ...


@runtime_checkable
class Channel(Protocol):
    """An answer in both directions: exec, attach, port-forward. Its frames are (channel number, bytes); see `programs`."""

    wake: Callable[[], None]

    def receive(self, channel: int, data: bytes) -> None: ...
    def pull(self) -> list[tuple[int, bytes]] | None: ...
    def close(self) -> None: ...


class Later:
    """A response that is not there yet: a proxied request to a program that takes its time. `answer` is called once."""

    def __init__(self) -> None:
        self.response: Response | None = None
        self.wake: Callable[[], None] = lambda: None

    def answer(self, response: Response) -> None:
        self.response = response
        self.wake()
