"""New objects are filled in as on a kind cluster: 46 recorded objects of 34 kinds."""

from __future__ import annotations

import json

import pytest

from shallowdive.embedded import defaults, defaults_pods
from shallowdive.embedded.kinds import kind_of
from tests.plain.embedded.recorded import Row, bare, created, difference, rows

STORED = rows("stored")


@pytest.mark.parametrize("row", STORED, ids=[f"{r['resource']}-{r['body']['metadata'].get('name', 'generated')}" for r in STORED])
def test_a_new_object_holds_what_kind_stores_of_it_and_the_same_owners_of_fields(row: Row) -> None:
    value = created(kind_of(row["resource"]), row["body"])
    if "name" not in row["body"]["metadata"]:
        value["metadata"]["name"] = row["stored"]["metadata"]["name"]
    want = row["stored"]
    if row["resource"] == "events":
        want.pop("eventTime")
    assert not difference(without_empty(want), without_empty(bare(value)))


def without_empty(value: Row | None) -> Row:
    """Status and labels that are empty without what admission puts there are left out by one side and not by the other."""
    assert value is not None
    meta = {name: below for name, below in value["metadata"].items() if below != {}}
    return {name: below for name, below in {**value, "metadata": meta}.items() if not (name == "spec" and below == {})}


@pytest.mark.parametrize("row", STORED, ids=[f"{r['resource']}-{r['body']['metadata'].get('name', 'generated')}" for r in STORED])
def test_filling_in_twice_changes_nothing(row: Row) -> None:
    kind = kind_of(row["resource"])
    value = created(kind, row["body"])
    once = json.dumps(value)
    defaults.set_defaults(kind, value)
    assert json.dumps(value) == once


@pytest.mark.parametrize(
    "image, policy",
    [("nginx", "Always"), ("nginx:latest", "Always"), ("nginx:1.27", "IfNotPresent"), ("host:5000/nginx", "Always"),
     ("host:5000/nginx:1", "IfNotPresent"), ("nginx@sha256:" + "a" * 64, "IfNotPresent"), ("nginx:latest@sha256:" + "a" * 64, "Always")],
)  # fmt: skip
def test_the_tag_decides_when_an_image_is_pulled(image: str, policy: str) -> None:
    assert defaults_pods.pull_policy(image) == policy
