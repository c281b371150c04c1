"""Pure parts: folding events, the nine states of a pod, a record that survives its process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shallowdive.live import ClusterState, History, Seen, apply_event
from shallowdive.objects import selects
from shallowdive.objects.pods import STATES, pod_state

Body = dict[str, Any]


def pod(name: str = "web-7d9f8-x7k2p", uid: str = "u1", *, spec: Body | None = None, status: Body | None = None, **meta: Any) -> Body:
    return {
        "metadata": {"name": name, "namespace": "d", "uid": uid, "resourceVersion": "1", **meta},
        "spec": spec or {},
        "status": status or {},
    }


def waiting(reason: str) -> Body:
    return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]}


@pytest.mark.parametrize(
    "state, body",
    [
        ("terminating", pod(deletionTimestamp="2026-01-01T00:00:00Z", status={"phase": "Running"})),
        ("unknown", pod(status={"phase": "Unknown"})),
        ("backoff", pod(status=waiting("CrashLoopBackOff"))),
        ("backoff", pod(status=waiting("ImagePullBackOff"))),
        ("failed", pod(status=waiting("ErrImagePull"))),
        ("failed", pod(status=waiting("CreateContainerConfigError"))),
        ("failed", pod(status={"phase": "Failed"})),
        ("succeeded", pod(status={"phase": "Succeeded"})),
        ("ready", pod(status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})),
        ("failed", pod(status={"phase": "Running", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]})),
        ("notready", pod(status={"phase": "Running", "containerStatuses": [{"state": {"terminated": {"exitCode": 0}}}]})),
        ("notready", pod(status={"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]})),
        ("pulling", pod(spec={"nodeName": "n"}, status=waiting("ContainerCreating"))),
        ("pending", pod(status={"phase": "Pending"})),
    ],
)
def test_a_pods_state_is_read_from_the_pod_alone(state: str, body: Body) -> None:
    assert state in STATES
    assert pod_state(body) == state


def test_an_empty_selector_selects_nothing() -> None:
    assert not selects({}, pod(labels={"app": "web"}))
    assert selects({"app": "web"}, pod(labels={"app": "web", "more": "1"}))


def test_folding_changes_no_earlier_picture() -> None:
    empty = ClusterState()
    one = apply_event(empty, "ADDED", "Pod", pod())
    none = apply_event(one, "DELETED", "Pod", pod())
    assert (len(empty.all("Pod")), len(one.all("Pod")), len(none.all("Pod"))) == (0, 1, 0)


def test_a_record_in_a_file_is_continued_after_a_crash_in_the_middle_of_a_line(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    first = History(file=file)
    first.append(Seen(1.0, "ADDED", "Pod", pod(uid="é")))
    with file.open("a", encoding="utf-8") as f:
        f.write('[2.0, "ADDED", "Po')
    again = History.load(file)
    assert [s.object["metadata"]["uid"] for s in again.events] == ["é"]
    again.append(Seen(3.0, "DELETED", "Pod", pod(uid="é")))
    assert [s.type for s in History.load(file).events] == ["ADDED", "DELETED"]


def test_a_record_answers_which_objects_were_deleted_and_in_which_versions_they_were_seen() -> None:
    history = History(
        [
            Seen(1, "ADDED", "Pod", pod(uid="a")),
            Seen(2, "MODIFIED", "Pod", pod(uid="a")),
            Seen(3, "DELETED", "Pod", pod(uid="a")),
            Seen(4, "ADDED", "Pod", pod(uid="b")),
        ]
    )
    assert history.uids("Pod") == ["a", "b"]
    assert len(history.versions("Pod", "a")) == 3
    assert [p["metadata"]["uid"] for p in history.deleted("Pod")] == ["a"]
    assert [len(s.all("Pod")) for _, s in history.states()] == [1, 1, 0, 1]
