"""What a kubelet gives a client (logs, exec), and how it speaks for its node; texts are those of a kind cluster."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.embedded.clock import Clock, parse
from shallowdive.embedded.cluster import Cluster, Settings
from shallowdive.embedded.kinds import EVENTS, NODES
from shallowdive.embedded.recorder import Recorder
from shallowdive.embedded.status import ApiError
from tests.plain.embedded import START
from tests.plain.embedded.living import READY_PROBE, Living, conditions, shell, web


# ── logs and exec ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_log_is_cut_as_asked(living: Living) -> None:
    living.pod("p", shell("for i in 1 2 3; do echo line $i; sleep 2; done; printf end"), restartPolicy="Never", after=12)
    assert living.log("p") == "line 1\nline 2\nline 3\nend"
    assert living.log("p", tail_lines=2) == "line 3\nend"
    assert living.log("p", limit_bytes=4) == "line"
    assert living.log("p", since_seconds=8) == "line 3\nend"
    first = living.log("p", timestamps=True).split()[0]
    assert parse(first[:26] + "+00:00") > 0
    assert first.endswith("000Z")


def test_the_log_of_the_run_before(living: Living) -> None:
    living.pod("p", shell("cat /v/n 2>/dev/null; echo again >> /v/n; exit 1", volumeMounts=[{"name": "v", "mountPath": "/v"}]),
               volumes=[{"name": "v", "emptyDir": {}}], after=3.5)  # fmt: skip
    assert living.state("p")["restartCount"] == 1
    assert living.log("p") == "again\n"
    assert living.log("p", previous=True) in ("", "again\n")


@pytest.mark.parametrize(
    ("containers", "container", "message"),
    [
        ([{"name": "main", "image": "nginx"}], "", 'container "main" in pod "p" is waiting to start: trying and failing to pull image'),
        ([shell(name="a"), shell(name="b")], "", "a container name must be specified for pod p, choose one of: [a b]"),
        ([shell(name="a")], "zzz", "container zzz is not valid for pod p"),
    ],
)
def test_a_log_that_is_not_there(living: Living, containers: list[Any], container: str, message: str) -> None:
    living.pod("p", *containers)
    with pytest.raises(ApiError) as refused:
        living.log("p", container)
    assert (refused.value.code, refused.value.message) == (400, message)


def test_a_followed_log_goes_on_until_the_container_ends(living: Living) -> None:
    from shallowdive.embedded.kubelet import LogOptions

    living.pod("p", shell("echo one; sleep 3; echo two"), restartPolicy="Never", after=1.5)
    stream = living.cluster.kubelet.logs(living.look("p"), "", LogOptions(follow=True))
    assert not isinstance(stream, bytes)
    woken: list[int] = []
    stream.wake = lambda: woken.append(1)
    assert (stream.pull(), stream.pull()) == (b"one\n", b"")
    living.advance(5)
    assert woken
    assert (stream.pull(), stream.pull()) == (b"two\n", None)


def test_a_program_that_is_not_there_cannot_be_executed(living: Living) -> None:
    living.pod("p", shell())
    [(channel, data)] = living.talk("p", "nope").pull()
    assert channel == 3
    assert b'unable to start container process: exec: \\"nope\\": executable file not found in $PATH' in data


def test_exec_into_a_container_that_does_not_run(living: Living) -> None:
    living.pod("p", {"name": "main", "image": "nginx"})
    answer = living.talk("p", "ls")
    assert (answer.code, answer.body) == (500, b'container not found ("main")')


def test_a_shell_reads_what_a_person_types(living: Living) -> None:
    living.pod("p", shell())
    channel = living.talk("p", "sh", stdin=b"", tty=True)
    channel.receive(0, b"echo hello\r")
    assert b"".join(d for n, d in channel.pull() if n == 1) == b"/ # echo hello\r\nhello\r\n/ # "


# ── nodes ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_stopped_node_falls_silent_and_its_pods_start_again_with_it(living: Living) -> None:
    ip = living.pod("web", web(), nodeName="shallowdive-worker")["status"]["podIP"]
    living.cluster.kubelet.stop_node("shallowdive-worker")
    assert living.get(ip, 8080, "/").why == "i/o timeout"
    living.advance(60)
    ready = {c["type"]: c["status"] for c in living.cluster.registry.get(NODES, "", "shallowdive-worker")["status"]["conditions"]}
    assert ready["Ready"] == "Unknown"
    living.cluster.kubelet.start_node("shallowdive-worker")
    living.advance(10)
    ready = {c["type"]: c["status"] for c in living.cluster.registry.get(NODES, "", "shallowdive-worker")["status"]["conditions"]}
    assert ready["Ready"] == "True"
    assert conditions(living.look("web"))["Ready"] == "True"
    assert living.state("web")["restartCount"] == 1
    assert living.ask("web", "/hostname").body == b"web"


def test_a_pod_costs_no_more_than_four_status_writes_to_start(living: Living) -> None:
    living.pod("web", web(readinessProbe=READY_PROBE), after=30)
    assert len(living.history("web")) == 5, "created, bound, and three times the kubelet"


@pytest.mark.parametrize("speed", [0, 20])
def test_evidence_lasts_an_hour_of_the_readers_however_fast_the_cluster_is(speed: float) -> None:
    """At speed 20 the events of three minutes ago were gone."""
    clock = Clock(0, start=START)
    cluster = Cluster(Settings(seed=1, speed=0, start=START))
    recorder = Recorder(cluster.store, Fast(clock, speed), cluster.registry.draw_uid)
    about = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n", "uid": "u"}}
    recorder.event(about, "Normal", "Tried", "it was tried", "test")

    def is_there(after_s: float) -> bool:
        clock.advance_to(START + after_s)
        clock.run_due()
        return any(e["reason"] == "Tried" for e in cluster.store.objects(EVENTS))

    hour = 3600 * max(1, speed)
    assert is_there(hour - 5)
    assert not is_there(hour + 5)


class Fast:
    """A clock moved by hand that says it runs at this speed."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self.now, self.after, self.stamp, self.speed = clock.now, clock.after, clock.stamp, speed
