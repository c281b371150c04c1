"""A pod's life as data: which step takes how long, and the back-offs.

Cluster seconds, as seen on a kind cluster on a machine with two cores; the seed varies each by a fifth."""

from __future__ import annotations

import random

STEPS_S = (
    ("admit", 0.05, "bound to a node → the kubelet's first words about it: ContainerCreating"),
    ("sandbox", 0.4, "→ the pod's network is there: PodReadyToStartContainers"),
    ("create", 0.3, "→ a container is created and started, or the reason why not"),
    ("pull", 0.3, "→ an image that is not there could not be pulled"),
    ("notice", 0.6, "a container's process ended → its state says terminated"),
    ("restart", 0.9, "→ it is started again, or waits in CrashLoopBackOff"),
    ("teardown", 0.8, "the last container ended → the pod's final status, and it may go"),
    ("refresh", 30.0, "a ConfigMap or Secret changed → the files of a volume follow"),
)
TAKES_S = {step: seconds for step, seconds, _ in STEPS_S}
SEEN_S = 0.25
"""A run is seen as running for at least so long, even if its program ends at once."""
RESYNC_S = 12.0
"""A pod that is stuck is looked at again after so long, and says so again."""
BACKOFF_S, BACKOFF_MOST_S = 10.0, 300.0
"""A container that ends again and again is started after 10 s, 20 s, 40 s … 300 s; one that ran for twice the most begins anew."""
MOUNT_S, MOUNT_MOST_S = 0.5, 122.0


class Delays:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def take(self, step: str) -> float:
        return TAKES_S[step] * self._chance.uniform(0.8, 1.2)

    def resync(self) -> float:
        return RESYNC_S * self._chance.uniform(0.9, 1.2)


class BackOff:
    """Doubles with each end; starts anew after a long good run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last = 0.0

    def until(self, ended_at: float) -> float:
        """When one that ended then may start again."""
        if not self.seconds or ended_at - self._last > 2 * BACKOFF_MOST_S:
            return ended_at
        return ended_at + self.seconds

    def next(self, now: float) -> None:
        fresh = not self.seconds or now - self._last > 2 * BACKOFF_MOST_S
        self.seconds = BACKOFF_S if fresh else min(self.seconds * 2, BACKOFF_MOST_S)
        self._last = now

    def words(self) -> str:
        """As Go writes it: `1m20s`."""
        minutes, seconds = divmod(int(self.seconds), 60)
        return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
