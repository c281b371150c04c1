"""The three patches do what a kind cluster did with the same object: 81 recorded answers, and the corners of the two RFCs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shallowdive.embedded import defaults, patch, schema, strategic
from shallowdive.embedded.kinds import Kind, kind_of
from shallowdive.embedded.status import ApiError
from tests.plain.embedded.recorded import Row, bare, causes_of, checked, difference, rows

OBJECTS = rows("patches")


def patched(kind: Kind, old: Row, edit: Row) -> Row:
    made: dict[str, Any] = {
        "json": lambda: patch.json_patch(old, edit["patch"]),
        "merge": lambda: patch.merge_patch(old, edit["patch"]),
        "strategic": lambda: strategic.strategic_patch(old, edit["patch"], kind.schema),
    }
    result = made[edit["type"]]()
    where = strategic.go_text(edit["patch"]) if edit["type"] == "strategic" else "PATCHED"
    value, _ = schema.decode(kind, result, where=where)
    defaults.set_defaults(kind, value)
    return checked(kind, old, value)


@pytest.mark.parametrize("row", OBJECTS, ids=[row["resource"] for row in OBJECTS])
def test_a_patch_gives_what_it_gave_on_kind(row: Row) -> None:
    kind, old, wrong = kind_of(row["resource"]), row["before"], []
    for edit in row["edits"]:
        try:
            got, want = difference(bare(edit.get("after")), bare(patched(kind, old, edit))), []
        except ApiError as error:
            got, want = [error.code, error.message, causes_of(error)], [edit["code"], edit.get("says"), edit.get("causes")]
            if "PATCHED" in error.message:
                got, want = [error.message.rpartition('": ')[2]], [edit["says"].rpartition('": ')[2]]
        if got != want:
            wrong.append((edit["patch"], want, got))
    assert not wrong
    assert len(row["edits"]) > 30


def test_what_is_patched_stays_as_it_is() -> None:
    old = {"metadata": {"labels": {"a": "b"}, "finalizers": ["x/y"]}, "spec": {"containers": [{"name": "a", "env": [{"name": "A"}]}]}}
    before = json.dumps(old)
    patch.json_patch(old, [{"op": "add", "path": "/metadata/finalizers/0", "value": "z/z"}, {"op": "remove", "path": "/metadata/labels/a"}])
    patch.merge_patch(old, {"metadata": {"labels": {"a": None}}})
    strategic.strategic_patch(
        old, {"spec": {"containers": [{"name": "a", "env": [{"name": "A", "$patch": "delete"}]}]}}, kind_of("pods").schema
    )
    assert json.dumps(old) == before


@pytest.mark.parametrize(
    "old, operations, new",
    [({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}], {"b": 1}),
     ({"a": [1, 2]}, [{"op": "add", "path": "/a/1", "value": 9}], {"a": [1, 9, 2]}),
     ({"a": [1, 2]}, [{"op": "add", "path": "/a/-", "value": 9}], {"a": [1, 2, 9]}),
     ({"a": {"x/y": 1, "m~n": 2}}, [{"op": "remove", "path": "/a/x~1y"},
                                        {"op": "replace", "path": "/a/m~0n", "value": 3}], {"a": {"m~n": 3}}),
     ({"a": {"b": [1]}}, [{"op": "copy", "from": "/a/b", "path": "/c"}, {"op": "add", "path": "/c/0", "value": 0}],
      {"a": {"b": [1]}, "c": [0, 1]}),
     ({"a": 1}, [{"op": "test", "path": "/a", "value": 1.0}, {"op": "replace", "path": "/a", "value": 2}], {"a": 2}),
     ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/0"}, {"op": "replace", "path": "/a/-1", "value": 9}], {"a": [2, 9]})],
)  # fmt: skip
def test_json_patch_follows_rfc_6902(old: Row, operations: list[Row], new: Row) -> None:
    assert patch.json_patch(old, operations) == new


@pytest.mark.parametrize(
    "operation",
    [{"op": "test", "path": "/a", "value": True}, {"op": "remove", "path": "/b"}, {"op": "add", "path": "/a/b", "value": 1},
     {"op": "add", "path": "/l/3", "value": 1}, {"op": "add", "path": "/l/x", "value": 1}, {"op": "move", "path": "/c"},
     {"op": "none", "path": "/a"}],
)  # fmt: skip
def test_a_failing_operation_is_the_clients_error_without_a_word_why(operation: Row) -> None:
    with pytest.raises(ApiError) as failed:
        patch.json_patch({"a": 1, "l": [1]}, [operation])
    assert (failed.value.code, failed.value.message) == (422, "the server rejected our request due to an error in our request")
    assert failed.value.status["details"] == {}


def test_more_than_ten_thousand_operations_are_too_many() -> None:
    with pytest.raises(ApiError, match="The allowed maximum operations in a JSON patch is 10000, got 10001"):
        patch.json_patch({}, [{"op": "add", "path": "/a", "value": 1}] * 10_001)


def test_merge_patch_follows_rfc_7386() -> None:
    assert patch.merge_patch({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None, "e": {"f": None}}, "d": [2]}) == {
        "a": {"c": 2, "e": {}},
        "d": [2],
    }


def test_values_are_quoted_as_go_prints_them() -> None:
    assert strategic.go_text({"b": [1, "x"], "a": {"t": True, "n": None}}) == "map[a:map[n:<nil> t:true] b:[1 x]]"
