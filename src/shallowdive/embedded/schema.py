"""From the JSON a client sent to the object the API stores: types checked, unknown fields dropped, values written the one way.

Each type of Kubernetes' OpenAPI document becomes one closure, made when first met. `kubernetes-1.37.2-go.json` adds what OpenAPI
leaves out of the real server's types: which zeros are kept, which fields are always shown, the names that error messages use.
Defaults and rules are not here (`defaults`, `validation`)."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import orjson

from shallowdive.embedded import quantity, status
from shallowdive.embedded.kinds import Kind, data
from shallowdive.embedded.scalars import LEAVES, Bad, Decoder, Unknown, Wrong, as_is, bytes_, resource
from shallowdive.embedded.store import clone

ZEROS: dict[str, Any] = {"string": "", "integer": 0, "boolean": False, "number": 0}


def decode(kind: Kind, value: Any, *, where: str = "") -> tuple[dict[str, Any], Unknown]:
    """(what is stored of `value`, the paths of its unknown fields). `value` stays as it is.

    `where` is '' for the body of a request, else the text of the patch that led to this object: JSON for the two JSON patches,
    `strategic.go_text` for a strategic one. Raises ApiError: 400, 422 for a patch."""
    unknown: Unknown = []
    try:
        decoded: dict[str, Any] = decoder(kind.schema)(value, unknown)
    except Wrong as wrong:
        raise refused(kind, wrong.restoring() if where.startswith("map[") else wrong.reason(), where) from wrong
    except (Bad, quantity.BadQuantity) as bad:
        raise refused(kind, str(bad), where) from bad
    return decoded, unknown


def refused(kind: Kind, reason: str, where: str) -> status.ApiError:
    """What the API answers to an object that it cannot read."""
    if where:
        cause = status.Cause("patch", "FieldValueInvalid", f"Invalid value: {orjson.dumps(where).decode()}: {reason}")
        return status.invalid("", "", "", [cause])
    return status.bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {reason}')


@cache
def decoder(name: str) -> Decoder:
    """The decoder of one type of the OpenAPI document."""
    short = name.rpartition(".")[2]
    if short in LEAVES:
        return LEAVES[short]
    return _struct(name)


@cache
def go_facts() -> dict[str, dict[str, Any]]:
    """What `tools/go_facts.py` read off Kubernetes' API types (Apache License 2.0). By type: `pointers` (scalars whose zero is kept),
    `always` (shown when empty), `types` (their names), `inside` (where it is embedded), `fields` (their order, for messages)."""
    text = resources.files("shallowdive.embedded").joinpath("kubernetes-1.37.2-go.json").read_bytes()
    facts: dict[str, dict[str, Any]] = orjson.loads(text)
    return facts


def _struct(name: str) -> Decoder:
    properties, facts = data()["schemas"][name].get("properties", {}), go_facts().get(name, {})
    short, types = name.rpartition(".")[2], facts.get("types", {})
    fields = {field: _field(schema, types.get(field, "")) for field, schema in properties.items()}
    inside = {field: f"{path}.{field}" for field, path in facts.get("inside", {}).items()}
    kept = {*facts.get("pointers", ()), *facts.get("always", ())}
    dropped = {f for f, s in properties.items() if f not in kept and s.get("type") in (*ZEROS, "array", "object")}
    required = set(data()["schemas"][name].get("required", ()))
    dropped -= {"managedFields"}
    dropped -= {f for f in required if properties[f].get("type") in ("array", "object")}
    shown = [(f, _zero(properties[f])) for f in facts.get("always", ())]

    def struct(value: Any, unknown: Unknown) -> Any:
        if type(value) is not dict:
            raise Wrong(value, f"v1.{short}")
        found: dict[str, Any] = {}
        field = ""
        try:
            for field, item in value.items():
                decode_field = fields.get(field)
                if decode_field is None:
                    unknown.append(field)
                elif item is not None:
                    before = len(unknown)
                    decoded = decode_field(item, unknown)
                    if len(unknown) > before:
                        unknown[before:] = [f"{field}{rest}" if rest.startswith("[") else f"{field}.{rest}" for rest in unknown[before:]]
                    if decoded or field not in dropped:
                        found[field] = decoded
        except Wrong as wrong:
            wrong.fields.append(inside.get(field, field))
            wrong.struct = wrong.struct or short
            raise
        for field, zero in shown:
            if field not in found:
                found[field] = fresh(zero)
        return found

    return struct


def fresh(zero: Any) -> Any:
    """A zero of one's own: what is decoded may be changed by its owner, and a shared one would change for all."""
    return clone(zero) if zero and type(zero) is dict else zero.copy() if type(zero) in (dict, list) else zero


