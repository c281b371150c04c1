"""`world`: a cluster whose kubelet is a stand-in; `living`: one with its own. Imported late: other tests need nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plain.embedded.living import Living
    from tests.plain.embedded.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    from shallowdive.embedded import cluster
    from tests.plain.embedded.world import StandIn, World

    monkeypatch.setattr(cluster, "Kubelet", StandIn)
    made = World(cluster.Cluster(cluster.Settings(seed=1, speed=0)))
    made.advance(1)
    return made


@pytest.fixture
def living() -> Living:
    """A cluster with its own kubelet."""
    from tests.plain.embedded.living import Living

    return Living()
