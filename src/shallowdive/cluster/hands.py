"""What a lab does to a cluster beyond its namespace: parts off and on, a look at the store and at a node's programs.

An owner has hands of its own (`OwnHands`). A tenant has none, and where a lab of its own cluster is graded it asks a broker
(cluster/broker.py), which has the owner's and does what this one lab needs."""

from __future__ import annotations

import http.client
import json
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlparse

from shallowdive import errors
from shallowdive.cluster import nodes
from shallowdive.cluster.access import Access
from shallowdive.cluster.backend import Backend, State
from shallowdive.cluster.components import stored, until_leading
from shallowdive.cluster.home import Home
from shallowdive.cluster.life import backend_for
from shallowdive.cluster.outage import Part, Switch, is_held
from shallowdive.errors import ShallowDiveError, Unhealthy, WaitTimeout
from shallowdive.live import poll
from shallowdive.objects.processes import Process

ON_S = 180
"""Seconds for the cluster to be whole again; usually 20. After an API server, the others are started anew too."""
ASK_S = 300


class Hands(Protocol):
    def off(self, part: Part) -> None:
        """Again: nothing changes."""

    def on(self, part: Part) -> None: ...
    def settled(self, since_s: float) -> None:
        """Wait until the cluster is whole, and its leaders were chosen later than this. WaitTimeout."""

    def stored(self, prefix: str) -> list[str]: ...
    def look_into(self, node: str, line: str) -> str: ...
    def container_processes(self, node: str) -> list[Process]: ...
    def close(self) -> None:
        """Switch on what these hands switched off."""


def hands_of(access: Access, lab: str) -> Hands:
    return AskingHands(access.broker) if access.broker else OwnHands(access, lab)


@dataclass(frozen=True, slots=True)
class OwnHands:
    """With the owner's access. `lab` stands in the record of what is off; `home` is where that is, else the one of the environment."""

    access: Access
    lab: str
    home: Home | None = None

    def off(self, part: Part) -> None:
        self._switch().off(part)

    def on(self, part: Part) -> None:
        self._switch().on(part)

    def settled(self, since_s: float) -> None:
        last = [""]

        def ask() -> bool | None:
            status = self._backend().status()
            last[0] = status.why or status.state
            return True if status.state is State.RUNNING else None

        try:
            poll("the whole cluster", ask, within_s=ON_S, every_s=1)
        except WaitTimeout as exc:
            raise WaitTimeout(exc.what, saw=last[0], try_this="shallowdive restore") from exc
        until_leading(self.access, since_s, within_s=ON_S)

    def stored(self, prefix: str) -> list[str]:
        return stored(self.access, prefix)

    def look_into(self, node: str, line: str) -> str:
        return nodes.look_into(self.access, node, line)

    def container_processes(self, node: str) -> list[Process]:
        return nodes.container_processes(self.access, node)

    def close(self) -> None:
        if self.access.kind == "owner" and is_held(self._home()):
            self._switch().all_on()

    def _home(self) -> Home:
        return self.home or Home.from_environment(self.access.cluster)

    def _backend(self) -> Backend:
        return backend_for(self._home())

    def _switch(self) -> Switch:
        return Switch(self._home(), self._backend(), self.lab)


@dataclass(frozen=True, slots=True)
class AskingHands:
    """Asks the broker at `url`. Its errors are raised here as they were raised there."""

    url: str

    def off(self, part: Part) -> None:
        self._ask("off", **asdict(part))

    def on(self, part: Part) -> None:
        self._ask("on", **asdict(part))

    def settled(self, since_s: float) -> None:
        self._ask("settled", since_s=since_s)

    def stored(self, prefix: str) -> list[str]:
        return list(self._ask("stored", prefix=prefix))

    def look_into(self, node: str, line: str) -> str:
        return str(self._ask("look_into", node=node, line=line))

    def container_processes(self, node: str) -> list[Process]:
        return [Process(**row) for row in self._ask("container_processes", node=node)]

    def close(self) -> None:
        """The broker does it when the submission has ended."""

    def _ask(self, verb: str, **with_: Any) -> Any:
        where = urlparse(self.url)
        link = http.client.HTTPConnection(str(where.hostname), where.port or 80, timeout=ASK_S)
        try:
            link.request("POST", f"{where.path}/{verb}", json.dumps(with_), {"Content-Type": "application/json"})
            said = json.loads(link.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise Unhealthy("whoever runs this cluster does not answer", saw=f"{type(exc).__name__}: {exc}", try_this="ask again") from exc
        finally:
            link.close()
        if "error" in said:
            kind = getattr(errors, str(said["error"]["kind"]), ShallowDiveError)
            raise kind(said["error"]["what"], saw=said["error"]["saw"], try_this=said["error"]["try_this"])
        return said["answer"]
