"""HTTP without a socket: a `Request` becomes a call of the registry and its result a `Response`, a `Stream` or a `Channel`.

The order is the real server's: who asks (`access`), what is asked (`route`), is it allowed (`access`), does it exist, then the verb."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shallowdive.embedded.api import control, discovery, openapi, reviews, subresources, verbs
from shallowdive.embedded.api.access import Access
from shallowdive.embedded.api.negotiate import refuse
from shallowdive.embedded.api.route import Asked, PageNotFound, group_versions, parse, resolve
from shallowdive.embedded.api.watch import Watches
from shallowdive.embedded.request import Channel, Later, Request, Response, Stream, User
from shallowdive.embedded.status import ApiError, internal_error, method_not_allowed

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

log = logging.getLogger(__name__)
Answer = Response | Stream | Later | Channel


class Api:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.access = Access(cluster)
        self.watches = Watches(cluster.store)

    def handle(self, request: Request) -> Answer:
        try:
            return self._handle(request)
        except PageNotFound as error:
            return Response(404, error.message.encode(), discovery.PLAIN)
        except ApiError as error:
            return refuse(error, request.headers.get("accept", ""))
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return refuse(internal_error("Internal error occurred: see the log of the embedded cluster"))

    def _handle(self, request: Request) -> Answer:
        asked = parse(request)
        user = self.access.impersonated(self.access.authenticate(request), request, asked)
        self.access.authorize(user, asked)
        if not asked.is_resource:
            return self._document(request, user)
        if asked.path.startswith("/apis/") and (not asked.group or asked.group not in group_versions()):
            raise PageNotFound
        kind = resolve(asked)
        call = verbs.Call(self._cluster, request, user, asked, kind)
        if asked.subresource or kind.resource == "bindings":
            return subresources.handle(call)
        review = reviews.REVIEWS.get(kind.resource)
        return review(call) if review else verbs.VERBS[asked.verb](call)

    def _document(self, request: Request, user: User) -> Answer:
        if request.path.startswith(control.PATH):
            return control.handle(self._cluster, request, user)
        if request.method not in ("GET", "HEAD") and not discovery.takes_any_method(request.path):
            discovery.document(self._cluster, request)
            raise method_not_allowed()
        if request.path.startswith("/openapi/"):
            return openapi.document(request)
        return discovery.document(self._cluster, request)


__all__ = ["Api", "Asked"]
