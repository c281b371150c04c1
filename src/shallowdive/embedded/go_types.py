"""Objects as the API server prints its own types in an error message: Go's field names and order, and everything that is not set.

Only for messages: `spec: Forbidden: pod updates may not change fields other than …` ends with a difference of two such prints."""

from __future__ import annotations

import difflib
from typing import Any

import orjson

from shallowdive.embedded.kinds import data
from shallowdive.embedded.schema import ZEROS, go_facts

CORE = "io.k8s.api.core.v1."
RENAMED = {"DeprecatedServiceAccount": "serviceAccount"}


def printed(type_: str, value: Any, *, only: str = "") -> Any:
    """A value of an OpenAPI type as JSON of the server's type; `only` the fields of this embedded struct."""
    facts = go_facts().get(type_, {})
    if value is None or "fields" not in facts:
        return value
    properties, inside = data()["schemas"][type_]["properties"], facts.get("inside", {})
    names = {name.lower(): name for name in properties}
    found: dict[str, Any] = {}
    for go_name in facts["fields"].split():
        name = RENAMED.get(go_name) or names.get(go_name.lower(), "")
        if go_name == "ObjectMeta":
            found |= value.get("metadata", {})
        elif not only or inside.get(name) == only:
            found[go_name] = _field(properties.get(name, {}), name, value, facts)
    return found


def _field(schema: dict[str, Any], name: str, owner: dict[str, Any], facts: dict[str, Any]) -> Any:
    type_ = schema.get("$ref", "")[1:]
    if name not in owner:
        if type_:
            return printed(type_, {}) if name in facts.get("always", ()) else None
        return None if name in facts.get("pointers", ()) else ZEROS.get(schema.get("type", ""))
    if type_:
        return printed(type_, owner[name])
    if schema["type"] == "array" and "$ref" in schema["items"]:
        return [printed(schema["items"]["$ref"][1:], item) for item in owner[name]]
    return owner[name]


def difference(old: Any, new: Any) -> str:
    """What changed, line by line with its surroundings, as the API appends it."""
    before, after = (orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().splitlines() for value in (old, new))
    lines = list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]
    return "\n".join(line if line.startswith("@") else _narrow(line) for line in lines) + "\n"


def _narrow(line: str) -> str:
    """One space for each level instead of two."""
    rest = line[1:].lstrip(" ")
    return line[0] + " " * ((len(line) - 1 - len(rest)) // 2) + rest
