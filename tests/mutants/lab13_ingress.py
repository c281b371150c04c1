"""Lab 13: wrong and unusual work."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from kubernetes import utils

from shallowdive.checks.faults import FAULTS, HIDDEN, MARK, Episode, break_hop, draw
from shallowdive.checks.hops import host_of, lab_host, trace_once
from shallowdive.checks.lab13_ingress import LAB
from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST, BUSYBOX
from shallowdive.live import poll
from tests.mutants import answer, case, forget_answers

Body = dict[str, Any]
PORT = 9376
HTTPD = "mkdir /tmp/www; hostname > /tmp/www/{path}; exec httpd -f -p 9376 -h /tmp/www"


def deployment(name: str, *, replicas: int = 2, label: str = "", **container: Any) -> Body:
    base = {
        "name": "web",
        "image": AGNHOST,
        "command": ["/agnhost", "serve-hostname", "--http=true", f"--port={PORT}"],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    made = {k: v for k, v in (base | container).items() if v is not None}
    labels = {"app": label or name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 6, "containers": [made]}},
        },
    }


def service(name: str, *, label: str = "", port: int = 80, **spec: Any) -> Body:
    ports = [{"name": "web", "port": port, "targetPort": PORT}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": label or name}, "ports": ports, **spec},
    }


def ingress(host: str, name: str = "shop", paths: tuple[tuple[str, str], ...] = (("/a", "a"), ("/b", "b")), **spec: Any) -> Body:
    rules = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"name": "web"}}}} for path, service in paths
    ]
    rule = {"http": {"paths": rules}} | ({"host": host} if host else {})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"ingressClassName": "traefik", "rules": [rule], **spec},
    }


def usual(place: NamespaceClient) -> list[Body]:
    return [*(f(n) for n in "ab" for f in (deployment, service)), ingress(lab_host("shop", place.namespace))]


def answering(place: NamespaceClient, *paths: str) -> None:
    """Wait until the entrance answers these paths; without paths, until it answers neither."""

    def ask() -> bool | None:
        host = host_of(place.state, place.namespace, ("/a", "/b"))
        there = tuple(p for p in ("/a", "/b") if trace_once(place, p, host).answered)
        return True if there == paths else None

    poll(f"answers on {paths}", ask, within_s=60)


def all_ready(place: NamespaceClient, pods: int = 4) -> None:
    place.wait_for(f"{pods} ready pods", lambda now: len(now.ready_pods()) == pods == len(now.all("Pod")), within_s=120)


def predictions(place: NamespaceClient, **more: Any) -> None:
    answer(
        place, predict_pods_that_answer=2, predict_label="Service → pod", predict_readiness="nobody", predict_controller="nothing", **more
    )


def hidden_fault(place: NamespaceClient, repair: Callable[[], object], said: str = "") -> Episode:
    """Meet the next hidden fault, repair it, name it (or say something else), with the predictions."""
    episode = break_hop(place, LAB)
    repair()
    answering(place, "/a", "/b")
    predictions(place, answer_broken_hop=said or episode.fault)
    return episode


def story(place: NamespaceClient, bodies: list[Body] | None = None, then: tuple[Body, ...] = (), pods: int = 4) -> None:
    """Everything applied, the hidden fault repaired by applying it again and named; then what the case spoils."""
    bodies = usual(place) if bodies is None else bodies
    place.apply(*bodies)
    all_ready(place, pods)
    hidden_fault(place, lambda: place.apply(*bodies))
    place.apply(*then)


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place)


@case("other names, an Ingress for each path, exact paths, another host and port")
def other_names(place: NamespaceClient) -> None:
    host = lab_host("boutique", place.namespace)
    bodies = []
    for path, name in (("/a", "shoes"), ("/b", "hats")):
        rule = ingress(host, f"to-{name}", ((path, f"{name}-front"),))
        rule["spec"]["rules"][0]["http"]["paths"][0] |= {"pathType": "Exact"}
        bodies += [deployment(f"{name}-v1", label=name), service(f"{name}-front", label=name, port=8000), rule]
    story(place, bodies)


@case("created from YAML by utils.create_from_dict, three pods, another web server, repaired field by field")
def created(place: NamespaceClient) -> None:
    bodies = usual(place)
    for n, at in (("a", 0), ("b", 2)):
        command = ["sh", "-c", HTTPD.format(path=n)]
        probe = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
        bodies[at] = deployment(n, replicas=3, image=BUSYBOX, command=command, readinessProbe=probe, ports=None)
    del bodies[4]["spec"]["ingressClassName"]
    for body in bodies:
        utils.create_from_dict(place.api, body, namespace=place.namespace)
    all_ready(place, 6)

    def repair() -> None:
        for at in (0, 2):
            place.apps.patch_namespaced_deployment(bodies[at]["metadata"]["name"], place.namespace, bodies[at])
        for at in (1, 3):
            place.core.patch_namespaced_service(bodies[at]["metadata"]["name"], place.namespace, bodies[at])
        again = {"spec": bodies[4]["spec"] | {"ingressClassName": "traefik"}}
        place.networking.patch_namespaced_ingress("shop", place.namespace, again)

    hidden_fault(place, repair)


ALL = (
    "predicted",
    "both-paths-answer",
    "unknown-path-404",
    "wrong-host-404",
    "survives-a-killed-pod",
    "hidden-fault-met",
    "broken-hop-named",
)
WAY_IN = ALL[1:5]


@case("nothing done", *ALL)
def untouched(place: NamespaceClient) -> None:
    pass


@case("predictions and an answer only", *ALL[1:])
def no_objects(place: NamespaceClient) -> None:
    predictions(place, answer_broken_hop="label")


@case("leftovers of another lab", *ALL[1:])
def leftovers(place: NamespaceClient) -> None:
    place.apply(deployment("web"), service("web"))
    all_ready(place, 2)
    predictions(place, answer_broken_hop="label")


@case("no prediction made", "predicted")
def no_prediction(place: NamespaceClient) -> None:
    story(place)
    forget_answers(place)
    place.wait_for("no answers", lambda now: now.get("ConfigMap", "shallowdive-answers") is None, within_s=20)
    answer(place, answer_broken_hop=draw(LAB, place.namespace, 1)[0])


@case("NodePort only, no Ingress", *ALL[1:])
def node_port(place: NamespaceClient) -> None:
    place.apply(*(deployment(n) for n in "ab"), *(service(n, type="NodePort") for n in "ab"))
    all_ready(place)
    predictions(place, answer_broken_hop="controller")


@case("one path only", "both-paths-answer", "survives-a-killed-pod")
def one_path(place: NamespaceClient) -> None:
    story(place, then=(ingress(lab_host("shop", place.namespace), paths=(("/a", "a"),)),))
    answering(place, "/a")


@case("a Service without endpoints", "both-paths-answer", "survives-a-killed-pod")
def no_endpoints(place: NamespaceClient) -> None:
    story(place, then=(service("b", label="c"),))
    answering(place, "/a")


@case("a class that no controller serves", *WAY_IN)
def no_controller(place: NamespaceClient) -> None:
    story(place, then=(ingress(lab_host("shop", place.namespace), ingressClassName="nobody"),))
    answering(place)


@case("any host is accepted", "wrong-host-404")
def any_host(place: NamespaceClient) -> None:
    story(place, [*usual(place)[:4], ingress("")])


@case("any path is accepted", "unknown-path-404")
def any_path(place: NamespaceClient) -> None:
    bodies = [*usual(place)[:4], ingress(lab_host("shop", place.namespace), paths=(("/", "a"), ("/b", "b")))]
    story(place, bodies)
    break_hop(place, LAB, "namespace", "/b")  # the rule for every path answers in its place
    place.apply(*bodies)
    answering(place, "/a", "/b")


@case("both paths lead to one Service", "both-paths-answer")
def one_service(place: NamespaceClient) -> None:
    story(place, then=(ingress(lab_host("shop", place.namespace), paths=(("/a", "a"), ("/b", "a"))),))
    place.wait_for(
        "the rule", lambda now: now.get("Ingress", "shop")["spec"]["rules"][0]["http"]["paths"][1]["backend"]["service"]["name"] == "a"
    )


@case("another web server answers", *WAY_IN)
def another_server(place: NamespaceClient) -> None:
    now = ["/agnhost", "netexec", f"--http-port={PORT}"]
    story(place, then=tuple(deployment(n, command=now) for n in "ab"))
    place.wait_for("the other server", lambda now: len(now.all("Pod")) == 4 == len(now.ready_pods()) and all(
        "netexec" in p["spec"]["containers"][0]["command"] for p in now.all("Pod")), within_s=60)  # fmt: skip


@case("pages that were written beforehand with the names of the pods", "survives-a-killed-pod")
def written_pages(place: NamespaceClient) -> None:
    serve = ["sh", "-c", "mkdir /tmp/www; echo > /tmp/www/x.html; exec httpd -f -p 9376 -h /tmp/www"]
    bodies = [deployment(n, image=BUSYBOX, command=serve, readinessProbe={"tcpSocket": {"port": PORT}, "periodSeconds": 1}) for n in "ab"]
    place.apply(*usual(place))
    all_ready(place)
    hidden_fault(place, lambda: place.apply(*usual(place)))
    place.apply(*bodies)
    place.wait_for("the pages' server", lambda now: len(now.all("Pod")) == 4 == len(now.ready_pods()) and all(
        p["spec"]["containers"][0]["image"] == BUSYBOX for p in now.all("Pod")), within_s=60)  # fmt: skip
    for n in "ab":
        pods = [p["metadata"]["name"] for p in place.state.ready_pods(app=n)]
        for pod in pods:
            place.exec(pod, ["sh", "-c", f"echo {pods[0]} > /tmp/www/{n}"])
    answering(place, "/a", "/b")


@case("one pod behind each path", "survives-a-killed-pod")
def single(place: NamespaceClient) -> None:
    story(place, [*(f for n in "ab" for f in (deployment(n, replicas=1), service(n))), usual(place)[4]], pods=2)


@case("no readiness probe on a program that starts slowly", "survives-a-killed-pod")
def unasked(place: NamespaceClient) -> None:
    slow = ["sh", "-c", f"sleep 6; exec /agnhost serve-hostname --http=true --port={PORT}"]
    pods = [deployment(f"slow-{n}", command=slow, readinessProbe=None) for n in "ab"]
    story(place, then=(*pods, *(service(n, label=f"slow-{n}") for n in "ab")))
    all_ready(place, 8)
    answering(place, "/a", "/b")


@case("no hidden fault was met", "hidden-fault-met", "broken-hop-named")
def never_hidden(place: NamespaceClient) -> None:
    place.apply(*usual(place))
    all_ready(place)
    break_hop(place, LAB, "label", "/b")
    place.apply(*usual(place))
    answering(place, "/a", "/b")
    predictions(place, answer_broken_hop="label")


@case("the broken hop named wrongly", "broken-hop-named")
def named_wrongly(place: NamespaceClient) -> None:
    place.apply(*usual(place))
    all_ready(place)
    truth, _ = draw(LAB, place.namespace, 1)
    hidden_fault(place, lambda: place.apply(*usual(place)), said=next(f for f in FAULTS if f != truth))


@case("an easy fault with the mark of a hidden one", "hidden-fault-met", "broken-hop-named")
def faked_mark(place: NamespaceClient) -> None:
    place.apply(*usual(place))
    all_ready(place)
    number = next(n for n in range(1, 6) if draw(LAB, place.namespace, n)[0] != "label")
    spoiled = copy.deepcopy(service("a", label="c"))
    spoiled["metadata"]["annotations"] = {MARK: f"{HIDDEN}-{number}"}
    place.apply(spoiled)
    answering(place, "/b")
    place.apply(service("a"))
    answering(place, "/a", "/b")
    predictions(place, answer_broken_hop="label")
