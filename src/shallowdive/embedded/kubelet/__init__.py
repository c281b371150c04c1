"""What nodes do with the pods bound to them. One object plays the kubelets of all nodes.

It keeps a `PodLife` for each bound pod and lets it take its next step whenever something about it has changed or its time has come.
It also answers what the API server asks a kubelet: logs, exec, attach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shallowdive.embedded import clock as clocks
from shallowdive.embedded.kinds import CONFIGMAPS, NODES, PODS, PVS, SECRETS
from shallowdive.embedded.kubelet import access
from shallowdive.embedded.kubelet.life import Delays
from shallowdive.embedded.kubelet.logs import LogOptions
from shallowdive.embedded.kubelet.nodes import Node
from shallowdive.embedded.kubelet.pod import PodLife
from shallowdive.embedded.kubelet.volumes import Shelf, names_of
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.programs.process import RunQueue
from shallowdive.embedded.request import Channel, Response, Stream
from shallowdive.embedded.scheduler.nodes import counted, requests_of
from shallowdive.embedded.status import not_found
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

__all__ = ["Kubelet", "LogOptions"]


class Kubelet(Controller):
    name = "kubelet"
    watches = (PODS, CONFIGMAPS, SECRETS, PVS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.run_queue = RunQueue(self.clock)
        self.delays = Delays(cluster.random)
        self.shelf = Shelf()
        self.nodes: dict[str, Node] = {}
        self.lives: dict[Key, PodLife] = {}
        self._readers: dict[tuple[str, str, str], set[Key]] = {}
        """Pods by the ConfigMaps and Secrets (resource, namespace, name) whose files they mount."""
        self._promised: dict[str, Counter[str]] = {}
        self.parse = clocks.parse

    def start(self) -> None:
        for value in self.store.objects(NODES):
            node = self.nodes[value["metadata"]["name"]] = Node(self, value)
            if node.ip:
                self.cluster.network.addresses.add(node.ip)
            node.beat()

    # acting

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == PODS:
            self._count(event)
            bound = event.object["spec"].get("nodeName") in self.nodes
            return (event.key,) if bound or event.key in self.lives else ()
        if event.resource == PVS:
            if event.type == "DELETED":
                self.shelf.forget(event.key[1])
            return ()
        if event.before is not None:
            for key in self._readers.get((event.resource, *event.key), ()):
                if key in self.lives:
                    self.refresh_later(self.lives[key])
        return ()

    def _count(self, event: Event) -> None:
        """Keep count of what the pods of each node were promised."""
        for sign, pod in ((-1, counted(event.before)), (1, counted(event.object if event.type != "DELETED" else None))):
            if pod is not None and not (event.before and counted(event.before) and event.type == "MODIFIED" and counted(event.object)):
                total = self._promised.setdefault(pod["spec"]["nodeName"], Counter())
                for name, amount in requests_of(pod["spec"]).items():
                    total[name] += sign * amount

    def promised(self, node: str) -> Counter[str]:
        return self._promised.get(node, Counter())

    def refresh_later(self, life: PodLife) -> None:
        self.clock.after(self.delays.take("refresh"), lambda: life.volumes.refresh(life.pod))

    def reconcile(self, key: Key) -> None:
        pod = self.store.get(PODS, *key)
        life = self.lives.get(key)
        if life is not None and (pod is None or pod["metadata"]["uid"] != life.uid):
            self._forget(key, life)
            life = None
        if pod is None or not pod["spec"].get("nodeName"):
            return
        node = self.nodes.get(pod["spec"]["nodeName"])
        if node is None or node.stopped:
            return
        if life is None:
            if pod["status"].get("phase") in ("Succeeded", "Failed"):
                return
            life = self.lives[key] = PodLife(self, node, pod)
            for resource, name in names_of(pod):
                self._readers.setdefault((resource, key[0], name), set()).add(key)
        life.sync(pod)

    def _forget(self, key: Key, life: PodLife) -> None:
        del self.lives[key]
        life.vanish()
        for resource, name in names_of(life.pod):
            self._readers.get((resource, key[0], name), set()).discard(key)

    # nodes

    def stop_node(self, name: str) -> None:
        """Pull a node's plug: its programs end, its kubelet falls silent. Raises ApiError 404."""
        node = self._node(name)
        if not node.stopped:
            node.stop()
            for life in self._lives_on(name):
                life.node_died()

    def start_node(self, name: str) -> None:
        """Switch it on again. Raises ApiError 404."""
        node = self._node(name)
        if node.stopped:
            node.start()
            for life in self._lives_on(name):
                life.node_came_back()
            for event in self.store.latest(PODS):
                if event.object["spec"].get("nodeName") == name:
                    self.again(event.key)
            for life in self._lives_on(name):
                self.again(life.key)

    def _node(self, name: str) -> Node:
        node = self.nodes.get(name)
        if node is None:
            raise not_found(NODES, name)
        return node

    def _lives_on(self, name: str) -> list[PodLife]:
        return [life for life in self.lives.values() if life.node.name == name]

    # what the API server asks

    def logs(self, pod: Object, container: str, options: LogOptions) -> bytes | Stream:
        """What a container wrote. Raises ApiError 400 when it has not run."""
        return access.logs(self, pod, container, options)

    def exec(self, pod: Object, container: str, argv: list[str], stdin: bool, tty: bool) -> Channel | Response:
        """Run a program in a container. Raises ApiError 400; a container that does not run is a plain response, as on a real node."""
        return access.execute(self, pod, container, argv, stdin, tty)

    def attach(self, pod: Object, container: str) -> Channel | Response:
        """Listen to a container's process 1 from now on. Left out: its stdin, which is closed here."""
        return access.attach(self, pod, container)
