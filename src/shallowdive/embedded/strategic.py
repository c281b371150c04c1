"""Kubernetes' strategic merge patch: a merge patch that knows, from the schema, which lists are merged and by which key.

Pure: what is given stays as it is. `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…` are its directives."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.kinds import data
from shallowdive.embedded.patch import Json, cannot_read
from shallowdive.embedded.status import ApiError, bad_request

DIRECTIVE, RETAIN, ORDER, DELETE_FROM = "$patch", "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/"


def strategic_patch(value: Json, patch: Any, schema_name: str) -> Json:
    """A merge patch that knows which lists are merged by which key. `schema_name` is the type's name in OpenAPI.

    Raises ApiError 400, 500: the real server, too, calls a wrong directive its own error."""
    if patch is None:
        return value
    if type(patch) is not dict:
        cannot_read(patch, "map[string]interface {}", title="")
    return _merge_map(value, patch, schema_name)


def go_text(value: Any) -> str:
    """JSON as Go's `%v` prints it: what error messages about patches quote."""
    match value:
        case dict():
            return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(go_text(item) for item in value) + "]"
        case bool():
            return str(value).lower()
        case None:
            return "<nil>"
        case _:
            return str(value)


def _field(schema_name: str, name: str) -> Json:
    schema: Json = data()["schemas"].get(schema_name, {}).get("properties", {}).get(name, {})
    return schema


def _type_below(field: Json) -> str:
    """The name of the type of this field, or of its items; '' when it has no name."""
    reference: str = field.get("$ref") or field.get("items", {}).get("$ref", "")
    return reference[1:]


def _merge_map(value: Json, patch: Json, schema_name: str) -> Json:
    if DIRECTIVE in patch:
        if patch[DIRECTIVE] == "replace":
            return {key: item for key, item in patch.items() if key != DIRECTIVE}
        if patch[DIRECTIVE] == "delete":
            return {}
        raise _failed(f"unknown patch type: {go_text(patch[DIRECTIVE])} in map: {go_text(patch)}")
    found = _retained(value, patch)
    orders = {key.removeprefix(ORDER): item for key, item in patch.items() if key.startswith(ORDER)}
    for key, item in patch.items():
        if key == RETAIN or key.startswith(ORDER):
            continue
        deleting = key.startswith(DELETE_FROM)
        name = key.removeprefix(DELETE_FROM)
        if deleting and name in found:
            found[name] = [entry for entry in found[name] if entry not in item]
        elif item is None:
            found.pop(name, None)
        elif not deleting:
            found[name] = _merge_field(found.get(name), item, _field(schema_name, name))
    for name, order in orders.items():
        _put_in_order(found, value.get(name), patch.get(name), name, order, schema_name)
    return found


def _retained(value: Json, patch: Json) -> Json:
    """What `$retainKeys` leaves of a map; all of it without."""
    if RETAIN not in patch:
        return dict(value)
    keys = patch[RETAIN]
    if type(keys) is not list or any(key not in keys for key in patch if not key.startswith("$")):
        raise bad_request("invalid patch format of retainKeys")
    return {key: item for key, item in value.items() if key in keys}


def _merge_field(old: Any, item: Any, field: Json) -> Any:
    strategies = field.get("x-kubernetes-patch-strategy", "").split(",")
    if type(old) is not type(item) or type(item) not in (dict, list):
        return _without_directives(item)
    if type(item) is dict:
        return item if "replace" in strategies else _merge_map(old, item, _type_below(field))
    if "merge" not in strategies:
        return item
    return _merge_list(old, item, field.get("x-kubernetes-patch-merge-key", ""), _type_below(field))


def _without_directives(item: Any) -> Any:
    """A patch as it is taken where nothing was before."""
    if type(item) is dict:
        return {key: _without_directives(below) for key, below in item.items() if not key.startswith("$") and below is not None}
    if type(item) is list:
        return [_without_directives(below) for below in item if not (type(below) is dict and DIRECTIVE in below)]
    return item


def _merge_list(old: list[Any], patch: list[Any], key: str, schema_name: str) -> list[Any]:
    if any(type(entry) is not type((old + patch)[0]) for entry in old + patch):
        raise _failed(f"list element types are not identical: {go_text([old, patch])}")
    if not key:
        return _in_order([*old, *(entry for entry in patch if entry not in old)], patch, old, key)
    kept, plain, replace = list(old), [], False
    for entry in patch:
        directive = entry.get(DIRECTIVE)
        if directive is None:
            plain.append(entry)
        elif directive == "replace":
            replace = True
        elif directive == "delete":
            kept = [other for other in kept if other.get(key) != _key_of(entry, key)]
        else:
            raise _failed(f"unknown patch type: {go_text(directive)} in map: {go_text(entry)}")
    if replace:
        return plain
    for entry in plain:
        at = next((i for i, other in enumerate(kept) if other.get(key) == _key_of(entry, key)), None)
        if at is None:
            kept.append(_without_directives(entry))
        else:
            kept[at] = _merge_map(kept[at], entry, schema_name)
    return _in_order(kept, plain, old, key)


def _key_of(entry: Any, key: str) -> Any:
    if key not in entry:
        raise _failed(f"map: {go_text(entry)} does not contain declared merge key: {key}")
    return entry[key]


def _put_in_order(found: Json, old: Any, patch: Any, name: str, order: Any, schema_name: str) -> None:
    if type(order) is not list:
        raise _failed(f"expected a []interface {{}}, but received a {_go_type(order)}")
    if name not in found:
        return
    key = _field(schema_name, name).get("x-kubernetes-patch-merge-key", "")
    wanted = [_key_of(entry, key) if key else entry for entry in order]
    listed = [_key_of(entry, key) if key else entry for entry in patch or () if not (type(entry) is dict and DIRECTIVE in entry)]
    if [entry for entry in wanted if entry in listed] != listed:
        raise _failed(f"The order in patch list:\n{go_text(patch)}\n doesn't match {ORDER[:-1]} list:\n{go_text(order)}\n")
    found[name] = _in_order(found[name], order, old or [], key)


def _in_order(entries: list[Any], first: list[Any], old: list[Any], key: str) -> list[Any]:
    """Entries named in `first` keep that order, the others that of `old`; the two are zipped by `old`, what is new goes before."""

    def name(entry: Any) -> Any:
        return entry[key] if key else entry

    wanted, was = [name(entry) for entry in first], [name(entry) for entry in old]
    left = [entry for entry in entries if name(entry) not in wanted]
    right = sorted((entry for entry in entries if name(entry) in wanted), key=lambda entry: wanted.index(name(entry)))
    merged: list[Any] = []
    while left and right:
        both = name(left[0]) in was and name(right[0]) in was
        merged.append(left.pop(0) if both and was.index(name(left[0])) < was.index(name(right[0])) else right.pop(0))
    return merged + left + right


def _go_type(value: Any) -> str:
    return {str: "string", bool: "bool", int: "int64", float: "float64", dict: "map[string]interface {}"}.get(type(value), "<nil>")


def _failed(message: str) -> ApiError:
    return ApiError(500, "", message)
