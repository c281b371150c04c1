"""What every backend can do, and the states a cluster can be in. Types only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

Say = Callable[[str], None]
"""Receives one line of progress for a person."""


COMPONENTS = ("kube-scheduler", "kube-controller-manager", "kube-apiserver")
"""Of the control plane, what can be switched off. Not etcd: who stops it stops the API server with it."""


class State(StrEnum):
    """`creating` and `broken` are left by `up`; `stopped` is started by it; `foreign` is never touched."""

    ABSENT = "absent"
    CREATING = "creating"
    RUNNING = "running"
    DEGRADED = "degraded"
    STOPPED = "stopped"
    BROKEN = "broken"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Status:
    """`why` says in words what keeps it from being `running`; `facts` is what `status --json` prints."""

    state: State
    why: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """Each verb may be called again at any time; none touches what is not ours."""

    name: str

    def up(self, say: Say) -> Status: ...
    def down(self, say: Say) -> bool:
        """Remove what is ours; False when there was nothing."""

    def status(self) -> Status: ...
    def set_node(self, node: str, *, running: bool) -> None:
        """Stop a node, as a machine that loses its power, or start it again. NotOurs for a node that is none of ours."""

    def set_component(self, component: str, *, running: bool) -> None:
        """Stop a component of the control plane (`outage.COMPONENTS`), or start it again. NotOurs for any other."""
