"""A namespace as the rules see it: the objects of one namespace and the cluster-scoped ones, events by object, and the time.

"There is none" and "nobody looked" are different answers: `looked` tells them apart, so that no rule calls something missing that
may not be listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shallowdive.live import ClusterState
from shallowdive.objects import Object, controller_uid, name_of, uid_of
from shallowdive.objects.pods import moment

TEMPLATED = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job")
"""Kinds whose pods are made from `spec.template`."""
CHANGING = (
    # what differs from run to run and helps nobody: UIDs, addresses, the kubelet's name for a pod
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "ID"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?(?=[^\w.]|$)"), "ADDRESS"),
    (re.compile(r" in pod \S+\(UID\)"), ""),
    (re.compile(r"(?<=pod=)(\S+)_\S+\(UID\)"), r"\1"),
    (re.compile(r'^Back-off pulling image "[^"]*": '), ""),
    (re.compile(r"\?ns=[^\s\":]+"), ""),
)


def clean(text: str) -> str:
    for pattern, instead in CHANGING:
        text = pattern.sub(instead, text)
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Sight:
    state: ClusterState
    namespace: str
    now: float
    _about: dict[str, list[Object]] = field(default_factory=dict, compare=False, repr=False)
    """Events by the UID of what they are about: read once, because nearly every rule asks for some."""

    def looked(self, kind: str) -> bool:
        return kind in self.state.by_kind

    def get(self, kind: str, name: str) -> Object | None:
        of_kind = self.state.by_kind.get(kind, {})
        return of_kind.get((self.namespace, name)) or of_kind.get(("", name))

    def all(self, kind: str) -> list[Object]:
        return [o for o in self.state.all(kind) if o["metadata"].get("namespace", "") in ("", self.namespace)]

    def misses(self, kind: str, name: str) -> bool:
        """It was looked for and is not there."""
        return self.looked(kind) and self.get(kind, name) is None

    def owned(self, kind: str, owner: Object) -> list[Object]:
        return [o for o in self.all(kind) if controller_uid(o) == uid_of(owner)]

    def events(self, obj: Object, *reasons: str) -> list[Object]:
        """Events about this very object, oldest first."""
        if not self._about:
            for e in self.all("Event"):
                self._about.setdefault(str((e.get("involvedObject") or {}).get("uid")), []).append(e)
        found = [e for e in self._about.get(uid_of(obj), []) if not reasons or e.get("reason") in reasons]
        return sorted(found, key=event_time)

    def last(self, obj: Object, *reasons: str) -> str:
        """Text of the newest such event, '' for none."""
        return next((str(e.get("message", "")) for e in reversed(self.events(obj, *reasons))), "")

    def age_s(self, obj: Object) -> float:
        return self.now - moment(obj["metadata"].get("creationTimestamp"))

    def owners(self, obj: Object) -> Iterator[tuple[str, str]]:
        """(kind, name) of the controller, its controller and so on, as far as the state has them."""
        for ref in obj["metadata"].get("ownerReferences") or []:
            if ref.get("controller"):
                yield ref["kind"], ref["name"]
                above = self.get(ref["kind"], ref["name"])
                if above:
                    yield from self.owners(above)

    def holder(self, obj: Object) -> tuple[str, str]:
        """Where a field of this object is changed: ("Deployment web", "spec.template.") for its pod, ("Pod web", "") for its own."""
        chain = [(k, n) for k, n in self.owners(obj) if k in TEMPLATED]
        if obj["kind"] == "Pod" and chain:
            return " ".join(chain[-1]), "spec.template."
        for owner in self.all("StatefulSet") if obj["kind"] == "PersistentVolumeClaim" else []:
            for claim in owner["spec"].get("volumeClaimTemplates") or []:
                if re.fullmatch(rf"{claim['metadata']['name']}-{name_of(owner)}-\d+", name_of(obj)):
                    return f"StatefulSet {name_of(owner)}", f"spec.volumeClaimTemplates[{claim['metadata']['name']}]."
        return f"{obj['kind']} {name_of(obj)}", ""


def event_time(event: Object) -> float:
    series: dict[str, Any] = event.get("series") or {}
    at = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return moment(at or event["metadata"].get("creationTimestamp"))


def newest_time(state: ClusterState) -> float:
    """The latest moment that the state itself names: a stand-in for a clock."""
    times = [moment(o["metadata"].get("creationTimestamp")) for of_kind in state.by_kind.values() for o in of_kind.values()]
    times += [event_time(e) for e in state.all("Event")]
    times += [moment(c.get("lastTransitionTime")) for p in state.all("Pod") for c in (p.get("status") or {}).get("conditions") or []]
    return max(times, default=0.0)


def condition_of(obj: Object, kind: str) -> dict[str, Any]:
    return next((c for c in (obj.get("status") or {}).get("conditions") or [] if c.get("type") == kind), {})


def in_words(labels: dict[str, str] | None) -> str:
    """A map as kubectl prints it."""
    return ",".join(f"{k}={v}" for k, v in sorted((labels or {}).items())) or "none"
