"""A recording is read as it was written, is small, and cannot be told from a live record by whoever looks at it."""

from __future__ import annotations

import copy
import importlib
import random
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from shallowdive.checks import LABS, read_answers
from shallowdive.checks.result import CheckResult, Evidence, run_criteria
from shallowdive.errors import BadAnswer
from shallowdive.explain import explain
from shallowdive.live import ClusterState, History, Seen, apply_event, recording
from shallowdive.live.recording import Mark, Recording, difference, reduced, replay, with_difference
from shallowdive.objects import name_of, whose
from shallowdive.objects.traffic import Second
from shallowdive.views.pictures import PICTURES, Sight

TRACES = sorted((Path(__file__).parents[3] / "labs" / "traces").glob("*.json"))
MOST_BYTES = 64_000


def some_object(rng: random.Random, depth: int = 3) -> Any:
    """JSON as an object of the API may have it: nested, with lists that grow and shrink, words that occur twice, and odd keys."""
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(["@3", "@@x", "Running", "ContainerCreating", "", 2, 7, True, False, 0.25])
    if rng.random() < 0.4:
        return [some_object(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {
        rng.choice(["status", "@7", "0", "conditions", "-", "lastTransitionTime"]): some_object(rng, depth - 1)
        for _ in range(rng.randrange(4))
    }


def some_events(rng: random.Random, n: int) -> list[Seen]:
    """A record with new, changed and deleted objects of three kinds."""
    alive: dict[str, Seen] = {}
    events = []
    for i in range(n):
        if alive and rng.random() < 0.6:
            old = alive.pop(rng.choice(sorted(alive)))
            obj = {**copy.deepcopy(old.object), "spec": {"x": some_object(rng)}, "status": {"y": [some_object(rng)]}}
            seen = Seen(1000.0 + i / 7, rng.choice(["MODIFIED", "MODIFIED", "DELETED"]), old.kind, obj)
        else:
            meta = {
                "name": f"pod-{i}",
                "namespace": "here",
                "uid": f"uid-{i}",
                "resourceVersion": str(i),
                "managedFields": [{"manager": "me", "time": "now"}],
            }
            seen = Seen(
                1000.0 + i / 7, "ADDED", rng.choice(["Pod", "Event", "ConfigMap"]), {"metadata": meta, "spec": {"x": some_object(rng)}}
            )
        seen = Seen(round(seen.at_s, 3), seen.type, seen.kind, seen.object)
        events.append(seen)
        if seen.type != "DELETED":
            alive[seen.object["metadata"]["uid"]] = seen
    return events


def folded(events: list[Seen]) -> ClusterState:
    state = ClusterState()
    for s in events:
        state = apply_event(state, s.type, s.kind, reduced(s.object))
    return state


@pytest.mark.parametrize("seed", range(40))
def test_what_is_read_is_what_was_written(tmp_path: Path, seed: int) -> None:
    events = some_events(random.Random(seed), 60)
    made = Recording("lab", "here", {"kubernetes": "v1"}, events, [Mark(1000.5, "a", "Run")], {"t": [Second(1003, 9, 1)]})
    recording.write(made, tmp_path / "it.json")
    back = recording.read(tmp_path / "it.json")
    assert [(s.at_s, s.type, s.kind, s.object) for s in back.events] == [(s.at_s, s.type, s.kind, reduced(s.object)) for s in events]
    assert (back.marks, back.traffic, back.made, back.namespace) == (made.marks, made.traffic, made.made, made.namespace)


def test_a_difference_is_as_small_as_the_change_and_makes_the_new_of_the_old() -> None:
    old = {"a": {"b": 1, "c": [{"d": 1}, {"e": 2}]}, "f": "x"}
    new = {"a": {"b": 1, "c": [{"d": 1}, {"e": 3}, "more"]}, "g": "y"}
    assert difference(old, new) == {"a": {"c": {"1": {"e": 3}, "2": "more"}}, "g": "y", "f": None}
    assert with_difference(old, difference(old, new)) == new
    assert with_difference(new, difference(new, old)) == old


def test_fields_that_nobody_reads_are_left_out_and_the_manager_stays() -> None:
    pod = {
        "metadata": {"name": "web", "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:x": {}}}], "creationTimestamp": None},
        "status": {"containerStatuses": [{"name": "web", "imageID": "sha256:1", "restartCount": 2}], "hostIPs": [{"ip": "10.0.0.1"}]},
    }
    assert reduced(pod) == {
        "metadata": {"name": "web", "managedFields": [{"manager": "kubelet"}]},
        "status": {"containerStatuses": [{"name": "web", "restartCount": 2}]},
    }


def test_a_replay_ends_in_the_state_of_the_live_record_and_has_the_same_types() -> None:
    events = some_events(random.Random(7), 80)
    state, history = replay(Recording("lab", "here", {}, [Seen(s.at_s, s.type, s.kind, reduced(s.object)) for s in events]))
    assert (type(state), type(history)) == (ClusterState, History)
    assert {k: dict(v) for k, v in state.by_kind.items()} == {k: dict(v) for k, v in folded(events).by_kind.items()}
    assert len(history.events) == 80


