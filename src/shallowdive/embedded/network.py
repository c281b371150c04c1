"""The cluster's network as a table: which address and port answers, and which pods stand behind a service.

A call does not return its answer, it is given it later, so that a slow program costs no thread. No packet leaves the process;
the front door and the `proxy` subresource come in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shallowdive.embedded.request import Request, Response


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer: `why` is `connection refused`, `no such host`, `i/o timeout`, `no route to host`."""

    why: str


Answer = Response | Unreachable
Reply = Callable[[Answer], None]
Handler = Callable[[Request, Reply], None]
"""A listening program: takes a request and calls the reply exactly once, now or later."""


@dataclass(slots=True)
class Network:
    listening: dict[tuple[str, int], Handler] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)
    """Pod addresses that exist: a closed port on one of them refuses, any other address does not answer."""

    def listen(self, ip: str, port: int, handler: Handler) -> None:
        self.listening[(ip, port)] = handler

    def close(self, ip: str, port: int) -> None:
        self.listening.pop((ip, port), None)

    def send(self, ip: str, port: int, request: Request, reply: Reply) -> None:
        """Send to a pod's address."""
        handler = self.listening.get((ip, port))
        if handler is not None:
            handler(request, reply)
        else:
            reply(Unreachable("connection refused" if ip in self.addresses else "no route to host"))
