"""What server-side apply says of a manifest with fields of the wrong type or unknown ones: the words of the merge, not of the decoder."""

from __future__ import annotations

import json
from typing import Any

import orjson

from shallowdive.embedded.fieldsets import Shape
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.strategic import go_text

SCALARS = {"string": (str,), "integer": (int, float), "number": (int, float), "boolean": (bool,)}
WORDS = {"string": "string", "integer": "numeric (int or float)", "number": "numeric (int or float)", "boolean": "boolean"}


def check(kind: Kind, shape: Shape, applied: dict[str, Any]) -> None:
    """Raises ApiError 500 with every mistake."""
    found: list[str] = []
    _walk(shape, applied, "", found)
    if found:
        words = found[0] if len(found) == 1 else "errors:\n" + "".join(f"  {line}\n" for line in found)
        raise ApiError(500, "", f"failed to create typed patch object ({_named(kind, applied)}): {words}")


def not_converted(kind: Kind, value: dict[str, Any], why: str) -> ApiError:
    """500 for a merged object that cannot be read."""
    title = f"failed to convert new object ({_named(kind, value)}) to proper version"
    return ApiError(500, "", f"{title}: unable to convert unstructured object to {_kind(kind)}: {why}")


def _named(kind: Kind, value: dict[str, Any]) -> str:
    meta = value.get("metadata") if type(value.get("metadata")) is dict else {}
    return f"{(meta or {}).get('namespace', '')}/{(meta or {}).get('name', '')}; {_kind(kind)}"


def _kind(kind: Kind) -> str:
    return f"{kind.group}/{kind.version}, Kind={kind.kind}"


def _walk(shape: Shape, value: Any, path: str, found: list[str]) -> None:
    if value is None or shape.kind == "untyped":
        return
    if shape.kind in SCALARS:
        if type(value) not in SCALARS[shape.kind]:
            found.append(f"{path}: expected {WORDS[shape.kind]}, got {_got(value, shape.kind)}")
    elif shape.kind in ("struct", "map"):
        if type(value) is not dict:
            found.append(f"{path}: expected map, got &{{{go_text(value)}}}")
        else:
            _walk_map(shape, value, path, found)
    elif type(value) is not list:
        found.append(f"{path}: expected list, got &{{{go_text(value)}}}")
    else:
        _walk_list(shape, value, path, found)


def _walk_map(shape: Shape, value: dict[str, Any], path: str, found: list[str]) -> None:
    undeclared = [name for name in value if shape.kind == "struct" and name not in shape.fields]
    if undeclared:
        found.append(f"{path}.{undeclared[0]}: field not declared in schema")
        return
    for name, below in value.items():
        _walk(shape.fields[name] if shape.kind == "struct" else shape.item, below, f"{path}.{name}", found)


def _walk_list(shape: Shape, value: list[Any], path: str, found: list[str]) -> None:
    seen = set()
    for index, item in enumerate(value):
        step = f"[{index}]"
        if shape.kind == "items" and type(item) is not dict:
            found.append(f"{path}: element {index}: associative list with keys may not have non-map elements")
            continue
        if shape.kind == "items":
            missing = [key for key in shape.keys if key not in item and shape.item.fields[key].default is None]
            if missing:
                why = f'associative list with keys has an element that omits key field "{missing[0]}" (and doesn\'t have default value)'
                found.append(f"{path}: element {index}: {why}")
                continue
            pairs = orjson.loads(shape.element(item)[2:]).items()
            step = "[" + ",".join(f"{key}={orjson.dumps(part).decode()}" for key, part in pairs) + "]"
        elif shape.kind == "set":
            step = f"[={orjson.dumps(item).decode()}]"
        if step in seen:
            found.append(f"{path}: duplicate entries for key {step}")
        seen.add(step)
        _walk(shape.item, item, path + step, found)


def _got(value: Any, wanted: str) -> str:
    """How Go prints what it got instead of a scalar."""
    if wanted == "string":
        return f"&value.valueUnstructured{{Value:{_syntax(value)}}}"
    return f"&{{{go_text(value)}}}" if wanted == "boolean" else _type(value)


def _type(value: Any) -> str:
    return {str: "string", bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}.get(type(value), "float64")


def _syntax(value: Any) -> str:
    """Go's `%#v`."""
    if type(value) is list:
        return "[]interface {}{" + ", ".join(map(_syntax, value)) + "}"
    if type(value) is dict:
        return "map[string]interface {}{" + ", ".join(f'"{name}":{_syntax(value[name])}' for name in sorted(value)) + "}"
    return json.dumps(value, ensure_ascii=False)
