"""What no Kubernetes has: the knobs of this cluster, below /shallowdive. For the cluster's owner only.

`GET /shallowdive` · `GET /shallowdive/keys?prefix=/registry/pods/` · `PUT /shallowdive/clock` {"speed": 20} ·
`POST /shallowdive/nodes/NAME/stop` and `/start` · the same for `/shallowdive/components/NAME` (kube-scheduler, kube-controller-manager,
kube-apiserver). They answer also while the API server is off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from shallowdive.embedded.api.access import may_do_all
from shallowdive.embedded.api.negotiate import respond
from shallowdive.embedded.components import COMPONENTS
from shallowdive.embedded.kinds import NODES, VERSION
from shallowdive.embedded.request import Request, Response, User
from shallowdive.embedded.status import bad_request, forbidden_path, method_not_allowed, no_such_path

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster


PATH = "/shallowdive"
IN_ETCD = {"services": "services/specs", "endpoints": "services/endpoints", "nodes": "minions"}
"""Of these a real API server has kept older names."""


def handle(cluster: Cluster, request: Request, user: User) -> Response:
    """Raises ApiError: 400, 403, 404, 405."""
    if not may_do_all(user):
        raise forbidden_path(user.name, request.method.lower(), request.path)
    words = request.path.strip("/").split("/")[1:]
    match request.method, words:
        case "GET", []:
            pass
        case "PUT", ["clock"]:
            cluster.clock.speed = _speed(request.body)
        case "POST", ["nodes", name, "stop" | "start" as what]:
            cluster.registry.get(NODES, "", name)
            (cluster.kubelet.stop_node if what == "stop" else cluster.kubelet.start_node)(name)
        case "GET", ["keys"]:
            return respond(200, {"keys": keys(cluster, request.one("prefix"))})
        case "POST", ["components", name, "stop" | "start" as what]:
            try:
                cluster.set_component(name, running=what == "start")
            except KeyError:
                raise no_such_path() from None
        case _, ([] | ["clock"] | ["keys"] | ["nodes" | "components", _, "stop" | "start"]):
            raise method_not_allowed()
        case _:
            raise no_such_path()
    return respond(200, state(cluster))


def state(cluster: Cluster) -> dict[str, Any]:
    settings, clock = cluster.settings, cluster.clock
    return {
        "backend": "embedded",
        "version": VERSION,
        "name": settings.name,
        "seed": settings.seed,
        "speed": clock.speed,
        "time": clock.stamp(),
        "components": {name: cluster.started.get(name) for name in COMPONENTS},
    }


def keys(cluster: Cluster, prefix: str) -> list[str]:
    """What is stored, as a real API server would call it in etcd."""
    found = []
    for resource in cluster.store.resources():
        plural = resource.partition(".")[0]
        found += ["/".join(("/registry", IN_ETCD.get(plural, plural), *filter(None, e.key))) for e in cluster.store.latest(resource)]
    return sorted(key for key in found if key.startswith(prefix))


def _speed(raw: bytes) -> float:
    try:
        speed = float(orjson.loads(raw)["speed"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise bad_request('the body must be like {"speed": 20}') from None
    if not 0 <= speed <= 1000:
        raise bad_request("speed must be between 0 and 1000 cluster seconds for each second")
    return speed
