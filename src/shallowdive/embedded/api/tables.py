"""The shapes that `kubectl get` asks for: a Table with ready-made cells, or the metadata of an object without the rest.

What the columns of each kind are stands in `columns`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from shallowdive.embedded.api.columns import columns_of
from shallowdive.embedded.api.lists import Page
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.status import bad_request, not_acceptable
from shallowdive.embedded.store import Event, Object

if TYPE_CHECKING:
    from shallowdive.embedded.api.verbs import Call

META = "meta.k8s.io/v1"
INCLUDES = ("", "Metadata", "Object", "None")


def partial(value: Object) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": value["metadata"]}


def shaped(call: Call, value: Object) -> dict[str, Any]:
    """One object as the client wants it. Raises ApiError 406 for the shape of a list."""
    match call.media.shape:
        case "Table":
            revision = value["metadata"].get("resourceVersion")
            return table(call, [value], {"resourceVersion": revision} if revision else {})
        case "PartialObjectMetadata":
            return partial(value)
        case "PartialObjectMetadataList":
            what = f"but the requested object is not a list (*{_go_type(call.kind)})"
            raise not_acceptable(f"you requested PartialObjectMetadataList, {what}")
    return value


def shaped_list(call: Call, page: Page) -> dict[str, Any]:
    kind = call.kind
    match call.media.shape:
        case "Table":
            return table(call, [event.object for event in page.events], dict(page.metadata))
        case "PartialObjectMetadata":
            raise not_acceptable(f"you requested PartialObjectMetadata, but the requested object is a list (*{_go_type(kind)}List)")
        case "PartialObjectMetadataList":
            items = [partial(event.object) for event in page.events]
            return {"kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": page.metadata, "items": items}
    items = [{name: part for name, part in event.object.items() if name not in ("kind", "apiVersion")} for event in page.events]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": page.metadata, "items": items}


def table(call: Call, values: list[Object], metadata: dict[str, Any], *, headers: bool = True) -> dict[str, Any]:
    columns = columns_of(call.kind)
    include, now = call.request.one("includeObject"), call.cluster.clock.now()
    if include not in INCLUDES:
        why = f"includeObject: Invalid value: \"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        raise bad_request(f"Unable to convert to Table as requested: {why}")
    rows = []
    for value in values:
        shown = None if include == "None" else value if include == "Object" else partial(value)
        rows.append({"cells": [column.cell(value, now) for column in columns], "object": shown})
    definitions = [{"name": c.name, "type": c.type, "format": c.format, "description": c.name, "priority": c.priority} for c in columns]
    head = {"kind": "Table", "apiVersion": META, "metadata": metadata}
    return head | {"columnDefinitions": definitions if headers else None, "rows": rows}


def renderer(call: Call) -> Callable[[Event], bytes]:
    """How a watch shows its events. Only the first Table names its columns."""
    shape = call.media.shape
    if not shape:
        return lambda event: event.encoded
    if shape != "Table":
        return lambda event: orjson.dumps(partial(event.object))
    first = True

    def rows(event: Event) -> bytes:
        nonlocal first
        headers, first = first, False
        revision = {"resourceVersion": event.object["metadata"]["resourceVersion"]}
        return orjson.dumps(table(call, [event.object], revision, headers=headers))

    return rows


def _go_type(kind: Kind) -> str:
    return f"{kind.group.partition('.')[0] or 'core'}.{kind.kind}"
