"""PATCH: four ways to write a change, one way to store it. The merging itself is `patch`'s, apply is `fields`'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import yaml

from shallowdive.embedded import fields, schema, strategic
from shallowdive.embedded import patch as merging
from shallowdive.embedded.api import body, events
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.registry import Who
from shallowdive.embedded.request import Response
from shallowdive.embedded.status import Cause, bad_request, conflict, invalid, not_found, unsupported_media
from shallowdive.embedded.store import Object, clone

if TYPE_CHECKING:
    from shallowdive.embedded.api.verbs import Call

JSON_PATCH, MERGE, STRATEGIC, APPLY = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


def check(call: Call) -> str:
    """The content type of a patch and its options. Raises ApiError: 415, 422."""
    media = body.content_type(call.request)
    if media not in (JSON_PATCH, MERGE, STRATEGIC, APPLY):
        raise unsupported_media("415: Unsupported Media Type")
    call.check_write("PatchOptions")
    force, causes = "force" in call.request.query, []
    if media == APPLY and not call.request.one("fieldManager"):
        causes.append(Cause("fieldManager", "FieldValueRequired", "Required value: is required for apply patch"))
    if media != APPLY and force:
        causes.append(Cause("force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch"))
    if causes:
        raise invalid("PatchOptions", "meta.k8s.io", "", causes)
    return media


def patch(call: Call) -> Response:
    media, kind, asked = check(call), call.kind, call.asked
    event = call.store.event(call.stored, asked.namespace, asked.name)
    if media == APPLY:
        return apply(call, None if event is None else event.object)
    if event is None:
        raise not_found(kind.resource, asked.name)
    live = events.shown_one(kind, event).object
    return store(call, patched(call, media, kind, live))


def patched(call: Call, media: str, kind: Kind, live: Object) -> Object:
    """A new version of `live` with the patch in it, decoded. Raises ApiError: 400, 415, 422."""
    change = parsed(body.limited(call.request), media)
    if media == JSON_PATCH:
        result = merging.json_patch(live, change)
    elif media == MERGE:
        result = merging.merge_patch(live, change)
    else:
        result = strategic.strategic_patch(live, change, kind.schema)
    text = orjson.dumps(result).decode() if media in (JSON_PATCH, MERGE) else strategic.go_text(change)
    value, unknown = schema.decode(kind, result, where=text)
    problems = [f'unknown field "{path}"' for path in unknown]
    if problems and call.request.one("fieldValidation") == "Strict":
        words = f"Invalid value: {orjson.dumps(text).decode()}: strict decoding error: {', '.join(problems)}"
        raise invalid("", "", "", [Cause("patch", "FieldValueInvalid", words)])
    body.report(kind, problems, call.request.one("fieldValidation"), call.warnings)
    return value


def parsed(raw: bytes, media: str) -> Any:
    try:
        change = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise bad_request("invalid JSON patch") from None
    wanted = list if media == JSON_PATCH else dict
    if not isinstance(change, wanted):
        what = body.GO_TYPES.get(type(change), "object")
        target = "[]handlers.jsonPatchOp" if media == JSON_PATCH else "map[string]interface {}"
        raise bad_request(f"error decoding patch: json: cannot unmarshal {what} into Go value of type {target}")
    return change


def store(call: Call, value: Object) -> Response:
    """Write a patched object. Its name and namespace must still be those of the path."""
    asked, meta = call.asked, value.get("metadata", {})
    if meta.get("name") != asked.name:
        raise bad_request(f"the name of the object ({meta.get('name')}) does not match the name on the URL ({asked.name})")
    if meta.get("namespace", "") not in ("", asked.namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if asked.namespace:
        meta["namespace"] = asked.namespace
    call.cluster.api.access.check_grant(call.user, call.kind, value)
    stored = events.to_core(value) if call.stored != call.kind.resource else value
    made = call.registry.update(call.stored, stored, call.who(), subresource=asked.subresource, dry_run=call.dry_run)
    return call.answer(200, made if call.stored == call.kind.resource else events.to_new(made))


def apply(call: Call, live: Object | None) -> Response:
    """Server-side apply: creates what is not there, except through a subresource."""
    asked, kind, request = call.asked, call.kind, call.request
    if live is None and asked.subresource:
        raise not_found(kind.resource, asked.name)
    applied = read_applied(call, kind)
    meta = applied["metadata"]
    if live is None and meta.get("uid"):
        raise conflict(
            kind.resource, asked.name, f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found"
        )
    manager, force = request.one("fieldManager"), request.flag("force")
    merged = fields.apply(
        kind, live and clone(live), applied, manager, force=force, subresource=asked.subresource, now=call.cluster.clock.stamp()
    )
    if live is not None and meta.get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
        words = f'Invalid value: "{meta["uid"]}": field is immutable'
        raise invalid(kind.kind, kind.group, asked.name, [Cause("metadata.uid", "FieldValueInvalid", words)])
    if asked.namespace:
        merged["metadata"]["namespace"] = asked.namespace
    call.cluster.api.access.check_grant(call.user, kind, merged)
    who = Who(manager, call.user, "Apply")
    if live is None:
        merged["metadata"].pop("resourceVersion", None)
        return call.answer(201, call.registry.create(call.stored, merged, who, dry_run=call.dry_run))
    return call.answer(200, call.registry.update(call.stored, merged, who, subresource=asked.subresource, dry_run=call.dry_run))


def read_applied(call: Call, kind: Kind) -> Object:
    """The manifest of an apply as it was sent, with the name and namespace of the path. Raises ApiError 400."""
    asked, raw = call.asked, body.limited(call.request)
    loader = body.YamlLoader(raw)
    try:
        value = loader.get_single_data()
    except yaml.YAMLError as error:
        raise bad_request(f"error encoding patch: {body.yaml_error(error)}") from None
    if value is not None and not isinstance(value, dict):
        what = f"json: cannot unmarshal {body.GO_TYPES.get(type(value), 'object')} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding patch: error unmarshaling JSON: while decoding JSON: {what}")
    value = value or {}
    version, name = value.get("apiVersion") or "", value.get("kind") or ""
    if (version, name) != (kind.api_version, kind.kind):
        raise bad_request(f"invalid object type: {version if '/' in str(version) else f'/{version}'}, Kind={name}")
    body.report(kind, loader.twice, call.request.one("fieldValidation"), call.warnings)
    meta = value.setdefault("metadata", {})
    if not isinstance(meta, dict):
        raise bad_request("metadata is not an object")
    if not meta.get("name"):
        raise bad_request(f"the name of the object ({asked.name} based on URL) was undeterminable: name must be provided")
    if meta["name"] != asked.name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({asked.name})")
    if meta.get("namespace", asked.namespace) not in ("", asked.namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return value
