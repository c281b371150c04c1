"""Gives the cluster its sockets: HTTP requests become `Request`s, and between them the cluster gets its turns.

One thread. A request is answered at once by the core; what takes longer is a `Later`, a `Stream` or a `Channel`, and waits here.
A reader that does not read is not written to, and nothing is kept for it. No rule of Kubernetes lives here."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import parse_qs, unquote

from aiohttp import WSCloseCode, WSMsgType
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response as HttpResponse
from aiohttp.web_response import StreamResponse
from aiohttp.web_server import Server as HttpServer
from aiohttp.web_ws import WebSocketResponse

from shallowdive.embedded import status
from shallowdive.embedded.cluster import Cluster
from shallowdive.embedded.request import Channel, Later, Request, Response, Stream, json_response

log = logging.getLogger(__name__)

TURN_S = 0.005
"""Wall seconds the cluster may act before waiting requests are looked at."""
MOST_BODY = 3 * 1024 * 1024
"""Bytes of a request's body, the real server's limit."""
LATER_S = 60.0
Answer = Callable[[BaseRequest], Awaitable[StreamResponse]]
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
CLOSE_CHANNEL, STDOUT = 255, 1
TOO_LARGE = status.too_large(f"Request entity too large: limit is {MOST_BODY}")
NO_ANSWER = status.ApiError(504, "Timeout", "the server was unable to return a response in the time allotted")
NO_UPGRADE = status.bad_request("Upgrade request required")
BROKEN = status.ApiError(500, "InternalError", "Internal error occurred: see the log of the embedded cluster")


class Server:
    """The API server's address and the front door's, both on loopback."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._servers: list[HttpServer] = []
        self._sockets: list[asyncio.Server] = []
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
        for server in self._servers:
            await server.shutdown(0.2)
        if self._next:
            self._next.cancel()

    async def _open(self, port: int, answer: Answer, tls: ssl.SSLContext | None) -> int:
        server = HttpServer(answer, handler_cancellation=True, access_log=None)
        socket = await asyncio.get_running_loop().create_server(server, "127.0.0.1", port, ssl=tls, backlog=512)
        self._servers.append(server)
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

    async def _answer_api(self, http: BaseRequest) -> StreamResponse:
        try:
            request = await read(http)
        except status.ApiError as refused:
            return _plain(json_response(refused.code, refused.status))
        try:
            answer = self.cluster.handle(request)
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return _plain(json_response(BROKEN.code, BROKEN.status))
        self.poke()
        if isinstance(answer, Response):
            return _plain(answer)
        if isinstance(answer, Later):
            return _plain(await _wait_for(answer))
        if isinstance(answer, Channel):
            return await self._talk(http, answer)
        return await self._stream(http, answer)

    async def _answer_entrance(self, http: BaseRequest) -> StreamResponse:
        try:
            request = await read(http)
        except status.ApiError as refused:
            return HttpResponse(status=refused.code, text=refused.message)
        later = Later()
        self.cluster.front_door.handle(request, later.answer)
        self.poke()
        return _plain(await _wait_for(later))

    async def _stream(self, http: BaseRequest, stream: Stream) -> StreamResponse:
        """Write what there is, wait until the reader took it, look again."""
        more = asyncio.Event()
        stream.wake = more.set
        headers = {"Content-Type": stream.content_type, "Cache-Control": "no-cache, private"}
        response = StreamResponse(status=stream.code, headers=headers)
        response.enable_chunked_encoding()
        try:
            await response.prepare(http)
            while True:
                more.clear()
                data = stream.pull()
                if data is None:
                    break
                if data:
                    await response.write(data)
                else:
                    await more.wait()
            await response.write_eof()
        except ConnectionError:
            pass  # the reader is gone; there is nobody to tell
        finally:
            stream.close()
        return response

    async def _talk(self, http: BaseRequest, channel: Channel) -> StreamResponse:
        """exec and attach over a websocket: the first byte of a message is its channel."""
        socket = WebSocketResponse(protocols=PROTOCOLS, compress=False, max_msg_size=MOST_BODY)
        if not socket.can_prepare(http).ok:
            channel.close()
            return _plain(json_response(NO_UPGRADE.code, NO_UPGRADE.status))
        more = asyncio.Event()
        channel.wake = more.set
        await socket.prepare(http)
        listening = asyncio.ensure_future(self._listen(socket, channel))
        try:
            await socket.send_bytes(bytes([STDOUT]))  # says that the channel is open, as the real server does
            while True:
                more.clear()
                frames = channel.pull()
                if frames is None:
                    await asyncio.sleep(0.02)  # the client's readline gives up what it has when the end comes with it
                    break
                for number, data in frames:
                    await socket.send_bytes(bytes([number]) + data)
                if not frames:
                    await more.wait()
        except ConnectionError:
            pass  # the client is gone
        finally:
            channel.close()
            listening.cancel()
            with suppress(ConnectionError):
                await socket.close(code=WSCloseCode.OK)
            self.poke()
        return socket

    async def _listen(self, socket: WebSocketResponse, channel: Channel) -> None:
        async for message in socket:
            data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
            if data and data[0] == CLOSE_CHANNEL and len(data) > 1:
                channel.receive(data[1], b"")
            elif len(data) > 1:
                channel.receive(data[0], data[1:])
            self.poke()
        channel.close()
        channel.wake()


async def read(http: BaseRequest) -> Request:
    """The request with its whole body. Raises ApiError 413."""
    body = b""
    if http.body_exists:
        if http.headers.get("Expect", "").lower() == "100-continue" and http.transport:
            http.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        parts, size = [], 0
        async for part in http.content.iter_any():
            size += len(part)
            if size > MOST_BODY:
                raise TOO_LARGE
            parts.append(part)
        body = b"".join(parts)
    path, _, query = http.raw_path.partition("?")
    headers = {name.lower(): value for name, value in http.headers.items()}
    return Request(http.method, unquote(path), parse_qs(query, keep_blank_values=True) if query else {}, headers, body)


async def _wait_for(later: Later) -> Response:
    if later.response is None:
        done = asyncio.Event()
        later.wake = done.set
        try:
            await asyncio.wait_for(done.wait(), LATER_S)
        except TimeoutError:
            return json_response(NO_ANSWER.code, NO_ANSWER.status)
    assert later.response is not None
    return later.response


def _plain(answer: Response) -> HttpResponse:
    headers = {"Content-Type": answer.content_type, **answer.headers} if answer.content_type else answer.headers
    return HttpResponse(status=answer.code, body=answer.body, headers=headers)
