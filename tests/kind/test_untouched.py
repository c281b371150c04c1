"""Last of all: what was there before this run is as it was."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from shallowdive.cluster import Access
from shallowdive.errors import WaitTimeout
from shallowdive.live import poll
from shallowdive.objects import labels_of, name_of
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
def test_no_namespace_of_a_lab_and_no_volume_is_left(access: Access) -> None:
    api = access.connect()
    left: list[str] = []

    def look() -> bool | None:
        left[:] = [name_of(n) for n in items(api, "/api/v1/namespaces") if "shallowdive/lab" in labels_of(n)]
        left.extend(f"volume {name_of(v)}" for v in items(api, "/api/v1/persistentvolumes"))
        return None if left else True

    try:
        poll("nothing left", look, within_s=180, every_s=2)
    except WaitTimeout:
        pytest.fail(f"left behind: {', '.join(left)}")
