"""What the pictures say about a record of kind, and what they do not claim."""

from __future__ import annotations

import pytest

from shallowdive.errors import BadAnswer
from shallowdive.live import ClusterState, History, Seen
from shallowdive.objects.traffic import Second, by_second
from shallowdive.views import bins, chain, life, machines, rollout, why
from shallowdive.views.pictures import PICTURES, Sight, picture_of
from tests.plain.views.captured import MARKS, state_at, until

KIND = state_at("end")


def test_a_rollout_counts_versions_and_the_fewest_that_were_ready() -> None:
    words = rollout.draw(until("zoo"), end_s=MARKS["zoo"]).facts
    assert words.startswith("5 wanted. Ready now: 5 of v2. Versions seen: v1, v2.")
    assert "Fewest ready at once, after all were ready for the first time: 3." in words
    assert "Nobody counts requests." in words


def test_failed_requests_are_counted_and_fall_off_the_green_line() -> None:
    traffic = [Second(int(MARKS["create"]) + i, 10, 3 if i == 14 else 0) for i in range(2, 19)]
    drawn = rollout.draw(until("zoo"), traffic, MARKS["zoo"])
    assert "170 of 173 requests answered" in drawn.facts
    assert "answered requests: 170 of 173" in drawn.desk
    good = rollout.draw(until("zoo"), [s for s in traffic if not s.failed], MARKS["zoo"])
    assert "--sd-fail" in drawn.desk
    assert "--sd-fail" not in good.desk


def test_a_log_with_timestamps_becomes_counts_by_second() -> None:
    log = (
        "2026-11-26T05:22:58.123456789Z ok web-1\n2026-11-26T05:22:58.9Z fail wget: timed out\n2026-11-26T05:23:00Z ok web-2\n"
        "cut off\n2026-11-26T05:2"
    )
    assert [(s.answered, s.failed) for s in by_second(log)] == [(1, 1), (1, 0)]
    assert by_second(log)[1].at_s - by_second(log)[0].at_s == 2


def test_bins_pack_requests_from_allocatable_and_find_what_fits_nowhere() -> None:
    words = bins.draw(KIND, "views-cap").facts
    assert "Node shallowdive-worker offers 2.00 cpu" in words
    assert "Pending: needs 900 largest gap 1.80" in words
    assert "kind's nodes are containers on one machine" in bins.draw(KIND, "views-cap").read


def test_a_node_that_takes_no_ordinary_pod_has_no_gap() -> None:
    closed = {b.name: b.closed for b in bins.read(KIND, "views-cap").bins}
    assert closed == {"shallowdive-control-plane": "tainted", "shallowdive-worker": "", "shallowdive-worker2": ""}


def test_pods_of_other_namespaces_take_room_and_stay_nameless() -> None:
    drawn = bins.draw(KIND, "somebody-elses")
    assert "other namespaces 0.30" in drawn.facts
    assert "web-" not in drawn.desk


def test_without_nodes_nothing_is_claimed_about_them() -> None:
    assert bins.draw(ClusterState()).empty


def test_a_crashing_container_goes_round_and_each_end_is_told_once() -> None:
    seen = life.read(until("end"), pod="crash")
    assert seen is not None
    assert [state for state, _, _ in seen.steps][:3] == ["waiting", "running", "terminated"]
    ends = sum(1 for state, _, _ in seen.steps if state == "terminated")
    assert ends in (seen.restarts, seen.restarts + 1)
    assert "terminated (Error, exit code 3)" in life.in_words(seen)


def test_a_pod_that_was_made_again_under_its_name_is_the_one_that_is_shown() -> None:
    history = until("end")
    crash = [s for s in history.events if s.kind == "Pod" and s.object["metadata"]["name"] == "crash"]
    history.append(Seen(MARKS["end"], "DELETED", "Pod", crash[-1].object))
    again = {**crash[1].object, "metadata": {**crash[1].object["metadata"], "uid": "another"}}
    again["status"] = {"containerStatuses": [{"name": "app", "state": {"running": {}}, "restartCount": 0}]}
    history.append(Seen(MARKS["end"] + 1, "ADDED", "Pod", again))
    seen = life.read(history, pod="crash")
    assert seen is not None
    assert [state for state, _, _ in seen.steps] == ["running"]


