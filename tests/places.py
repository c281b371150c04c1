"""Lab namespaces for tests: each is made, followed by a judge's watch, and deleted in the end."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field

from kubernetes import client as kube

from shallowdive.checks import LABS
from shallowdive.cluster import Access, NamespaceClient
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
        for place in self.made:
            place.close()
            with suppress(kube.ApiException):
                drop_namespace(self.access, place.namespace)
        self.made.clear()
