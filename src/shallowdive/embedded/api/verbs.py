"""The verbs of a resource: get, list, watch, create, update, patch, delete, deletecollection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from shallowdive.embedded.api import body, events, lists, patching, tables
from shallowdive.embedded.api.negotiate import JSON, Media, respond, wanted
from shallowdive.embedded.api.route import Asked
from shallowdive.embedded.api.watch import Watch
from shallowdive.embedded.kinds import ENDPOINTS, EVENTS, Kind
from shallowdive.embedded.registry import DeleteOptions, Who
from shallowdive.embedded.request import Request, Response, Stream, User
from shallowdive.embedded.status import Cause, bad_request, invalid, not_found
from shallowdive.embedded.store import Event, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}
RETURNED_WHEN_GONE = {
    "pods", "podtemplates", "persistentvolumes", "persistentvolumeclaims", "resourcequotas", "serviceaccounts", "services",
    "storageclasses.storage.k8s.io", "csidrivers.storage.k8s.io", "csinodes.storage.k8s.io", "volumeattachments.storage.k8s.io",
}  # fmt: skip
"""Kinds whose deletion answers with the object; the others with a Status."""
DEPRECATED = {ENDPOINTS: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"}
WATCH_MEDIA = (f"{JSON};stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
DELETE_OPTIONS = Kind(
    "deleteoptions",
    "",
    "v1",
    "deleteoptions",
    "DeleteOptions",
    False,
    (),
    frozenset(),
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
)


class Call:
    """One request for a resource that exists: who asks, for what, and what the answer must say beside."""

    def __init__(self, cluster: Cluster, request: Request, user: User, asked: Asked, kind: Kind) -> None:
        self.cluster, self.request, self.user, self.asked, self.kind = cluster, request, user, asked, kind
        self.registry, self.store = cluster.registry, cluster.store
        self.media = wanted(request.headers.get("accept", ""))
        self.warnings = body.Warnings()
        if kind.resource in DEPRECATED:
            self.warnings.add(DEPRECATED[kind.resource])

    @property
    def stored(self) -> str:
        return events.stored_as(self.kind)

    @property
    def dry_run(self) -> bool:
        return bool(self.request.one("dryRun"))

    def who(self) -> Who:
        """Who writes. Without a `fieldManager` it is the first word of the user agent."""
        manager = self.request.one("fieldManager") or self.request.headers.get("user-agent", "unknown").partition("/")[0]
        return Who(manager[:128], self.user)

    def check_write(self, options: str) -> None:
        query = self.request.query
        body.check_options(options, tuple(query.get("dryRun", ())), self.request.one("fieldManager"), self.request.one("fieldValidation"))

    def answer(self, code: int, value: Object) -> Response:
        """An object in the shape that the client wants."""
        headers = self.warnings.headers()
        if self.media == (JSON, ""):
            event = self.store.event(self.stored, value["metadata"].get("namespace", ""), value["metadata"].get("name", ""))
            if event is not None and event.object is value and self.stored == self.kind.resource:
                return Response(code, event.encoded, headers=headers)
            return respond(code, value, headers=headers)
        return respond(code, tables.shaped(self, value), self.media, headers)


def get(call: Call) -> Response:
    asked = call.asked
    event = call.store.event(call.stored, asked.namespace, asked.name)
    if event is None:
        raise not_found(call.kind.resource, asked.name)
    lists.check_not_future(call.request.one("resourceVersion"), call.store.revision)
    if call.media == (JSON, "") and not call.warnings and call.stored == call.kind.resource:
        return Response(200, event.encoded)
    return call.answer(200, events.shown_one(call.kind, event).object)


def list_(call: Call) -> Response:
    kind, request = call.kind, call.request
    if request.query.keys() == {""} or not request.query:
        page = lists.Page(
            events.shown(kind, call.store.latest(call.stored, call.asked.namespace or None)), {"resourceVersion": str(call.store.revision)}
        )
    else:
        wanted_options = lists.options(request, watch=False)
        page = lists.page(call.store, lists.selection(kind, call.asked.namespace, wanted_options), wanted_options)
    if call.media == (JSON, ""):
        return Response(200, encoded_list(kind, page), headers=call.warnings.headers())
    return respond(200, tables.shaped_list(call, page), call.media, call.warnings.headers())


def encoded_list(kind: Kind, page: lists.Page) -> bytes:
    """A list out of the bytes that each event already has: nothing is encoded twice."""
    head = b'{"kind":"%bList","apiVersion":"%b","metadata":%b,"items":[' % (
        kind.kind.encode(),
        kind.api_version.encode(),
        orjson.dumps(page.metadata),
    )
    return head + b",".join([event.bare for event in page.events]) + b"]}\n"


def watch(call: Call) -> Stream:
    kind, store, asked = call.kind, call.store, call.asked
    media = wanted(call.request.headers.get("accept", ""))
    if media.content_type != JSON:
        wanted(media.content_type + ";as=none", WATCH_MEDIA)
    options = lists.options(call.request, watch=True)
    if asked.name:
        options.fields = ",".join(filter(None, (options.fields, f"metadata.name={asked.name}")))
    chosen = lists.selection(kind, asked.namespace, options)
    first: list[Event] = []
    initial = options.initial_events
    if initial or (initial is None and not options.revision):
        found = events.shown(kind, store.latest(call.stored, asked.namespace or None))
        first = [event for event in found if chosen.matches is None or chosen.matches(event)]
        position = store.revision
    else:
        position = options.revision or store.revision
    opened = Watch(call.cluster.api.watches, store, chosen, position, first, tables.renderer(call))
    bookmarks = call.request.flag("allowWatchBookmarks")
    if initial and bookmarks:
        opened.bookmark(INITIAL_EVENTS_END)
    timeout_s = options.timeout_s or call.cluster.random.uniform(1800, 3600)
    opened.limit(call.cluster.clock, timeout_s, bookmarks=bookmarks)
    return opened


def create(call: Call) -> Response:
    asked, kind = call.asked, call.kind
    call.check_write("CreateOptions")
    value = body.read(call.request, kind, call.warnings)
    check_namespace(value, asked)
    if call.stored == EVENTS and kind.resource != EVENTS:
        value = events.to_core(value)
    call.cluster.api.access.check_grant(call.user, kind, value)
    made = call.registry.create(call.stored, value, call.who(), dry_run=call.dry_run)
    return call.answer(201, made if call.stored == kind.resource else events.to_new(made))


def check_namespace(value: Object, asked: Asked) -> None:
    """Fill in the namespace of the path, or raise ApiError 400 when the object names another."""
    meta = value.setdefault("metadata", {})
    if meta.get("namespace", asked.namespace) not in ("", asked.namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if asked.namespace:
        meta["namespace"] = asked.namespace
    else:
        meta.pop("namespace", None)


def check_name(value: Object, asked: Asked) -> None:
    """The object of an update must be the one of the path. Raises ApiError 400."""
    name = value.setdefault("metadata", {}).get("name")
    if not name:
        raise bad_request(f"the name of the object ({asked.name} based on URL) was undeterminable: name must be provided")
    if name != asked.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({asked.name})")


def update(call: Call) -> Response:
    asked, kind = call.asked, call.kind
    call.check_write("UpdateOptions")
    value = body.read(call.request, kind, call.warnings)
    check_name(value, asked)
    check_namespace(value, asked)
    return store_update(call, value)


def store_update(call: Call, value: Object) -> Response:
    asked, kind, registry = call.asked, call.kind, call.registry
    if call.stored != kind.resource:
        value = events.to_core(value)
    call.cluster.api.access.check_grant(call.user, kind, value)
    if call.store.event(call.stored, asked.namespace, asked.name) is None:
        if not registry.creates_by_update(kind) or asked.subresource or value["metadata"].get("uid"):
            raise not_found(kind.resource, asked.name)
        made = registry.create(call.stored, value, call.who(), dry_run=call.dry_run)
        return call.answer(201, made)
    registry.needs_version(kind, value["metadata"])
    made = registry.update(call.stored, value, call.who(), subresource=asked.subresource, dry_run=call.dry_run)
    return call.answer(200, made if call.stored == kind.resource else events.to_new(made))


def patch(call: Call) -> Response:
    return patching.patch(call)


def delete_options(call: Call) -> DeleteOptions:
    """From the body, or from the query where there is no body. Raises ApiError: 400, 422."""
    request, given = call.request, {}
    if request.body.strip() not in (b"", b"null"):
        given = body.read(request, DELETE_OPTIONS, call.warnings)
    elif "dryRun" in request.query:
        given["dryRun"] = list(request.query["dryRun"])
    body.check_options("DeleteOptions", tuple(given.get("dryRun") or request.query.get("dryRun") or ()))
    grace = given.get("gracePeriodSeconds")
    if grace is None and "gracePeriodSeconds" in request.query:
        grace = lists.integer(request.one("gracePeriodSeconds"))
    propagation = given.get("propagationPolicy") or request.one("propagationPolicy")
    orphan = given.get("orphanDependents")
    if propagation not in ("", "Background", "Foreground", "Orphan"):
        words = f'Unsupported value: "{propagation}": supported values: "Foreground", "Background", "Orphan", "nil"'
        raise invalid("DeleteOptions", "meta.k8s.io", "", [Cause("propagationPolicy", "FieldValueNotSupported", words)])
    if orphan is not None and propagation:
        words = f'Invalid value: "{propagation}": orphanDependents and deletionPropagation cannot be both set'
        raise invalid("DeleteOptions", "meta.k8s.io", "", [Cause("propagationPolicy", "FieldValueInvalid", words)])
    if orphan is not None:
        propagation = "Orphan" if orphan else "Background"
    preconditions = given.get("preconditions") or {}
    dry_run = bool(given.get("dryRun") or call.dry_run)
    return DeleteOptions(grace, propagation, preconditions.get("uid", ""), preconditions.get("resourceVersion", ""), dry_run)


def delete(call: Call) -> Response:
    asked = call.asked
    options = delete_options(call)
    left = call.registry.delete(call.stored, asked.namespace, asked.name, options, call.who())
    return deletion_answer(call, left, options)


def deletion_answer(call: Call, left: Object, options: DeleteOptions) -> Response:
    kind, meta = call.kind, left["metadata"]
    gone = options.dry_run or call.store.event(call.stored, meta.get("namespace", ""), meta["name"]) is None
    if gone and kind.resource not in RETURNED_WHEN_GONE and not (options.dry_run and meta.get("finalizers")):
        details = {"name": meta["name"], "group": kind.group, "kind": kind.plural, "uid": meta["uid"]}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return respond(
            200, status | {"details": {k: v for k, v in details.items() if v}}, Media(call.media.content_type), call.warnings.headers()
        )
    return call.answer(200, left)


def deletecollection(call: Call) -> Response:
    """Delete what a list with the same query shows, and answer with that list."""
    options = delete_options(call)
    wanted_options = lists.options(call.request, watch=False)
    page = lists.page(call.store, lists.selection(call.kind, call.asked.namespace, wanted_options), wanted_options)
    for event in page.events:
        if call.store.event(call.stored, *event.key) is not None:
            call.registry.delete(call.stored, *event.key, options, call.who())
    return Response(200, encoded_list(call.kind, page), headers=call.warnings.headers())


VERBS: dict[str, Callable[[Call], Response | Stream]] = {
    "get": get, "list": list_, "watch": watch, "create": create, "update": update, "patch": patch, "delete": delete,
    "deletecollection": deletecollection,
}  # fmt: skip
