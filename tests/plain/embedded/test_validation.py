"""Objects are refused with the causes of a kind cluster: 409 new ones and 24 with edits; word for word and in the same order."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shallowdive.embedded import defaults, patch, schema, validation
from shallowdive.embedded.cron import BadSchedule, Schedule
from shallowdive.embedded.kinds import kind_of
from shallowdive.embedded.store import clone
from tests.plain.embedded.recorded import Row, decoded, difference, listed, rows

REFUSED = {
    resource: [r for r in rows("refused") if r["resource"] == resource] for resource in sorted({r["resource"] for r in rows("refused")})
}
EDITED = rows("edits")


def owned(resource: str, value: Row) -> Row:
    """A job with the selector that admission would have made."""
    if resource == "jobs.batch" and not value["spec"].get("manualSelector"):
        value["metadata"]["uid"] = "u"
        labels = {"batch.kubernetes.io/controller-uid": "u"}
        value["spec"].setdefault("selector", {}).setdefault("matchLabels", {}).update(labels)
        value["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    return value


@pytest.mark.parametrize("resource", REFUSED)
def test_new_objects_are_refused_for_the_same_reasons_in_the_same_words(resource: str) -> None:
    kind, wrong = kind_of(resource), []
    for row in REFUSED[resource]:
        got = listed(validation.on_create(kind, owned(resource, decoded(kind, row["body"]))))
        want = row.get("causes", []) if row["code"] == 422 else []
        if got != want:
            wrong.append((json.dumps(row["body"])[:300], difference(want, got)))
    assert not wrong


@pytest.mark.parametrize("row", EDITED, ids=[row["resource"] for row in EDITED])
def test_forbidden_changes_are_refused_with_the_same_words_and_differences(row: Row) -> None:
    kind, old, wrong = kind_of(row["resource"]), row["before"], []
    for edit in row["edits"]:
        value, _ = schema.decode(kind, patch.merge_patch(old, edit["patch"]))
        defaults.set_defaults(kind, value)
        got = listed(validation.on_update(kind, old, value, ""))
        if got != edit.get("causes", []):
            wrong.append((edit["patch"], difference(edit.get("causes", []), got)))
    assert not wrong


def test_a_config_map_of_more_than_a_mebibyte_and_annotations_of_more_than_a_quarter_are_too_long() -> None:
    kind = kind_of("configmaps")
    big = decoded(kind, {"metadata": {"name": "x"}, "data": {"a": "x" * (2**20 + 1)}})
    assert listed(validation.on_create(kind, big)) == [["[]", "FieldValueTooLong", "Too long: may not be more than 1048576 bytes"]]
    noted = decoded(kind, {"metadata": {"name": "x", "annotations": {"a": "x" * 2**18}}})
    assert listed(validation.on_create(kind, noted)) == [
        ["metadata.annotations", "FieldValueTooLong", "Too long: may not be more than 262144 bytes"]
    ]
    assert not validation.on_create(kind, decoded(kind, {"metadata": {"name": "x"}, "data": {"a": "x" * 2**20}}))


def test_a_status_is_not_held_up_by_rules_of_the_spec() -> None:
    kind = kind_of("pods")
    old = decoded(kind, {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "Not_A_Name"}]}})
    new = clone(old)
    new["status"] = {"phase": "Running"}
    assert not validation.on_update(kind, old, new, "status")
    assert not validation.on_update(kind, old, new, "")


def test_an_object_that_is_being_deleted_gets_no_new_finalizers() -> None:
    kind = kind_of("configmaps")
    old = decoded(kind, {"metadata": {"name": "x", "finalizers": ["a.b/c", "d/e"]}})
    old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    fewer, more = clone(old), clone(old)
    fewer["metadata"]["finalizers"] = ["d/e"]
    more["metadata"]["finalizers"] += ["f/g"]
    assert not validation.on_update(kind, old, fewer, "")
    why = 'no new finalizers can be added if the object is being deleted, found new finalizers []string{"f/g"}'
    assert listed(validation.on_update(kind, old, more, "")) == [["metadata.finalizers", "FieldValueForbidden", f"Forbidden: {why}"]]


def test_a_bound_claim_may_grow_but_not_shrink() -> None:
    kind = kind_of("persistentvolumeclaims")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    old = decoded(kind, {"metadata": {"name": "x"}, "spec": spec}) | {"status": {"phase": "Bound"}}
    for size, refused in (("3Gi", False), ("1Gi", True)):
        new = clone(old)
        new["spec"]["resources"]["requests"]["storage"] = size
        assert bool(validation.on_update(kind, old, new, "")) is refused


def test_a_schedule_knows_its_next_time() -> None:
    moment = datetime(2026, 11, 26, 4, 59, 30, tzinfo=UTC)
    assert Schedule("*/15 * * * *").after(moment) == datetime(2026, 11, 26, 5, 0, tzinfo=UTC)
    assert Schedule("@daily").after(moment) == datetime(2026, 11, 27, tzinfo=UTC)
    assert Schedule("0 0 29 2 *").after(moment) == datetime(2028, 2, 29, tzinfo=UTC)
    assert Schedule("30 8 1 * mon").after(moment) == datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    assert Schedule("0 0 31 2 *").after(moment) is None
    with pytest.raises(BadSchedule, match="expected exactly 5 fields, found 1"):
        Schedule("now")
