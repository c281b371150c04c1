"""The way of a request: what the records say of it, which hop is the broken one, and that the picture's words have room. No cluster."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from shallowdive.checks.faults import FAULTS, MARK, draw, episodes, what_broke
from shallowdive.live import ClusterState, History, Seen, apply_event
from shallowdive.objects import Object
from shallowdive.objects.route import HOP_OF_FAULT, HOPS, Asked, Route, Trace, find_route
from shallowdive.views import hops
from shallowdive.views.frame import DESK_PX, PHONE_PX

HOST = "shop.example.localhost"
LONG = "a-very-long-name-that-nobody-would-choose-but-somebody-has"


def pod(name: str, *, ready: bool = True, app: str = "a") -> Object:
    return {
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 9376}]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def slice_of(service: str, *pods: Object) -> Object:
    endpoints = [
        {"targetRef": {"name": p["metadata"]["name"]}, "conditions": {"ready": p["status"]["conditions"][0]["status"] == "True"}}
        for p in pods
    ]
    return {
        "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
        "endpoints": endpoints,
        "ports": [{"port": 9376}],
    }


def service(name: str, app: str = "a", target: Any = 9376) -> Object:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": target}]}}


def ingress(*paths: tuple[str, str, str], host: str = HOST, name: str = "shop", class_: str = "traefik") -> Object:
    rules = [{"path": path, "pathType": kind, "backend": {"service": {"name": to, "port": {"number": 80}}}} for path, kind, to in paths]
    return {"metadata": {"name": name}, "spec": {"ingressClassName": class_, "rules": [{"host": host, "http": {"paths": rules}}]}}


def records(**kinds: list[Object]) -> ClusterState:
    state = ClusterState()
    for kind, objects in kinds.items():
        for o in objects:
            state = apply_event(state, "ADDED", kind, o)
    return state


def shop(*, pods: list[Object] | None = None, behind: int = 99, **change: Any) -> ClusterState:
    pods = [pod("a-1-aaaaa"), pod("a-1-bbbbb")] if pods is None else pods
    name, app = change.get("name", "a"), change.get("app", "a")
    return records(
        Pod=pods,
        Service=[service(name, app, change.get("target", 9376))],
        EndpointSlice=[slice_of(name, *pods[:behind])],
        Ingress=[ingress(("/a", "Prefix", change.get("to", "a")), class_=change.get("class_", "traefik"))],
    )


def asked(state: ClusterState, *, service: Asked, entrance: Asked, path: str = "/a") -> Trace:
    route = find_route(state, HOST, path)
    return Trace(route, tuple(Asked(200, "200", s.pod) for s in route.stops), service, entrance)


OK, NO_WAY = Asked(200, "200", "a-1-aaaaa"), Asked(404, "404")
NOBODY, REFUSED, MISSING = Asked(503, "no endpoints"), Asked(503, "refused"), Asked(0, "not there")

TRACES: dict[str, Callable[[], Trace]] = {
    "": lambda: asked(shop(), service=OK, entrance=OK),
    "rule": lambda: asked(shop(), service=MISSING, entrance=NO_WAY, path="/x"),
    "controller": lambda: asked(shop(class_="nobody"), service=OK, entrance=NO_WAY),
    "namespace": lambda: asked(shop(to="a-prod"), service=MISSING, entrance=NO_WAY),
    "label": lambda: asked(shop(app="a-v2", behind=0), service=NOBODY, entrance=NO_WAY),
    "readiness": lambda: asked(shop(pods=[pod("a-1-aaaaa", ready=False), pod("a-1-bbbbb", ready=False)]), service=NOBODY, entrance=NO_WAY),
    "targetPort": lambda: asked(shop(target=9377), service=REFUSED, entrance=Asked(502, "502")),
}


@pytest.mark.parametrize("fault", TRACES)
def test_the_first_broken_hop_follows_from_records_and_answers(fault: str) -> None:
    trace = TRACES[fault]()
    assert trace.fault == fault
    assert trace.broken_hop == HOP_OF_FAULT.get(fault)


def test_pods_that_do_not_answer_themselves_are_not_blamed_on_the_service() -> None:
    route = find_route(shop(), HOST, "/a")
    assert Trace(route, (REFUSED, REFUSED), REFUSED, Asked(502, "502")).fault == "program"


def test_an_answer_of_somebody_elses_pod_does_not_count() -> None:
    assert asked(shop(), service=OK, entrance=Asked(200, "200", "")).fault == "controller"


@pytest.mark.parametrize(
    "kind, rule, path, fits",
    [
        ("Prefix", "/a", "/a/b", True),
        ("Prefix", "/a", "/ab", False),
        ("Prefix", "/", "/x", True),
        ("Exact", "/a", "/a/", False),
        ("Exact", "/a", "/a", True),
    ],
)
def test_a_prefix_fits_by_elements_and_an_exact_path_only_itself(kind: str, rule: str, path: str, fits: bool) -> None:
    found = find_route(records(Ingress=[ingress((rule, kind, "a"))]), HOST, path)
    assert bool(found.ingress) is fits


def test_the_longest_path_wins_and_an_exact_host_before_a_wildcard() -> None:
    state = records(Ingress=[
        ingress(("/", "Prefix", "all"), ("/a", "Prefix", "a")),
        ingress(("/a/b", "Prefix", "wild"), host="*.example.localhost", name="other"),
    ])  # fmt: skip
    assert find_route(state, HOST, "/a/b").service == "a"
    assert find_route(state, "x.example.localhost", "/a/b").service == "wild"
    assert find_route(state, "shop.elsewhere.localhost", "/a") == Route("shop.elsewhere.localhost", "/a")


@pytest.mark.parametrize("said", ["", *HOPS])
@pytest.mark.parametrize("verdict", [True, False])
@pytest.mark.parametrize("fault", TRACES)
def test_no_word_of_the_picture_overlaps_or_leaves_it(fault: str, verdict: bool, said: str) -> None:
    trace = TRACES[fault]()
    for w in (DESK_PX, PHONE_PX):
        assert hops.picture(trace, w, "label", verdict=verdict, said=said).problems() == []


@pytest.mark.parametrize("count", [0, 1, 3, 12, 60])
def test_long_names_and_many_pods_have_room(count: int) -> None:
    pods = [pod(f"{LONG}-{i:05d}") for i in range(count)]
    state = records(
        Pod=pods, Service=[service(LONG, LONG, LONG)], EndpointSlice=[slice_of(LONG, *pods)],
        Ingress=[ingress((f"/{LONG}", "Prefix", LONG), name=LONG, class_=LONG)],
    )  # fmt: skip
    trace = asked(state, service=NOBODY, entrance=NO_WAY, path=f"/{LONG}")
    for w in (DESK_PX, PHONE_PX):
        assert hops.picture(trace, w, "label", said=HOPS[2]).problems() == []


@pytest.mark.parametrize("fault", [f for f in TRACES if f])
def test_red_marks_one_hop_once_and_without_a_verdict_none(fault: str) -> None:
    cross = "l6 6m0 -6l-6 6"
    judged, unjudged = (hops.picture(TRACES[fault](), DESK_PX, "label", verdict=v).svg() for v in (True, False))
    assert judged.count(cross) == 1
    assert "fail" not in unjudged


def test_without_a_verdict_the_text_twin_does_not_name_the_fault_either() -> None:
    trace = TRACES["label"]()
    assert "The broken hop is Service → pod." in hops.draw(trace).facts
    assert "broken" not in hops.draw(trace, verdict=False).facts


# ── the fault of a record ────────────────────────────────────────────────────────────────────────────────────
def record(kind: str, before: Object, after: Object) -> History:
    marked = copy.deepcopy(after)
    marked["metadata"] |= {"uid": "1", "annotations": {MARK: "hidden-3"}}
    before["metadata"]["uid"] = "1"
    return History([Seen(1, "ADDED", kind, before), Seen(2, "MODIFIED", kind, marked), Seen(3, "MODIFIED", kind, marked)])


@pytest.mark.parametrize(
    "fault, kind, before, after",
    [
        ("label", "Service", service("a"), service("a", "a-v2")),
        ("targetPort", "Service", service("a"), service("a", target=9377)),
        ("namespace", "Ingress", ingress(("/a", "Prefix", "a")), ingress(("/a", "Prefix", "a-prod"))),
        ("controller", "Ingress", ingress(("/a", "Prefix", "a")), ingress(("/a", "Prefix", "a"), class_="nobody")),
        ("", "Service", service("a"), service("a", "a-v2", 9377)),
        ("", "Service", service("a"), service("a")),
    ],
)
def test_a_marked_change_is_known_by_the_one_field_that_differs(fault: str, kind: str, before: Object, after: Object) -> None:
    assert what_broke(kind, before, after) == fault
    found = episodes(record(kind, before, after))
    assert [(e.name, e.number, e.fault) for e in found] == [("hidden", 3, fault)]


def test_five_hidden_faults_in_a_row_are_the_five_and_learners_get_different_ones() -> None:
    for namespace in ("one", "two", "three"):
        assert sorted(draw("13-ingress", namespace, n)[0] for n in range(1, 6)) == sorted(FAULTS)
    assert len({draw("13-ingress", f"n{i}", 1) for i in range(60)}) == 2 * len(FAULTS)
