"""Events: what controllers, scheduler and kubelets tell people. Repeats raise a count instead of making another."""

from __future__ import annotations

from collections.abc import Callable

from shallowdive.embedded.clock import Clock, parse
from shallowdive.embedded.kinds import EVENTS
from shallowdive.embedded.store import Object, Store, clone

KEEP_S = 3600
"""Cluster seconds an event lives, as the real server's default."""


class Recorder:
    """Writes `Event` objects straight into the store: they are nobody's spec, so no rule applies to them."""

    def __init__(self, store: Store, clock: Clock, draw_uid: Callable[[], str]) -> None:
        self._store, self._clock = store, clock
        self._draw_uid = draw_uid
        self._known: dict[tuple[str, ...], str] = {}
        self._serial = int(clock.now() * 1e6) & 0xFFFFFFFFFF

    def event(self, about: Object, type_: str, reason: str, message: str, component: str, *, host: str = "", field_path: str = "") -> None:
        """`type_` is Normal or Warning; `component` is who says it (`kubelet`); `host` the node, for a kubelet."""
        meta = about["metadata"]
        namespace = meta.get("namespace", "default")
        same = (meta.get("uid", ""), type_, reason, message, component, host, field_path)
        name = self._known.get(same, "")
        old = self._store.get(EVENTS, namespace, name) if name else None
        now = self._clock.stamp()
        if old is not None:
            again = clone(old)
            again["count"] += 1
            again["lastTimestamp"] = now
            self._store.put(EVENTS, again)
            return
        if self._store.get("namespaces", "", namespace) is None:
            return
        self._serial += 1
        name = f"{meta['name']}.{self._serial:016x}"
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
        self._store.put(
            EVENTS,
            {
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
            },
        )
        self._clock.after(KEEP_S, lambda: self._forget(namespace, name, same))

    def _forget(self, namespace: str, name: str, same: tuple[str, ...]) -> None:
        old = self._store.get(EVENTS, namespace, name)
        if old is None:
            self._known.pop(same, None)
            return
        left = parse(old["lastTimestamp"]) + KEEP_S - self._clock.now()
        if left > 1:
            self._clock.after(left, lambda: self._forget(namespace, name, same))
            return
        self._known.pop(same, None)
        self._store.remove(EVENTS, namespace, name)
