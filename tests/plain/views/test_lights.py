"""Which node a pod is on: lanes that no pod changes, the time in which nothing is heard, and when that was noticed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shallowdive.live import History, Seen
from shallowdive.views import lights
from shallowdive.views.frame import DESK_PX, PHONE_PX
from shallowdive.views.lights import Lanes
from shallowdive.views.said import Said

Body = dict[str, Any]
ACT = 110.0


def pod(uid: str, node: str = "", app: str = "quick", ready: bool = True, leaving: bool = False) -> Body:
    owner = [{"kind": "ReplicaSet", "name": f"{app}-5f7", "uid": app, "controller": True}]
    meta: Body = {"name": f"{app}-5f7-{uid}", "namespace": "d", "uid": uid, "ownerReferences": owner}
    if leaving:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    rows = [{"type": "Ready", "status": str(ready and bool(node))}, {"type": "ContainersReady", "status": str(bool(node))}]
    status = {"phase": "Running" if node else "Pending", "conditions": rows}
    return {"metadata": meta, "spec": {"nodeName": node} if node else {}, "status": status}


def story() -> History:
    """b is off from 110 on, counts as lost at 160; its quick pod is driven away at 170, and it is back at 200."""
    history = History()
    for at, type_, kind, body in (
        (100, "ADDED", "Pod", pod("q1", "a")),
        (100, "ADDED", "Pod", pod("q2", "b")),
        (101, "ADDED", "Pod", pod("p2", "b", "patient")),
        (160, "MODIFIED", "Pod", pod("q2", "b", ready=False)),
        (160, "MODIFIED", "Pod", pod("p2", "b", "patient", ready=False)),
        (170, "MODIFIED", "Pod", pod("q2", "b", ready=False, leaving=True)),
        (170, "ADDED", "Pod", pod("q3")),
        (171, "MODIFIED", "Pod", pod("q3", "a")),
        (200, "MODIFIED", "Pod", pod("p2", "b", "patient")),
        (201, "DELETED", "Pod", pod("q2", "b", ready=False, leaving=True)),
    ):
        history.append(Seen(at, type_, kind, body))
    return history


def lanes(history: History, now_s: float | None = None) -> dict[str, list[str]]:
    seen = lights.read(history, now_s)
    assert seen is not None
    return {lane.node: [line.whose for line in lane.lines] for lane in seen.lanes}


def test_a_pod_is_a_line_on_its_node_and_a_new_one_is_a_new_line() -> None:
    assert lanes(story()) == {"a": ["quick", "quick"], "b": ["quick", "patient"]}


def test_a_node_is_dark_from_what_is_said_of_its_pods_until_one_of_them_is_ready_again() -> None:
    seen = lights.read(story())
    assert seen is not None
    assert {lane.node: [(d.from_s, d.to_s) for d in lane.dark] for lane in seen.lanes} == {"a": [], "b": [(60, 100)]}
    assert "b (was lost, is back): 1 patient ready." in lights.draw(story()).facts


@pytest.mark.parametrize(("value", "speed", "took"), [(5, 1.0, 50), (50, 1.0, 50), (50, 5.0, 250)])
def test_what_was_said_stands_beside_what_it_took(value: int, speed: float, took: int) -> None:
    drawn = lights.draw(story(), said=Said(value, ACT, 0, speed))
    assert f"You said that the cluster notices after {value} s; it took {took} s." in drawn.facts
    assert "your prediction" in drawn.keys


def test_while_nothing_is_heard_the_seconds_are_counted() -> None:
    before = History([s for s in story().events if s.at_s < 150])
    facts = lights.draw(before, 133.0, said=Said(20, ACT, 0)).facts
    assert "Nothing was heard for 23 s. Without a sign of life for about 50 s a node counts as lost; you said 20 s." in facts


def test_an_earlier_loss_is_not_taken_for_this_one() -> None:
    assert "Nothing was heard" in lights.draw(story(), 215.0, said=Said(20, 210.0, 0)).facts


def test_a_pod_of_which_only_the_end_was_seen_has_no_line() -> None:
    history = story()
    history.append(Seen(202, "DELETED", "Pod", pod("old", "c")))
    assert list(lanes(history)) == ["a", "b"]


def test_without_a_pod_that_has_a_node_the_picture_says_what_is_missing() -> None:
    assert lights.draw(History()).empty
    assert lights.draw(History([Seen(1.0, "ADDED", "Pod", pod("x"))])).empty


def shown(history: History, said: Said | None, width: float, now_s: float) -> list[str]:
    seen = lights.read(history, now_s, None, said)
    assert isinstance(seen, Lanes)
    return lights.picture(seen, width, "words", said).problems()


@pytest.mark.parametrize("width", [DESK_PX, PHONE_PX])
@pytest.mark.parametrize("seed", range(12))
def test_no_text_overlaps_or_leaves_the_picture(seed: int, width: float) -> None:
    rng = random.Random(seed)
    history = story()
    for i in range(rng.randrange(14)):
        node, app = rng.choice(["a", "b", "shallowdive-a-long-name-worker2"]), rng.choice(["quick", "a-deployment-with-a-long-name"])
        history.append(Seen(202 + i, "ADDED", "Pod", pod(f"x{i}", node, app, ready=rng.random() < 0.7)))
    until = rng.choice([105, 120, 165, 180, 210, 400])
    part = History([s for s in history.events if s.at_s <= until])
    for said in (None, Said(rng.choice([1, 5, 20, 50, 300]), ACT, 0, rng.choice([1.0, 5.0]))):
        assert shown(part, said, width, until) == []
