"""One picture of a namespace, kept up to date: what links tell is folded into a `ClusterState`, and kept in a history.

Links are shared: two followers of a kind cost one watch. Watching itself is `live.link`'s work."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.errors import WaitTimeout
from shallowdive.live.collector import set_aside
from shallowdive.live.history import History, Seen
from shallowdive.live.ledger import Change, differences, version_of
from shallowdive.live.link import Link, Pace
from shallowdive.live.resources import LAB_KINDS, list_call
from shallowdive.live.sharing import join_link, leave_links
from shallowdive.live.state import ClusterState, Key, apply_event, key_of, looked_at
from shallowdive.objects import Object

STALE_S = 15
"""A picture is called stale when a link was silent for longer; a healthy one is heard every 12 s at least."""
PACE = Pace()


class Follower:
    """Follows kinds in one namespace. `state` is the picture now, `history` every event so far.

    Use as a context manager, or `start()` and `stop()`; both may be called again. `changed` is notified after each event."""

    def __init__(
        self, api: client.ApiClient, namespace: str, kinds: Iterable[str] = LAB_KINDS, history: History | None = None, pace: Pace = PACE
    ) -> None:
        self.namespace, self.kinds = namespace, tuple(kinds)
        self.state = ClusterState()
        self.history = History() if history is None else history
        self.changed = threading.Condition()
        self._api, self._pace = api, pace
        self._listed: set[str] = set()
        self._links: dict[str, Link] = {}

    def __repr__(self) -> str:
        return f"Follower({self.namespace}, {len(self.kinds)} kinds{'' if self._links else ', stopped'})"

    def start(self, within_s: float = 20) -> Follower:
        """Start and wait until every kind was listed once; WaitTimeout says which was not, and why."""
        set_aside()
        for kind in self.kinds:
            if kind not in self._links:
                link = self._links[kind] = join_link(self._api, self.namespace, kind, self._pace)
                link.attach(self)
        with self.changed:
            done = self.changed.wait_for(lambda: self._listed >= set(self.kinds) or self._refused(), timeout=within_s)
        if not done or self._refused():
            missing = ", ".join(k for k in self.kinds if k not in self._listed)
            why = next(iter(self.errors.values()), None)
            self.stop()
            raise WaitTimeout(
                f"the first look at namespace {self.namespace} did not finish",
                saw=f"no list of {missing} in {within_s:g} s: {reason(why) if why else 'no answer'}",
                try_this="shallowdive status",
            )
        return self

    def stop(self) -> None:
        links, self._links = list(self._links.values()), {}
        for link in links:
            link.detach(self)
        leave_links(links)
        self._listed.clear()
        self._api.rest_client.pool_manager.clear()

    def __enter__(self) -> Follower:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def errors(self) -> dict[str, Exception]:
        """What links suffer from now, by kind; empty while all is well."""
        return {kind: link.error for kind, link in self._links.items() if link.error is not None}

    def silent_s(self) -> float:
        """How old the picture may be: seconds since the quietest link last gave a sign of life. 0 when nothing is followed."""
        return max((link.silent_s() for link in self._links.values()), default=0.0)

    def is_stale(self) -> bool:
        return self.silent_s() > STALE_S

    def catch_up(self, within_s: float = 20) -> ClusterState:
        """Wait until the picture holds everything that the API server holds at this moment; whoever judges calls it first."""
        for kind, link in self._links.items():
            body = json.loads(list_call(self._api, kind, self.namespace)(_preload_content=False, _request_timeout=(3, 20)).data)
            wanted = {key_of(o): o for o in body.get("items") or []}
            at = version_of(body)
            with self.changed:
                if not self.changed.wait_for(lambda li=link, w=wanted, a=at: li.ledger.has(w, a), timeout=within_s):  # type: ignore[misc]
                    raise WaitTimeout(
                        f"the watch of {kind} in {self.namespace} did not catch up with the API server",
                        saw=reason(link.error) if link.error else f"{within_s:g} s behind",
                        try_this="shallowdive status",
                    )
        return self.state

    def _refused(self) -> bool:
        return any(link.refused for link in self._links.values())

    # ── what a link tells, in the link's thread ──────────────────────────────────────────────────────────────
    def take_all(self, kind: str, objects: Mapping[Key, Object], at_s: float) -> None:
        """A new list: what differs from the picture becomes events."""
        with self.changed:
            self.state = looked_at(self.state, kind)
            self._fold(kind, differences(self.state.by_kind[kind], objects), at_s)
            self._listed.add(kind)
        self.history.flush()

    def take(self, kind: str, changes: list[Change], at_s: float) -> None:
        with self.changed:
            self._fold(kind, changes, at_s)
        self.history.flush()  # after the picture is there, and without the lock: nobody waits for a disk

    def _fold(self, kind: str, changes: list[Change], at_s: float) -> None:
        state = self.state
        for event_type, obj in changes:
            state = apply_event(state, event_type, kind, obj)
        self.history.add([Seen(round(at_s, 3), event_type, kind, obj) for event_type, obj in changes])
        self.state = state
        self.changed.notify_all()

    def take_trouble(self) -> None:
        with self.changed:
            self.changed.notify_all()


def reason(exc: Exception) -> str:
    """An API error in one line: the server's own message where it sent one."""
    if isinstance(exc, ApiException):
        try:
            return f"{exc.status} {json.loads(exc.body or '')['message']}"
        except (TypeError, ValueError, KeyError):
            return f"{exc.status} {exc.reason}"
    return f"{type(exc).__name__}: {exc}".splitlines()[0]
