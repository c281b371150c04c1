"""Gives the cluster its sockets: requests go to the core, and between them the cluster gets its turns.

One thread. A request is answered at once by the core; what takes longer is a `Later`, a `Stream` or a `Channel`,
and `connection` waits for it. No rule of Kubernetes lives here."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable

from shallowdive.embedded import status
from shallowdive.embedded.cluster import Cluster
from shallowdive.embedded.connection import Answer, Connection
from shallowdive.embedded.request import Later, Request, json_response

log = logging.getLogger(__name__)

TURN_S = 0.005
"""Wall seconds the cluster may act before waiting requests are looked at."""
CLOSE_S = 0.2
BROKEN = status.ApiError(500, "InternalError", "Internal error occurred: see the log of the embedded cluster")


class Server:
    """The API server's address and the front door's, both on loopback."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._sockets: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self._next: asyncio.Handle | None = None
        self._soon = False

    async def listen(self, port: int, entrance_port: int, tls: ssl.SSLContext | None) -> tuple[int, int]:
        """Open both; port 0 is any free one. Returns the ports. Raises OSError."""
        api = await self._open(port, self._answer_api, tls)
        entrance = await self._open(entrance_port, self._answer_entrance, None)
        self.poke()
        return api, entrance

    async def close(self) -> None:
        for socket in self._sockets:
            socket.close()
        for connection in list(self._connections):
            connection.close()
        if self._next:
            self._next.cancel()
        end = asyncio.get_running_loop().time() + CLOSE_S
        while self._connections and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)

    async def _open(self, port: int, answer: Callable[[Request], Answer], tls: ssl.SSLContext | None) -> int:
        loop = asyncio.get_running_loop()
        make = lambda: Connection(answer, self.poke, self._connections)  # noqa: E731
        socket = await loop.create_server(make, "127.0.0.1", port, ssl=tls, backlog=512)
        self._sockets.append(socket)
        return int(socket.sockets[0].getsockname()[1])

    # the cluster's turns

    def poke(self) -> None:
        """Something may have changed: give the cluster a turn as soon as what is already waiting has been looked at."""
        if not self._soon:
            self._soon = True
            if self._next:
                self._next.cancel()
            self._next = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._soon = False
        try:
            pause = self.cluster.turn(TURN_S)
        except Exception:
            log.exception("a turn of the cluster failed")
            pause = 0.1
        if pause is None:
            self._next = None
        elif pause <= 0:
            self.poke()
        else:
            self._next = asyncio.get_running_loop().call_later(pause, self._turn)

    # requests

    def _answer_api(self, request: Request) -> Answer:
        self.poke()
        try:
            return self.cluster.handle(request)
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return json_response(BROKEN.code, BROKEN.status)

    def _answer_entrance(self, request: Request) -> Answer:
        later = Later()
        self.poke()
        try:
            self.cluster.front_door.handle(request, later.answer)
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return json_response(BROKEN.code, BROKEN.status)
        return later
