"""`world`: a cluster whose kubelet is a stand-in (see `world.py`). Imported late, so that other tests here need nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plain.embedded.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    from shallowdive.embedded import cluster
    from tests.plain.embedded.world import StandIn, World

    monkeypatch.setattr(cluster, "Kubelet", StandIn)
    made = World(cluster.Cluster(cluster.Settings(seed=1, speed=0)))
    made.advance(1)
    return made
