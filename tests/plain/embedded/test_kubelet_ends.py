"""How a pod's life goes on and ends: ends, deletion, probes; states and texts are those of a kind cluster."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from shallowdive.embedded.clock import parse
from shallowdive.embedded.kinds import PODS
from tests.plain.embedded.living import ME, Living, conditions, shell, waiting, web


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("policy", "code", "phase"), [("Never", 0, "Succeeded"), ("Never", 3, "Failed"), ("OnFailure", 0, "Succeeded")])
def test_a_pod_that_has_done_its_work_says_how_it_went(living: Living, policy: str, code: int, phase: str) -> None:
    pod = living.pod("p", shell(f"exit {code}"), restartPolicy=policy, after=6)
    assert pod["status"]["phase"] == phase
    assert living.state("p")["state"]["terminated"]["exitCode"] == code
    assert living.state("p")["restartCount"] == 0


def test_restarts_wait_twice_as_long_each_time_up_to_five_minutes(living: Living) -> None:
    living.pod("p", shell("exit 1"), after=1600)
    starts = [parse(v["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]) for v in living.history("p")
              if "running" in (v["status"].get("containerStatuses") or [{}])[0].get("state", {})]  # fmt: skip
    begun = sorted(set(starts))
    pauses = [round(b - a) for a, b in pairwise(begun)]
    assert pauses[0] <= 3, "the first restart comes at once"
    wanted = [10, 20, 40, 80, 160, 300, 300]
    assert all(want <= got <= want + 4 for want, got in zip(wanted, pauses[1:], strict=False)), pauses
    assert len(pauses) >= len(wanted)
    uid = living.look("p")["metadata"]["uid"]
    assert waiting(living, "p") == ("CrashLoopBackOff", f"back-off 5m0s restarting failed container=main pod=p_default({uid})")


def test_a_long_good_run_makes_the_back_off_start_anew(living: Living) -> None:
    living.pod("p", shell("if [ -e /keep/again ]; then sleep 700; fi; touch /keep/again; exit 1",
               volumeMounts=[{"name": "v", "mountPath": "/keep"}]), volumes=[{"name": "v", "emptyDir": {}}], after=708)  # fmt: skip
    assert living.state("p")["restartCount"] == 2, "not after another 10 s, but at once"
    assert "running" in living.state("p")["state"]


def test_a_hog_is_killed_and_its_neighbour_is_not(living: Living) -> None:
    limit = {"resources": {"limits": {"memory": "20Mi"}}}
    living.pod("p", shell("tail /dev/zero", "hog", **limit), shell(name="calm"), after=4)
    ended = living.state("p")["lastState"].get("terminated") or living.state("p")["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    assert "running" in living.state("p", 1)["state"]
    assert living.state("p", 1)["restartCount"] == 0


def test_last_words_go_into_the_status(living: Living) -> None:
    living.pod("p", shell("echo why > /dev/termination-log; exit 1"), restartPolicy="Never")
    assert living.state("p")["state"]["terminated"]["message"] == "why\n"
    living.pod("q", shell("echo from the log; exit 1", terminationMessagePolicy="FallbackToLogsOnError"), restartPolicy="Never")
    assert living.state("q")["state"]["terminated"]["message"] == "from the log\n"


def test_a_pod_past_its_deadline_has_failed(living: Living) -> None:
    pod = living.pod("p", shell(), activeDeadlineSeconds=5, terminationGracePeriodSeconds=1, after=12)
    assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "DeadlineExceeded")
    assert pod["status"]["message"] == "Pod was active on the node longer than the specified deadline"


# ── deletion ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("script", "grace", "code", "within"),
    [
        ("sleep 100000", 5, 137, (5, 8)),
        ("trap 'exit 7' TERM; while true; do sleep 1; done", 30, 7, (0, 4)),
        ("sleep 100000 & trap 'kill $!; exit 0' TERM; wait", 30, 0, (0, 3)),
    ],
)
def test_a_deleted_pod_is_told_and_killed_when_it_does_not_listen(
    living: Living, script: str, grace: int, code: int, within: tuple[int, int]
) -> None:
    living.pod("p", shell(script), terminationGracePeriodSeconds=grace)
    living.delete("p")
    began = living.cluster.clock.now()
    while living.is_there("p"):
        living.advance(0.25)
        assert living.cluster.clock.now() < began + 60
    assert within[0] <= living.cluster.clock.now() - began <= within[1]
    assert living.history("p")[-1]["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code
    assert living.messages("p", "Killing") == {"Stopping container main"}


def test_a_web_server_goes_on_answering_while_its_pre_stop_hook_sleeps(living: Living) -> None:
    ip = living.pod("web", web(lifecycle={"preStop": {"sleep": {"seconds": 5}}}))["status"]["podIP"]
    living.delete("web")
    living.advance(4)
    assert living.get(ip, 8080, "/hostname").code == 200
    living.advance(3)
    assert living.get(ip, 8080, "/hostname").why == "i/o timeout"
    assert not living.is_there("web")


def test_without_grace_a_pod_is_gone_at_once_and_so_are_its_programs(living: Living) -> None:
    ip = living.pod("web", web())["status"]["podIP"]
    living.delete("web", 0)
    assert not living.is_there("web")
    living.advance(0)
    assert living.get(ip, 8080, "/").why == "i/o timeout"


def test_side_cars_end_after_the_others(living: Living) -> None:
    polite = "trap 'exit 0' TERM; while true; do sleep 1; done"
    slow = polite.replace("exit 0", "sleep 3; exit 0")
    living.pod("p", shell(slow), initContainers=[shell(polite, "side", restartPolicy="Always")], after=6)
    living.delete("p")
    living.advance(10)
    last = living.history("p")[-1]["status"]
    main, side = last["containerStatuses"][0]["state"], last["initContainerStatuses"][0]["state"]
    told, main_end, side_end = "2026-01-01T00:00:07Z", main["terminated"]["finishedAt"], side["terminated"]["finishedAt"]
    assert told < main_end <= side_end, "a side car that was told at once would have ended three seconds before"


def test_an_address_is_not_given_again_soon(living: Living) -> None:
    seen = set()
    for i in range(4):
        seen.add(living.pod(f"p{i}", web(), nodeName="shallowdive-worker")["status"]["podIP"])
        living.delete(f"p{i}", 0)
    assert len(seen) == 4


# ── probes ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_pod_that_is_not_ready_is_not_restarted_and_becomes_ready_again(living: Living) -> None:
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/closed"]}, "periodSeconds": 1, "failureThreshold": 1}
    living.pod("p", shell(readinessProbe=probe))
    living.run("p", "touch /tmp/closed")
    living.advance(2)
    assert conditions(living.look("p"))["Ready"] == "False"
    assert living.look("p")["status"]["phase"] == "Running"
    living.run("p", "rm /tmp/closed")
    living.advance(2)
    assert conditions(living.look("p"))["Ready"] == "True"
    assert living.state("p")["restartCount"] == 0


def test_a_failed_liveness_probe_restarts_the_container_and_its_files_are_new(living: Living) -> None:
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/stuck"]}, "periodSeconds": 1}
    ip = living.pod("p", shell(livenessProbe=probe), terminationGracePeriodSeconds=1)["status"]["podIP"]
    living.run("p", "touch /tmp/stuck")
    living.advance(8)
    assert living.state("p")["restartCount"] == 1
    assert living.messages("p", "Killing") == {"Container main failed liveness probe, will be restarted"}
    assert living.run("p", "ls /tmp/stuck")[2] == 1
    assert living.look("p")["status"]["podIP"] == ip


def test_a_startup_probe_holds_the_others_back(living: Living) -> None:
    probes = {
        "startupProbe": {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 100},
        "livenessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1},
    }
    living.pod("p", shell("sleep 6; touch /tmp/up; sleep 1000", **probes), terminationGracePeriodSeconds=0, after=6)
    assert not living.state("p")["started"]
    assert living.state("p")["restartCount"] == 0
    living.advance(4)
    assert living.messages("p", "Killing") == {"Container main failed liveness probe, will be restarted"}


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        ({"httpGet": {"path": "/x", "port": 99}}, 'Get "http://{ip}:99/x": dial tcp {ip}:99: connect: connection refused'),
        ({"httpGet": {"path": "/echo?code=500", "port": 8080}}, "HTTP probe failed with statuscode: 500"),
        ({"tcpSocket": {"port": 99}}, "dial tcp {ip}:99: connect: connection refused"),
        ({"exec": {"command": ["cat", "/nope"]}}, "cat: can't open '/nope': No such file or directory\n"),
        ({"exec": {"command": ["sleep", "5"]}}, 'command timed out: "sleep 5" timed out after 1s'),
    ],
)
def test_what_a_failed_probe_says(living: Living, probe: Any, text: str) -> None:
    pod = living.pod("web", web(readinessProbe={**probe, "periodSeconds": 1}), after=4)
    assert living.messages("web", "Unhealthy") == {f"Readiness probe failed: {text}".format(ip=pod["status"]["podIP"])}


def test_a_readiness_gate_is_waited_for(living: Living) -> None:
    living.pod("p", shell(), readinessGates=[{"conditionType": "example.com/ok"}])
    ready = next(c for c in living.look("p")["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ReadinessGatesNotReady")
    gate = {"type": "example.com/ok", "status": "True", "lastTransitionTime": living.cluster.clock.stamp()}
    living.cluster.registry.change(PODS, "default", "p", lambda p: p["status"]["conditions"].append(gate), ME, subresource="status")
    living.advance(2)
    assert conditions(living.look("p"))["Ready"] == "True"
