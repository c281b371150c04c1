"""Services and the pods behind them: EndpointSlices, and the older Endpoints. Which pod counts, and on which port.

A change of a pod costs its labels, not the number of pods or services; a service is worked through once for many changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.controllers import endpoints_v1, pods, slices
from shallowdive.embedded.index import Index, label_values, picked, pods_by_label
from shallowdive.embedded.kinds import ENDPOINTS, ENDPOINTSLICES, PODS, SERVICES
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster


class EndpointsController(Controller):
    name = "endpoint-slice-controller"
    watches = (SERVICES, PODS, ENDPOINTSLICES, ENDPOINTS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._pods = pods_by_label(cluster.store)
        self._services = Index(cluster.store, SERVICES, _one_pair)
        self.slices = Index(cluster.store, ENDPOINTSLICES, slices.service_of)

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == PODS:
            return self._services_of(event)
        if event.resource == ENDPOINTSLICES:
            return slices.service_of(event.object) if event.type == "DELETED" else ()
        return (event.key,)

    def _services_of(self, event: Event) -> dict[Key, None]:
        before = _seen(event.before) if event.before is not None else None
        after = _seen(event.object) if event.type != "DELETED" else None
        found: dict[Key, None] = {}
        if before == after:
            return found
        for value, seen in ((event.before, before), (event.object, after)):
            if value is None or seen is None:
                continue
            labels = value["metadata"].get("labels") or {}
            for pair in label_values(value):
                for service in self._services.objects(pair):
                    if service["spec"]["selector"].items() <= labels.items():
                        found[(event.key[0], service["metadata"]["name"])] = None
        return found

    def reconcile(self, key: Key) -> None:
        service = self.store.get(SERVICES, *key)
        if service is None or "deletionTimestamp" in service["metadata"]:
            endpoints_v1.remove(self, key)
            return
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return
        if not spec.get("selector"):
            slices.mirror(self, key)
            return
        members = [pod for pod in picked(self._pods, key[0], spec["selector"]) if _counts(pod)]
        slices.write(self, key, service, members)
        endpoints_v1.write(self, key, service, members)


def _one_pair(service: Object) -> Iterator[tuple[str, str, str]]:
    """One pair of the selector is enough to find the service from a pod."""
    selector = service["spec"].get("selector")
    if selector:
        name = min(selector)
        yield service["metadata"]["namespace"], name, selector[name]


def _counts(pod: Object) -> bool:
    return bool(pod["status"].get("podIP")) and not pods.is_finished(pod)


def _seen(pod: Object) -> tuple[Any, ...]:
    """All that a service looks at in a pod."""
    status, meta = pod["status"], pod["metadata"]
    ready = pods.is_ready(pod)
    return status.get("podIP"), ready, pods.is_finished(pod), "deletionTimestamp" in meta, pod["spec"].get("nodeName"), meta.get("labels")


def ports_of(service: Object, pod: Object) -> list[dict[str, Any]]:
    """The ports of a service as this pod serves them: a name is looked up among the pod's container ports."""
    found = []
    for port in service["spec"].get("ports") or ():
        protocol = port.get("protocol", "TCP")
        number = _number(port.get("targetPort", port["port"]), protocol, pod)
        if number:
            app = {"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {}
            found.append({"name": port.get("name", ""), "port": number, "protocol": protocol, **app})
    return found


def _number(target: int | str, protocol: str, pod: Object) -> int:
    if isinstance(target, int):
        return target
    sidecars = [row for row in pod["spec"].get("initContainers") or () if row.get("restartPolicy") == "Always"]
    for container in (*pod["spec"]["containers"], *sidecars):
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return 0
