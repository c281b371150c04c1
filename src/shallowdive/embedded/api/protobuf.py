"""Bodies in protobuf: kubectl sends them when it creates something by itself. Read into the same JSON as any other body.

Only reading: answers are JSON, as every client that sends protobuf also accepts it. The field numbers are in
`kubernetes-1.37.2-protobuf.json.gz`, collected from the Kubernetes project's .proto files (Apache License 2.0); types are OpenAPI's."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import orjson

from shallowdive.embedded.kinds import data

MAGIC = b"k8s\0"


class Broken(Exception):
    """Not protobuf, or cut off."""


class Envelope(NamedTuple):
    """`raw` is the object's message, in the schema of its kind."""

    api_version: str
    kind: str
    raw: bytes


@cache
def numbers() -> dict[str, dict[int, str]]:
    """Field names by message and number. `+` marks a message whose fields belong to the one around it."""
    packed = resources.files("shallowdive.embedded").joinpath("kubernetes-1.37.2-protobuf.json.gz").read_bytes()
    return {name: {int(n): field for n, field in rows.items()} for name, rows in orjson.loads(gzip.decompress(packed)).items()}


def envelope(body: bytes) -> Envelope:
    """What an encoded object says it is. Raises Broken."""
    if not body.startswith(MAGIC):
        raise Broken("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    parts = dict(_fields(body[len(MAGIC) :]))
    words = {number: bytes(value).decode() for number, value in _fields(parts.get(1, b""))}
    return Envelope(words.get(1, ""), words.get(2, ""), parts.get(2, b""))


def decode(raw: bytes, schema: str) -> dict[str, Any]:
    """A message as the JSON it stands for. Raises Broken."""
    return _message(raw, schema, data()["schemas"][schema].get("properties", {}))


def _message(raw: bytes, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    rows, found = numbers()[name], dict[str, Any]()
    for number, value in _fields(raw):
        field = rows.get(number, "")
        if field.startswith("+"):
            found |= _message(value, field[1:], properties)
        elif field in properties:
            schema = properties[field]
            if schema.get("type") == "array":
                found.setdefault(field, []).append(_value(value, schema["items"]))
            elif "additionalProperties" in schema:
                key, item = _entry(value, schema["additionalProperties"])
                found.setdefault(field, {})[key] = item
            else:
                found[field] = _value(value, schema)
    return found


def _entry(raw: bytes, schema: dict[str, Any]) -> tuple[str, Any]:
    """One pair of a map. A list as its value is a message of its own, with the items as field 1."""
    parts = dict(_fields(raw))
    value = parts.get(2, b"")
    if schema.get("type") == "array":
        return bytes(parts[1]).decode(), [_value(item, schema["items"]) for _, item in _fields(value)]
    return bytes(parts.get(1, b"")).decode(), _value(value, schema)


def _value(value: Any, schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"][1:]
        leaf = LEAVES.get(name.rpartition(".")[2])
        return leaf(dict(_fields(value))) if leaf else decode(value, name)
    match schema["type"]:
        case "boolean":
            return bool(value)
        case "integer":
            return value - (1 << 64) if value >> 63 else value
        case "string" if schema.get("format") == "byte":
            return base64.b64encode(value).decode()
        case "string":
            return bytes(value).decode()
        case other:
            raise Broken(f"a field of type {other}")


def _time(parts: dict[int, Any]) -> str | None:
    if not parts:
        return None
    return datetime.fromtimestamp(parts.get(1, 0) + parts.get(2, 0) / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(parts: dict[int, Any]) -> str | None:
    if not parts:
        return None
    return datetime.fromtimestamp(parts.get(1, 0) + parts.get(2, 0) / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _int_or_string(parts: dict[int, Any]) -> int | str:
    if parts.get(1, 0):
        return bytes(parts.get(3, b"")).decode()
    number = int(parts.get(2, 0))
    return number - (1 << 64) if number >> 63 else number


LEAVES: dict[str, Callable[[dict[int, Any]], Any]] = {
    "Quantity": lambda parts: bytes(parts.get(1, b"0")).decode(),
    "IntOrString": _int_or_string,
    "Time": _time,
    "MicroTime": _micro_time,
    "FieldsV1": lambda parts: orjson.loads(parts.get(1) or b"{}"),
    "RawExtension": lambda parts: orjson.loads(parts.get(1) or b"null"),
}
"""Types whose JSON is not their message."""


def _fields(raw: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field: an int for a number, bytes for all else."""
    at, end = 0, len(raw)
    while at < end:
        tag, at = _varint(raw, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(raw, at)
            yield tag >> 3, value
        else:
            size, at = _varint(raw, at) if kind == 2 else ({1: 8, 5: 4}.get(kind, end), at)
            if at + size > end:
                raise Broken("unexpected EOF")
            yield tag >> 3, raw[at : at + size]
            at += size


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while at < len(raw):
        result |= (raw[at] & 0x7F) << shift
        at += 1
        if not raw[at - 1] & 0x80:
            return result & ((1 << 64) - 1), at
        shift += 7
    raise Broken("unexpected EOF")