def test_the_chain_ends_at_the_node_that_the_volume_cannot_leave() -> None:
    link = next(link for link in chain.read(KIND) if link.claim == "notes")
    assert (link.phase, link.node, link.pinned, link.pods[0][0]) == ("Bound", "shallowdive-worker", True, "guestbook")
    assert "cannot move" in chain.in_words(link)


def test_a_claim_before_its_first_pod_is_normal_and_not_red() -> None:
    claim = {"metadata": {"name": "notes", "namespace": "d", "uid": "c"}, "spec": {}, "status": {"phase": "Pending"}}
    drawn = chain.draw(ClusterState({"PersistentVolumeClaim": {("d", "notes"): claim}}))
    assert "Normal: it waits for the first pod that uses it." in drawn.facts
    assert "--sd-fail" not in drawn.desk


def test_a_pod_without_a_node_asks_for_its_claim_and_mounts_nothing() -> None:
    claim = {"metadata": {"name": "book", "namespace": "d", "uid": "c"}, "spec": {}, "status": {"phase": "Pending"}}
    uses = [{"name": "b", "persistentVolumeClaim": {"claimName": "book"}}]
    pod = {"metadata": {"name": "p", "namespace": "d", "uid": "p"}, "spec": {"volumes": uses}, "status": {"phase": "Pending"}}
    both = {"PersistentVolumeClaim": {("d", "book"): claim}, "Pod": {("d", "p"): pod}}
    drawn = chain.draw(ClusterState(both))
    assert ">asks<" in drawn.desk
    assert ">mounts<" not in drawn.desk


def test_a_pod_that_leaves_does_not_hide_the_one_that_comes() -> None:
    uses = [{"name": "b", "persistentVolumeClaim": {"claimName": "book"}}]
    claim = {"metadata": {"name": "book", "namespace": "d", "uid": "c"}, "spec": {}, "status": {"phase": "Bound"}}
    going = {"old": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "young": {}}
    pods = {
        ("d", n): {"metadata": {"name": n, "namespace": "d", "uid": n} | more, "spec": {"volumes": uses}, "status": {"phase": "Pending"}}
        for n, more in going.items()
    }
    (link,) = chain.read(ClusterState({"PersistentVolumeClaim": {("d", "book"): claim}, "Pod": pods}))
    assert [name for name, _ in link.pods] == ["young", "old"]


def test_a_cause_is_one_line_with_its_field_and_a_healthy_state_has_none() -> None:
    assert why.first_cause(state_at("zoo"), "views-cap", MARKS["zoo"]) is None
    found = why.first_cause(KIND, "views-cap", MARKS["end"])
    assert found is not None
    assert '<div class="sd-cause"><b>Pod crash:</b>' in why.line(found)


def test_a_picture_of_one_pod_names_no_cause_of_another() -> None:
    ready = next(p["metadata"]["name"] for p in KIND.all("Pod") if p["metadata"]["name"].startswith("web-"))
    assert why.first_cause(KIND, "views-cap", MARKS["end"], ready) is None
    assert [why.first_cause(KIND, "views-cap", MARKS["end"], of).about for of in ("crash", "the busiest")] == ["Pod crash"] * 2  # type: ignore[union-attr]


@pytest.mark.parametrize("name", list(PICTURES))
def test_every_picture_has_a_question_a_text_and_words_for_nothing_yet(name: str) -> None:
    picture = picture_of(name)
    full = Sight(KIND, until("end"), "views-cap", MARKS["end"], MARKS["zoo"])
    drawn = picture.draw(full)
    assert picture.ask.endswith("?")
    assert drawn.facts
    assert 'role="img" aria-label="' in drawn.desk
    assert picture.draw(Sight(ClusterState(), History(), "d", 0.0, 0.0)).empty
    assert picture.choices is None or len(picture.choices(full)) >= 2


def test_a_picture_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(BadAnswer) as refused:
        picture_of("cinema")
    assert "timeline" in refused.value.try_this


def test_the_machines_are_containers_on_one_computer_and_hold_what_is_mine_by_name() -> None:
    drawn = machines.draw(KIND, "views-cap")
    assert drawn.facts.startswith("3 nodes, containers on one computer.")
    assert "shallowdive-control-plane, worker, ready: none of yours" in drawn.facts
    assert "guestbook" in drawn.desk
    assert machines.draw(ClusterState(), "d").empty
