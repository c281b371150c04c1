"""Jobs, on the virtual clock. Status and events as seen on kind 1.37.2."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from shallowdive.embedded.clock import parse
from shallowdive.embedded.controllers import schedule
from shallowdive.embedded.kinds import CRONJOBS, JOBS, PODS
from tests.plain.embedded.world import World


def conditions(world: World, name: str = "sum") -> list[tuple[str, str, str]]:
    rows = world.must(JOBS, name)["status"].get("conditions") or []
    return [(row["type"], row["status"], row["reason"]) for row in rows]


def test_a_job_completes_and_its_status_is_as_on_kind(world: World) -> None:
    world.job(completions=3, parallelism=2)
    world.advance(20)
    status = world.must(JOBS, "sum")["status"]
    assert {key: status[key] for key in status if key not in ("conditions", "startTime", "completionTime")} == {
        "ready": 0,
        "succeeded": 3,
        "terminating": 0,
        "uncountedTerminatedPods": {},
    }
    assert parse(status["completionTime"]) > parse(status["startTime"])
    assert conditions(world) == [("SuccessCriteriaMet", "True", "CompletionsReached"), ("Complete", "True", "CompletionsReached")]
    assert world.events("sum")[-1] == "Job completed"
    assert len(world.events("sum", "SuccessfulCreate")) == 3


def test_never_more_pods_run_than_the_job_allows(world: World) -> None:
    world.job(completions=5, parallelism=2)
    most = 0
    for _ in range(100):
        world.advance(0.2)
        most = max(most, sum(pod["status"]["phase"] in ("Pending", "Running") for pod in world.all(PODS)))
    assert most == 2
    assert world.must(JOBS, "sum")["status"]["succeeded"] == 5


def test_a_job_selects_its_pods_by_its_uid_and_tracks_them(world: World) -> None:
    job = world.job()
    world.advance(0.5)
    uid = job["metadata"]["uid"]
    assert world.must(JOBS, "sum")["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "sum",
        "controller-uid": uid,
        "job-name": "sum",
    }
    assert job["metadata"]["labels"] == labels
    [pod] = world.all(PODS)
    assert pod["metadata"]["labels"] == labels
    assert pod["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]
    world.advance(5)
    assert "finalizers" not in world.all(PODS)[0]["metadata"]


def test_failed_pods_are_replaced_after_ten_seconds_then_twenty_until_the_limit(world: World) -> None:
    world.job(image="exit-3", backoffLimit=2)
    world.advance(120)
    made = sorted(parse(pod["metadata"]["creationTimestamp"]) for pod in world.all(PODS))
    gaps = [later - earlier for earlier, later in pairwise(made)]
    assert [round(gap) for gap in gaps] == [12, 22]
    assert conditions(world) == [("FailureTarget", "True", "BackoffLimitExceeded"), ("Failed", "True", "BackoffLimitExceeded")]
    assert world.must(JOBS, "sum")["status"]["failed"] == 3
    assert world.events("sum", "BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


def test_a_deadline_ends_a_job_and_its_pods(world: World) -> None:
    world.job(image="i:1", activeDeadlineSeconds=5)
    world.advance(4)
    assert world.must(JOBS, "sum")["status"]["active"] == 1
    world.advance(5)
    assert conditions(world) == [("FailureTarget", "True", "DeadlineExceeded"), ("Failed", "True", "DeadlineExceeded")]
    assert world.must(JOBS, "sum")["status"]["failed"] == 1
    assert world.names(PODS) == []
    assert world.events("sum", "DeadlineExceeded") == ["Job was active longer than specified deadline"]


def test_failed_is_said_only_when_the_last_pod_is_gone(world: World) -> None:
    world.job(image="i:1", activeDeadlineSeconds=5)
    world.advance(4)
    world.kubelet.stopped = {"shallowdive-worker", "shallowdive-worker2"}
    world.advance(4)
    assert conditions(world) == [("FailureTarget", "True", "DeadlineExceeded")]
    world.kubelet.stopped = set()
    world.advance(12)
    assert conditions(world)[-1] == ("Failed", "True", "DeadlineExceeded")


def test_a_suspended_job_has_no_pods_and_goes_on_when_resumed(world: World) -> None:
    world.job(image="i:1", suspend=True)
    world.advance(3)
    assert (world.names(PODS), conditions(world)) == ([], [("Suspended", "True", "JobSuspended")])
    assert "startTime" not in world.must(JOBS, "sum")["status"]
    world.change(JOBS, "sum", lambda job: job["spec"].update(suspend=False))
    world.advance(3)
    assert conditions(world) == [("Suspended", "False", "JobResumed")]
    assert len(world.names(PODS)) == 1
    world.change(JOBS, "sum", lambda job: job["spec"].update(suspend=True))
    world.advance(3)
    assert world.names(PODS) == []
    assert "failed" not in world.must(JOBS, "sum")["status"]
    assert world.events("sum", "Resumed") == ["Job resumed"]


def test_a_finished_job_goes_after_its_time_with_its_pods(world: World) -> None:
    world.job(ttlSecondsAfterFinished=30)
    world.advance(20)
    assert world.must(JOBS, "sum")["status"]["succeeded"] == 1
    world.advance(20)
    assert (world.names(JOBS), world.names(PODS)) == ([], [])


def test_an_indexed_job_gives_every_pod_its_index(world: World) -> None:
    world.job(completions=3, parallelism=3, completionMode="Indexed")
    world.advance(1)
    pods = {pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: pod for pod in world.all(PODS)}
    assert sorted(pods) == ["0", "1", "2"]
    assert pods["1"]["metadata"]["name"].startswith("sum-1-")
    assert pods["1"]["spec"]["hostname"] == "sum-1"
    assert pods["1"]["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
    world.advance(10)
    assert world.must(JOBS, "sum")["status"]["completedIndexes"] == "0-2"


def test_deleting_a_job_takes_its_pods_though_they_are_tracked(world: World) -> None:
    world.job(image="i:1")
    world.advance(3)
    world.delete(JOBS, "sum")
    world.advance(3)
    assert world.names(PODS) == []


def cron(world: World, **spec: Any) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "exit-0"}]}
    template = {"spec": {"template": {"spec": pod}}}
    world.create(CRONJOBS, "tick", spec={"schedule": "* * * * *", "jobTemplate": template, **spec})


def test_a_cron_job_makes_a_job_each_minute_and_keeps_three(world: World) -> None:
    cron(world)
    world.advance(6 * 60)
    names = world.names(JOBS)
    assert len(names) in (3, 4)
    job = world.must(JOBS, names[-1])
    minute = parse(job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"])
    assert names[-1] == f"tick-{int(minute) // 60}"
    assert minute % 60 == 0
    assert parse(world.must(CRONJOBS, "tick")["status"]["lastScheduleTime"]) == minute
    assert len(world.events("tick", "SuccessfulDelete")) >= 2


def test_a_suspended_cron_job_makes_nothing(world: World) -> None:
    cron(world, suspend=True)
    world.advance(300)
    assert world.names(JOBS) == []


@pytest.mark.parametrize(
    ("text", "zone", "next_"),
    [
        ("*/15 * * * *", "", "2026-11-26T04:30:00+00:00"),
        ("0 8-18/2 * * mon-fri", "", "2026-11-26T08:00:00+00:00"),
        ("30 6 1,15 * 0", "", "2026-11-29T06:30:00+00:00"),
        ("0 0 29 2 *", "", "2028-02-29T00:00:00+00:00"),
        ("@daily", "Europe/Berlin", "2026-11-27T00:00:00+01:00"),
    ],
)
def test_the_next_time_of_a_schedule(text: str, zone: str, next_: str) -> None:
    assert schedule.next_after(text, parse("2026-11-26T04:28:00Z"), zone) == parse(next_)
