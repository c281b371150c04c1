"""What a record says about containers: each end once, by whom it was caused, how long each wait was. No cluster."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.checks.container_ends import Known, known, names_of, truths
from shallowdive.checks.hungry import copy_under
from shallowdive.checks.lab10_containers import DOUBLES, given, says_why, timer_read
from shallowdive.checks.result import Evidence, run_criteria
from shallowdive.live import ClusterState, History, Seen
from shallowdive.objects import Object

Body = dict[str, Any]
BACK_OFF = "back-off {} restarting failed container=main pod=x"


def stamp(s: float) -> str:
    return f"2026-01-01T00:{int(s) // 60:02d}:{int(s) % 60:02d}Z"


def over(began: float, ended: float, code: int = 1, reason: str = "Error") -> Body:
    return {"exitCode": code, "reason": reason, "startedAt": stamp(began), "finishedAt": stamp(ended), "containerID": f"c{ended}"}


def seen(
    at_s: float, state: Body, last: Body | None = None, *, restarts: int = 0, name: str = "mole", leaving: bool = False, **spec: Any
) -> Seen:
    status = {"name": "main", "restartCount": restarts, "state": state, "lastState": {"terminated": last} if last else {}}
    metadata: Body = {"name": name, "uid": f"uid of {name}"} | ({"deletionTimestamp": "now"} if leaving else {})
    container = {"name": "main", "image": "i"} | spec
    return Seen(
        at_s,
        "MODIFIED",
        "Pod",
        {"metadata": metadata, "spec": {"containers": [container]}, "status": {"containerStatuses": [status]}},
    )


def only(*events: Seen) -> Known:
    (one,) = known(History(list(events)))
    return one


def test_an_end_is_told_twice_and_counts_once() -> None:
    end = over(1, 3)
    one = only(seen(1, {"running": {}}), seen(2, {"terminated": end}), seen(3, {"running": {}}, end, restarts=1))
    assert [(e.code, e.reason) for e in one.ends] == [(1, "Error")]
    assert one.troubles == {"Error"}


def test_the_end_that_a_deletion_brings_is_none() -> None:
    one = only(seen(1, {"running": {}}, name="sloth"), seen(2, {"terminated": over(1, 2, 137)}, name="sloth", leaving=True))
    assert one.ends == []
    assert truths([one])[0][1] == {"Running"}


def test_a_kill_for_memory_that_the_runtime_did_not_name_at_once_is_no_error_of_its_own() -> None:
    one = only(seen(1, {"terminated": over(1, 2, 137, "Error")}), seen(2, {"terminated": over(3, 4, 137, "OOMKilled")}, restarts=1))
    assert one.troubles == {"OOMKilled"}


def test_a_limit_is_that_of_the_time_of_the_end() -> None:
    def limited(limit: str) -> Body:
        return {"resources": {"limits": {"memory": limit}}}

    one = only(
        seen(1, {"terminated": over(1, 2, 137, "OOMKilled")}, **limited("64Mi")),
        seen(3, {"running": {}}, over(1, 2, 137, "OOMKilled"), restarts=1, **limited("256Mi")),
    )
    assert [e.limit for e in one.ends] == ["64Mi"]


def waiting(told: str) -> Body:
    return {"waiting": {"reason": "CrashLoopBackOff", "message": BACK_OFF.format(told)}}


def test_waits_are_those_that_the_kubelet_told_and_that_are_over() -> None:
    events = [seen(n, waiting(told), over(0, n), restarts=n) for n, told in ((1, "10s"), (2, "20s"), (3, "1m20s"))]
    assert only(*events).waits == [10, 20]
    assert only(*events, seen(9, {"running": {}}, over(0, 3), restarts=4)).waits == [10, 20, 80]


def test_waits_that_nobody_told_are_measured() -> None:
    ends = [over(0, 2), over(3, 5), over(16, 18), over(39, 41)]
    assert only(*(seen(n, {"terminated": end}, restarts=n) for n, end in enumerate(ends))).waits == [11, 21]


def test_one_that_runs_in_the_place_of_a_killed_one_is_that_one_repaired() -> None:
    hog = [seen(1, {"terminated": over(1, 2, 137, "OOMKilled")}, name="hog", args=["eat"])]
    again = seen(3, {"running": {}}, name="hog-2", args=["eat"])
    sloth = seen(3, {"running": {}}, name="sloth", args=["sleep"])
    found = {one.place[0]: words for one, words in truths(known(History([*hog, again, sloth])))}
    assert found == {"hog": {"OOMKilled"}, "hog-2": set(), "sloth": {"Running"}}


def test_a_container_may_be_called_by_its_own_name_where_nothing_else_is() -> None:
    both = known(History([seen(1, {"running": {}}, name="a", args=["x"]), seen(1, {"running": {}}, name="b", args=["y"])]))
    assert names_of(both).keys() == {"a", "b"}
    assert names_of(both[:1]).keys() == {"a", "main"}


PULL = 'Failed to pull image "r.invalid/x:1": failed to resolve reference "r.invalid/x:1": no such host'


@pytest.mark.parametrize(
    ("said", "text", "why"),
    [
        ("no such host", PULL, True), (PULL, PULL, True), ("failed to resolve", PULL, True),
        ('Failed to pull image "r.invalid/x:1"', PULL, False), ("r.invalid/x:1", PULL, False), ("no such hound", PULL, False),
        ("Error: ErrImagePull", "Error: ErrImagePull", False),
        ("Back-off pulling image", 'Back-off pulling image "r.invalid/x:1"', False),
        ("already present on machine", 'Container image "i" already present on machine', False),
        ("is not present with", 'Container image "i" is not present with pull policy of Never', True),
    ],
)  # fmt: skip
def test_a_quotation_has_to_reach_into_the_cause(said: str, text: str, why: bool) -> None:
    assert says_why(said, text) is why


def test_an_answer_that_is_no_word_and_no_number_is_none() -> None:
    e = Evidence(ClusterState(), History(), {"answer.code-a": [1], "answer.code-b": 7, "answer.cause-a": "Error"}, None)  # type: ignore[arg-type]
    assert given(e, "code-") == {"a": "", "b": 7}


def test_the_judges_copy_is_one_container_with_the_limit_that_killed_and_none_of_the_pods_token() -> None:
    token = {"name": "kube-api-access-x", "mountPath": "/t"}
    hog: Object = {"name": "main", "image": "i", "args": ["eat"], "volumeMounts": [token], "readinessProbe": {}, "imagePullPolicy": "Never"}
    pod: Object = {"metadata": {"name": "hog"}, "spec": {"containers": [hog, {"name": "b"}], "volumes": [token], "nodeName": "n"}}
    spec = copy_under(pod, hog, "64Mi")["spec"]
    assert [c["name"] for c in spec["containers"]] == ["main"]
    assert spec["containers"][0]["resources"]["limits"] == {"memory": "64Mi"}
    assert (spec["containers"][0]["args"], spec["containers"][0]["imagePullPolicy"]) == (["eat"], "Never")
    assert (spec["volumes"], spec["containers"][0]["volumeMounts"], "nodeName" in spec) == ([], [], False)


def test_on_a_busy_machine_a_pause_is_no_timer() -> None:
    """Pauses of 7, 25 and 31 s were read as drawn at random, and right answers were refused."""
    ends = [over(0, 2), over(9, 11), over(36, 38), over(69, 71)]
    measured = [seen(n, {"terminated": end}, restarts=n) for n, end in enumerate(ends)]
    stale = [seen(n, waiting(told), over(0, n), restarts=r) for n, told, r in ((1, "10s", 1), (2, "20s", 1), (3, "20s", 2), (4, "40s", 3))]
    told = [*stale, seen(9, {"running": {}}, over(0, 3), restarts=4)]
    assert (only(*measured).waits, only(*told).waits) == ([7, 25, 31], [20, 40])
    for record, said, right in ((measured, DOUBLES, 1), (told, DOUBLES, 1), (told, "is the same each time", 0), (measured[:2], DOUBLES, 0)):
        evidence = Evidence(ClusterState(), History(record), {"answer.waits": said}, None)  # type: ignore[arg-type]
        assert run_criteria([timer_read], evidence)[0].passed == bool(right)
