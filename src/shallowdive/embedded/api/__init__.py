"""HTTP without a socket: a `Request` becomes a call of the registry and its result a `Response` or a `Stream`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shallowdive.embedded import status
from shallowdive.embedded.request import Channel, Later, Request, Response, Stream, json_response

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster


class Api:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def handle(self, request: Request) -> Response | Stream | Later | Channel:
        error = status.no_such_path()
        return json_response(error.code, error.status)
