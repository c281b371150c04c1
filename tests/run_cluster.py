"""The cluster of a test run."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_kind import KindCluster

from shallowdive.cluster import Access, Home, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.cluster.kind import KindBackend
from shallowdive.cluster.tools import need_kind
from shallowdive.facts import look_at_engine


@dataclass
class RunCluster:
    """The run's own cluster: made when first asked for, removed at the end. Cells of notebooks are no functions and cannot ask
    for a fixture, so the fixtures and the notebooks both come here.

    $SHALLOWDIVE_TEST_HOME names a home that is kept between runs (bench: two at a time)."""

    config: pytest.Config
    home: Home
    made_here: bool
    handle: KindCluster | None = None
    owner: Access | None = None

    def access(self) -> Access:
        if self.owner is None:
            self._make()
            self.owner = open_access(self.home)
            os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            os.environ.update(self.named())
        return self.owner

    def named(self) -> dict[str, str]:
        """What names this cluster to kernels and programs, in their environment."""
        return {"SHALLOWDIVE_HOME": str(self.home.root), "SHALLOWDIVE_CLUSTER": self.home.cluster}

    def environment(self, learner: str) -> dict[str, str]:
        """An environment for a learner of this cluster, whatever a notebook that runs now has in it."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SHALLOWDIVE_")}
        return clean | self.named() | {"SHALLOWDIVE_LEARNER": learner}

    def _make(self) -> None:
        if self.config.getoption("on") == "embedded":
            if not self.home.record.exists():
                EmbeddedBackend(self.home, self.config.getoption("speed")).up(print)
            return
        backend = KindBackend(self.home, look_at_engine(), self.config.getoption("kind_image") or "")
        kind = need_kind(self.home, print)
        kubectl = Path(shutil.which("kubectl") or Path(sys.executable).with_name("kubectl"))
        if self.home.record.exists():
            self.handle = KindCluster(self.home.cluster, self.home.kubeconfig, None, kind, kubectl)
            return
        record = backend.claim(kind)
        self.handle = KindCluster(self.home.cluster, self.home.kubeconfig, record.image or None, kind, kubectl)
        config = self.home.root / "kind.yaml"
        config.write_text(backend.config(record))
        self.handle.create(config_file=config)
        backend.finish(record, print)

    def remove(self) -> None:
        if self.made_here and not self.config.getoption("keep_cluster"):
            if not self.home.record.exists():
                shutil.rmtree(self.home.root, ignore_errors=True)
                return
            on_kind = self.config.getoption("on") == "kind"
            (KindBackend(self.home, look_at_engine()) if on_kind else EmbeddedBackend(self.home)).down(print)
            shutil.rmtree(self.home.root, ignore_errors=True)
