"""Deployment: one ReplicaSet for each version of the pod template, and a careful way from one to the next.

The numbers are `rollout`'s, conditions and status `deployment_status`'.
A version that comes back finds its old ReplicaSet by its template."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shallowdive.embedded.controllers import deployment_status, owners, pods, rollout
from shallowdive.embedded.controllers.rollout import DESIRED, HASH_LABEL, HISTORY, MOST, REVISION
from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import DEPLOYMENTS, PODS, REPLICASETS
from shallowdive.embedded.loop import Controller, owner_keys
from shallowdive.embedded.selector import is_empty, picks
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Object, clone

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

NOT_COPIED = ("kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MOST)


class DeploymentController(Controller):
    name = "deployment-controller"
    watches = (DEPLOYMENTS, REPLICASETS, PODS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._orphans = owners.orphans(self, REPLICASETS)
        self._deployments = Index(self.store, DEPLOYMENTS, lambda value: (value["metadata"]["namespace"],))

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == DEPLOYMENTS:
            return (event.key,)
        if event.resource == PODS:
            return self._waiting_for(event) if event.type == "DELETED" else ()
        found = owner_keys(event, "Deployment")
        if found or event.type == "DELETED":
            return found
        labels = event.object["metadata"].get("labels")
        rows = [(key, self.store.get(DEPLOYMENTS, *key)) for key in self._deployments.keys(event.key[0])]
        return [key for key, row in rows if row is not None and picks(row["spec"]["selector"], labels)]

    def _waiting_for(self, event: Event) -> Iterable[Key]:
        """A Deployment that recreates waits until the last old pod is gone."""
        above = owners.controller_of(event.object)
        replica_set = self.store.get(REPLICASETS, event.key[0], above["name"]) if above and above["kind"] == "ReplicaSet" else None
        owner = owners.controller_of(replica_set) if replica_set is not None else None
        return [(event.key[0], owner["name"])] if owner is not None and owner["kind"] == "Deployment" else []

    def reconcile(self, key: Key) -> None:
        deployment = self.store.get(DEPLOYMENTS, *key)
        if deployment is None:
            return
        selector = deployment["spec"]["selector"]
        if is_empty(selector):
            text = "This deployment is selecting all pods. A non-empty selector is required."
            self._say(deployment, text, "Warning", "SelectingAll")
            return
        sets = owners.claim(self, deployment, REPLICASETS, self._orphans.objects(key[0]), lambda labels: picks(selector, labels))
        newest = self._newest(deployment, sets)
        if "deletionTimestamp" not in deployment["metadata"]:
            deployment = self._step(key, deployment, sets, newest)
            sets = self._sets_of(deployment)
            newest = self._newest(deployment, sets)
        deployment_status.write(self, key, deployment, sets, newest)

    @staticmethod
    def _newest(deployment: Object, sets: list[Object]) -> Object | None:
        template = deployment["spec"]["template"]
        return next((row for row in rollout.oldest_first(sets) if rollout.same_template(row["spec"]["template"], template)), None)

    def _step(self, key: Key, deployment: Object, sets: list[Object], newest: Object | None) -> Object:
        """One step of scaling or of the rollout; what it wrote wakes this controller again."""
        spec = deployment["spec"]
        deployment = deployment_status.note_pause(self, key, deployment)
        if newest is not None:
            deployment, newest = self._sync_revision(key, deployment, sets, newest)
            sets = [newest if row["metadata"]["uid"] == newest["metadata"]["uid"] else row for row in sets]
        old = [row for row in sets if newest is None or row["metadata"]["uid"] != newest["metadata"]["uid"]]
        wanted = str(spec.get("replicas", 1))
        scaled = any(rollout.annotation(row, DESIRED) not in ("", wanted) for row in sets if rollout.size(row))
        if spec.get("paused") or scaled:
            self._scale_all(deployment, newest, old)
            if spec.get("paused"):
                self._forget_old(deployment, old)
        elif (spec.get("strategy") or {}).get("type") == "Recreate":
            deployment = self._recreate(key, deployment, newest, old)
        else:
            if newest is None:
                deployment, newest = self._make(key, deployment, old)
            self._roll(deployment, newest, old)
        if rollout.is_complete(deployment, deployment.get("status") or {}) and not spec.get("paused"):
            self._forget_old(deployment, old)
        return deployment

    def _sets_of(self, deployment: Object) -> list[Object]:
        """Its sets as they stand now."""
        owned = self.store.owned_by(deployment["metadata"]["uid"])
        rows = [self.store.get(REPLICASETS, *key) for resource, key in owned if resource == REPLICASETS]
        return [row for row in rows if row is not None]

    # revisions

    def _make(self, key: Key, deployment: Object, old: list[Object]) -> tuple[Object, Object]:
        """The ReplicaSet of a new version of the template."""
        meta, spec = deployment["metadata"], deployment["spec"]
        letters = rollout.template_hash(spec["template"], int((deployment.get("status") or {}).get("collisionCount", 0)))
        template = clone(spec["template"])
        labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH_LABEL: letters}
        template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
        selector = clone(spec["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: letters}
        size = rollout.new_size(deployment, old, None)
        revision = max((rollout.number(row, REVISION) for row in old), default=0) + 1
        made: Object = {
            "metadata": {
                "name": f"{meta['name']}-{letters}",
                "namespace": meta["namespace"],
                "labels": dict(labels),
                "annotations": {**self._annotations(deployment), REVISION: str(revision)},
                "ownerReferences": [owners.reference(deployment)],
            },
            "spec": {"replicas": size, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            made["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        try:
            made = self.registry.create(REPLICASETS, made, self.who)
        except ApiError as refused:
            if refused.reason == "AlreadyExists":
                deployment_status.count_collision(self, key)
            else:
                deployment_status.note_refusal(self, key, refused.message)
            raise
        if size:
            self._say(deployment, f"Scaled up replica set {made['metadata']['name']} from 0 to {size}")
        text = f'Created new replica set "{made["metadata"]["name"]}"'
        return deployment_status.note_replica_set(self, key, deployment, str(revision), text, found=False), made

    def _annotations(self, deployment: Object) -> dict[str, str]:
        own = deployment["metadata"].get("annotations") or {}
        wanted = int(deployment["spec"].get("replicas", 1))
        kept = {name: text for name, text in own.items() if name not in NOT_COPIED}
        return kept | {DESIRED: str(wanted), MOST: str(wanted + rollout.bounds(deployment)[0])}

    def _sync_revision(self, key: Key, deployment: Object, sets: list[Object], newest: Object) -> tuple[Object, Object]:
        """The newest set carries the highest revision, the deployment's annotations and its minReadySeconds."""
        others = [row for row in sets if row["metadata"]["uid"] != newest["metadata"]["uid"]]
        revision = max((rollout.number(row, REVISION) for row in others), default=0) + 1
        had = newest["metadata"].get("annotations") or {}
        own = {name: text for name, text in self._annotations(deployment).items() if name not in (DESIRED, MOST)}
        annotations = {**had, **own}
        if rollout.number(newest, REVISION) < revision:
            annotations[REVISION] = str(revision)
            if had.get(REVISION):
                annotations[HISTORY] = ",".join(filter(None, (had.get(HISTORY, ""), had[REVISION])))
        seconds = deployment["spec"].get("minReadySeconds", 0)
        if annotations != had or newest["spec"].get("minReadySeconds", 0) != seconds:

            def edit(value: Object) -> None:
                value["metadata"]["annotations"] = annotations
                value["spec"]["minReadySeconds"] = seconds

            newest = self.registry.change(REPLICASETS, key[0], newest["metadata"]["name"], edit, self.who)
        text = f'Found new replica set "{newest["metadata"]["name"]}"'
        return deployment_status.note_replica_set(self, key, deployment, annotations[REVISION], text, found=True), newest

    # sizes

    def _roll(self, deployment: Object, newest: Object, old: list[Object]) -> None:
        """A step of a rolling update: first the new set up, else the old ones down; never both in one step."""
        wanted = int(deployment["spec"].get("replicas", 1))
        if rollout.size(newest) != wanted:
            target = wanted if rollout.size(newest) > wanted else rollout.new_size(deployment, [*old, newest], newest)
            if target != rollout.size(newest):
                self._scale(deployment, newest, target)
                return
        spare = rollout.total([*old, newest]) - (wanted - rollout.bounds(deployment)[1])
        spare -= rollout.size(newest) - rollout.counted(newest, "availableReplicas")
        sizes = {row["metadata"]["uid"]: rollout.size(row) for row in old}
        for row in rollout.oldest_first(old):
            step = min(spare, sizes[row["metadata"]["uid"]] - rollout.counted(row, "availableReplicas"))
            if step > 0:
                sizes[row["metadata"]["uid"]] -= step
                spare -= step
        if spare > 0:
            available = rollout.total([*old, newest], "availableReplicas") - (wanted - rollout.bounds(deployment)[1])
            for row in rollout.oldest_first(old):
                step = min(available, sizes[row["metadata"]["uid"]])
                if step > 0:
                    sizes[row["metadata"]["uid"]] -= step
                    available -= step
        for row in rollout.oldest_first(old):
            self._scale(deployment, row, sizes[row["metadata"]["uid"]])

    def _recreate(self, key: Key, deployment: Object, newest: Object | None, old: list[Object]) -> Object:
        """All old pods go, and are gone, before the first new one comes."""
        if rollout.total(old):
            for row in old:
                self._scale(deployment, row, 0)
        elif not any(self._has_running_pods(row) for row in old):
            if newest is None:
                return self._make(key, deployment, old)[0]
            self._scale(deployment, newest, int(deployment["spec"].get("replicas", 1)))
        return deployment

    def _has_running_pods(self, replica_set: Object) -> bool:
        found = [self.store.get(PODS, *key) for resource, key in self.store.owned_by(replica_set["metadata"]["uid"]) if resource == PODS]
        return any(pod is not None and not pods.is_finished(pod) for pod in found)

    def _scale_all(self, deployment: Object, newest: Object | None, old: list[Object]) -> None:
        """A new number of replicas, outside of a rollout or in the middle of one."""
        wanted = int(deployment["spec"].get("replicas", 1))
        rows = [*old, *([newest] if newest is not None else [])]
        active = [row for row in rows if rollout.size(row)]
        if len(active) <= 1:
            latest = active or ([newest] if newest is not None else rollout.oldest_first(old)[-1:])
            for row in latest:
                self._scale(deployment, row, wanted)
        elif newest is not None and self._is_saturated(newest, wanted):
            for row in old:
                self._scale(deployment, row, 0)
        elif (deployment["spec"].get("strategy") or {}).get("type", "RollingUpdate") == "RollingUpdate":
            for row, size in rollout.proportional_sizes(deployment, active):
                self._scale(deployment, row, size, annotate=True)

    @staticmethod
    def _is_saturated(newest: Object, wanted: int) -> bool:
        counts = (rollout.size(newest), rollout.number(newest, DESIRED), rollout.counted(newest, "availableReplicas"))
        return all(count == wanted for count in counts)

    def _scale(self, deployment: Object, row: Object, size: int, *, annotate: bool = False) -> None:
        was, name = rollout.size(row), row["metadata"]["name"]
        if was == size and not annotate:
            return
        wanted = int(deployment["spec"].get("replicas", 1))
        notes = {DESIRED: str(wanted), MOST: str(wanted + rollout.bounds(deployment)[0])}

        def edit(value: Object) -> None:
            value["spec"]["replicas"] = size
            value["metadata"]["annotations"] = {**(value["metadata"].get("annotations") or {}), **notes}

        self.registry.change(REPLICASETS, row["metadata"]["namespace"], name, edit, self.who)
        if was != size:
            self._say(deployment, f"Scaled {'up' if size > was else 'down'} replica set {name} from {was} to {size}")

    def _forget_old(self, deployment: Object, old: list[Object]) -> None:
        """Empty sets beyond `revisionHistoryLimit` go, lowest revision first."""
        limit = deployment["spec"].get("revisionHistoryLimit")
        living = [row for row in old if "deletionTimestamp" not in row["metadata"]]
        if limit is None or len(living) <= limit:
            return
        for row in sorted(living, key=lambda row: rollout.number(row, REVISION))[: len(living) - limit]:
            seen = (row.get("status") or {}).get("observedGeneration", 0) >= row["metadata"]["generation"]
            if not rollout.size(row) and not rollout.counted(row, "replicas") and seen:
                self.registry.delete(REPLICASETS, row["metadata"]["namespace"], row["metadata"]["name"])

    def _say(self, deployment: Object, message: str, type_: str = "Normal", reason: str = "ScalingReplicaSet") -> None:
        self.cluster.recorder.event(deployment, type_, reason, message, self.name)
