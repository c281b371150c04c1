"""Requests that are wrong in every way a generator can think of: none gets a 500, none changes anything when it is refused."""

from __future__ import annotations

import json

import pytest

from shallowdive.embedded.kinds import by_api, kinds
from tests.plain.embedded.malformed import FIXTURES, from_line, manifests
from tests.plain.embedded.refused import Subject, search

SEEDS, EACH = 10, 200
BROKE_ONCE = [json.loads(line) for file in sorted(FIXTURES.glob("*.jsonl")) for line in file.read_text().splitlines()]


def test_there_is_a_valid_manifest_of_every_kind_that_can_be_created() -> None:
    made = {by_api(m["apiVersion"], m["kind"]) for m in manifests()}
    assert {k.resource for k in made if k} == {k.resource for k in kinds().values() if "create" in k.verbs}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_malformed_request_is_answered_and_a_refused_one_changes_nothing(seed: int) -> None:
    broken = [f"{complaint}\n  {request}" for request, complaint in search(seed, EACH)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("line", BROKE_ONCE, ids=[str(i) for i in range(len(BROKE_ONCE))])
def test_a_request_that_broke_something_once_does_not_any_more(line: dict[str, object]) -> None:
    assert Subject().complaint(from_line(json.dumps(line["request"]))) == "", line["complaint"]
