"""List, then watch, for ever: one thread keeps one kind of one namespace up to date, for every follower that wants it.

Named cases of the endless loop: the server ends a watch after its time (go on from there), events stop (go on from there, as a quiet link),
410 Gone (list again), a version that went back, a watch that ended early or said nothing (list again: it may be another cluster),
401 or 403 at the first look (stop and say so), anything else (back off, connect again, list again).
Drawing and judging are done elsewhere; this thread never prints (ipykernel would put it under another cell)."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.watch.watch import iter_resp_lines
from urllib3.exceptions import ReadTimeoutError

from shallowdive.live.collector import spare
from shallowdive.live.ledger import Change, Doubtful, Ledger, version_of
from shallowdive.live.resources import list_call
from shallowdive.live.state import Key
from shallowdive.live.wire import Wire
from shallowdive.objects import Object


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait for what, in seconds. The defaults hold for a real API server; a test takes a fraction of each.

    A kind in which nothing happens has short watches: the API server (seen on 1.37) sends a bookmark some 2 s before it ends a watch, and
    the next watch runs on the same connection. So a healthy link gives a sign of life every 12 s at least, for 5 requests a minute.
    A kind with events needs none of that: its watch is long, and 12 s without an event make it a quiet one."""

    quiet_watch_s: float = 12
    quiet_silence_s: float = 30
    """More than twice what a healthy server takes: the link is dead, connect again."""
    busy_watch_s: float = 240
    busy_silence_s: float = 12
    connect_s: float = 3
    list_s: float = 20
    backoff_s: tuple[float, float] = (0.25, 2)
    """After the first failure, and at most."""


def kept(kind: str, obj: Object) -> Object:
    """The object as it is kept: with its kind, which a list leaves out, and without the paths of its managed fields. Who manages and
    since when stays; the paths are a third of a pod's JSON, two thirds of its dictionaries and lists, and nobody reads them."""
    for entry in obj["metadata"].get("managedFields") or ():
        entry.pop("fieldsV1", None)
    made = {"kind": kind, **obj}
    spare(made)
    return made


class Told(Protocol):
    """What a link tells its followers."""

    def take_all(self, kind: str, objects: Mapping[Key, Object], at_s: float) -> None: ...
    def take(self, kind: str, changes: list[Change], at_s: float) -> None: ...
    def take_trouble(self) -> None: ...


class Link:
    """`error` is what it suffers from now, None while all is well; `refused`: it will not try again."""

    def __init__(self, api: client.ApiClient, namespace: str, kind: str, pace: Pace) -> None:
        self.kind, self.ledger = kind, Ledger()
        self.error: Exception | None = None
        self.refused = self.listed = False
        self._pace, self._wire = pace, Wire(api)
        self._call = list_call(self._wire.api, kind, namespace)
        self._told: list[Told] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._alive_at = time.monotonic()
        self._busy, self._failures = False, 0
        self._thread = threading.Thread(target=self._run, name=f"follow-{kind}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def attach(self, follower: Told) -> None:
        """From now on this follower is told everything, beginning with what there is."""
        with self._lock:
            self._told.append(follower)
            if self.listed:
                follower.take_all(self.kind, self.ledger.objects, time.time())

    def detach(self, follower: Told) -> None:
        with self._lock:
            self._told.remove(follower)

    def end(self) -> None:
        """Ask the thread to end; it is gone a moment later."""
        self._stop.set()
        self._wire.cut()

    def join(self, within_s: float) -> None:
        self._thread.join(within_s)

    def silent_s(self) -> float:
        """Seconds since the server last gave a sign of life here."""
        return time.monotonic() - self._alive_at

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────────────────
    def _run(self) -> None:
        version = 0
        try:
            while not self._stop.is_set() and not self.refused:
                try:
                    version = self._watch(version or self._list())
                except Exception as exc:  # noqa: BLE001 - every failure of the link ends here, is kept, and leads to one of the named cases
                    if not self._stop.is_set():
                        version = self._after(exc)
        finally:
            self._wire.close()

    def _after(self, exc: Exception) -> int:
        """What a failure leads to; the version to go on from, 0 for a new list."""
        status = exc.status if isinstance(exc, ApiException) else 0
        self._failures += 1
        if self._failures == 1 and (status == 410 or isinstance(exc, Doubtful)):
            return 0
        self.error, self.refused = exc, status in (401, 403) and not self.listed
        with self._lock:
            for follower in self._told:
                follower.take_trouble()
        first, most = self._pace.backoff_s
        self._stop.wait(min(first * 2.0 ** min(self._failures - 1, 10), most) * random.uniform(0.8, 1.2))
        return 0

    def _well(self) -> None:
        self._alive_at = time.monotonic()
        self._failures, self.error = 0, None

    def _list(self) -> int:
        response = self._call(_preload_content=False, _request_timeout=(self._pace.connect_s, self._pace.list_s))
        body = json.loads(response.data)
        version = version_of(body)
        with self._lock:
            self.ledger.take_list((kept(self.kind, o) for o in body.get("items") or []), version)
            self._alive_at, self.listed = time.monotonic(), True
            for follower in self._told:
                follower.take_all(self.kind, self.ledger.objects, time.time())
        return version

    def _watch(self, began_at: int) -> int:
        """Follow from a version until the server ends the watch, or events stop; the version to go on from."""
        pace = self._pace
        watch_s, silence_s = (pace.busy_watch_s, pace.busy_silence_s) if self._busy else (pace.quiet_watch_s, pace.quiet_silence_s)
        was_busy, self._busy, version, told = self._busy, False, began_at, False
        opened = time.monotonic()
        response = self._call(
            watch=True, resource_version=str(began_at), allow_watch_bookmarks=True, timeout_seconds=max(1, round(watch_s)),
            _preload_content=False, _request_timeout=(pace.connect_s, silence_s),
        )  # fmt: skip
        self._alive_at, self.error = time.monotonic(), None
        try:
            for line in iter_resp_lines(response):
                if not line.strip():
                    continue
                seen = self._event(json.loads(line), began_at)
                version, told = max(version, seen), True
        except ReadTimeoutError:
            if not was_busy:
                raise
            return version
        finally:
            response.close()
        lived_s = time.monotonic() - opened
        if lived_s < pace.backoff_s[0]:  # a server that ends every watch at once
            self._stop.wait(pace.backoff_s[0])
        if not told or lived_s < 0.9 * watch_s:
            raise Doubtful("the watch ended before its time, or without a word")
        return version

    def _event(self, event: dict[str, Any], began_at: int) -> int:
        event_type, obj = event["type"], event["object"]
        if event_type == "ERROR":
            raise ApiException(status=obj.get("code", 500), reason=obj.get("message", ""))
        version = version_of(obj)
        if version < began_at:
            raise Doubtful(f"version {version} after {began_at}")
        self._well()
        if event_type != "BOOKMARK":
            self._busy = True
            with self._lock:
                changes = self.ledger.take_event(event_type, kept(self.kind, obj))
                if changes and not self._stop.is_set():
                    for follower in self._told:
                        follower.take(self.kind, changes, time.time())
        return version
