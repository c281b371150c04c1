"""Last of all: what was there before this run is as it was."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from shallowdive.cluster import Access
from shallowdive.errors import WaitTimeout
from shallowdive.live import poll
from shallowdive.objects import Object, labels_of, name_of
from tests.aftermath import items


@pytest.mark.last
@pytest.mark.kind
def test_no_container_and_no_file_that_was_there_before_was_touched_by_the_whole_run(
    foreign: tuple[dict[str, str], Callable[[], dict[str, str]]],
) -> None:
    before, after = foreign[0], foreign[1]()
    changed = [f"{thing}: {was} -> {after.get(thing, 'gone')}" for thing, was in before.items() if after.get(thing) != was]
    assert not changed, "\n".join(changed)


@pytest.mark.last
@pytest.mark.kind
@pytest.mark.skipif("SHALLOWDIVE_TEST_HOME" in os.environ, reason="a cluster that is kept may have other people's labs on it")
def test_no_namespace_of_a_lab_or_a_test_and_no_volume_is_left(access: Access) -> None:
    api = access.connect()
    left: list[str] = []

    def look() -> bool | None:
        spaces = [n for n in items(api, "/api/v1/namespaces") if labels_of(n).keys() & {"shallowdive/lab", "contract"}]
        left[:] = [describe(o) for o in (*spaces, *items(api, "/api/v1/persistentvolumes"))]
        return None if left else True

    try:
        poll("nothing left", look, within_s=120, every_s=2)
    except WaitTimeout:
        pytest.fail("left behind:\n" + "\n".join(left))


def describe(o: Object) -> str:
    """Enough to find who made it and why it stays."""
    meta, status = o["metadata"], o.get("status") or {}
    said = [f"{c['type']}: {c.get('message', '')}" for c in status.get("conditions") or [] if c.get("status") == "True"]
    claim = ((o.get("spec") or {}).get("claimRef") or {}).get("namespace", "")
    gone = f"{status.get('phase')}, deleted {meta.get('deletionTimestamp')}"
    return f"{name_of(o)} {labels_of(o)} made {meta['creationTimestamp']}, {gone}, {claim} {said}"
