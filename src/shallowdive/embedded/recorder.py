"""Events: what controllers, scheduler and kubelets tell people.

As the real client library does: a repeat raises a count; the tenth different message of one reason about one object is combined
with those that follow; and whoever says more than 25 things about one object is heard only once in five minutes after that."""

from __future__ import annotations

from collections.abc import Callable

from shallowdive.embedded.clock import Clock, parse
from shallowdive.embedded.kinds import EVENTS
from shallowdive.embedded.store import Object, Store, clone

KEEP_S = 3600
"""Seconds an event lives, as the real server's default: of the reader's, so that a fast cluster does not take the evidence away."""
SIMILAR, SIMILAR_S = 10, 600
"""So many different messages of one reason about one object, each within so many seconds of the last, are combined from then on."""
BURST, REFILL_S = 25, 300
"""Events one component may write about one object at once, and cluster seconds until it may write another."""


class Recorder:
    """Writes `Event` objects straight into the store: they are nobody's spec, so no rule applies to them."""

    def __init__(self, store: Store, clock: Clock, draw_uid: Callable[[], str]) -> None:
        self._store, self._clock, self._draw_uid = store, clock, draw_uid
        self._known: dict[tuple[str, ...], str] = {}
        self._messages: dict[tuple[str, ...], tuple[float, set[str]]] = {}
        self._budgets: dict[tuple[str, ...], tuple[float, float]] = {}
        self._serial = int(clock.now() * 1e9)

    def event(self, about: Object, type_: str, reason: str, message: str, component: str, *, host: str = "", field_path: str = "") -> None:
        """`type_` is Normal or Warning; `component` is who says it (`kubelet`); `host` the node, for a kubelet."""
        meta = about["metadata"]
        namespace = meta.get("namespace", "default")
        about_key = (meta.get("uid", ""), namespace, meta["name"], component, host)
        combined = self._is_one_of_many((*about_key, field_path, type_, reason), message)
        if not self._may_say(about_key) or self._store.get("namespaces", "", namespace) is None:
            return
        same = (*about_key, field_path, type_, reason, "" if combined else message)
        text = f"(combined from similar events): {message}" if combined else message
        if not self._repeat(namespace, same, text):
            self._write(about, type_, reason, text, component, host, field_path, same)

    def _keep_s(self) -> float:
        return KEEP_S * max(1.0, self._clock.speed)

    def _is_one_of_many(self, key: tuple[str, ...], message: str) -> bool:
        now = self._clock.now()
        last, messages = self._messages.get(key, (now, set()))
        if now - last > SIMILAR_S:
            messages = set()
        messages.add(message)
        self._messages[key] = (now, messages)
        if len(messages) < SIMILAR:
            return False
        messages.discard(next(m for m in messages if m != message))
        return True

    def _may_say(self, key: tuple[str, ...]) -> bool:
        now = self._clock.now()
        left, since = self._budgets.get(key, (float(BURST), now))
        left = min(left + (now - since) / REFILL_S, BURST)
        self._budgets[key] = (max(left - 1, 0.0) if left >= 1 else left, now)
        return left >= 1

    def _repeat(self, namespace: str, same: tuple[str, ...], message: str) -> bool:
        name = self._known.get(same, "")
        old = self._store.get(EVENTS, namespace, name) if name else None
        if old is None:
            return False
        new = clone(old)
        new["count"] += 1
        new["lastTimestamp"], new["message"] = self._clock.stamp(), message
        self._store.put(EVENTS, new)
        return True

    def _write(
        self, about: Object, type_: str, reason: str, message: str, component: str, host: str, field_path: str, same: tuple[str, ...]
    ) -> None:
        meta, now = about["metadata"], self._clock.stamp()
        namespace = meta.get("namespace", "default")
        self._serial += 1
        name = f"{meta['name']}.{self._serial:x}"
        self._known[same] = name
        involved = {
            "kind": about["kind"],
            **({"namespace": meta["namespace"]} if "namespace" in meta else {}),
            "name": meta["name"],
            "uid": meta.get("uid", ""),
            "apiVersion": about["apiVersion"],
            "resourceVersion": meta.get("resourceVersion", ""),
            **({"fieldPath": field_path} if field_path else {}),
        }
        value = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": namespace, "uid": self._draw_uid(), "creationTimestamp": now},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": component, **({"host": host} if host else {})},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type_,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": host,
        }
        self._store.put(EVENTS, value)
        self._clock.after(self._keep_s(), lambda: self._forget(namespace, name, same))

    def _forget(self, namespace: str, name: str, same: tuple[str, ...]) -> None:
        """Remove an event that was not repeated for an hour, and with it what is remembered about its object."""
        old = self._store.get(EVENTS, namespace, name)
        if old is not None:
            left = parse(old["lastTimestamp"]) + self._keep_s() - self._clock.now()
            if left > 1:
                self._clock.after(left, lambda: self._forget(namespace, name, same))
                return
            self._store.remove(EVENTS, namespace, name)
        self._known.pop(same, None)
        self._messages.pop(same[:-1], None)
        self._budgets.pop(same[:5], None)
