"""One client's connection: bytes become `Request`s, their answers become bytes, in order.

HTTP/1.1 is parsed by httptools. A reader that does not read is not written to, and nothing is kept for it.
What an answer says is not decided here."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

import httptools

from shallowdive.embedded import status
from shallowdive.embedded.request import HANG_UP, Channel, Later, Request, Response, Stream, json_response

if TYPE_CHECKING:
    from shallowdive.embedded.websocket import Talk

MOST_BODY = 3 * 1024 * 1024
"""Bytes of a request's body, the real server's limit."""
MOST_HEAD = 1024 * 1024
"""Bytes of a request's line and headers, the real server's limit."""
MOST_WAITING = 32
"""Requests sent ahead on one connection before it is no longer read from."""
LATER_S = 60.0

Answer = Response | Stream | Later | Channel
TOO_LARGE = status.too_large(f"Request entity too large: limit is {MOST_BODY}")
NO_ANSWER = status.ApiError(504, "Timeout", "the server was unable to return a response in the time allotted")
NO_UPGRADE = status.bad_request("Upgrade request required")
NOT_HTTP = Response(400, b"400 Bad Request", "text/plain; charset=utf-8")
LONG_HEAD = Response(431, b"431 Request Header Fields Too Large", "text/plain; charset=utf-8")


class Connection(asyncio.Protocol):
    """`answer` and `poke` are the server behind it; `open_` holds every connection that is open, so that it can close them."""

    def __init__(self, answer: Callable[[Request], Answer], poke: Callable[[], None], open_: set[Connection]) -> None:
        self._answer, self._poke = answer, poke
        self._open = open_
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request | status.ApiError, bool]] = deque()
        self._busy: Stream | Later | Channel | None = None
        self._talking: Talk | None = None
        self._full = self._pump_soon = self._keep = False
        self._timer: asyncio.TimerHandle | None = None
        self.on_message_begin()

    # the socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._open.discard(self)
        self._waiting.clear()
        self._finish()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._pump()

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._talking:
            self._talking.receive(data)
            self._poke()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._keep_last(keep=False)
        except (httptools.HttpParserError, httptools.HttpParserCallbackError):
            self._refuse(NOT_HTTP)
            return
        self._next()

    # the parser's side

    def on_message_begin(self) -> None:
        self._url, self._head, self._size = b"", 0, 0
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("utf-8", "surrogateescape")
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= MOST_BODY:
            self._body.append(part)
        else:
            self._body.clear()  # read to its end all the same: a client that still writes does not hear the answer

    def on_message_complete(self) -> None:
        if self._size > MOST_BODY:
            request: Request | status.ApiError = TOO_LARGE
        else:
            request = request_of(self._parser.get_method().decode(), self._url, self._headers, b"".join(self._body))
        self._waiting.append((request, self._parser.should_keep_alive()))
        if len(self._waiting) > MOST_WAITING:
            self._transport.pause_reading()

    def _count_head(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD:
            self._refuse(LONG_HEAD)

    def _keep_last(self, *, keep: bool) -> None:
        if self._waiting:
            self._waiting[-1] = (self._waiting[-1][0], keep)

    def _refuse(self, answer: Response) -> None:
        """Say no to what is not a request, and hang up."""
        if not self._busy and not self._transport.is_closing():
            self._write(answer, close=True)
        self._transport.close()

    # answers, one at a time

    def _next(self) -> None:
        while self._waiting and not self._busy and not self._transport.is_closing():
            request, self._keep = self._waiting.popleft()
            if len(self._waiting) == MOST_WAITING:
                self._transport.resume_reading()
            if isinstance(request, status.ApiError):
                self._write(json_response(request.code, request.status), close=not self._keep)
                continue
            answer = self._answer(request)
            if answer is HANG_UP:
                self._transport.abort()
            elif isinstance(answer, Response):
                self._write(answer, close=not self._keep, head=request.method == "HEAD")
            elif isinstance(answer, Later):
                self._wait(answer, head=request.method == "HEAD")
            elif isinstance(answer, Channel):
                self._talk(request, answer)
            else:
                self._begin(answer)

    def _write(self, answer: Response, *, close: bool, head: bool = False) -> None:
        length = () if answer.code in (204, 304) else (("Content-Length", str(len(answer.body))),)
        closing = (("Connection", "close"),) if close else ()
        kind = (("Content-Type", answer.content_type),) if answer.content_type else ()
        self._transport.write(_head(answer.code, (*kind, *answer.headers.items(), *length, *closing)) + (b"" if head else answer.body))
        if close:
            self._transport.close()

    def _wait(self, later: Later, *, head: bool) -> None:
        self._busy = later

        def done() -> None:
            if self._busy is later:
                self._finish()
                no_answer = json_response(NO_ANSWER.code, NO_ANSWER.status)
                self._write(later.response or no_answer, close=not self._keep, head=head)
                self._next()

        if later.response is not None:
            done()
            return
        later.wake = done
        self._timer = self._loop.call_later(LATER_S, done)

    def _begin(self, stream: Stream) -> None:
        self._busy = stream
        self._transport.write(
            _head(
                stream.code,
                (("Content-Type", stream.content_type), ("Cache-Control", "no-cache, private"), ("Transfer-Encoding", "chunked")),
            )
        )
        stream.wake = self._wake
        self._pump()

    def _talk(self, request: Request, channel: Channel) -> None:
        from shallowdive.embedded.websocket import Talk  # its library is not needed before the first exec

        talk = Talk(channel, self._transport.write, self._transport.close)
        if not talk.opened(request):
            channel.close()
            self._write(json_response(NO_UPGRADE.code, NO_UPGRADE.status), close=not self._keep)
            return
        self._busy = channel
        self._talking = talk
        channel.wake = self._wake
        self._pump()

    def _wake(self) -> None:
        """More to write: once, after all that happens now has happened."""
        if not self._pump_soon:
            self._pump_soon = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_soon = False
        busy = self._busy
        if self._talking:
            if not self._full:
                self._talking.pump()
            return
        if busy is None or isinstance(busy, (Later, Channel)):
            return
        while not self._full:
            data = busy.pull()
            if data is None:
                self._transport.write(b"0\r\n\r\n")
                self._finish()
                if not self._keep:
                    self._transport.close()
                self._next()
                return
            if not data:
                return
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _finish(self) -> None:
        """This answer is given, or there is nobody left to give it to."""
        busy, self._busy = self._busy, None
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if isinstance(busy, Later):
            busy.wake = lambda: None
        elif busy is not None:
            busy.close()


def request_of(method: str, url: bytes, headers: dict[str, str], body: bytes) -> Request:
    path, _, query = url.decode("latin-1").partition("?")
    return Request(method, unquote(path), parse_qs(query, keep_blank_values=True) if query else {}, headers, body)


_dates: dict[int, str] = {}


def _head(code: int, headers: tuple[tuple[str, str], ...]) -> bytes:
    now = int(time.time())
    if now not in _dates:
        _dates.clear()
        _dates[now] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {code} {PHRASES.get(code, 'Unknown')}\r\n{lines}Date: {_dates[now]}\r\n\r\n".encode("latin-1", "replace")


PHRASES = {int(s): s.phrase for s in HTTPStatus}
