"""The connections of one link: the official client, with no retries of its own and with a way to cut it off from outside.

A thread that waits for a byte of a list or a watch can be woken only through its socket; the client does not show it while it waits for
the first byte of an answer, so connections are noted as they are made."""

from __future__ import annotations

import socket
import weakref
from functools import partial
from typing import Any

from kubernetes import client
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry


class Wire:
    """`api` is a client like the given one, for one thread. `cut()` ends whatever it waits for, and every later call at once."""

    def __init__(self, like: client.ApiClient) -> None:
        self.closed = False
        self.connections: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self.api = type(like)(like.configuration)
        self.api.default_headers = dict(like.default_headers)
        self._pools = self.api.rest_client.pool_manager
        self._pools.connection_pool_kw.update(retries=Retry(total=False), maxsize=1)
        me = weakref.ref(self)
        by_scheme: Any = {
            "http": partial(_pool, HTTPConnectionPool, partial(_Plain, me)),
            "https": partial(_pool, HTTPSConnectionPool, partial(_Secure, me)),
        }
        self._pools.pool_classes_by_scheme = by_scheme

    def cut(self) -> None:
        self.closed = True
        for connection in list(self.connections):
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)  # closing would wait for the reader
            except (AttributeError, OSError):
                pass  # not connected, or no more

    def close(self) -> None:
        """Give the sockets back. For the thread that used them."""
        for connection in list(self.connections):
            connection.close()
        self._pools.clear()


class _Noted(HTTPConnection):
    """A connection that its wire knows of."""

    def __init__(self, wire: weakref.ref[Wire], *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._wire = wire
        known = wire()
        if known is not None:
            known.connections.add(self)

    def connect(self) -> None:
        super().connect()
        wire = self._wire()
        if wire is None or wire.closed:
            self.close()
            raise ConnectionAbortedError("this link was stopped")


class _Plain(_Noted):
    pass


class _Secure(_Noted, HTTPSConnection):
    pass


def _pool(pool: type[HTTPConnectionPool], connection: Any, host: str, port: int, **settings: Any) -> HTTPConnectionPool:
    made = pool(host, port, **settings)
    made.ConnectionCls = connection
    return made
