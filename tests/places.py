"""Lab namespaces for tests: each is made, followed by a judge's watch, and deleted in the end."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kubernetes import client as kube

from shallowdive.checks import LABS
from shallowdive.cluster import Access, Home, NamespaceClient, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.lessons.place import drop_namespace, make_namespace


@dataclass
class Places:
    """Makes lab namespaces and follows them; `close` closes and deletes all."""

    access: Access
    made: list[NamespaceClient] = field(default_factory=list)

    def __call__(self, lab: str = "12-deployment", who: str = "") -> NamespaceClient:
        name = make_namespace(self.access, LABS[lab], who or f"test-{secrets.token_hex(4)}")
        place = NamespaceClient(self.access, name)
        self.made.append(place)
        place.follower.start()
        return place

    def close(self) -> None:
        """Deletes what was made."""
        for place in self.made:
            place.close()
            with suppress(kube.ApiException):
                drop_namespace(self.access, place.namespace)
        self.made.clear()


@dataclass
class OwnClusters:
    """Like `Places`, but each namespace is on an embedded cluster of its own: for labs that must be alone."""

    folder: Path
    speed: float
    made: list[tuple[EmbeddedBackend, Places]] = field(default_factory=list)

    def __call__(self, lab: str, who: str = "") -> NamespaceClient:
        home = Home(self.folder / secrets.token_hex(4), "sd-alone")
        backend = EmbeddedBackend(home, speed=self.speed)
        backend.up(lambda _: None)
        places = Places(open_access(home))
        self.made.append((backend, places))
        return places(lab, who)

    def close(self) -> None:
        for backend, places in self.made:
            places.close()
            backend.down(lambda _: None)
        self.made.clear()