@cache
def shown_in(name: str) -> dict[str, Any]:
    """What an empty value of this type looks like."""
    found: dict[str, Any] = decoder(name)({}, [])
    return found


def _zero(schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return shown_in(schema["$ref"][1:])
    return ZEROS[schema["type"]]


def _field(schema: dict[str, Any], go_type: str) -> Decoder:
    if "$ref" in schema:
        return _late(schema["$ref"][1:])
    match schema["type"]:
        case "array":
            return _list(schema["items"], go_type)
        case "object":
            return _map(schema["additionalProperties"], go_type) if "additionalProperties" in schema else as_is
        case "string" if schema.get("format") == "byte":
            return bytes_
        case "string":
            return _scalar(str, go_type or "string")
        case "boolean":
            return _scalar(bool, "bool")
        case "integer":
            return _integer(schema.get("format", "int32"))
        case _:
            return as_is


def _late(name: str) -> Decoder:
    """Types may contain themselves, and most are never met: each is compiled at its first value."""
    if name.rpartition(".")[2] in LEAVES:
        return LEAVES[name.rpartition(".")[2]]
    made: list[Decoder] = []

    def late(value: Any, unknown: Unknown) -> Any:
        if not made:
            made.append(decoder(name))
        return made[0](value, unknown)

    return late


def _scalar(python: type, go_type: str) -> Decoder:
    def scalar(value: Any, _: Unknown) -> Any:
        if type(value) is not python:
            raise Wrong(value, go_type)
        return value

    return scalar


def _integer(go_type: str) -> Decoder:
    limit = 2 ** (31 if go_type == "int32" else 63)

    def integer(value: Any, _: Unknown) -> Any:
        if type(value) is not int or not -limit <= value < limit:
            raise Wrong(value, go_type)
        return value

    return integer


def _list(items: dict[str, Any], go_type: str) -> Decoder:
    name = go_type.removeprefix("[]") or _go_name(items)
    decode_item = _field(items, name if "$ref" not in items else "")
    empty: Any = ZEROS.get(items.get("type", ""), [] if items.get("type") == "array" else {})

    def list_(value: Any, unknown: Unknown) -> Any:
        if type(value) is not list:
            raise Wrong(value, f"[]{name}")
        found = []
        for index, item in enumerate(value):
            before = len(unknown)
            found.append(decode_item(fresh(empty) if item is None else item, unknown))
            if len(unknown) > before:
                unknown[before:] = [f"[{index}].{rest}" for rest in unknown[before:]]
        return found

    return list_


def _map(items: dict[str, Any], go_type: str) -> Decoder:
    decode_item = resource if go_type == "v1.ResourceList" else _field(items, "")
    name = _go_name(items)
    zero: Any = "0" if name == "resource.Quantity" else ZEROS.get(items.get("type", ""), [] if items.get("type") == "array" else {})

    def map_(value: Any, unknown: Unknown) -> Any:
        if type(value) is not dict:
            raise Wrong(value, go_type or f"map[string]{name}")
        return {key: fresh(zero) if item is None else decode_item(item, unknown) for key, item in value.items()}

    return map_


def _go_name(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        short = schema["$ref"].rpartition(".")[2]
        return f"resource.{short}" if short == "Quantity" else f"v1.{short}"
    if schema["type"] == "array":
        return "[]" + _go_name(schema["items"])
    if schema.get("format") == "byte":
        return "[]uint8"
    plain: str = schema.get("format", "int32") if schema["type"] == "integer" else schema["type"]
    return "bool" if plain == "boolean" else plain
