"""Eviction by taint: a pod leaves a node with a NoExecute taint at once, or after as long as it tolerates that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shallowdive.embedded.clock import parse
from shallowdive.embedded.controllers.nodes import disrupt
from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import NODES, PODS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.scheduler.terms import tolerates
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster


class TaintEviction(Controller):
    name = "taint-eviction-controller"
    watches = (NODES, PODS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._pods = Index(cluster.store, PODS, lambda pod: filter(None, (pod["spec"].get("nodeName"),)))
        self._marked: dict[Key, str] = {}
        """Pods that are to go after a while, with their UID."""

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == NODES:
            before = event.before["spec"].get("taints") if event.before is not None else None
            return self._pods.keys(event.key[1]) if event.object["spec"].get("taints") != before else ()
        moved = event.before is None or event.before["spec"] != event.object["spec"]
        return (event.key,) if moved and event.object["spec"].get("nodeName") else ()

    def reconcile(self, key: Key) -> None:
        pod = self.store.get(PODS, *key)
        node = self.store.get(NODES, "", pod["spec"].get("nodeName", "")) if pod is not None else None
        if pod is None or node is None or "deletionTimestamp" in pod["metadata"]:
            self._marked.pop(key, None)
            return
        taints = [taint for taint in node["spec"].get("taints") or () if taint["effect"] == "NoExecute"]
        until = _may_stay_until(pod, taints)
        if until is None:
            if self._marked.pop(key, None) == pod["metadata"]["uid"]:
                self._say(pod, f"Cancelling deletion of Pod {key[0]}/{key[1]}")
            return
        left = until - self.clock.now()
        if left > 0:
            self._marked[key] = pod["metadata"]["uid"]
            self.again(key, left)
            return
        self._marked.pop(key, None)
        self._say(pod, f"Marking for deletion Pod {key[0]}/{key[1]}")
        disrupt(self, pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
        self.registry.delete(PODS, *key, DeleteOptions(uid=pod["metadata"]["uid"]))

    def _say(self, pod: Object, message: str) -> None:
        self.cluster.recorder.event(pod, "Normal", "TaintManagerEviction", message, self.name)


def _may_stay_until(pod: Object, taints: list[Object]) -> float | None:
    """Until when a pod bears the taints of its node, in cluster seconds since 1970; None for ever."""
    ends = []
    for taint in taints:
        added = parse(taint["timeAdded"]) if taint.get("timeAdded") else 0.0
        bearing = [row for row in pod["spec"].get("tolerations") or () if tolerates({"spec": {"tolerations": [row]}}, taint)]
        if not bearing:
            return 0.0
        seconds = [row["tolerationSeconds"] for row in bearing if row.get("tolerationSeconds") is not None]
        if seconds:
            ends.append(added + max(min(seconds), 0))
    return min(ends, default=None)
