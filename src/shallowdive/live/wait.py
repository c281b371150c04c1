"""Waiting: look once, then whenever the picture changed, under a limit; the error says what was seen last and what is usual.

Looking is done outside the follower's lock: a slow question holds up nobody. A state that comes and goes in between is in the history."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from shallowdive.errors import WaitTimeout
from shallowdive.live.follow import Follower
from shallowdive.live.state import ClusterState
from shallowdive.objects.pods import pod_state

T = TypeVar("T")


def wait_for(
    follower: Follower,
    what: str,
    until: Callable[[ClusterState], object],
    *,
    within_s: float = 60,
    usually_s: float = 0,
    seen: Callable[[ClusterState], str] | None = None,
    look_at: str = "",
) -> ClusterState:
    """The first state for which `until` is true. `seen` puts the last state in words for the error."""
    end = time.monotonic() + within_s
    while True:
        state = follower.state
        if until(state):
            return state
        left_s = end - time.monotonic()
        if left_s <= 0:
            break
        with follower.changed:
            follower.changed.wait_for(lambda then=state: follower.state is not then, timeout=left_s)  # type: ignore[misc]
    usual = f" (usually {usually_s:g} s)" if usually_s else ""
    last = seen(state) if seen else _pods_in_words(state)
    broken = "; ".join(f"{kind}: {exc}" for kind, exc in follower.errors.items())
    raise WaitTimeout(
        f"waited {within_s:g} s{usual} for: {what}",
        saw=last + (f". The watch itself reports {broken}" if broken else ""),
        try_this=look_at or f"kubectl get events -n {follower.namespace} --sort-by=.lastTimestamp",
    )


def poll(what: str, ask: Callable[[], T | None], *, within_s: float, every_s: float = 0.2, try_this: str = "shallowdive status") -> T:
    """For what cannot be watched (a port, a web page): ask until the answer is not None. Exceptions of the link count as None."""
    end, last = time.monotonic() + within_s, "no answer"
    while True:
        try:
            answer = ask()
            if answer is not None:
                return answer
        except (OSError, RuntimeError) as exc:
            last = f"{type(exc).__name__}: {exc}".splitlines()[0]
        if time.monotonic() > end:
            raise WaitTimeout(f"waited {within_s:g} s for: {what}", saw=last, try_this=try_this)
        time.sleep(every_s)


def _pods_in_words(state: ClusterState) -> str:
    pods = [f"{p['metadata']['name']} {pod_state(p)}" for p in state.all("Pod")]
    return f"{len(pods)} pods: {', '.join(pods[:6])}" if pods else "no pods"
