"""exec and attach: a `Channel` over a websocket. The first byte of each message is the number of its channel.

The protocol itself is the library's (`websockets`, without its sockets)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from shallowdive.embedded.connection import MOST_BODY
from shallowdive.embedded.request import Channel, Request

PROTOCOLS = tuple(Subprotocol(f"v{n}.channel.k8s.io") for n in (5, 4))
CLOSE_CHANNEL, STDOUT = 255, 1
LAST_WORD_S = 0.02
"""Before the end is said: the client's `readline` gives up what it has when the end comes with it."""


class Talk:
    """`write` and `hang_up` are the socket's."""

    def __init__(self, channel: Channel, write: Callable[[bytes], None], hang_up: Callable[[], None]) -> None:
        self._channel, self._write, self._hang_up = channel, write, hang_up
        self._protocol = ServerProtocol(subprotocols=PROTOCOLS, max_size=MOST_BODY)
        self._parts: list[bytes] = []
        self._ending = False

    def opened(self, request: Request) -> bool:
        """Answer the handshake. False when the request is none, then nothing was written."""
        lines = [f"GET {request.path.encode('ascii', 'replace').decode()} HTTP/1.1", *(f"{n}: {v}" for n, v in request.headers.items())]
        self._protocol.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
        for event in self._protocol.events_received():
            if isinstance(event, Handshake):
                answer = self._protocol.accept(event)
                if answer.status_code == 101:
                    self._protocol.send_response(answer)
                    self._send(STDOUT, b"")  # says that the channel is open, as the real server does
                    return True
        return False

    def receive(self, data: bytes) -> None:
        """What the client sent goes to its channel."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._parts.append(bytes(event.data))
                if event.fin:
                    message, self._parts = b"".join(self._parts), []
                    self._hear(message)
        self._flush()
        if self._protocol.close_expected():
            self._channel.close()
            self._hang_up()

    def _hear(self, message: bytes) -> None:
        if len(message) > 1 and message[0] == CLOSE_CHANNEL:
            self._channel.receive(message[1], b"")
        elif len(message) > 1:
            self._channel.receive(message[0], message[1:])

    def pump(self) -> None:
        """Send what the channel has; after its end, close."""
        if self._ending:
            return
        frames = self._channel.pull()
        if frames is None:
            self._ending = True
            asyncio.get_running_loop().call_later(LAST_WORD_S, self._end)
            return
        for number, data in frames:
            self._send(number, data)
        if frames:
            self._channel.wake()  # until it has nothing: its end comes only then

    def _end(self) -> None:
        if self._protocol.state is State.OPEN:  # else the client said it first
            self._protocol.send_close(1000)
            self._flush()
        self._channel.close()

    def _send(self, number: int, data: bytes) -> None:
        self._protocol.send_binary(bytes([number]) + data)
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._write(data)
