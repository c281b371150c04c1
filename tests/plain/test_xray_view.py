"""The pod x-ray: what it says, and that its words have room. No cluster."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.diagrams import family
from shallowdive.live import ClusterState, History, Seen, apply_event
from shallowdive.objects import Object
from shallowdive.views import timeline, xray
from shallowdive.views.frame import DESK_PX, PHONE_PX

LONG = "a-very-long-name-that-nobody-would-choose-but-somebody-has"


def pod(
    name: str, *containers: str, volumes: dict[str, list[str]] | None = None, created: str = "", states: dict[str, Any] | None = None
) -> Object:
    """A pod as the API sends it; `volumes` maps an emptyDir's name to the containers that mount it."""
    mounts = volumes or {}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "uid": f"5f3a1111-{name}-91c2", "creationTimestamp": created},
        "spec": {
            "containers": [
                {
                    "name": c,
                    "image": f"registry.example/team/{c}:1.0",
                    "ports": [{"containerPort": 8080}],
                    "resources": {"limits": {"memory": "64Mi"}},
                    "volumeMounts": [{"name": v, "mountPath": f"/{v}"} for v, users in mounts.items() if c in users],
                }
                for c in containers
            ],
            "volumes": [{"name": v, "emptyDir": {}} for v in mounts] + [{"name": "kube-api-access-x", "projected": {}}],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.244.111.222",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": c, "ready": True, "restartCount": 0, "state": {"running": {}}} | (states or {}).get(c, {}) for c in containers
            ],
        },
    }


def state(*pods: Object) -> ClusterState:
    now = ClusterState()
    for p in pods:
        now = apply_event(now, "ADDED", "Pod", p)
    return now


def problems(p: Object) -> list[str]:
    seen = xray.inside(p)
    return [f"{w}: {bad}" for w in (DESK_PX, PHONE_PX) for bad in xray.picture(seen, w, "label").problems()]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("volumes", [0, 1, 2, 5])
@pytest.mark.parametrize("stem", ["c", LONG])
def test_every_word_has_room_at_both_widths(count: int, volumes: int, stem: str) -> None:
    names = [f"{stem}-{i}" for i in range(count)]
    assert problems(pod(f"{stem}-pod", *names, volumes={f"{stem}-v{i}": names for i in range(volumes)})) == []


def test_a_pod_that_has_no_address_and_no_statuses_yet_is_drawn_too() -> None:
    bare = pod("flat", "app", "reader") | {"status": {}}
    assert problems(bare) == []
    assert "no address yet" in xray.draw(state(bare)).desk
    assert "app (Pending, restarts 0)" in xray.draw(state(bare)).facts


def test_the_text_twin_says_what_is_shared_and_what_restarted() -> None:
    flat = pod("flat", "app", "reader", volumes={"pages": ["app", "reader"]}, states={"app": {"restartCount": 2}})
    assert xray.draw(state(flat)).facts == (
        "Pod flat, ready. 2 containers share one address: app (ready, restarts 2), reader (ready, restarts 0). "
        "Volume pages (emptyDir) is mounted in app and reader."
    )


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({}, "pending"),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, "pulling"),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, "backoff"),
        ({"state": {"waiting": {"reason": "ErrImagePull"}}}, "failed"),
        ({"state": {"waiting": {"reason": "CreateContainerConfigError"}}}, "failed"),
        ({"state": {"terminated": {"exitCode": 0}}}, "succeeded"),
        ({"state": {"terminated": {"exitCode": 1}}}, "failed"),
        ({"state": {"running": {}}, "ready": False}, "notready"),
        ({"state": {"running": {}}, "ready": True}, "ready"),
    ],
)
def test_a_container_has_one_word_for_its_state(status: dict[str, Any], word: str) -> None:
    assert xray.container_state(status) == word


def test_the_newest_pod_with_two_containers_is_chosen_and_helpers_never_are() -> None:
    helper = pod("judge", "x", "y", created="2026-01-04T00:00:00Z")
    helper["metadata"]["labels"] = {"shallowdive/role": "judge"}
    old, new = pod("old", "a", "b", created="2026-01-01T00:00:00Z"), pod("new", "a", "b", created="2026-01-02T00:00:00Z")
    single = pod("single", "a", created="2026-01-03T00:00:00Z")
    assert "Pod new," in xray.draw(state(old, new, single, helper)).facts
    assert "Pod single," in xray.draw(state(single, helper)).facts


def test_a_helper_of_the_course_is_in_no_picture() -> None:
    helper, flat = pod("judge-copy", "x", "y"), pod("flat", "app", "reader")
    helper["metadata"]["labels"] = {"shallowdive/role": "judge"}
    history = History([Seen(1.0, "ADDED", "Pod", flat), Seen(2.0, "ADDED", "Pod", helper)])
    assert [life.name for life in timeline.lives(history).pods] == ["flat"]
    assert "judge-copy" not in family.family_dot(state(flat, helper))
    assert "judge-copy" not in xray.draw(state(flat, helper)).desk


def test_a_native_side_car_is_a_container_and_an_ordinary_init_container_is_not() -> None:
    flat = pod("flat", "app")
    flat["spec"]["initContainers"] = [{"name": "reader", "image": "i", "restartPolicy": "Always"}, {"name": "once", "image": "i"}]
    assert [r.name for r in xray.inside(flat).rooms] == ["app", "reader"]


def test_only_volumes_that_a_container_mounts_are_drawn_and_never_the_token() -> None:
    flat = pod("flat", "app", "reader", volumes={"pages": ["app"], "unused": []})
    assert xray.inside(flat).mounts == {"pages (emptyDir)": ["app"]}


def test_more_containers_than_fit_are_counted_in_words() -> None:
    many = xray.inside(pod("flat", *[f"c{i}" for i in range(6)]))
    assert "and 2 more containers" in xray.picture(many, DESK_PX, "label").svg()
    assert "and 3 more containers" in xray.picture(many, PHONE_PX, "label").svg()


def test_without_a_pod_the_frame_says_what_fills_it() -> None:
    drawn = xray.draw(state())
    assert drawn.empty
    assert drawn.facts == "Your namespace has no pod. Run the cell that makes one; it appears here by itself."
