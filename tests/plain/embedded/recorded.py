"""What a kind cluster answered to the questions in `fixtures`, and the same questions asked of the modules under test.

`tools/object_fixtures.py` asks the cluster again."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from shallowdive.embedded import defaults, fields, schema, validation
from shallowdive.embedded.kinds import Kind, kind_of
from shallowdive.embedded.status import ApiError, Cause, invalid

Row = dict[str, Any]
FIXTURES = Path(__file__).parent / "fixtures"


@cache
def text(name: str) -> str:
    return (FIXTURES / f"{name}.json").read_text()


def rows(name: str) -> list[Row]:
    found: list[Row] = json.loads(text(name))
    return found


def decoded(kind: Kind, body: Row) -> Row:
    """As the registry sees a new object before admission."""
    value, _ = schema.decode(kind, body)
    meta = value.setdefault("metadata", {})
    if kind.namespaced:
        meta.setdefault("namespace", "here")
    if meta.get("generateName") and not meta.get("name"):
        meta["name"] = meta["generateName"] + "abcde"
    value["apiVersion"], value["kind"] = kind.api_version, kind.kind
    if "status" in kind.subresources:
        value.pop("status", None)
    defaults.set_defaults(kind, value)
    return value


def created(kind: Kind, body: Row, manager: str = "contract") -> Row:
    value = decoded(kind, body)
    fields.after_write(kind, None, value, manager, "Update", "", "2026-01-01T00:00:00Z")
    return value


def checked(kind: Kind, old: Row | None, value: Row) -> Row:
    causes = validation.on_create(kind, value) if old is None else validation.on_update(kind, old, value, "")
    if causes:
        raise invalid(kind.kind, kind.group, value["metadata"]["name"], causes)
    return value


def bare(value: Row | None) -> Row | None:
    """Without what the fixtures leave out; the entries of managers in an order that needs no time."""
    if value is None:
        return None
    meta = {
        k: v for k, v in value["metadata"].items() if k not in ("uid", "resourceVersion", "creationTimestamp", "generation", "namespace")
    }
    if "managedFields" in meta:
        entries = [{k: v for k, v in entry.items() if k != "time"} for entry in meta["managedFields"]]
        meta["managedFields"] = sorted(entries, key=lambda entry: (entry["operation"], entry["manager"], entry.get("subresource", "")))
    return {k: v for k, v in {**value, "metadata": meta}.items() if k != "status"}


def listed(causes: list[Cause]) -> list[list[str]]:
    return [[cause.field, cause.reason, cause.message] for cause in causes]


def causes_of(error: ApiError) -> list[list[str]]:
    return [[c.get("field", ""), c["reason"], c["message"]] for c in error.status.get("details", {}).get("causes", ())]


def difference(want: Any, got: Any, path: str = "") -> list[str]:
    """Where two pieces of JSON differ, one line each."""
    if isinstance(want, dict) and isinstance(got, dict):
        found = [f"{path}.{name}: only wanted {want[name]!r}" for name in want if name not in got]
        found += [f"{path}.{name}: only got {got[name]!r}" for name in got if name not in want]
        return found + [line for name in want if name in got for line in difference(want[name], got[name], f"{path}.{name}")]
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [line for i, (w, g) in enumerate(zip(want, got, strict=True)) for line in difference(w, g, f"{path}[{i}]")]
    return [] if want == got and type(want) is type(got) else [f"{path}: wanted {want!r}, got {got!r}"]


__all__ = ["FIXTURES", "Row", "bare", "causes_of", "checked", "created", "decoded", "difference", "kind_of", "listed", "rows", "text"]