def test_a_replay_until_a_moment_knows_nothing_later() -> None:
    events = some_events(random.Random(7), 80)
    state, history = replay(Recording("lab", "here", {}, events), until_s=events[30].at_s)
    assert list(history.events) == events[:31]
    assert {k: dict(v) for k, v in state.by_kind.items()} == {
        k: dict(v) for k, v in list(History(events[:31]).states())[-1][1].by_kind.items()
    }


def test_another_file_and_another_format_are_refused(tmp_path: Path) -> None:
    for text, saw in (("{}", "KeyError"), ("no JSON", "JSONDecodeError"), ('{"format": 99}', "format 99")):
        (tmp_path / "it.json").write_text(text, encoding="utf-8")
        with pytest.raises(BadAnswer, match=saw):
            recording.read(tmp_path / "it.json")


# ── the recordings of the labs ───────────────────────────────────────────────────────────────────────────────────
def test_the_labs_with_a_solution_have_a_recording_made_on_kind() -> None:
    solved = {p.stem for p in (TRACES[0].parents[1] / "solutions").glob("*.ipynb")}
    made = {p.stem: recording.read(p).made for p in TRACES}
    assert made.keys() == solved
    assert [
        lab for lab, on in made.items() if on["backend"] != "kind" or not {"kubernetes", "kind", "shallowdive", "date"} <= on.keys()
    ] == []


@pytest.mark.parametrize("path", TRACES, ids=lambda p: p.stem)
def test_a_recording_is_small_and_is_written_again_as_it_is(path: Path, tmp_path: Path) -> None:
    assert path.stat().st_size <= MOST_BYTES
    recording.write(recording.read(path), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", TRACES, ids=lambda p: p.stem)
def test_every_picture_can_be_drawn_at_any_moment_of_a_recording(path: Path) -> None:
    kept = recording.read(path)
    drawn = 0
    for mark in kept.marks:
        state, history = replay(kept, mark.at_s)
        counted = next(iter(kept.traffic.values()), None)
        for picture in PICTURES.values():
            seen = Sight(state, history, kept.namespace, mark.at_s, kept.began_s, traffic=counted)
            drawn += not picture.draw(seen).empty
    assert drawn > len(kept.marks)


ON_PURPOSE = {  # by what the pod's name is without what is drawn
    "04-containers": {"one": ["command-ended"]},
    "10-containers": {"ant": ["command-ended"], "mole": ["command-failed"], "dodo": ["command-not-found"]},
    "11-pod": {"flat": ["liveness-kills"]},
}


@pytest.mark.parametrize("path", TRACES, ids=lambda p: p.stem)
def test_at_the_end_of_a_recording_only_what_the_lab_broke_on_purpose_is_broken(path: Path) -> None:
    kept = recording.read(path)
    state, _ = replay(kept)
    seen = [(whose(p)[1], explain(state, "Pod", kept.namespace, name_of(p), now=kept.events[-1].at_s)) for p in state.all("Pod")]
    broken = {name: [f.cause for f in found.findings] for name, found in seen if found.verdict == "broken"}
    assert broken == ON_PURPOSE.get(path.stem, {})


def test_the_cause_of_a_crash_is_found_in_the_recording_of_lab_11() -> None:
    kept = recording.read(next(p for p in TRACES if p.stem == "11-pod"))
    state, _ = replay(kept, kept.mark("why").at_s)
    seen = explain(state, "Pod", kept.namespace, "clash", now=kept.mark("why").at_s)
    assert (seen.verdict, [f.cause for f in seen.findings][:1]) == ("broken", ["command-failed"])


class _Acts(Exception):
    """A criterion asked for the cluster."""


class Nobody:
    """In place of a client: whatever is asked of it says that a criterion acts."""

    def __getattr__(self, name: str) -> Any:
        raise _Acts


ACTING = {
    "06-resource-model": 1,
    "03-claims": 1,
    "00-first-pod": 3,
    "01-what-is-kubernetes": 1,
    "02-controller": 2,
    "04-containers": 3,
    "05-architecture": 5,
    "07-node": 2,
    "08-cluster": 3,
    "09-volumes": 3,
    "10-containers": 3,
    "11-pod": 4,
    "12-deployment": 1,
    "13-ingress": 6,
    "14-broken-shop": 8,
}
"""How many criteria of a lab do something on the cluster; all others only look."""


@pytest.mark.parametrize("path", TRACES, ids=lambda p: p.stem)
def test_the_observing_half_of_a_check_says_on_a_recording_what_it_said_live(path: Path) -> None:
    kept = recording.read(path)
    state, history = replay(kept)
    evidence = Evidence(state, history, MappingProxyType(read_answers(state)), Nobody())  # type: ignore[arg-type]
    verdicts: dict[str, bool] = {}
    criteria = importlib.import_module(LABS[path.stem].module).CRITERIA
    for one in criteria:
        try:
            result: CheckResult = run_criteria([one], evidence)[0]
        except _Acts:
            continue
        verdicts[result.name] = result.passed
    assert len(verdicts) == len(criteria) - ACTING[path.stem]
    assert [name for name, passed in verdicts.items() if not passed] == []
