"""Sets of fields of an object, kept as the API writes them (`fieldsV1`), and which fields two versions of an object differ in.

`{"f:spec": {"f:replicas": {}}}` is the set with one member, `.spec.replicas`. A node is a member when it is empty or holds ".".
`f:` is a field or a key of a map, `k:` an item of a list by its keys, `v:` a value in a list that is a set. Sets are never changed
in place: parts are shared. Who owns which set is `fields`' business."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson

from shallowdive.embedded.kinds import data
from shallowdive.embedded.scalars import LEAVES
from shallowdive.embedded.schema import go_facts, shown_in

Set = dict[str, Any]
SELF = "."


class Absent:
    """No value: not even null."""

    def __bool__(self) -> bool:
        return False


ABSENT: Any = Absent()


class Shape:
    """How values of a type are compared: `struct`, `map`, `items` (a list by keys), `set`, `list` or a scalar's type. `atomic`: as one."""

    def __init__(self, schema: dict[str, Any]) -> None:
        name = schema.get("$ref", "")[1:]
        target = data()["schemas"][name] if name else schema
        short = name.rpartition(".")[2]
        self.name, self.short, self.default = name, short, schema.get("default")
        self._fields: dict[str, Shape] | None = None
        self._schema, self.keys = target, tuple(sorted(schema.get("x-kubernetes-list-map-keys", ())))
        list_type = schema.get("x-kubernetes-list-type", "atomic")
        atomic_map = "atomic" in (schema.get("x-kubernetes-map-type"), target.get("x-kubernetes-map-type"))
        if short in LEAVES or (target.get("type") == "object" and not {"properties", "additionalProperties"} & target.keys()):
            self.kind, self.atomic = "untyped", True
        elif target.get("type") == "array":
            self.kind = {"map": "items", "set": "set"}.get(list_type, "list")
            self.atomic = self.kind == "list"
        elif target.get("type") == "object":
            self.kind, self.atomic = ("struct" if "properties" in target else "map"), atomic_map
        else:
            self.kind, self.atomic = target.get("type", "untyped"), True

    @property
    def fields(self) -> dict[str, Shape]:
        """Of a struct."""
        if self._fields is None:
            self._fields = {name: _shape_of(field) for name, field in self._schema["properties"].items()}
        return self._fields

    @property
    def item(self) -> Shape:
        """Of a list or a map."""
        if self._fields is None:
            self._fields = {"": _shape_of(self._schema.get("items") or self._schema["additionalProperties"])}
        return self._fields[""]

    def children(self, value: Any) -> Iterator[tuple[str, Any, Shape]]:
        """(element of a path, value, shape) of everything inside. Unknown fields are no children."""
        if self.kind == "struct":
            fields = self.fields
            for name, below in value.items():
                if name in fields:
                    yield f"f:{name}", below, fields[name]
        elif self.kind == "map":
            for name, below in value.items():
                yield f"f:{name}", below, self.item
        elif self.kind == "items":
            for below in value:
                yield self.element(below), below, self.item
        else:
            for below in value:
                yield f"v:{orjson.dumps(below).decode()}", below, self.item

    def element(self, item: Any) -> str:
        """How a path names this item of a list."""
        fields = self.item.fields
        keys = {key: item.get(key, fields[key].default) for key in self.keys}
        return "k:" + orjson.dumps(keys).decode()


@cache
def shape_of_type(name: str) -> Shape:
    """The shape of a type of the OpenAPI document."""
    return Shape({"$ref": f"#{name}"})


def _shape_of(schema: dict[str, Any]) -> Shape:
    plain = schema.keys() <= {"$ref", "x-kubernetes-patch-strategy"} and "$ref" in schema
    return shape_of_type(schema["$ref"][1:]) if plain else Shape(schema)


@cache
def nothing(name: str) -> dict[str, Any]:
    """An object of this type before anything is set: what a first version is compared with. A list that is always shown is null."""
    schema = data()["schemas"][name]
    found = dict(shown_in(name))
    for field in go_facts().get(name, {}).get("always", ()):
        reference = schema["properties"][field].get("$ref", "")[1:]
        if reference:
            found[field] = nothing(reference)
    for field in schema.get("required", ()):
        if schema["properties"][field].get("type") == "array":
            found[field] = None
    return found


