"""A cluster on a standing clock whose kubelet is a stand-in, so that a test of a controller says itself what its pods do."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.clock import parse
from shallowdive.embedded.cluster import Cluster
from shallowdive.embedded.kinds import DEPLOYMENTS, EVENTS, JOBS, LEASES, NODES, PODS, REPLICASETS, kind_of
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.registry import DeleteOptions, Who
from shallowdive.embedded.store import Event, Key, Object, clone

ME = Who("test")
HEARTBEAT_S = 10


class StandIn(Controller):
    """Makes a bound pod ready after a second; image `stuck` never, `exit-N` ends with N after two. Deletes at once."""

    name = "kubelet"
    watches = (PODS,)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.stopped: set[str] = set()
        self._addresses = 0

    def start(self) -> None:
        for node in self.store.objects(NODES):
            self.beat(node["metadata"]["name"])

    def beat(self, name: str) -> None:
        if name not in self.stopped and self.store.get(NODES, "", name) is not None:
            stamp = self.clock.micro_stamp()
            self.registry.change(LEASES, "kube-node-lease", name, lambda lease: lease["spec"].update(renewTime=stamp), ME)
            self._say_ready(name)
        self.clock.after(HEARTBEAT_S, lambda: self.beat(name))

    def _say_ready(self, name: str) -> None:
        def edit(node: Object) -> None:
            for row in node["status"]["conditions"]:
                row["status"] = "True" if row["type"] == "Ready" else "False"

        self.registry.change(NODES, "", name, edit, ME, subresource="status")
        for event in self.store.latest(PODS):
            self.again(event.key)

    def keys(self, event: Event) -> tuple[Key, ...]:
        return (event.key,) if event.type != "DELETED" else ()

    def reconcile(self, key: Key) -> None:
        pod = self.store.get(PODS, *key)
        node = (pod or {}).get("spec", {}).get("nodeName")
        if pod is None or not node or node in self.stopped or pod["status"]["phase"] in ("Succeeded", "Failed"):
            return
        if "deletionTimestamp" in pod["metadata"]:
            self.registry.delete(PODS, *key, DeleteOptions(grace_s=0))
            return
        image = pod["spec"]["containers"][0]["image"]
        if image == "stuck":
            return
        since = self.clock.now() - parse(pod["metadata"]["creationTimestamp"])
        if since < 1:
            self.again(key, 1 - since)
        elif not image.startswith("exit-"):
            self._set(key, "Running", "True")
        elif since < 2:
            self._set(key, "Running", "True")
            self.again(key, 2 - since)
        else:
            code = int(image.removeprefix("exit-"))
            ended = {"exitCode": code, "finishedAt": self.clock.stamp(), "reason": "Error" if code else "Completed"}
            self._set(key, "Failed" if code else "Succeeded", "False", [{"name": "a", "state": {"terminated": ended}, "restartCount": 0}])

    def _set(self, key: Key, phase: str, ready: str, containers: list[dict[str, Any]] | None = None) -> None:
        pod = self.store.get(PODS, *key)
        assert pod is not None
        rows = [row for row in pod["status"].get("conditions") or () if row["type"] == "Ready"]
        if pod["status"]["phase"] == phase and rows and rows[0]["status"] == ready:
            return
        self._addresses += 1
        address = pod["status"].get("podIP") or f"10.244.{self._addresses // 250}.{self._addresses % 250 + 1}"
        made = {"type": "Ready", "status": ready, "lastTransitionTime": self.clock.stamp()}

        def edit(value: Object) -> None:
            others = [row for row in value["status"].get("conditions") or () if row["type"] != "Ready"]
            value["status"] |= {"phase": phase, "podIP": address, "conditions": [*others, made]}
            if containers is not None:
                value["status"]["containerStatuses"] = containers

        self.registry.change(PODS, *key, edit, ME, subresource="status")


class World:
    """The cluster under test and short ways to ask it."""

    def __init__(self, cluster: Cluster, namespace: str = "default") -> None:
        self.cluster, self.namespace = cluster, namespace
        self.store, self.registry, self.advance = cluster.store, cluster.registry, cluster.advance
        self.kubelet: StandIn = cluster.kubelet  # type: ignore[assignment]

    def create(self, resource: str, name: str, *, dry_run: bool = False, **body: Any) -> Object:
        meta = body.pop("metadata", {})
        place = {"namespace": self.namespace} if kind_of(resource).namespaced else {}
        return self.registry.create(resource, {"metadata": {"name": name, **place, **meta}, **clone(body)}, ME, dry_run=dry_run)

    def get(self, resource: str, name: str) -> Object | None:
        return self.store.get(resource, self.namespace if kind_of(resource).namespaced else "", name)

    def must(self, resource: str, name: str) -> Object:
        found = self.get(resource, name)
        assert found is not None, f"{resource} {name} is not there"
        return found

    def change(self, resource: str, name: str, edit: Any, **more: Any) -> Object:
        return self.registry.change(resource, self.namespace if kind_of(resource).namespaced else "", name, edit, ME, **more)

    def delete(self, resource: str, name: str, propagation: str = "Background", **more: Any) -> Object:
        place = self.namespace if kind_of(resource).namespaced else ""
        return self.registry.delete(resource, place, name, DeleteOptions(propagation=propagation, **more))

    def all(self, resource: str) -> list[Object]:
        return self.store.objects(resource, self.namespace if kind_of(resource).namespaced else None)

    def names(self, resource: str) -> list[str]:
        return [value["metadata"]["name"] for value in self.all(resource)]

    def events(self, name: str = "", reason: str = "") -> list[str]:
        """Messages of events about objects whose name begins so, in the order they were first said."""
        rows = [e for e in self.store.objects(EVENTS) if e["involvedObject"]["name"].startswith(name) and reason in ("", e["reason"])]
        rows.sort(key=lambda e: int(e["metadata"]["name"].rpartition(".")[2], 16))
        return [e["message"] for e in rows]

    def deployment(self, name: str = "web", image: str = "i:1", **spec: Any) -> Object:
        return self.create(DEPLOYMENTS, name, spec={"selector": {"matchLabels": {"app": name}}, "template": template(image, name), **spec})

    def replica_set(self, name: str = "web", image: str = "i:1", **spec: Any) -> Object:
        return self.create(REPLICASETS, name, spec={"selector": {"matchLabels": {"app": name}}, "template": template(image, name), **spec})

    def job(self, name: str = "sum", image: str = "exit-0", **spec: Any) -> Object:
        pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": image}]}
        return self.create(JOBS, name, spec={"template": {"spec": pod}, **spec})

    def pod(self, name: str, image: str = "i:1", labels: dict[str, str] | None = None, **spec: Any) -> Object:
        containers = {"containers": [{"name": "a", "image": image}]}
        return self.create(PODS, name, metadata={"labels": labels or {}}, spec={**containers, **spec})

    def set_image(self, image: str, name: str = "web") -> None:
        self.change(DEPLOYMENTS, name, lambda value: value["spec"]["template"]["spec"]["containers"][0].update(image=image))

    def scale(self, replicas: int, name: str = "web", resource: str = DEPLOYMENTS) -> None:
        self.change(resource, name, lambda value: value["spec"].update(replicas=replicas))

    def condition(self, resource: str, name: str, type_: str) -> Object:
        rows = self.must(resource, name).get("status", {}).get("conditions") or []
        return next((row for row in rows if row["type"] == type_), {})


def template(image: str = "i:1", app: str = "web") -> Object:
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "a", "image": image}]}}
