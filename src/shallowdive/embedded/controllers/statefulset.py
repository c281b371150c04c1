"""StatefulSet: pods with numbers, each with its own claims, one after the other.

Left out: `minReadySeconds`' effect on order, `maxUnavailable`, and deleting claims by `persistentVolumeClaimRetentionPolicy`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.controllers import owners, pods, revisions
from shallowdive.embedded.kinds import PODS, PVCS, STATEFULSETS
from shallowdive.embedded.loop import Controller, owner_keys
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.selector import picks
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Object, clone

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


class StatefulSetController(Controller):
    name = "statefulset-controller"
    watches = (STATEFULSETS, PODS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._orphans = owners.orphans(self, PODS)

    def keys(self, event: Event) -> Iterable[Key]:
        return (event.key,) if event.resource == STATEFULSETS else owner_keys(event, "StatefulSet")

    def reconcile(self, key: Key) -> None:
        owner = self.store.get(STATEFULSETS, *key)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            return
        selector = owner["spec"]["selector"]
        loose = (pod for pod in self._orphans.objects(key[0]) if _number(owner, pod) >= 0)
        mine = owners.claim(self, owner, PODS, loose, lambda labels: picks(selector, labels))
        update = revisions.current(self, owner)
        rows = revisions.owned(self, owner)
        name = (owner.get("status") or {}).get("currentRevision")
        now = next((row for row in rows if row["metadata"]["name"] == name), update)
        there = {number: pod for pod in mine if (number := _number(owner, pod)) >= 0}
        wanted = self._numbers(owner)
        self._step(owner, there, wanted, now, update)
        self._write_status(key, owner, now, update)
        in_use = {(pod["metadata"].get("labels") or {}).get(revisions.LABEL, "") for pod in mine}
        revisions.forget(self, owner, in_use | {now["metadata"]["name"]})

    @staticmethod
    def _numbers(owner: Object) -> range:
        start = (owner["spec"].get("ordinals") or {}).get("start", 0)
        return range(start, start + owner["spec"].get("replicas", 1))

    def _step(self, owner: Object, there: dict[int, Object], wanted: range, now: Object, update: Object) -> None:
        """One step: a missing pod made, else one too many deleted, else an old one replaced."""
        parallel = owner["spec"].get("podManagementPolicy") == "Parallel"
        for number in wanted:
            pod = there.get(number)
            if pod is not None and pods.is_finished(pod) and not pods.is_terminating(pod):
                text = f"StatefulSet {owner['metadata']['namespace']}/{owner['metadata']['name']} is recreating {_word(pod)} Pod"
                self._say(owner, "Warning", f"Recreating{_word(pod).title()}Pod", f"{text} {pod['metadata']['name']}")
                self._delete(owner, pod)
                return
            if pod is None:
                made = self._create(owner, number, now if number < self._first_updated(owner, wanted) else update)
                if not made or not parallel:
                    return
            elif not parallel and not _is_settled(pod):
                return
        surplus = sorted((number for number in there if number not in wanted), reverse=True)
        for number in surplus:
            if pods.is_terminating(there[number]):
                if not parallel:
                    return
                continue
            self._delete(owner, there[number])
            if not parallel:
                return
        if not surplus:
            self._update_one(owner, there, wanted, update)

    def _first_updated(self, owner: Object, wanted: range) -> int:
        """Pods from this number on are made from the new template."""
        strategy = owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return wanted.start
        return int((strategy.get("rollingUpdate") or {}).get("partition", 0))

    def _update_one(self, owner: Object, there: dict[int, Object], wanted: range, update: Object) -> None:
        """From the highest number down: replace one pod of an older revision, and wait for it."""
        if (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
            return
        for number in reversed(wanted):
            pod = there.get(number)
            if pod is None or number < self._first_updated(owner, wanted):
                return
            if not _is_of(pod, update) and not pods.is_terminating(pod):
                self._delete(owner, pod)
                return
            if not _is_settled(pod):
                return

    def _create(self, owner: Object, number: int, revision: Object) -> bool:
        meta, name = owner["metadata"], f"{owner['metadata']['name']}-{number}"
        template = clone(revision["data"]["spec"]["template"])
        pod = pods.from_template(owner, template)
        own = {POD_NAME: name, POD_INDEX: str(number), revisions.LABEL: revision["metadata"]["name"]}
        pod["metadata"] |= {"name": name, "labels": {**pod["metadata"].get("labels", {}), **own}}
        pod["spec"]["hostname"] = name
        if owner["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = owner["spec"]["serviceName"]
        claims = owner["spec"].get("volumeClaimTemplates") or []
        names = {row["metadata"]["name"] for row in claims}
        mounted = [{"name": row, "persistentVolumeClaim": {"claimName": f"{row}-{name}"}} for row in sorted(names)]
        others = [volume for volume in pod["spec"].get("volumes") or () if volume["name"] not in names]
        if mounted or others:
            pod["spec"]["volumes"] = [*mounted, *others]
        try:
            for row in claims:
                self._claim(owner, row, f"{row['metadata']['name']}-{name}", name)
            self.registry.create(PODS, pod, self.who)
        except ApiError as refused:
            where = f"create Pod {name} in StatefulSet {meta['name']} failed error: {refused.message}"
            self._say(owner, "Warning", "FailedCreate", where)
            self.fail((meta["namespace"], meta["name"]))
            return False
        self._say(owner, "Normal", "SuccessfulCreate", f"create Pod {name} in StatefulSet {meta['name']} successful")
        return True

    def _claim(self, owner: Object, template: Object, name: str, pod: str) -> None:
        meta = owner["metadata"]
        if self.store.get(PVCS, meta["namespace"], name) is not None:
            return
        labels = {**(template["metadata"].get("labels") or {}), **(owner["spec"]["selector"].get("matchLabels") or {})}
        body = {"metadata": {"name": name, "namespace": meta["namespace"], "labels": labels}, "spec": clone(template["spec"])}
        self.registry.create(PVCS, body, self.who)
        self._say(owner, "Normal", "SuccessfulCreate", f"create Claim {name} Pod {pod} in StatefulSet {meta['name']} success")

    def _delete(self, owner: Object, pod: Object) -> None:
        meta = pod["metadata"]
        self.registry.delete(PODS, meta["namespace"], meta["name"], DeleteOptions(uid=meta["uid"]))
        text = f"delete Pod {meta['name']} in StatefulSet {owner['metadata']['name']} successful"
        self._say(owner, "Normal", "SuccessfulDelete", text)

    def _write_status(self, key: Key, owner: Object, now: Object, update: Object) -> None:
        old = owner.get("status") or {}
        found = [self.store.get(PODS, *row) for resource, row in self.store.owned_by(owner["metadata"]["uid"]) if resource == PODS]
        living = [pod for pod in found if pod is not None and not pods.is_finished(pod)]
        active = [pod for pod in living if not pods.is_terminating(pod)]
        waits = [pods.available_in(pod, owner["spec"].get("minReadySeconds", 0), self.clock.now()) for pod in active]
        updated = sum(_is_of(pod, update) for pod in active)
        settled = [pod for pod in active if _is_of(pod, update) and pods.is_ready(pod)]
        done = len(settled) == len(self._numbers(owner)) == len(living)
        current = update if done else now
        status: dict[str, Any] = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(living),
            "availableReplicas": sum(wait == 0 for wait in waits),
            "currentRevision": current["metadata"]["name"],
            "updateRevision": update["metadata"]["name"],
            "collisionCount": old.get("collisionCount", 0),
        }
        counts = {
            "readyReplicas": sum(wait is not None for wait in waits),
            "currentReplicas": sum(_is_of(pod, current) for pod in active),
            "updatedReplicas": updated,
        }
        status |= {name: count for name, count in counts.items() if count}
        if status != old:
            self.registry.change(STATEFULSETS, *key, lambda value: value.update(status=status), self.who, subresource="status")
        later = [wait for wait in waits if wait]
        if later:
            self.again(key, min(later))

    def _say(self, owner: Object, type_: str, reason: str, message: str) -> None:
        self.cluster.recorder.event(owner, type_, reason, message, self.name)


def _number(owner: Object, pod: Object) -> int:
    """The number in a pod's name, -1 when it is none of this set's names."""
    prefix, _, text = pod["metadata"]["name"].rpartition("-")
    return int(text) if prefix == owner["metadata"]["name"] and text.isdigit() else -1


def _is_settled(pod: Object) -> bool:
    return pods.is_ready(pod) and not pods.is_terminating(pod)


def _is_of(pod: Object, revision: Object) -> bool:
    return bool((pod["metadata"].get("labels") or {}).get(revisions.LABEL) == revision["metadata"]["name"])


def _word(pod: Object) -> str:
    return "failed" if pod["status"].get("phase") == "Failed" else "terminated"
