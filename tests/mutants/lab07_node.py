"""Lab 7: wrong and unusual work. Every story computes its numbers from the cluster that it finds."""

from __future__ import annotations

from typing import Any

from kubernetes import utils

from shallowdive.cluster import NamespaceClient
from shallowdive.cluster.images import AGNHOST
from shallowdive.live import ClusterState
from shallowdive.objects.quantities import amount, asked
from tests.mutants import answer, case, forget_answers

Body = dict[str, Any]
ALL = ("predicted", "nodes-filled", "fits-counted", "refusal-read", "too-wide", "wide-has-a-node", "limit-alone", "next-one")
SELECTOR = {"nodeSelector": {"disk": "none-of-them"}}


def free(place: NamespaceClient) -> dict[str, int]:
    """Millicores that nobody requests, by node that takes ordinary pods."""
    api = place.api
    nodes = api.sanitize_for_serialization(place.core.list_node().items)
    pods = api.sanitize_for_serialization(place.core.list_pod_for_all_namespaces().items)
    left = {n["metadata"]["name"]: amount(n["status"]["allocatable"]["cpu"]) for n in nodes if not n["spec"].get("taints")}
    for p in pods:
        if p["spec"].get("nodeName") in left and p["status"].get("phase") not in ("Succeeded", "Failed"):
            left[p["spec"]["nodeName"]] -= asked(p, "cpu")
    return {name: int(gap * 1000) for name, gap in left.items()}


def quarter(place: NamespaceClient) -> int:
    return min(int(amount(n.status.allocatable["cpu"]) * 1000) for n in place.core.list_node().items) // 4


def container(cpu: Body) -> Body:
    return {"name": "box", "image": AGNHOST, "args": ["pause"], "resources": cpu}


def spec(cpu: Body, **more: Any) -> Body:
    return {"containers": [container(cpu)], "terminationGracePeriodSeconds": 0} | more


def requests(millicores: int) -> Body:
    return {"requests": {"cpu": f"{millicores}m"}}


def boxes(replicas: int, pod: Body, name: str = "boxes") -> Body:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod}
    body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def bare(pod: Body, name: str = "wide") -> Body:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod}


def undecided(now: ClusterState) -> list[Body]:
    """Pods of which the scheduler has not said anything."""
    refused = {e["involvedObject"].get("uid") for e in now.all("Event") if e.get("reason") == "FailedScheduling"}
    return [p for p in now.all("Pod") if not p["spec"].get("nodeName") and p["metadata"]["uid"] not in refused]


def settled(place: NamespaceClient, pods: int) -> None:
    """So many pods, each with a node or refused."""
    place.wait_for(
        f"{pods} pods placed or refused",
        lambda now: len([p for p in now.all("Pod") if not p["metadata"].get("deletionTimestamp")]) == pods and not undecided(now),
        within_s=90,
    )


def placed(place: NamespaceClient, pods: int) -> None:
    """So many pods, each with a node."""
    place.wait_for(
        f"{pods} pods with a node",
        lambda now: len(now.all("Pod")) == pods and all(p["spec"].get("nodeName") for p in now.all("Pod")),
        within_s=120,
    )


def scale(place: NamespaceClient, replicas: int, name: str = "boxes") -> None:
    place.apps.patch_namespaced_deployment_scale(name, place.namespace, {"spec": {"replicas": replicas}})


