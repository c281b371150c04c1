"""`world`: a cluster whose kubelet is a stand-in; `living`: one with its own. Imported late: other tests need nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plain.embedded.living import Living
    from tests.plain.embedded.world import World


@pytest.fixture(autouse=True)
def untouched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test of the core does: no object is changed after it was stored. Tests that measure memory do without."""
    if request.node.get_closest_marker("measures"):
        yield
        return
    import orjson

    from shallowdive.embedded.store import Event, Store

    stored: list[tuple[Event, bytes]] = []
    tell = Store._tell

    def noting(store: Store, event: Event) -> None:
        if len(stored) < 20_000:
            stored.append((event, orjson.dumps(event.object)))
        tell(store, event)

    monkeypatch.setattr(Store, "_tell", noting)
    yield
    changed = [f"{e.resource} {'/'.join(e.key)} at {e.revision}" for e, was in stored if orjson.dumps(e.object) != was]
    assert not changed, f"changed in place after it was stored: {changed[:5]}"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    from shallowdive.embedded import cluster
    from tests.plain.embedded import START
    from tests.plain.embedded.world import StandIn, World

    monkeypatch.setattr(cluster, "Kubelet", StandIn)
    made = World(cluster.Cluster(cluster.Settings(seed=1, speed=0, start=START)))
    made.advance(1)
    return made


@pytest.fixture
def living() -> Living:
    """A cluster with its own kubelet."""
    from tests.plain.embedded.living import Living

    return Living()
