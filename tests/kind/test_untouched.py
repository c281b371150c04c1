"""Last of all: what was there before this run is as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.last
@pytest.mark.kind
def test_no_container_and_no_file_that_was_there_before_was_touched_by_the_whole_run(
    foreign: tuple[dict[str, str], Callable[[], dict[str, str]]],
) -> None:
    before, after = foreign[0], foreign[1]()
    changed = [f"{thing}: {was} -> {after.get(thing, 'gone')}" for thing, was in before.items() if after.get(thing) != was]
    assert not changed, "\n".join(changed)
