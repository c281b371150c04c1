"""One random run: writes and faults in an order that a seed gives, then the link returns, and the picture has to become the truth.

python -m tests.plain.live.random_runs SEED     says what happened in one run"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from shallowdive.errors import WaitTimeout
from shallowdive.live import ClusterState, Follower, Pace, wait_for
from shallowdive.live.state import apply_event
from tests.plain.live.faulty import FaultyServer

QUICK = Pace(
    quiet_watch_s=1, quiet_silence_s=1.6, busy_watch_s=3, busy_silence_s=0.6, connect_s=2, list_s=3, backoff_s=(0.02, 0.2)
)  # fmt: skip
WITHIN_S = 5.0

FAULTS: dict[str, Callable[[FaultyServer, random.Random], None]] = {
    "410 as an event": lambda server, _: server.send_error(410),
    "500 as an event": lambda server, _: server.send_error(500),
    "compaction and a broken link": lambda server, _: (server.compact(), server.cut())[1],
    "compaction and the end of a watch": lambda server, _: (server.compact(), server.end_watches())[1],
    "compaction, answered with status 410": lambda server, _: (
        setattr(server, "gone_as_status", True), server.compact(), server.end_watches(),
    )[2],
    "broken link": lambda server, _: server.cut(),
    "broken line": lambda server, _: server.cut(mid_line=True),
    "half-open links": lambda server, _: server.stall(),
    "every watch ends": lambda server, _: server.end_watches(),
    "events twice": lambda server, rng: setattr(server, "twice", rng.choice((0.2, 1.0))),
    "events out of order": lambda server, rng: setattr(server, "swapped", rng.choice((0.2, 0.7))),
    "failing requests": lambda server, _: (setattr(server, "failing", True), server.cut())[1],
    "nobody answers": lambda server, _: (setattr(server, "down", True), server.cut())[1],
    "frozen": lambda server, _: (setattr(server, "frozen", True), server.stall())[1],
    "slow list": lambda server, rng: (setattr(server, "slow_list_s", rng.uniform(0.1, 0.6)), server.cut())[1],
    "another cluster": lambda server, _: server.rebuild(orderly=False),
    "another cluster, and nobody hung up": lambda server, _: server.rebuild(orderly=True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """`took_s` from the return of the link until the picture was the truth; `wrong` says what was not as it should be, '' when all was."""

    seed: int
    steps: list[str]
    took_s: float
    events: int
    wrong: str


def shown(state: ClusterState) -> dict[str, tuple[str, str]]:
    return {name: (o["metadata"]["uid"], o["metadata"]["resourceVersion"]) for (_, name), o in state.by_kind.get("ConfigMap", {}).items()}


def write(server: FaultyServer, rng: random.Random, names: list[str]) -> None:
    for _ in range(rng.randrange(1, 20)):
        (server.delete if rng.random() < 0.3 else server.put)(rng.choice(names))


def one_run(seed: int) -> Run:
    rng, server = random.Random(seed), FaultyServer(seed)
    many = rng.random() < 0.05
    names, steps = [f"c-{i}" for i in range(3000 if many else rng.randrange(1, 60))], []
    for name in names[:: 1 if many else 2]:
        server.put(name)
    follower = Follower(server.api(), "d", ["ConfigMap"], pace=QUICK)
    try:
        follower.start()
        for _ in range(rng.randrange(4, 12)):
            write(server, rng, names)
            time.sleep(rng.choice((0, 0.02, 0.1)))
            if rng.random() < 0.7:
                steps.append(rng.choice(list(FAULTS)))
                FAULTS[steps[-1]](server, rng)
                write(server, rng, names)
                time.sleep(rng.choice((0, 0.05, 0.3)))
            if rng.random() < 0.3:
                server.well()
        server.well()
        returned = time.monotonic()
        write(server, rng, names)
        with suppress(WaitTimeout):
            wait_for(follower, "the truth", lambda state: shown(state) == server.truth(), within_s=WITHIN_S)
        took_s = time.monotonic() - returned
        return Run(seed, steps, took_s, len(follower.history.events), what_is_wrong(follower, server))
    finally:
        follower.stop()
        server.close()


def wait_until(true: Callable[[], bool], within_s: float = 5) -> None:
    end = time.monotonic() + within_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)


def what_is_wrong(follower: Follower, server: FaultyServer) -> str:
    """The picture against the truth; the record against the picture; each object's versions against their order."""
    if shown(follower.state) != server.truth():
        odd = set(shown(follower.state).items()) ^ set(server.truth().items())
        return f"{len(odd)} differences between shown and true, as {sorted(odd)[:4]}; errors {follower.errors}"
    state, versions = ClusterState(), dict[str, int]()
    for seen in follower.history.events:
        state = apply_event(state, seen.type, seen.kind, seen.object)
        uid, version = seen.object["metadata"]["uid"], int(seen.object["metadata"]["resourceVersion"])
        if seen.type != "DELETED" and version <= versions.get(uid, 0):
            return f"the record has version {version} of {uid} after {versions[uid]}"
        versions[uid] = version
    return "" if shown(state) == shown(follower.state) else "the record does not lead to the picture"


if __name__ == "__main__":
    print(one_run(int(sys.argv[1])))  # noqa: T201
