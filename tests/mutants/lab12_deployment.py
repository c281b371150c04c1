"""Lab 12: wrong and unusual work."""

from __future__ import annotations

import copy
from typing import Any

from kubernetes import utils

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, AGNHOST_BEFORE
from shallowdive.objects import Object
from tests.mutants import answer, case

Body = dict[str, Any]


def deployment(name: str = "web", image: str = AGNHOST_BEFORE, port: int = 8080, **spec: Any) -> Body:
    container = {
        "name": "web",
        "image": image,
        "command": ["sh", "-c", f"sleep 1; exec /agnhost netexec --http-port={port}"],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    base = {
        "replicas": 3,
        "selector": {"matchLabels": {"app": name}},
        "strategy": {"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": base | spec}


def service(name: str = "web", app: str = "web", port: int = 80) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"port": port, "targetPort": 8080}]},
    }


def settled(place: NamespaceClient, name: str, image: str, replicas: int = 3) -> None:
    """Wait until the pods are all of this image, ready, and as many as wanted."""

    def done(now: Any) -> bool:
        d = now.get("Deployment", name)
        pods = now.pods_of(d) if d else []
        return len(pods) == replicas == len(now.ready_pods(app=name)) and all(p["spec"]["containers"][0]["image"] == image for p in pods)

    place.wait_for(f"{name} on {image}", done, within_s=180)


def stalled(place: NamespaceClient) -> None:
    """Wait until a third version's pods are there and not ready, and every other version has as many as it is to keep."""

    def waits(rs: Object) -> bool:
        status = rs.get("status") or {}
        return bool(rs["spec"]["replicas"] and status.get("replicas") and not status.get("readyReplicas"))

    def settled(rs: Object) -> bool:
        status = rs.get("status") or {}
        return status.get("observedGeneration") == rs["metadata"]["generation"] and status.get("replicas") == rs["spec"]["replicas"]

    def third_waits(now: Any) -> bool:
        sets = now.all("ReplicaSet")
        return len(sets) >= 3 and any(map(waits, sets)) and all(map(settled, sets))

    place.wait_for("a third version that is not ready", third_waits, within_s=90)


def predictions(place: NamespaceClient, revision: Any = 4) -> None:
    answer(place, predict_failed_requests=1, predict_broken_version="nothing", answer_revision=revision)


def story(
    place: NamespaceClient,
    *,
    change: Any = lambda d: d,
    name: str = "web",
    service_body: Body | None = None,
    back: Any = None,
    replicas: int = 3,
) -> None:
    """v1, v2, broken v3, and back to v2 (or what `back` applies); `change` alters every Deployment body."""

    def body(**kw: Any) -> Body:
        return change(deployment(name, **kw))

    place.apply(service_body or service(name, name), body())
    settled(place, name, AGNHOST_BEFORE, replicas)
    place.apply(body(image=AGNHOST))
    settled(place, name, AGNHOST, replicas)
    place.apply(body(image=AGNHOST, port=9090))
    stalled(place)
    place.apply(back or body(image=AGNHOST))
    settled(place, name, AGNHOST, replicas)


def template(d: Body, **changes: Any) -> Body:
    """A Deployment body whose container has these fields (None removes one)."""
    made = copy.deepcopy(d)
    c = made["spec"]["template"]["spec"]["containers"][0]
    for key, value in changes.items():
        c.pop(key, None) if value is None else c.__setitem__(key, value)
    return made


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place)
    predictions(place)


@case("other names, four pods, maxUnavailable 1")
def other_names(place: NamespaceClient) -> None:
    def change(d: Body) -> Body:
        d["spec"] |= {"replicas": 4, "strategy": {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}}
        return d

    story(place, name="shop", change=change, service_body=service("front", "shop", 8000), replicas=4)
    predictions(place)


@case("created from YAML by utils.create_from_dict, rolled back by a patch of the template")
def created(place: NamespaceClient) -> None:
    for body in (service(), deployment()):
        utils.create_from_dict(place.api, body, namespace=place.namespace)
    settled(place, "web", AGNHOST_BEFORE)
    for body in (template(deployment(image=AGNHOST)), deployment(image=AGNHOST, port=9090)):
        place.apps.patch_namespaced_deployment("web", place.namespace, body)
        if body["spec"]["template"]["spec"]["containers"][0]["command"][-1].endswith("9090"):
            stalled(place)
        else:
            settled(place, "web", AGNHOST)
    good: Object = next(rs for rs in place.state.all("ReplicaSet") if rs["status"].get("readyReplicas"))
    old = copy.deepcopy(good["spec"]["template"])
    old["metadata"]["labels"].pop("pod-template-hash")
    place.apps.patch_namespaced_deployment("web", place.namespace, [{"op": "replace", "path": "/spec/template", "value": old}])
    settled(place, "web", AGNHOST)
    predictions(place)


