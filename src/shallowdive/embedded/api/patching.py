"""PATCH: four ways to write a change, one way to store it. The merging itself is `patch`'s, apply is `fields`'."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from shallowdive.embedded import fields, schema, strategic
from shallowdive.embedded import patch as merging
from shallowdive.embedded.api import body, events
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.quantity import BadQuantity
from shallowdive.embedded.registry import Who
from shallowdive.embedded.request import Response
from shallowdive.embedded.scalars import Bad, Wrong
from shallowdive.embedded.status import ApiError, Cause, bad_request, conflict, invalid, not_found, unsupported_media
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
    raw = body.limited(call.request)
    try:
        duplicates, change = body.duplicates_in(raw, body.parsed_json(raw))
    except ValueError:
        raise bad_request("invalid JSON patch") from None
    unknown: list[str] = []
    if media == STRATEGIC:
        shown = strategic.go_text(change)
        result = live if change is None else strategic.strategic_patch(live, change, kind.schema)
        result = result | {"kind": kind.kind, "apiVersion": kind.api_version}
        value = _converted(kind, result, unknown, shown)
    else:
        result = merging.json_patch(live, change or []) if media == JSON_PATCH else merging.merge_patch(live, change)
        shown = orjson.dumps(result).decode()
        try:
            body.check_kind(result, b"", kind)
        except ApiError as error:
            raise _not_applied(shown, error.message.partition(f"cannot be handled as a {kind.kind}: ")[2]) from None
        value, unknown = schema.decode(kind, result, where=shown)
    problems = duplicates if media != JSON_PATCH else []
    problems += [f'unknown field "{path}"' for path in unknown]
    validation = call.request.one("fieldValidation")
    if problems and validation == "Strict":
        raise _not_applied(shown, f"strict decoding error: {', '.join(problems)}")
    body.report(kind, problems, validation, call.warnings)
    return value


def _not_applied(shown: str, why: str) -> ApiError:
    """422: a patch that leads to no object. The real server names neither kind nor object here."""
    return invalid("", "", "", [Cause("patch", "FieldValueInvalid", f"Invalid value: {orjson.dumps(shown).decode()}: {why}")])


GO_SORTS = {str: "string", bool: "bool", int: "int64", float: "float64", list: "slice", dict: "map"}


def _converted(kind: Kind, result: Object, unknown: list[str], shown: str) -> Object:
    """The result of a strategic merge, decoded. Wrong types are worded as by the real server's converter, not its decoder."""
    try:
        value: Object = schema.decoder(kind.schema)(result, unknown)
    except Wrong as wrong:
        have, want = GO_SORTS[type(wrong.have)], wrong.type
        if want.startswith(("[]", "map[")):
            why = f"cannot restore {'slice' if want[0] == '[' else 'map'} from {have}"
        elif want in ("int32", "int64", "bool") and have not in ("float64", "int64"):
            why = f"unrecognized type: {want}"
        elif (have in ("int64", "float64", "bool") and not want.startswith("v1.")) or want == "string":
            why = f"cannot convert {have} to {want}"
        else:
            why = f"cannot restore struct from: {have}"
        raise _not_applied(shown, why) from None
    except (Bad, BadQuantity) as bad:
        raise _not_applied(shown, str(bad)) from None
    return value


def store(call: Call, value: Object) -> Response:
    """Write a patched object. Its name and namespace must still be those of the path."""
    asked, meta = call.asked, value.get("metadata", {})
    if not meta.get("name"):
        raise bad_request(f"the name of the object ({asked.name} based on URL) was undeterminable: name must be provided")
    if meta["name"] != asked.name:
        raise bad_request(f"the name of the object ({meta.get('name')}) does not match the name on the URL ({asked.name})")
    if meta.get("namespace", "") not in ("", asked.namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if asked.namespace:
        meta["namespace"] = asked.namespace
    check_uid(call, value)
    call.cluster.api.access.check_grant(call.user, call.kind, value)
    stored = events.to_core(value) if call.stored != call.kind.resource else value
    made = call.registry.update(call.stored, stored, call.who(), subresource=asked.subresource, dry_run=call.dry_run)
    return call.answer(200, made if call.stored == call.kind.resource else events.to_new(made))


def check_uid(call: Call, value: Object) -> None:
    """A patch cannot change the UID. Raises ApiError 422."""
    asked, kind, uid = call.asked, call.kind, value["metadata"].get("uid")
    live = call.store.get(call.stored, asked.namespace, asked.name)
    if live is not None and uid and uid != live["metadata"]["uid"]:
        words = f'Invalid value: "{uid}": field is immutable'
        raise invalid(kind.kind, kind.group, asked.name, [Cause("metadata.uid", "FieldValueInvalid", words)])


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
    check_uid(call, merged)
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
    from shallowdive.embedded.api import yaml_body  # its library is not needed before the first apply

    asked, raw = call.asked, body.limited(call.request)
    try:
        loader = yaml_body.Loader(raw)
        value = loader.get_single_data()
    except yaml_body.ERRORS as error:
        raise bad_request(f"error encoding patch: {yaml_body.words_of(error)}") from None
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
        if call.store.event(call.stored, asked.namespace, asked.name) is None:
            raise bad_request(f"the name of the object ({asked.name} based on URL) was undeterminable: name must be provided")
        meta["name"] = asked.name
    if meta["name"] != asked.name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({asked.name})")
    if meta.get("namespace", asked.namespace) not in ("", asked.namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return value
