"""List, then watch, for ever: one thread a kind keeps one shared picture of a namespace up to date.

Named cases of the loop: the server ends a watch after its time (normal), 410 Gone (list again), silence (the read times out and
we connect again), 401/403 (stop and say so), anything else (back off, 0.5 to 8 s, and connect again).
Drawing and judging are done elsewhere; this thread never prints (ipykernel would put it under another cell)."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.watch.watch import iter_resp_lines

from shallowdive.errors import WaitTimeout
from shallowdive.live.history import History, Seen
from shallowdive.live.resources import LAB_KINDS, list_call
from shallowdive.live.state import ClusterState, Key, apply_event, key_of
from shallowdive.objects import Object

WATCH_S = 240
"""The server ends each watch after this long; a quiet namespace is then asked again."""
SILENCE_S = 25
"""Bookmarks come at most a minute apart, so a quiet but healthy link also reaches this: we connect again from the same version."""


class Follower:
    """Follows kinds in one namespace. `state` is the picture now, `history` every event so far.

    Use as a context manager, or `start()` and `stop()`; both may be called again. `changed` is notified after each event."""

    def __init__(self, api: client.ApiClient, namespace: str, kinds: Iterable[str] = LAB_KINDS, history: History | None = None) -> None:
        self.namespace, self.kinds = namespace, tuple(kinds)
        self.state = ClusterState()
        self.history = history or History()
        self.changed = threading.Condition()
        self.errors: dict[str, Exception] = {}
        self._api = api
        self._stop = threading.Event()
        self._listed: set[str] = set()
        self._gone: dict[tuple[str, Key], int] = {}
        self._alive_at: dict[str, float] = {}
        self._open: dict[str, Any] = {}
        self._threads: list[threading.Thread] = []

    def start(self, within_s: float = 20) -> Follower:
        """Start and wait until every kind was listed once; WaitTimeout says which was not, and why."""
        if not self._threads:
            self._stop.clear()
            self._threads = [threading.Thread(target=self._follow, args=(k,), name=f"follow-{k}", daemon=True) for k in self.kinds]
            for thread in self._threads:
                thread.start()
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
        self._stop.set()
        for response in list(self._open.values()):
            _cut(response)
        for thread in self._threads:
            thread.join(timeout=2)
        self._threads = []

    def __enter__(self) -> Follower:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def catch_up(self, within_s: float = 20) -> ClusterState:
        """Wait until the picture holds everything that the API server holds at this moment; whoever judges calls it first."""
        for kind in self.kinds:
            body = json.loads(list_call(self._api, kind, self.namespace)(_preload_content=False, _request_timeout=(3, 20)).data)
            wanted = {key_of(o): version_of(o) for o in body.get("items") or []}
            at = int(body["metadata"]["resourceVersion"])
            with self.changed:
                if not self.changed.wait_for(lambda k=kind, w=wanted, a=at: self._has(k, w, a), timeout=within_s):  # type: ignore[misc]
                    error = self.errors.get(kind)
                    raise WaitTimeout(
                        f"the watch of {kind} in {self.namespace} did not catch up with the API server",
                        saw=reason(error) if error else f"{within_s:g} s behind",
                        try_this="shallowdive status",
                    )
        return self.state

    def _has(self, kind: str, wanted: dict[Key, int], at: int) -> bool:
        """At least these versions of these objects, and nothing older that the list no longer had."""
        known = {key: version_of(o) for key, o in self.state.by_kind.get(kind, {}).items()}
        seen = all(max(known.get(key, 0), self._gone.get((kind, key), 0)) >= version for key, version in wanted.items())
        return seen and all(version > at for key, version in known.items() if key not in wanted)

    def silent_s(self) -> float:
        """Seconds since the quietest link last gave a sign of life."""
        return time.monotonic() - min(self._alive_at.values(), default=time.monotonic())

    def _refused(self) -> bool:
        return any(isinstance(e, ApiException) and e.status in (401, 403) for e in self.errors.values())

    def _follow(self, kind: str) -> None:
        call, version, delay_s = list_call(self._api, kind, self.namespace), "", 0.5
        while not self._stop.is_set():
            try:
                version = version or self._list(kind, call)
                self.errors.pop(kind, None)
                version = self._watch(kind, call, version)
                delay_s = 0.5
            except Exception as exc:  # noqa: BLE001 - every failure of the link ends here, is kept, and leads to one of the named cases
                if self._stop.is_set():
                    return
                status = exc.status if isinstance(exc, ApiException) else 0
                if status == 410:
                    version = ""
                    continue
                if isinstance(exc, _Quiet):
                    version = exc.version
                    continue
                self._note(kind, exc)
                if status in (401, 403):
                    return
                self._stop.wait(delay_s * random.uniform(0.8, 1.2))
                delay_s, version = min(delay_s * 2, 8), ""

    def _note(self, kind: str, exc: Exception) -> None:
        with self.changed:
            self.errors[kind] = exc
            self.changed.notify_all()

    def _list(self, kind: str, call: Callable[..., Any]) -> str:
        response = call(_preload_content=False, _request_timeout=(3, 20))
        body = json.loads(response.data)
        found: dict[Key, Object] = {key_of(o): {"kind": kind, **o} for o in body.get("items") or []}
        with self.changed:
            known = self.state.by_kind.get(kind, {})
            for key in known.keys() - found.keys():
                self._apply("DELETED", kind, known[key])
            for key, obj in found.items():
                old = known.get(key)
                if old is None or old["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                    self._apply("ADDED" if old is None else "MODIFIED", kind, obj)
            self._listed.add(kind)
            self._alive_at[kind] = time.monotonic()
            self.changed.notify_all()
        return str(body["metadata"]["resourceVersion"])

    def _watch(self, kind: str, call: Callable[..., Any], version: str) -> str:
        """Follow from a version until the server ends the watch; returns the last version seen."""
        response = call(
            watch=True, resource_version=version, allow_watch_bookmarks=True, timeout_seconds=WATCH_S,
            _preload_content=False, _request_timeout=(3, SILENCE_S),
        )  # fmt: skip
        self._open[kind] = response
        try:
            if self._stop.is_set():  # `stop` may have looked before this link was known
                return version
            for line in iter_resp_lines(response):
                self._alive_at[kind] = time.monotonic()
                if not line.strip():
                    continue
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiException(status=event["object"].get("code", 500), reason=event["object"].get("message", ""))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    with self.changed:
                        self._apply(event["type"], kind, {"kind": kind, **event["object"]})
                        self.changed.notify_all()
        except OSError as exc:
            raise _Quiet(version) from exc
        except Exception as exc:
            if "Read timed out" in str(exc):
                raise _Quiet(version) from exc
            raise
        finally:
            self._open.pop(kind, None)
            response.close()
        return version

    def _apply(self, event_type: str, kind: str, obj: Object) -> None:
        if event_type == "DELETED":
            self._gone[kind, key_of(obj)] = version_of(obj)
        self.state = apply_event(self.state, event_type, kind, obj)
        self.history.append(Seen(round(time.time(), 3), event_type, kind, obj))


class _Quiet(Exception):
    """The link went quiet after this version: connect again from there."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.version = version


def version_of(obj: Object) -> int:
    """The resource version as a number: since Kubernetes 1.35 two of them may be compared."""
    return int(obj["metadata"]["resourceVersion"])


def reason(exc: Exception) -> str:
    """An API error in one line: the server's own message where it sent one."""
    if isinstance(exc, ApiException):
        try:
            return f"{exc.status} {json.loads(exc.body or '')['message']}"
        except (TypeError, ValueError, KeyError):
            return f"{exc.status} {exc.reason}"
    return f"{type(exc).__name__}: {exc}".splitlines()[0]


def _cut(response: Any) -> None:
    """Unblock a thread that reads: shut the socket down (closing it would wait for the reader)."""
    try:
        response.connection.sock.shutdown(socket.SHUT_RDWR)
    except (AttributeError, OSError):
        pass  # already closed
