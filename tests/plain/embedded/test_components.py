"""A control plane with a part missing: what does not happen then, what goes on, and that everything is made good afterwards."""

from __future__ import annotations

import pytest

from shallowdive.embedded.api.control import keys
from shallowdive.embedded.kinds import DEPLOYMENTS, PODS
from shallowdive.embedded.request import HANG_UP, Request
from tests.plain.embedded.asking import Asking
from tests.plain.embedded.living import SPACE, Living, web

API, CONTROLLERS, SCHEDULER = "kube-apiserver", "kube-controller-manager", "kube-scheduler"


@pytest.fixture
def living() -> Living:
    made = Living()
    made.create(
        DEPLOYMENTS,
        {
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [web()], "terminationGracePeriodSeconds": 0}},
            },
        },
    )
    made.advance(5)
    return made


def pods(living: Living) -> list[str]:
    return [e.key[1] for e in living.cluster.store.latest(PODS, SPACE)]


def test_without_a_scheduler_a_pod_has_no_node_and_nobody_says_why(living: Living) -> None:
    living.cluster.set_component(SCHEDULER, running=False)
    living.pod("new", web(), after=30)
    assert living.node_of("new") == ""
    assert living.events("new") == []
    assert "conditions" not in living.look("new")["status"]
    living.cluster.set_component(SCHEDULER, running=True)
    living.advance(5)
    assert living.node_of("new")


def test_without_controllers_a_deleted_pod_is_missed_by_nobody(living: Living) -> None:
    first, _ = pods(living)
    living.cluster.set_component(CONTROLLERS, running=False)
    living.delete(first)
    living.advance(30)
    assert len(pods(living)) == 1
    living.cluster.set_component(CONTROLLERS, running=True)
    living.advance(5)
    assert len(pods(living)) == 2


def test_without_an_api_server_nothing_is_answered_or_decided_and_programs_go_on(living: Living) -> None:
    first, other = pods(living)
    living.delete(first)
    living.cluster.set_component(API, running=False)
    living.advance(30)
    assert living.cluster.handle(Request("GET", "/api/v1/pods")) is HANG_UP
    assert pods(living) == [other]
    assert living.ask(other, "/hostname").body == other.encode()
    living.cluster.set_component(API, running=True)
    living.advance(5)
    assert len(pods(living)) == 2


def test_with_the_api_server_the_scheduler_stays_off_that_was_off_before(living: Living) -> None:
    for name in (SCHEDULER, API):
        living.cluster.set_component(name, running=False)
    living.cluster.set_component(API, running=True)
    living.pod("new", web(), after=10)
    assert living.node_of("new") == ""


def test_each_says_since_when_it_runs_and_again_changes_nothing(living: Living) -> None:
    before = living.cluster.started[SCHEDULER]
    living.advance(10)
    living.cluster.set_component(SCHEDULER, running=True)
    assert living.cluster.started[SCHEDULER] == before
    living.cluster.set_component(SCHEDULER, running=False)
    living.cluster.set_component(SCHEDULER, running=False)
    assert SCHEDULER not in living.cluster.started
    living.cluster.set_component(SCHEDULER, running=True)
    assert living.cluster.started[SCHEDULER] > before


def test_what_is_stored_has_the_names_that_it_has_in_etcd(living: Living) -> None:
    assert keys(living.cluster, f"/registry/deployments/{SPACE}/") == [f"/registry/deployments/{SPACE}/web"]
    assert keys(living.cluster, "/registry/minions/")[0] == "/registry/minions/shallowdive-control-plane"
    assert "/registry/services/specs/default/kubernetes" in keys(living.cluster, "/registry/services/")


def test_the_knobs_answer_also_without_an_api_server_and_watches_end_with_it() -> None:
    owner = Asking()
    watch = owner.watch("/api/v1/pods")
    watch.pull()
    assert owner.post(f"/shallowdive/components/{API}/stop", {}).code == 200
    assert owner.get("/shallowdive").body["components"][API] is None
    assert owner.raw("GET", "/api/v1/pods") is HANG_UP
    assert [watch.pull(), watch.pull()][-1] is None
    assert owner.post(f"/shallowdive/components/{API}/start", {}).code == 200
    assert owner.get("/api/v1/pods").code == 200
    assert owner.post("/shallowdive/components/kube-proxy/stop", {}).code == 404
    assert owner.get("/shallowdive/keys", prefix="/registry/minions/").body["keys"]
