"""Records that are long: a crowd of one Deployment on an embedded cluster, and what the labs did on kind, over and over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import load
import targets
from machine import ROOT

from shallowdive.live import LAB_KINDS, Follower, Seen, wait_for
from shallowdive.live.recording import read
from shallowdive.objects import name_of

RENAMED = ("Pod", "ReplicaSet", "Deployment", "Service", "EndpointSlice", "Ingress", "Event")
TURN_VERSIONS, BREATH_S = 10**7, 5.0


def crowd(pods: int, within_s: float = 300) -> list[Seen]:
    """Every event, nodes too, of a Deployment that grows from nothing to so many pods."""
    with tempfile.TemporaryDirectory() as tmp, targets.embedded(Path(tmp), workers=load.workers_for(pods)) as target:
        load.ensure_namespace(target.kubeconfig)
        with Follower(load.api_client(target.kubeconfig), load.NAMESPACE, (*LAB_KINDS, "Node")) as follower:
            load.deployment_ready_s(target.kubeconfig, "crowd", pods, within_s)
            wait_for(follower, "every pod", lambda s: len(s.ready_pods()) == pods, within_s=60)
            follower.catch_up()
            return list(follower.history.events)


def labs(pods: int) -> list[Seen]:
    """The recordings of the labs one after the other, again and again under other names and UIDs, until so many pods have lived."""
    recordings = [read(file) for file in sorted((ROOT / "labs" / "traces").glob("*.json"))]
    made: list[Seen] = []
    lived, turn, now_s = set[str](), 0, 1_000.0
    while len(lived) < pods:
        for recording in recordings:
            turn += 1
            for seen in _again(recording.events, turn, now_s - recording.began_s):
                made.append(seen)
                lived |= {seen.object["metadata"]["uid"]} if seen.kind == "Pod" else set()
            now_s = made[-1].at_s + BREATH_S
    return made


def _again(events: list[Seen], turn: int, later_s: float) -> Iterator[Seen]:
    names = {name_of(s.object): f"t{turn}-{name_of(s.object)}" for s in events if s.kind in RENAMED}
    for s in events:
        body = _renamed(s.object, names, turn)
        body["metadata"]["resourceVersion"] = str(int(s.object["metadata"]["resourceVersion"]) + turn * TURN_VERSIONS)
        yield Seen(s.at_s + later_s, s.type, s.kind, body)


def _renamed(value: Any, names: dict[str, str], turn: int, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _renamed(v, names, turn, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(v, names, turn, key) for v in value]
    if key == "uid":
        return f"{turn}-{value}"
    if key == "namespace" and isinstance(value, str):
        return load.NAMESPACE
    if isinstance(value, str):
        head, _, tail = value.rpartition(" ")
        return names.get(value) or (f"{head} {names[tail]}" if head and tail in names else value)
    return value
