"""The whole cluster, put together: `handle` answers a request, `turn` lets controllers, scheduler and kubelets act.

No thread and no socket: `server` gives it both, a test calls `advance`."""

from __future__ import annotations

import random
from dataclasses import dataclass

from shallowdive.embedded import bootstrap
from shallowdive.embedded.api import Api, control
from shallowdive.embedded.clock import Clock
from shallowdive.embedded.components import API_SERVER, COMPONENTS, component_of
from shallowdive.embedded.controllers import CONTROLLERS
from shallowdive.embedded.ingress import FrontDoor
from shallowdive.embedded.kubelet import Kubelet
from shallowdive.embedded.loop import Controller, Loop
from shallowdive.embedded.network import Network
from shallowdive.embedded.recorder import Recorder
from shallowdive.embedded.registry import Registry
from shallowdive.embedded.request import HANG_UP, Channel, Later, Request, Response, Stream
from shallowdive.embedded.scheduler import Scheduler
from shallowdive.embedded.store import Store


@dataclass(frozen=True, slots=True)
class Settings:
    """`seed` makes names, choices and delays repeat; `speed` 0 is a clock that only `advance` moves.

    There is one control-plane node and `workers` beside it. `token` is its owner's (system:masters)."""

    seed: int | None = None
    speed: float = 1.0
    workers: int = 2
    name: str = "shallowdive"
    certificate: str = ""
    """The API server's certificate as PEM, for the ConfigMap `kube-root-ca.crt`; '' when the transport has none."""
    token: str = ""
    start: float | None = None
    """Cluster time at the beginning, in seconds since 1970; None for now. With `seed` and `speed` 0, a run repeats exactly."""


class Cluster:
    def __init__(self, settings: Settings = Settings()) -> None:
        self.settings = settings
        self.random = random.Random(settings.seed)
        self.clock = Clock(settings.speed, settings.start)
        self.store = Store()
        self.registry = Registry(self.store, self.clock, self.random)
        self.recorder = Recorder(self.store, self.clock, self.registry.draw_uid)
        self.network = Network(self.store, self.random)
        self.loop = Loop(self.clock)
        self.kubelet = Kubelet(self)
        self.front_door = FrontDoor(self)
        self.controllers: list[Controller] = [make(self) for make in (*CONTROLLERS, Scheduler)] + [self.kubelet, self.front_door]
        for controller in self.controllers:
            self.loop.add(controller)
        self.api = Api(self)
        bootstrap.first_objects(self)
        for controller in self.controllers:
            controller.start()
        self.loop.listen(self.store)
        self.store.forget()
        self.off: set[str] = set()
        self.started = dict.fromkeys(COMPONENTS, self.clock.stamp())
        """Since when each component runs that runs now."""

    def set_component(self, name: str, *, running: bool) -> None:
        """Stop a component of the control plane, or start it again. KeyError for any other.

        Without an API server nobody can write anything, so the others stand still with it; what runs on the nodes goes on."""
        if name not in COMPONENTS:
            raise KeyError(name)
        if running == (name not in self.off):
            return
        if running:
            self.off.discard(name)
            self.started[name] = self.clock.stamp()
        else:
            self.off.add(name)
            del self.started[name]
        for controller in self.controllers:
            still = API_SERVER in self.off or component_of(controller) in self.off
            (self.loop.hold if still else self.loop.let_go)(controller)
        if API_SERVER in self.off:
            self.api.watches.end()

    def handle(self, request: Request) -> Response | Stream | Later | Channel:
        """Answer one request of a client. Never raises: what is wrong becomes a Status."""
        if API_SERVER in self.off and not request.path.startswith(control.PATH):
            return HANG_UP
        return self.api.handle(request)

    def turn(self, budget_s: float = 0.01) -> float | None:
        """Act for about `budget_s` wall seconds. Returns wall seconds until there is more to do: 0 now, None never."""
        return 0.0 if self.loop.turn(budget_s) else self.clock.next_in()

    def advance(self, seconds: float) -> None:
        """With a standing clock: let everything happen that happens in the next `seconds` of cluster time, in order."""
        end = self.clock.now() + seconds
        while True:
            while self.loop.turn(1.0):
                pass
            at = self.clock.next_at()
            if at is None or at > end:
                break
            self.clock.advance_to(at)
        self.clock.advance_to(end)
