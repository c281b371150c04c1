"""Which node a pod goes to, and why none fits.

Every pod without a node waits here for its turn. A turn asks each node in order (`filters`), scores those that said yes, and binds the
pod to the best one. What the nodes have promised so far is counted while listening (`nodes`), so a turn costs nodes, not pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from shallowdive.embedded.kinds import NODES, PODS, PVCS, PVS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.registry import Who
from shallowdive.embedded.scheduler import affinity, filters, volumes
from shallowdive.embedded.scheduler.nodes import Node, Nodes, wish_of
from shallowdive.embedded.scheduler.preemption import victims_on
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Object, clone

WHO = Who("kube-scheduler")
MINE = "default-scheduler"
BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 10.0)
"""Cluster seconds before a pod that fitted nowhere is tried again, when something has changed."""
SETTLE_S, LOOK_AGAIN_S = 0.1, 300.0
"""Changes within SETTLE_S are one reason to look again; LOOK_AGAIN_S after a failure there is a look without any."""


class Scheduler(Controller):
    name = "default-scheduler"
    watches = (PODS, NODES, PVCS, PVS)

    def start(self) -> None:
        self.nodes = Nodes()
        self.failed: dict[Key, tuple[int, float]] = {}
        """Pods that fitted nowhere: how often, and when last."""
        self.waiting: dict[Key, str] = {}
        """Pods whose volume is being made on a node that was chosen for them."""
        self._looking = False
        for resource in (NODES, PODS):
            for event in self.store.latest(resource):
                for key in self.keys(event):
                    self.cluster.loop.queue(self, key)

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == PODS:
            return self._pod_changed(event)
        if event.resource == NODES:
            if self.nodes.node_changed(event):
                self._look_again()
            return ()
        self._look_again()
        return tuple(self.waiting)

    def _pod_changed(self, event: Event) -> Iterable[Key]:
        freed = self.nodes.pod_changed(event)
        if event.type == "DELETED":
            self.failed.pop(event.key, None)
            self.waiting.pop(event.key, None)
        if freed or (self.failed and event.before is not None and node_of(event.object) and not node_of(event.before)):
            self._look_again()
        if event.type != "DELETED" and wants_node(event.object):
            before = event.before
            if (
                before is None
                or before["spec"] != event.object["spec"]
                or before["metadata"].get("labels") != event.object["metadata"].get("labels")
            ):
                return (event.key,)
        return ()

    def _look_again(self) -> None:
        """Something changed: pods that fitted nowhere get another turn, after their back-off."""
        if self.failed and not self._looking:
            self._looking = True
            self.clock.after(SETTLE_S, self._queue_failed)

    def _queue_failed(self) -> None:
        self._looking = False
        now = self.clock.now()
        for key, (count, at) in self.failed.items():
            self.again(key, at + BACKOFF_S[min(count, len(BACKOFF_S)) - 1] - now)

    def reconcile(self, key: Key) -> None:
        pod = self.store.get(PODS, *key)
        if pod is None or not wants_node(pod):
            self.failed.pop(key, None)
            return
        if pod["spec"].get("schedulingGates"):
            self._say_not(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates", observed=False)
            return
        if key in self.waiting:
            self._bind_when_volumes_are_there(key, pod)
            return
        total = len(self.nodes.by_name)
        if not total:
            self._fits_nowhere(key, pod, "no nodes available to schedule pods")
            return
        problem = volumes.problem(self.store, pod)
        if problem:
            more = "not found" if problem.endswith("not found") else f"preemption: 0/{total} nodes are available: {total} {filters.NO_HELP}"
            self._fits_nowhere(key, pod, f"0/{total} nodes are available: {problem}. {more}{'' if more == 'not found' else '.'}")
            return
        fitting, refusals = self._ask_nodes(pod)
        if fitting:
            self._choose(key, pod, fitting)
        elif not self._preempt(key, pod, refusals):
            self._fits_nowhere(key, pod, sentence(total, refusals))

    def _ask_nodes(self, pod: Object) -> tuple[list[Node], dict[str, list[filters.Refusal]]]:
        question = filters.Question(pod, wish_of(pod), affinity.Rules(pod, self.nodes, self.store), volumes.places(self.store, pod))
        fitting, refusals = [], {}
        for node in self.nodes.by_name.values():
            said = filters.ask(question, node)
            if said:
                refusals[node.name] = said
            else:
                fitting.append(node)
        return fitting, refusals

    def _choose(self, key: Key, pod: Object, fitting: list[Node]) -> None:
        rules = affinity.Rules(pod, self.nodes, self.store)
        scores = {n.name: filters.score(pod, n) + rules.score(n) for n in fitting}
        best = max(scores.values())
        chosen = self.cluster.random.choice([n for n, s in scores.items() if s == best])
        self.failed.pop(key, None)
        if volumes.ask_for(self.registry, pod, chosen, WHO):
            self.waiting[key] = chosen
            return
        self._bind(pod, chosen)

    def _bind_when_volumes_are_there(self, key: Key, pod: Object) -> None:
        if not volumes.unbound(self.store, pod):
            self._bind(pod, self.waiting.pop(key))

    def _bind(self, pod: Object, node: str) -> None:
        meta = pod["metadata"]
        self.registry.bind(meta["namespace"], meta["name"], node, WHO)
        self._event(pod, "Normal", "Scheduled", f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}")

    def _fits_nowhere(self, key: Key, pod: Object, message: str) -> None:
        count, _ = self.failed.get(key, (0, 0.0))
        self.failed[key] = (count + 1, self.clock.now())
        self.again(key, LOOK_AGAIN_S)
        self._event(pod, "Warning", "FailedScheduling", message)
        self._say_not(pod, "Unschedulable", message, observed=True)

    def _say_not(self, pod: Object, reason: str, message: str, *, observed: bool) -> None:
        """The condition PodScheduled, with why not."""
        old = next((c for c in pod.get("status", {}).get("conditions", ()) if c["type"] == "PodScheduled"), None)
        if old is not None and (old.get("reason"), old.get("message")) == (reason, message):
            return
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": old["lastTransitionTime"] if old and old["status"] == "False" else self.clock.stamp(),
            "reason": reason,
            "message": message,
            **({"observedGeneration": pod["metadata"].get("generation", 1)} if observed else {}),
        }
        value = clone(pod)
        value["status"]["conditions"] = [c for c in value["status"].get("conditions", ()) if c["type"] != "PodScheduled"] + [condition]
        self.registry.update(PODS, value, WHO, subresource="status")

    def _preempt(self, key: Key, pod: Object, refusals: dict[str, list[filters.Refusal]]) -> bool:
        """Room made by deleting pods of lower priority, on the node where it costs least. False when that helps nowhere."""
        if not pod["spec"].get("priority") or pod["spec"].get("preemptionPolicy") == "Never":
            return False
        if any(n.leaving for n in self.nodes.by_name.values() if n.name == pod.get("status", {}).get("nominatedNodeName")):
            return False
        curable = [self.nodes.by_name[n] for n, said in refusals.items() if all(r.curable for r in said)]
        options = {n.name: found for n in curable if (found := victims_on(self.store, pod, n))}
        if not options:
            return False
        chosen = min(options, key=lambda n: (max(v["spec"].get("priority", 0) for v in options[n]), len(options[n])))
        for victim in options[chosen]:
            meta = victim["metadata"]
            self._event(victim, "Normal", "Preempted", f"Preempted by pod {pod['metadata']['uid']} on node {chosen}")
            try:
                self.registry.change(PODS, meta["namespace"], meta["name"], say_preempted(self.clock.stamp()), WHO, subresource="status")
                self.registry.delete(PODS, meta["namespace"], meta["name"], who=WHO)
            except ApiError as gone:
                if gone.code != 404:
                    raise
        self._fits_nowhere(key, pod, sentence(len(self.nodes.by_name), refusals, helped=chosen))
        self.registry.change(PODS, *key, lambda p: p["status"].update(nominatedNodeName=chosen), WHO, subresource="status")
        return True

    def _event(self, pod: Object, type_: str, reason: str, message: str) -> None:
        self.cluster.recorder.event(pod, type_, reason, message, MINE)


def say_preempted(now: str) -> Callable[[Object], None]:
    """An edit: the condition that tells why a pod had to go."""
    reason = {"reason": "PreemptionByScheduler", "message": f"{MINE}: preempting to accommodate a higher priority pod"}
    condition = {"type": "DisruptionTarget", "status": "True", "lastProbeTime": None, "lastTransitionTime": now, **reason}

    def edit(pod: Object) -> None:
        pod["status"].setdefault("conditions", []).append(condition)

    return edit


def node_of(pod: Object) -> str:
    return str(pod["spec"].get("nodeName", ""))


def wants_node(pod: Object) -> bool:
    """Whether this scheduler is asked to find a node."""
    spec = pod["spec"]
    return not spec.get("nodeName") and spec.get("schedulerName", MINE) == MINE and "deletionTimestamp" not in pod["metadata"]


def sentence(total: int, refusals: dict[str, list[filters.Refusal]], helped: str = "") -> str:
    """Why no node fits, as the scheduler words it: each reason with the number of nodes that gave it."""
    why = Counter(r.why for said in refusals.values() for r in said)
    cure = Counter(filters.NO_VICTIMS if all(r.curable for r in said) else filters.NO_HELP for said in refusals.values())
    reasons = ", ".join(sorted(f"{n} {w}" for w, n in why.items()))
    if helped:
        return f"0/{total} nodes are available: {reasons}. preemption: a node was found and its pods of lower priority are deleted."
    cures = ", ".join(sorted(f"{n} {w}" for w, n in cure.items()))
    return f"0/{total} nodes are available: {reasons}. preemption: 0/{total} nodes are available: {cures}."
