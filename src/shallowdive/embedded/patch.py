"""JSON Patch (RFC 6902) and JSON merge patch (RFC 7386). Kubernetes' own two are in `strategic` and `fields`.

Pure: what is given stays as it is. Where the real server departs from an RFC, so does this:
`replace` of a missing key adds it, and a `copy` of a missing one copies null."""

from __future__ import annotations

from typing import Any, NoReturn

from shallowdive.embedded.status import ApiError, bad_request, too_large

MOST_OPERATIONS = 10_000

Json = dict[str, Any]


# JSON Patch


def json_patch(value: Json, operations: Any) -> Json:
    """Raises ApiError 400 for what is no patch, 413 for a long one, 422 when an operation fails."""
    if type(operations) is not list:
        cannot_read(operations, "[]handlers.jsonPatchOp")
    if len(operations) > MOST_OPERATIONS:
        raise too_large(f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}")
    root = {"": value}
    for operation in operations:
        if type(operation) not in (dict, type(None)):
            cannot_read(operation, "handlers.jsonPatchOp")
        for name in ("op", "from", "path"):
            if type((operation or {}).get(name)) not in (str, type(None)):
                cannot_read(operation[name], "string", into=f"struct field jsonPatchOp.{name} of type")
    for operation in operations:
        try:
            _operate(root, operation or {})
        except (KeyError, IndexError, ValueError, TypeError) as failed:
            raise _rejected() from failed
    return root[""]


def _operate(root: Json, operation: Json) -> None:
    where, name = operation["path"], operation["op"]
    if where is None or (name in ("move", "copy") and operation["from"] is None):
        raise KeyError("a null is no place")
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


def cannot_read(value: Any, go_type: str, *, title: str = "error decoding patch: ", into: str = "value of type") -> NoReturn:
    """Refuse what is no patch, as Go's decoder words it."""
    word = {str: "string", bool: "bool", list: "array", dict: "object", type(None): "null"}.get(type(value), "number")
    raise bad_request(f"{title}json: cannot unmarshal {word} into Go {into} {go_type}")


# JSON merge patch


def merge_patch(value: Json, patch: Any) -> Json:
    """Raises ApiError 400 for a patch that is no object."""
    if patch is None:
        raise bad_request("Invalid JSON Patch")
    if type(patch) is not dict:
        cannot_read(patch, "map[string]interface {}")
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
