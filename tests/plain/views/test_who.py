"""Who did that: read from a record of kind, and never claimed beyond it."""

from __future__ import annotations

import pytest

from shallowdive.live import History, Seen
from shallowdive.views import who
from shallowdive.views.acts import last_action
from shallowdive.views.frame import DESK_PX, PHONE_PX
from tests.plain.views.captured import until


def told(mark: str) -> list[tuple[str, str, str]]:
    return [(act.who, act.part, act.words) for act in last_action(until(mark))]


def test_a_scaling_goes_from_you_through_four_parts() -> None:
    assert told("delete") == [
        ("you", "OpenAPI-Generator", "change Deployment web: replicas 3 → 5"),
        ("controllers", "Deployment controller", "scale ReplicaSet web-78844bf8f9: 3 → 5"),
        ("controllers", "ReplicaSet controller", "create 2 Pods"),
        ("scheduler", "scheduler", "choose a node for 2 Pods: shallowdive-worker2, shallowdive-worker"),
        ("kubelet", "kubelet", "report running: 2 Pods"),
        ("kubelet", "kubelet", "report ready: 2 Pods"),
    ]


def test_creating_a_deployment_names_the_tool_that_wrote_it() -> None:
    assert told("scale")[:3] == [
        ("you", "shallowdive-learner", "create Deployment web"),
        ("controllers", "Deployment controller", "create ReplicaSet web-78844bf8f9"),
        ("controllers", "ReplicaSet controller", "create 3 Pods"),
    ]


def test_who_only_lost_a_field_did_not_change_it() -> None:
    """On kind a scaling to 0 takes `replicas` from the one who applied it, and writes down nobody."""
    history = until("scale")
    deployment = next(s.object for s in reversed(history.events) if s.kind == "Deployment")
    version = str(max(int(s.object["metadata"]["resourceVersion"]) for s in history.events) + 1)
    body = {**deployment, "metadata": {**deployment["metadata"], "resourceVersion": version}, "spec": {**deployment["spec"], "replicas": 0}}
    history.append(Seen(2000.0, "MODIFIED", "Deployment", body))
    assert [(a.who, a.part, a.words) for a in last_action(history)] == [("you", "", "change Deployment web: replicas 3 → 0")]


def test_a_deleted_pod_is_replaced_by_a_controller_and_ended_by_the_kubelet() -> None:
    acts = told("update")
    assert acts[0] == ("you", "", "delete Pod web-78844bf8f9-2trsm")
    assert ("controllers", "ReplicaSet controller", "create Pod web-78844bf8f9-vq6v8") in acts
    assert ("kubelet", "kubelet", "end Pod web-78844bf8f9-2trsm") in acts


def test_in_an_update_the_pods_are_deleted_by_a_controller_and_not_by_you() -> None:
    acts = told("zoo")
    assert acts[0][2] == "change Deployment web: template"
    assert [a for a in acts if "delete" in a[2]] == [("controllers", "ReplicaSet controller", "delete 5 Pods")]
    assert ("controllers", "Deployment controller", "scale ReplicaSet web-78844bf8f9: 5 → 4 → 3 → 2 → 1 → 0") in acts


def test_what_becomes_of_pods_of_an_earlier_action_is_not_part_of_this_one() -> None:
    assert any("crash" in name for s in until("end").of("Pod") for name in [s.object["metadata"]["name"]])
    assert [words for _, _, words in told("end") if "report" in words and "crash" in words] == []


def test_a_claim_is_bound_by_a_controller() -> None:
    assert not any(who_ == "you" and "PersistentVolumeClaim" in words and "change" in words for who_, _, words in told("end"))


def test_every_act_carries_its_version_and_its_moment_in_the_text() -> None:
    words = who.in_words(last_action(until("delete")))
    assert words.startswith("1. you (OpenAPI-Generator): change Deployment web: replicas 3 → 5 (+0.0 s, resource version 35092).")
    assert "told of a pod without a node by its watch: choose a node" in words


def test_pods_of_an_owner_that_is_gone_are_deleted_by_the_garbage_collector() -> None:
    history = until("delete")
    last = max(int(s.object["metadata"]["resourceVersion"]) for s in history.events)
    gone = [s for s in history.events if s.kind in ("Deployment", "ReplicaSet")]
    latest = {s.object["metadata"]["uid"]: s for s in gone}
    for i, s in enumerate(latest.values(), 1):
        body = {**s.object, "metadata": {**s.object["metadata"], "resourceVersion": str(last + i)}}
        history.append(Seen(s.at_s + 60, "DELETED", s.kind, body))
    pod = next(s.object for s in reversed(history.events) if s.kind == "Pod")
    ended = {**pod["metadata"], "resourceVersion": str(last + 9), "deletionTimestamp": "x"}
    history.append(Seen(2000.0, "MODIFIED", "Pod", {**pod, "metadata": ended}))
    acts = [(a.part, a.words) for a in last_action(history)]
    assert ("garbage collector", f"delete Pod {pod['metadata']['name']}") in acts


def test_the_judges_and_the_answers_of_a_lab_are_nobodys_act() -> None:
    history = until("delete")
    history.append(
        Seen(3000.0, "ADDED", "ConfigMap", {"metadata": {"name": "shallowdive-answers", "uid": "c", "resourceVersion": "99999"}})
    )
    helper = {"metadata": {"name": "judge", "uid": "j", "resourceVersion": "99998", "labels": {"shallowdive/role": "judge"}}, "spec": {}}
    history.append(Seen(3000.0, "ADDED", "Pod", helper))
    assert [a.words for a in last_action(history)] == [words for _, _, words in told("delete")]


@pytest.mark.parametrize("mark", ["scale", "delete", "update", "zoo", "end"])
@pytest.mark.parametrize("width", [DESK_PX, PHONE_PX])
def test_no_word_of_the_sequence_overlaps_or_leaves_it(mark: str, width: int) -> None:
    acts = last_action(until(mark))
    assert acts
    assert who.picture(acts, width, "x").problems() == []


def test_every_arrow_begins_or_ends_at_the_api_server() -> None:
    assert all(who.API in (row.start, row.end) for row in who.rows(last_action(until("zoo"))))


def test_an_empty_record_says_what_fills_it() -> None:
    assert who.draw(History()).empty
