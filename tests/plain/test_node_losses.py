"""What a record says of a node that was lost: who was driven away, who stayed, and what two watches may tell in any order."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from shallowdive.checks import lab08_cluster
from shallowdive.checks.node_losses import losses
from shallowdive.checks.result import Evidence
from shallowdive.live import ClusterState, History, Seen

Body = dict[str, Any]


def pod(
    uid: str,
    node: str,
    app: str = "quick",
    ready: bool = True,
    leaving: bool = False,
    by_taint: bool = False,
    rs: str = "",
    starting: bool = False,
) -> Body:
    rows = [{"type": "Ready", "status": str(ready)}, {"type": "ContainersReady", "status": str(ready or not starting)}]
    rows += [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}] if by_taint else []
    owner = [{"kind": "ReplicaSet", "name": f"{app}-{rs or 1}", "uid": f"{app}-{rs or 1}", "controller": True}]
    meta: Body = {"name": f"{app}-{uid}", "namespace": "d", "uid": uid, "ownerReferences": owner}
    if leaving:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    running = [{"name": "web", "state": {"running": {}}, "restartCount": 0}]
    status = {"phase": "Running", "conditions": rows, "containerStatuses": running}
    return {"metadata": meta, "spec": {"nodeName": node, "containers": [{"name": "web"}]}, "status": status}


def deployment(generation: int) -> Body:
    return {"metadata": {"name": "quick", "namespace": "d", "uid": "quick", "generation": generation}, "spec": {"replicas": 2}}


STORY: list[tuple[float, str, str, Body]] = [
    (99, "ADDED", "Deployment", deployment(1)),
    (100, "ADDED", "Pod", pod("q1", "a")),
    (100, "ADDED", "Pod", pod("q2", "b")),
    (100, "ADDED", "Pod", pod("p1", "b", "patient")),
    (160, "MODIFIED", "Pod", pod("q2", "b", ready=False)),
    (160, "MODIFIED", "Pod", pod("p1", "b", "patient", ready=False)),
    (170, "MODIFIED", "Pod", pod("q2", "b", ready=False, leaving=True, by_taint=True)),
    (172, "ADDED", "Pod", pod("q3", "a")),
    (200, "MODIFIED", "Pod", pod("p1", "b", "patient")),
    (201, "DELETED", "Pod", pod("q2", "b", ready=False, leaving=True, by_taint=True)),
]


def history(*more: tuple[float, str, str, Body], without: str = "") -> History:
    made = History()
    for at, type_, kind, body in sorted([*STORY, *more], key=lambda row: row[0]):
        if body["metadata"]["uid"] != without:
            made.append(Seen(at, type_, kind, body))
    return made


def evidence(record: History) -> Evidence:
    return Evidence(ClusterState(), record, MappingProxyType({}), None)  # type: ignore[arg-type]


def test_one_loss_with_who_was_driven_away_who_came_and_who_stayed() -> None:
    (loss,) = losses(history())
    assert (loss.node, loss.from_s, loss.to_s) == ("b", 160, 200)
    assert [(x.uid, x.at_s, x.replaced_s) for x in loss.evicted] == [("q2", 170, 172)]
    assert [x.uid for x in loss.stayed] == ["p1"]
    assert lab08_cluster.steps(loss) == {"lost": 160, "evicted": 170, "replaced": 172, "back": 200}


def test_a_pod_whose_containers_are_not_ready_either_is_not_unheard_of() -> None:
    made = History()
    for at, ready, starting in ((100, False, True), (101, True, False), (102, False, True), (103, True, False)):
        made.append(Seen(at, "MODIFIED", "Pod", pod("q2", "b", ready=ready, starting=starting)))
    assert losses(made) == []


def test_a_second_loss_of_the_same_node_is_another_one() -> None:
    again = history(
        (300, "MODIFIED", "Pod", pod("p1", "b", "patient", ready=False)),
        (350, "MODIFIED", "Pod", pod("p1", "b", "patient")),
    )
    assert [(x.from_s, x.to_s) for x in losses(again)] == [(160, 200), (300, 350)]


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ([], 0),
        ([(220, "ADDED", "Pod", pod("q4", "b"))], 1),
        ([(220, "ADDED", "Pod", pod("q4", "a"))], 0),
        ([(230, "MODIFIED", "Deployment", deployment(2)), (231, "ADDED", "Pod", pod("q4", "b", rs="2"))], 0),
        ([(230, "MODIFIED", "Deployment", deployment(2)), (229.5, "ADDED", "Pod", pod("q4", "b", rs="2"))], 0),
        ([(230, "MODIFIED", "Pod", pod("q3", "a", leaving=True)), (230.5, "ADDED", "Pod", pod("q4", "b"))], 0),
    ],
    ids=["nothing", "one came", "elsewhere", "after a change", "seen before the change that made it", "after a pod was taken away"],
)
def test_only_what_nobody_asked_for_has_moved_back(more: list[Any], count: int) -> None:
    record = history(*more)
    assert lab08_cluster.returned(evidence(record), losses(record)[0]) == count
