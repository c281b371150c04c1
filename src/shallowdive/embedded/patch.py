"""The three patches that are recipes: JSON Patch (RFC 6902), JSON merge patch (RFC 7386) and Kubernetes' strategic merge patch.

Pure: what is given stays as it is. Server-side apply, the fourth, is `fields`'. Where the real server departs from an RFC, so does this:
`replace` of a missing key adds it, and a `copy` of a missing one copies null."""

from __future__ import annotations

from typing import Any, NoReturn

from shallowdive.embedded.kinds import data
from shallowdive.embedded.status import ApiError, bad_request, too_large

MOST_OPERATIONS = 10_000
DIRECTIVE, RETAIN, ORDER, DELETE_FROM = "$patch", "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/"

Json = dict[str, Any]


# JSON Patch


def json_patch(value: Json, operations: Any) -> Json:
    """Raises ApiError 400 for what is no patch, 413 for a long one, 422 when an operation fails."""
    if type(operations) is not list:
        _cannot_read(operations, "[]handlers.jsonPatchOp")
    if len(operations) > MOST_OPERATIONS:
        raise too_large(f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}")
    root = {"": value}
    for operation in operations:
        if type(operation) is not dict:
            _cannot_read(operation, "handlers.jsonPatchOp")
        try:
            _operate(root, operation)
        except (KeyError, IndexError, ValueError, TypeError) as failed:
            raise _rejected() from failed
    return root[""]


def _operate(root: Json, operation: Json) -> None:
    where, name = operation["path"], operation["op"]
    match name:
        case "add":
            _set(root, where, operation.get("value"), insert=True)
        case "replace":
            _set(root, where, operation.get("value"), insert=False)
        case "remove":
            _take(root, where)
        case "move":
            _set(root, where, _take(root, operation["from"]), insert=True)
        case "copy":
            _set(root, where, _look(root, operation["from"]), insert=True)
        case "test":
            if not _same(_look(root, where), operation.get("value")):
                raise ValueError("testing value failed")
        case _:
            raise ValueError(f"unexpected kind: {name}")


def _steps(path: str) -> list[str]:
    """A JSON pointer's steps below the root, which itself is the step ''."""
    return ["", *(step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])]


def _open(root: Json, path: str) -> tuple[Any, str]:
    """The container of the path's end, copied all the way down so that what was given stays as it is; and the last step."""
    *way, last = _steps(path)
    at: Any = root
    for step in way:
        key: Any = _index(at, step) if type(at) is list else step
        below = at[key]
        at[key] = below.copy() if type(below) in (dict, list) else below
        at = at[key]
    if type(at) not in (dict, list):
        raise TypeError("no container")
    return at, last


def _index(items: list[Any], step: str) -> int:
    index = int(step)
    if not -len(items) <= index < len(items):
        raise IndexError(step)
    return index % len(items)


def _set(root: Json, path: str, value: Any, *, insert: bool) -> None:
    at, last = _open(root, path)
    if type(at) is dict:
        at[last] = value
    elif not insert:
        at[_index(at, last)] = value
    else:
        index = len(at) if last == "-" else int(last)
        if not -len(at) - 1 <= index <= len(at):
            raise IndexError(last)
        at.insert(index if index >= 0 else index + len(at) + 1, value)


def _take(root: Json, path: str) -> Any:
    at, last = _open(root, path)
    if not path:
        raise KeyError(path)
    return at.pop(last) if type(at) is dict else at.pop(_index(at, last))


def _look(root: Json, path: str) -> Any:
    """What is there, None for a missing key."""
    at: Any = root
    *way, last = _steps(path)
    for step in way:
        at = at[_index(at, step) if type(at) is list else step]
    if type(at) is list:
        return at[_index(at, last)]
    if type(at) is not dict:
        raise TypeError("no container")
    return at.get(last)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: True is not 1."""
    if type(one) is bool or type(other) is bool:
        return one is other
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if type(one) is list and type(other) is list:
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _rejected() -> ApiError:
    error = ApiError(422, "Invalid", "the server rejected our request due to an error in our request")
    error.status["details"] = {}
    return error


def _cannot_read(value: Any, go_type: str, title: str = "error decoding patch: ") -> NoReturn:
    word = {str: "string", bool: "bool", list: "array", dict: "object", type(None): "null"}.get(type(value), "number")
    raise bad_request(f"{title}json: cannot unmarshal {word} into Go value of type {go_type}")


# JSON merge patch


def merge_patch(value: Json, patch: Any) -> Json:
    """Raises ApiError 400 for a patch that is no object."""
    if patch is None:
        raise bad_request("Invalid JSON Patch")
    if type(patch) is not dict:
        _cannot_read(patch, "map[string]interface {}")
    merged: Json = _merged(value, patch)
    return merged


def _merged(value: Any, patch: Any) -> Any:
    if type(patch) is not dict:
        return patch
    found = dict(value) if type(value) is dict else {}
    for key, item in patch.items():
        if item is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), item)
    return found


# strategic merge patch


def strategic_patch(value: Json, patch: Any, schema_name: str) -> Json:
    """A merge patch that knows which lists are merged by which key. `schema_name` is the type's name in OpenAPI.

    Raises ApiError 400, 500: the real server, too, calls a wrong directive its own error."""
    if patch is None:
        return value
    if type(patch) is not dict:
        _cannot_read(patch, "map[string]interface {}", title="")
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