ALL = (
    "predicted",
    "deployment-serves",
    "asked-before-traffic",
    "two-versions-served",
    "broken-version-stalled",
    "old-template-back",
    "revision-counted",
    "no-request-fails",
)


@case("nothing done", *ALL)
def untouched(place: NamespaceClient) -> None:
    pass


@case("predictions only", *ALL[1:])
def no_objects(place: NamespaceClient) -> None:
    predictions(place)


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    story(place)
    answer(place, answer_revision=4)


@case("bare pods behind the Service", *ALL[1:])
def bare_pods(place: NamespaceClient) -> None:
    spec = deployment()["spec"]["template"]["spec"]
    place.apply(
        service(),
        *({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{i}", "labels": {"app": "web"}}, "spec": spec} for i in range(3)),
    )
    place.wait_for("three pods", lambda now: len(now.ready_pods(app="web")) == 3)
    predictions(place)


def all_at_once(d: Body) -> Body:
    return d | {"spec": d["spec"] | {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}}}


@case("maxUnavailable 100 %", "broken-version-stalled", also=("no-request-fails",))
def unavailable(place: NamespaceClient) -> None:
    """While all pods of a Service end, kube-proxy still sends to them: preStop may bridge a good version's gap, not a broken one's."""
    story(place, change=all_at_once)
    predictions(place)


@case("maxUnavailable 100 %, and pods that stop at once", "broken-version-stalled", "no-request-fails")
def unavailable_at_once(place: NamespaceClient) -> None:
    story(place, change=lambda d: template(all_at_once(d), lifecycle=None))
    predictions(place)


@case("strategy Recreate", "broken-version-stalled", "no-request-fails")
def recreate(place: NamespaceClient) -> None:
    story(place, change=lambda d: d | {"spec": d["spec"] | {"strategy": {"type": "Recreate"}}})
    predictions(place)


@case(
    "no readiness probe",
    "asked-before-traffic",
    "broken-version-stalled",
    "no-request-fails",
    also=("old-template-back", "revision-counted"),
)
def no_probe(place: NamespaceClient) -> None:
    def unasked(image: str = AGNHOST_BEFORE, port: int = 8080) -> Body:
        """Slow to warm up, so that the gap is seen however busy the machine is."""
        slow = ["sh", "-c", f"sleep 5; exec /agnhost netexec --http-port={port}"]
        return template(deployment(image=image), readinessProbe=None, command=slow)

    place.apply(service(), unasked())
    settled(place, "web", AGNHOST_BEFORE)
    for kw in ({"image": AGNHOST}, {"image": AGNHOST, "port": 9090}, {"image": AGNHOST}):
        place.apply(unasked(**kw))
        command = unasked(**kw)["spec"]["template"]["spec"]["containers"][0]["command"]
        place.wait_for("this version", lambda now, c=command: (ps := now.pods_of(now.get("Deployment", "web"))) and len(ps) == 3 and all(
            p["spec"]["containers"][0]["command"] == c for p in ps) and len(now.ready_pods(app="web")) == 3, within_s=120)  # fmt: skip
    predictions(place)


@case("a rollback by a template that never was", "old-template-back")
def new_template(place: NamespaceClient) -> None:
    other = template(deployment(image=AGNHOST), env=[{"name": "VERSION", "value": "2 again"}])
    story(place, back=other)
    predictions(place)


@case("no broken version was ever tried", "broken-version-stalled", "old-template-back", "revision-counted")
def never_broken(place: NamespaceClient) -> None:
    place.apply(service(), deployment())
    settled(place, "web", AGNHOST_BEFORE)
    place.apply(deployment(image=AGNHOST))
    settled(place, "web", AGNHOST)
    predictions(place)


@case("left on the broken version", "deployment-serves", "old-template-back", "revision-counted", "no-request-fails")
def left_broken(place: NamespaceClient) -> None:
    place.apply(service(), deployment())
    settled(place, "web", AGNHOST_BEFORE)
    place.apply(deployment(image=AGNHOST))
    settled(place, "web", AGNHOST)
    place.apply(deployment(image=AGNHOST, port=9090))
    stalled(place)
    predictions(place)


@case("one version only", *ALL[3:7])
def one_version(place: NamespaceClient) -> None:
    place.apply(service(), deployment())
    settled(place, "web", AGNHOST_BEFORE)
    predictions(place)


@case("the old revision number answered", "revision-counted")
def wrong_revision(place: NamespaceClient) -> None:
    story(place)
    predictions(place, revision=2)


@case("scaled to zero at the end", "deployment-serves", "no-request-fails", also=("old-template-back", "revision-counted"))
def scaled_away(place: NamespaceClient) -> None:
    story(place)
    place.apps.patch_namespaced_deployment("web", place.namespace, {"spec": {"replicas": 0}})
    place.wait_for("no pods", lambda now: not now.all("Pod"), within_s=60)
    predictions(place)