# comparing


def compare(shape: Shape, old: Any, new: Any) -> tuple[Set | None, Set | None]:
    """(fields that `new` adds or changes, fields that it no longer has); None for no field. The values are known to differ."""
    if shape.atomic or not (old or new):
        return (None, {}) if new is ABSENT else ({}, None)
    if shape.kind in ("struct", "map"):
        taken, gone = _compare_maps(shape, old or {}, new or {})
    else:
        taken, gone = _compare_lists(shape, old or [], new or [])
    if old is ABSENT:
        taken[SELF] = {}
    if new is ABSENT:
        gone[SELF] = {}
    return taken or None, gone or None


def _compare_maps(shape: Shape, old: dict[str, Any], new: dict[str, Any]) -> tuple[Set, Set]:
    taken: Set = {}
    gone: Set = {}
    fields = shape.fields if shape.kind == "struct" else None
    for name, value in new.items():
        was = old.get(name, ABSENT)
        if was == value:
            continue
        below = fields.get(name) if fields is not None else shape.item
        if below is not None:
            _note(taken, gone, f"f:{name}", compare(below, was, value))
    for name, was in old.items():
        if name not in new:
            below = fields.get(name) if fields is not None else shape.item
            if below is not None:
                _note(taken, gone, f"f:{name}", compare(below, was, ABSENT))
    return taken, gone


def _compare_lists(shape: Shape, old: list[Any], new: list[Any]) -> tuple[Set, Set]:
    taken: Set = {}
    gone: Set = {}
    before = {element: value for element, value, _ in shape.children(old)}
    for element, value, below in shape.children(new):
        was = before.pop(element, ABSENT)
        if was != value:
            _note(taken, gone, element, compare(below, was, value))
    for element, was in before.items():
        _note(taken, gone, element, compare(shape.item, was, ABSENT))
    return taken, gone


def _note(taken: Set, gone: Set, element: str, found: tuple[Set | None, Set | None]) -> None:
    if found[0] is not None:
        taken[element] = found[0]
    if found[1] is not None:
        gone[element] = found[1]


def stated(shape: Shape, value: Any) -> Set:
    """The fields that a manifest states: leaves, items of lists, keys of maps. A struct is stated by what is in it."""
    if shape.atomic or not value:
        return {}
    found: Set = {}
    for element, below, below_shape in shape.children(value):
        inside = stated(below_shape, below)
        found[element] = {SELF: {}, **inside} if inside and shape.kind != "struct" else inside
    return found


# algebra


def has(node: Set) -> bool:
    """Whether the node itself is a member."""
    return not node or SELF in node


def union(one: Set, other: Set) -> Set:
    if one is other:
        return one
    found = dict(one)
    if has(one) or has(other):
        found[SELF] = {}
    for element, below in other.items():
        if element != SELF:
            found[element] = union(found[element], below) if element in found else below
    return {} if found.keys() == {SELF} else found


def difference(one: Set, other: Set) -> Set | None:
    """The members of `one` that are not in `other`; None when none is left, `one` itself when all are."""
    found: Set = {}
    if has(one) and not has(other):
        found[SELF] = {}
    for element, below in one.items():
        if element != SELF:
            left = difference(below, other[element]) if element in other else below
            if left is not None:
                found[element] = left
    if not found:
        return None
    return {} if found.keys() == {SELF} else found


def overlap(one: Set, other: Set) -> Set | None:
    """The members of both; None when there is none."""
    found: Set = {SELF: {}} if has(one) and has(other) else {}
    for element, below in one.items():
        if element != SELF and element in other:
            both = overlap(below, other[element])
            if both is not None:
                found[element] = both
    if not found:
        return None
    return {} if found.keys() == {SELF} else found


def paths(node: Set, path: str = "") -> Iterator[str]:
    """Every member inside as error messages write it: `.spec.containers[name="web"].image`. Those of a level before those below it."""
    below = [(path + _step(element), inside) for element, inside in sorted(node.items()) if element != SELF]
    yield from (step for step, inside in below if has(inside))
    for step, inside in below:
        yield from paths(inside, step)


def _step(element: str) -> str:
    kind, _, text = element.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    return "[" + ",".join(f"{key}={orjson.dumps(value).decode()}" for key, value in orjson.loads(text).items()) + "]"