def room_for(place: NamespaceClient, size: int) -> int:
    return sum(gap // size for gap in free(place).values())


def wide_of(place: NamespaceClient) -> int:
    """More than each gap, less than all together, and less than a gap with one box taken out."""
    gaps = free(place).values()
    return max(gaps) + min(sum(gaps) - max(gaps), quarter(place)) // 2


def story(place: NamespaceClient, pod: Body | None = None, wide: Body | None = None, **said: Any) -> int:
    """The lab as it is meant; how many fitted."""
    size = quarter(place)
    n = room_for(place, size)
    place.apply(boxes(n + 3, pod or spec(requests(size))))
    settled(place, n + 3)
    scale(place, n)
    placed(place, n)
    place.apply(bare(wide or spec(requests(wide_of(place)))))
    settled(place, n + 1)
    scale(place, n - 1)
    placed(place, n)
    words(place, n, **said)
    return n


def words(place: NamespaceClient, n: int, **other: Any) -> None:
    answer(
        place,
        **{
            "predict_fits": 10,
            "predict_wide": "nowhere",
            "predict_limits_only": "nothing",
            "answer_fits": n,
            "answer_short_nodes": len(free(place)),
            "answer_limits_only": "as wide as its limit",
            "answer_next": max(free(place).values()),
        }
        | other,
    )


@case("the lab as it is meant")
def plain(place: NamespaceClient) -> None:
    story(place)


@case("bare pods, made by utils.create_from_dict; the wide one is made again with a smaller request")
def bare_pods(place: NamespaceClient) -> None:
    size = quarter(place)
    n = room_for(place, size)
    for i in range(n + 1):
        utils.create_from_dict(place.api, bare(spec(requests(size)), f"box-{i}"), namespace=place.namespace)
    settled(place, n + 1)
    waiting = next(p["metadata"]["name"] for p in place.state.all("Pod") if not p["spec"].get("nodeName"))
    place.core.delete_namespaced_pod(waiting, place.namespace)
    placed(place, n)
    utils.create_from_dict(place.api, bare(spec(requests(wide_of(place)))), namespace=place.namespace)
    settled(place, n + 1)
    place.core.delete_namespaced_pod("wide", place.namespace)
    placed(place, n)
    place.apply(bare(spec(requests(max(free(place).values()) // 2))))
    placed(place, n + 1)
    words(place, n)


@case("limits without requests, a StatefulSet in parallel, and the wide one is a Deployment")
def limits_only(place: NamespaceClient) -> None:
    size = quarter(place)
    n = room_for(place, size)
    made = boxes(n + 2, spec({"limits": {"cpu": f"{size}m"}}), "crates")
    made |= {"kind": "StatefulSet", "spec": made["spec"] | {"serviceName": "crates", "podManagementPolicy": "Parallel"}}
    utils.create_from_dict(place.api, made, namespace=place.namespace)
    settled(place, n + 2)
    place.apps.patch_namespaced_stateful_set_scale("crates", place.namespace, {"spec": {"replicas": n}})
    place.wait_for("as many as fit", lambda now: len(now.all("Pod")) == n, within_s=90)
    for p in place.state.all("Pod"):  # which ordinals waited is chance
        if not p["spec"].get("nodeName"):
            place.core.delete_namespaced_pod(p["metadata"]["name"], place.namespace)
    placed(place, n)
    place.apply(boxes(1, spec(requests(wide_of(place))), "wide"))
    settled(place, n + 1)
    place.apps.patch_namespaced_stateful_set_scale("crates", place.namespace, {"spec": {"replicas": n - 1}})
    placed(place, n)
    words(place, n)


@case("nothing done", *ALL)
def nothing(place: NamespaceClient) -> None:
    pass


@case("no prediction made", "predicted")
def not_predicted(place: NamespaceClient) -> None:
    n = story(place)
    forget_answers(place)
    said = {"answer_fits": n, "answer_short_nodes": len(free(place)), "answer_limits_only": "as wide as its limit"}
    answer(place, **said, answer_next=max(free(place).values()))


@case("the number typed, and no pods", "nodes-filled", "fits-counted", "refusal-read", "too-wide", "wide-has-a-node")
def only_words(place: NamespaceClient) -> None:
    words(place, room_for(place, quarter(place)))


@case(
    "one waits for a node that carries a label which none has",
    "nodes-filled",
    "fits-counted",
    "refusal-read",
    "too-wide",
    "wide-has-a-node",
)
def by_selector(place: NamespaceClient) -> None:
    size = quarter(place)
    place.apply(boxes(2, spec(requests(size))), bare(spec(requests(size), **SELECTOR), "third"), bare(spec(requests(2 * size), **SELECTOR)))
    settled(place, 4)
    place.core.delete_namespaced_pod("third", place.namespace)
    place.core.delete_namespaced_pod("wide", place.namespace)
    placed(place, 2)
    place.apply(bare(spec(requests(2 * size))))
    placed(place, 3)
    words(place, 2)


@case("they wait for memory", "nodes-filled", "fits-counted", "refusal-read", "too-wide", "wide-has-a-node")
def by_memory(place: NamespaceClient) -> None:
    most = max(amount(n.status.allocatable["memory"]) for n in place.core.list_node().items)
    greedy = {"requests": {"cpu": "10m", "memory": str(int(most * 2))}}
    place.apply(boxes(2, spec(requests(10))), bare(spec(greedy)))
    settled(place, 3)
    place.core.delete_namespaced_pod("wide", place.namespace)
    placed(place, 2)
    place.apply(bare(spec(requests(20))))
    placed(place, 3)
    words(place, 2)


@case("so many as would fit if nobody else were there", "fits-counted")
def system_forgotten(place: NamespaceClient) -> None:
    story(place, answer_fits=4 * len(free(place)))


@case("all that were asked for are counted", "fits-counted")
def asked_for(place: NamespaceClient) -> None:
    n = story(place)
    words(place, n + 3)


@case("the nodes counted instead of the refusals", "refusal-read")
def every_node(place: NamespaceClient) -> None:
    story(place, answer_short_nodes=len(free(place)) + 1)


@case("no wide pod was tried", "too-wide", "wide-has-a-node")
def no_wide(place: NamespaceClient) -> None:
    size = quarter(place)
    n = room_for(place, size)
    place.apply(boxes(n + 1, spec(requests(size))))
    settled(place, n + 1)
    scale(place, n)
    placed(place, n)
    words(place, n)


@case("the wide one requests nothing any more", "wide-has-a-node")
def no_request(place: NamespaceClient) -> None:
    n = story(place)
    place.core.delete_namespaced_pod("wide", place.namespace)
    placed(place, n - 1)
    place.apply(bare(spec({})))
    placed(place, n)
    words(place, n)


@case("the wide one is deleted", "wide-has-a-node")
def deleted(place: NamespaceClient) -> None:
    n = story(place)
    place.core.delete_namespaced_pod("wide", place.namespace)
    placed(place, n - 1)
    words(place, n)


@case("the wide one still waits", "wide-has-a-node")
def still_waits(place: NamespaceClient) -> None:
    n = story(place)
    scale(place, n)  # its place is taken before it comes again
    place.core.delete_namespaced_pod("wide", place.namespace)
    placed(place, n)
    place.apply(bare(spec(requests(wide_of(place)))))
    settled(place, n + 1)
    words(place, n)


@case("every box removed to make room", "wide-has-a-node")
def no_boxes(place: NamespaceClient) -> None:
    n = story(place)
    scale(place, 0)
    placed(place, 1)
    words(place, n)


@case("a limit alone is taken for no request", "limit-alone")
def no_width(place: NamespaceClient) -> None:
    story(place, answer_limits_only="nothing")


@case("all gaps together are taken for room", "next-one")
def together(place: NamespaceClient) -> None:
    n = story(place)
    words(place, n, answer_next=sum(free(place).values()))


@case("a small number that fits everywhere", "next-one")
def small(place: NamespaceClient) -> None:
    story(place, answer_next=1)
