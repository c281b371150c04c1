"""Shuffle and converge: rows in the order in which things were made, and one end for all."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest

from shallowdive.live import ClusterState, History, Seen
from shallowdive.views import orders
from shallowdive.views.frame import DESK_PX, PHONE_PX

Body = dict[str, Any]
KINDS = ("Service", "PersistentVolumeClaim", "Deployment")


def thing(kind: str, name: str, version: int) -> Body:
    body: Body = {"kind": kind, "metadata": {"name": name, "namespace": "d", "uid": f"{kind}-{name}", "resourceVersion": str(version)}}
    volume = {"name": "disk", "persistentVolumeClaim": {"claimName": name}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [], "volumes": [volume]}}
    spec = {"Service": {"selector": {"app": name}}, "Deployment": {"replicas": 1, "template": template}}.get(kind, {})
    return {**body, "spec": spec, "status": {"phase": "Bound"} if kind == "PersistentVolumeClaim" else {}}


def pod(name: str, waiting: str = "") -> list[tuple[str, Body]]:
    """A ReplicaSet and its pod, ready or waiting for this reason."""
    owner = {"uid": f"Deployment-{name}", "controller": True}
    rs = {"metadata": {"name": f"{name}-1", "namespace": "d", "uid": f"rs-{name}", "resourceVersion": "1", "ownerReferences": [owner]}}
    status: Body = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    if waiting:
        status = {"phase": "Pending", "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": waiting}}}]}
    meta = {"name": f"{name}-1-x", "namespace": "d", "uid": f"pod-{name}", "resourceVersion": "1", "labels": {"app": name}}
    of = {"ownerReferences": [{"uid": f"rs-{name}", "controller": True}]}
    return [("ReplicaSet", {**rs, "spec": {}}), ("Pod", {"metadata": {**meta, **of}, "spec": {"nodeName": "n"}, "status": status})]


def record(rows: dict[str, tuple[str, ...]], waiting: dict[str, str] | None = None, seed: int = 0) -> History:
    """Things made in these orders, one after the other, and seen in any: each kind has a watch of its own."""
    made = [(kind, thing(kind, name, i * 10 + k)) for i, (name, order) in enumerate(rows.items(), 1) for k, kind in enumerate(order)]
    random.Random(seed).shuffle(made)
    made += [found for name in rows for found in pod(name, (waiting or {}).get(name, ""))]
    history = History()
    for kind, body in made:
        history.append(Seen(1.0, "ADDED", kind, body))
    return history


def drawn(history: History) -> list[orders.Row]:
    rows = orders.read([state for _, state in history.states()][-1], history)
    for w in (DESK_PX, PHONE_PX):
        assert orders.picture(rows, w, "x").problems() == []
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_rows_stand_in_the_order_of_making_whatever_a_watch_told_first(seed: int) -> None:
    every = list(permutations(KINDS))
    rows = drawn(record({f"shop-{i}": order for i, order in enumerate(every)}, seed=seed))
    assert [r.name for r in rows] == [f"shop-{i}" for i in range(6)]
    assert [r.order for r in rows] == every
    words = orders.in_words(rows)
    assert words.endswith("6 different orders, and the end is the same.")
    assert "shop-0: made as Service, then Claim, then Deployment; came to 1 of 1 ready, claim Bound, 0 endpoints." in words


def test_what_was_made_and_does_not_run_is_told_by_its_reason_and_is_not_green() -> None:
    rows = drawn(record({"red": KINDS, "ghost": ("Deployment",)}, {"ghost": "ImagePullBackOff"}))
    ghost = rows[1]
    assert (ghost.state, ghost.end, ghost.works) == ("backoff", ("ImagePullBackOff",), False)
    assert rows[0].works


def test_many_rows_are_cut_and_said_in_words() -> None:
    rows = drawn(record({f"a-shop-with-a-very-long-name-{i}": KINDS for i in range(12)}))
    assert "and 4 more, in the text below" in "".join(orders.picture(rows, DESK_PX, "x").out)
    assert orders.in_words(rows).count("made as") == 12


def test_without_a_deployment_it_says_what_fills_it() -> None:
    assert orders.draw(ClusterState(), History()).empty
