"""Values that are one string or number in JSON and still have a shape: quantities, times, bytes; and what is said of a wrong one."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shallowdive.embedded import quantity

Unknown = list[str]
Decoder = Callable[[Any, Unknown], Any]

TIMES = {"Time": "2006-01-02T15:04:05Z07:00", "MicroTime": "2006-01-02T15:04:05.000000Z07:00"}
GO_NAMES: dict[type, str] = {str: "string", bool: "bool", int: "int64", float: "float64", list: "slice", dict: "map"}
GO_SCALARS = ("string", "bool", "int32", "int64")
CONVERTIBLE = {("int32", float), ("int64", float), ("string", int)}
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Wrong(Exception):
    """A value of the wrong type. `fields` is collected from the inside out; `type` is Go's word for what was wanted."""

    def __init__(self, have: Any, type_: str) -> None:
        self.have, self.type, self.struct, self.fields = have, type_, "", list[str]()

    def reason(self) -> str:
        where = f"Go struct field {self.struct}.{'.'.join(reversed(self.fields))}" if self.struct else "Go value"
        return f"json: cannot unmarshal {_word(self.have, self.type)} into {where} of type {self.type}"

    def restoring(self) -> str:
        """The same in the words of the converter that strategic merge and server-side apply go through."""
        have = GO_NAMES[type(self.have)]
        if self.type.startswith("[]"):
            return f"cannot restore slice from {have}"
        if self.type.startswith("map["):
            return f"cannot restore map from {have}"
        if (self.type, type(self.have)) in CONVERTIBLE:
            return f"cannot convert {have} to {self.type}"
        return f"unrecognized type: {self.type}" if self.type in GO_SCALARS else f"cannot restore struct from: {have}"


class Bad(Exception):
    """A value of the right type that cannot be read: a quantity, a time, base64."""


def as_is(value: Any, _: Unknown) -> Any:
    return value


def bytes_(value: Any, _: Unknown) -> str:
    if type(value) is not str:
        raise Wrong(value, "[]uint8")
    text: str = value.replace("\n", "").replace("\r", "")
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as bad:
        at = next((i for i, letter in enumerate(value) if not re.match(r"[A-Za-z0-9+/=\r\n]", letter)), len(value) // 4 * 4)
        raise Bad(f"illegal base64 data at input byte {at}") from bad
    return text


def _quantity(value: Any, _: Unknown) -> str:
    return quantity.canonical(value.strip() if type(value) is str else json.dumps(value))


def resource(value: Any, _: Unknown) -> str:
    """An amount in a `ResourceList`: a thousandth is the least."""
    return quantity.canonical(_quantity(value, _), step=10**6)


def _int_or_string(value: Any, _: Unknown) -> Any:
    if type(value) is str or (type(value) is int and -(2**31) <= value < 2**31):
        return value
    raise Wrong(value, "int32")


def _time(layout: str, spec: str) -> Decoder:
    def time(value: Any, _: Unknown) -> str:
        if type(value) is not str:
            raise Wrong(value, "string")
        return _stamp(value, layout, spec)

    return time


@lru_cache(maxsize=1024)
def _stamp(text: str, layout: str, spec: str) -> str:
    match = TIME.fullmatch(text)
    if match and layout == TIMES["MicroTime"] and len(match[2] or "") != 7:
        raise Bad(f'parsing time "{text}" as "{layout}": cannot parse "{match[2] or ""}{match[3]}" as ".000000"')
    try:
        moment = datetime.fromisoformat(match[1] + (match[2] or "")[:7] + match[3]) if match else None
    except ValueError:
        moment = None
    if moment is None:
        raise Bad(f'parsing time "{text}" as "{layout}": cannot parse {_rest(text)}')
    return moment.astimezone(UTC).strftime(spec)


LAYOUT = [(r"\d{4}", "2006"), ("-", "-"), (r"\d\d", "01"), ("-", "-"), (r"\d\d", "02"), ("T", "T")]
LAYOUT += [(r"\d\d", "15"), (":", ":"), (r"\d\d", "04"), (":", ":"), (r"\d\d(\.\d+)?", "05")]


def _rest(text: str) -> str:
    """Which part of a time could not be read: the first element of the layout that does not fit, as Go's `time` says it."""
    at = 0
    for pattern, element in LAYOUT:
        match = re.compile(pattern).match(text, at)
        if not match:
            return f'"{text[at:]}" as "{element}"'
        at = match.end()
    return f'"{text[at:]}" as "Z07:00"'


def _word(value: Any, go_type: str) -> str:
    if type(value) in (int, float):
        return f"number {json.dumps(value)}" if go_type.startswith("int") else "number"
    return {str: "string", bool: "bool", list: "array", dict: "object"}.get(type(value), "null")


LEAVES: dict[str, Decoder] = {
    "Quantity": _quantity,
    "IntOrString": _int_or_string,
    "Time": _time(TIMES["Time"], "%Y-%m-%dT%H:%M:%SZ"),
    "MicroTime": _time(TIMES["MicroTime"], "%Y-%m-%dT%H:%M:%S.%fZ"),
    "FieldsV1": as_is,
    "RawExtension": as_is,
    "Patch": as_is,
}
