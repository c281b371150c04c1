"""Three places to write, three lifetimes: where a line is cut, and what a prediction says about it."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from shallowdive.live import History, Seen
from shallowdive.views import lifetimes
from shallowdive.views.frame import DESK_PX, PHONE_PX
from shallowdive.views.lifetimes import Lifetimes
from shallowdive.views.said import Said
from tests.plain.views import generated
from tests.plain.views.captured import MARKS, until

Body = dict[str, Any]


def claim(phase: str, name: str = "book", uid: str = "c") -> Body:
    return {"metadata": {"name": name, "namespace": "d", "uid": uid}, "spec": {}, "status": {"phase": phase}}


def pod(uid: str, *, node: str = "n", count: int = 0, state: Body | None = None, mounted: bool = True, **meta: Any) -> Body:
    volumes = [{"name": "scratch", "emptyDir": {}}, {"name": "b", "persistentVolumeClaim": {"claimName": "book"}}]
    mounts = [{"name": "scratch", "mountPath": "/s"}] + ([{"name": "b", "mountPath": "/b"}] if mounted else [])
    spec: Body = {"volumes": volumes, "containers": [{"name": "web", "volumeMounts": mounts}]}
    status: Body = {"phase": "Pending"}
    if node:
        spec["nodeName"] = node
        told = {"name": "web", "state": state or {"running": {}}, "restartCount": count, "containerID": f"{uid}{count}"}
        status = {"phase": "Running", "containerStatuses": [told]}
    return {"metadata": {"name": f"guest-{uid}", "namespace": "d", "uid": uid} | meta, "spec": spec, "status": status}


def story() -> History:
    """Made at 0, used from 10 on, the container ended at 20, the pod at 30; the next one waits from 31 to 40."""
    history = History()
    for at, type_, kind, body in (
        (100, "ADDED", "PersistentVolumeClaim", claim("Pending")),
        (109, "ADDED", "Pod", pod("a", node="")),
        (110, "MODIFIED", "PersistentVolumeClaim", claim("Bound")),
        (110, "MODIFIED", "Pod", pod("a")),
        (120, "MODIFIED", "Pod", pod("a", state={"terminated": {"exitCode": 2}})),
        (121, "MODIFIED", "Pod", pod("a", count=1)),
        (130, "DELETED", "Pod", pod("a", count=1)),
        (131, "ADDED", "Pod", pod("b", node="")),
        (140, "MODIFIED", "Pod", pod("b")),
    ):
        history.append(Seen(at, type_, kind, body))
    return history


def rows(history: History) -> dict[str, list[tuple[float, float | None]]]:
    seen = lifetimes.read(history)
    assert seen is not None
    return {row.kind: [(s.from_s - 100, None if s.to_s is None else s.to_s - 100) for s in row.spans] for row in seen.rows}


def test_the_claim_lives_on_while_pods_and_containers_end() -> None:
    assert rows(story()) == {
        "claim": [(10, None)],
        "emptyDir": [(10, 30), (40, None)],
        "files of container": [(10, 20), (21, 30), (40, None)],
    }


def test_a_claim_without_a_pod_is_dashed_and_has_no_life_yet() -> None:
    history = History([Seen(5.0, "ADDED", "PersistentVolumeClaim", claim("Pending"))])
    drawn = lifetimes.draw(history, 9.0)
    assert drawn.facts == "Claim book: not there yet."
    assert 'stroke-dasharray="3 3"' in drawn.desk
    assert "--sd-ready" not in drawn.desk


def test_a_restart_that_nobody_saw_the_end_of_is_a_cut_too() -> None:
    history = story()
    history.append(Seen(150, "MODIFIED", "Pod", pod("b", count=1)))
    assert rows(history)["files of container"][-2:] == [(40, 50), (50, None)]
    assert rows(history)["emptyDir"][-1] == (40, None)


def test_a_deleted_claim_ends_and_one_made_again_under_its_name_is_another_life() -> None:
    history = story()
    history.append(Seen(160, "DELETED", "PersistentVolumeClaim", claim("Bound")))
    history.append(Seen(170, "ADDED", "PersistentVolumeClaim", claim("Bound", uid="d")))
    assert rows(history)["claim"] == [(10, 60), (70, None)]


def test_a_pod_that_does_not_mount_its_claim_is_no_user_of_it() -> None:
    history = History([Seen(1.0, "ADDED", "PersistentVolumeClaim", claim("Bound")), Seen(2.0, "ADDED", "Pod", pod("x", mounted=False))])
    assert list(rows(history)) == ["claim"]


def test_without_a_claim_the_picture_says_what_is_missing() -> None:
    assert lifetimes.draw(History()).empty


@pytest.mark.parametrize(("at", "went_on"), [(119.5, 1), (129.5, 1), (145.0, 3)])
def test_what_was_said_is_compared_with_the_lines_that_go_on(at: float, went_on: int) -> None:
    drawn = lifetimes.draw(story(), 150.0, said=Said(3, at, 0))
    assert drawn.facts.endswith(
        "You said that 3 of 3 go on, and they did." if went_on == 3 else f"You said that 3 of 3 go on; {went_on} did."
    )
    assert len(re.findall("<circle", drawn.desk)) == 3
    assert "you: 3 go on" in drawn.desk


def test_a_container_that_was_ended_leaves_two_lines_before_the_pod_goes() -> None:
    history = History(list(story().events)[:6])
    assert "You said that 1 of 3 goes on; 2 did." in lifetimes.draw(history, 125.0, said=Said(1, 119.5, 0)).facts


def test_cuts_are_seen_however_long_the_record_is() -> None:
    seen = lifetimes.read(story(), 100_000.0)
    assert seen is not None
    made = lifetimes.picture(seen, DESK_PX, "x").svg()
    widths = [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"', made)]
    assert len([w for w in widths if w > 1]) == 6
    assert made.count("--sd-wait-tint") == 3, "one pod's folder and two runs are over"


def test_a_pod_that_comes_before_the_old_one_has_gone_is_cut_from_it() -> None:
    history = History(list(story().events)[:6])
    for at, type_, body in ((130, "ADDED", pod("b", node="")), (131, "MODIFIED", pod("b")), (138, "DELETED", pod("a", count=1))):
        history.append(Seen(at, type_, "Pod", body))
    told = lifetimes.draw(History(list(history.events)[:-1]), 150.0, said=Said(2, 129.5, 0)).facts
    assert told.endswith("You said that 2 of 3 go on; 1 did."), "while the old one is still there too"
    seen = lifetimes.read(history, 150.0)
    assert seen is not None
    made = lifetimes.picture(seen, DESK_PX, "x").svg()
    bars = [(float(x), float(w)) for x, w in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="20"', made)]
    ends = {round(x + w) for x, w in bars}
    assert all(round(x) - 1 not in ends and round(x) not in ends for x, w in bars if x > 140)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("pods", [0, 1, 2, 9])
def test_no_word_overlaps_another(seed: int, pods: int) -> None:
    history = generated.guest_book(seed, pods)
    rng = random.Random(seed)
    for since_s in (None, 30.0):
        seen: Lifetimes | None = lifetimes.read(history, since_s=since_s)
        assert seen is not None
        for said in (None, Said(rng.randrange(4), 35.0, 0), Said(3, 12.0, 0), Said(2, history.events[-1].at_s, 0)):
            assert [b for w in (DESK_PX, PHONE_PX) for b in lifetimes.picture(seen, w, "x", said).problems()] == []


def test_the_record_of_kind_has_a_claim_with_one_life_that_goes_on() -> None:
    words = lifetimes.draw(until("end"), MARKS["end"]).facts
    assert words.startswith("Claim notes: 1 life so far, one goes on.")
