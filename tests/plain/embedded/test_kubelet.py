"""A pod's life, as a client sees it: states, conditions, events and texts are those of a kind cluster."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from shallowdive.embedded.clock import Clock, parse
from shallowdive.embedded.cluster import Cluster, Settings
from shallowdive.embedded.kinds import CONFIGMAPS, EVENTS, NODES, PODS, SECRETS
from shallowdive.embedded.recorder import Recorder
from shallowdive.embedded.status import ApiError
from tests.plain.embedded import START
from tests.plain.embedded.living import ME, Living, shell, web

READY_PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}


def conditions(pod: Any) -> dict[str, str]:
    return {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}


def waiting(living: Living, name: str, container: int = 0) -> tuple[str, str]:
    found = living.state(name, container)["state"]["waiting"]
    return found["reason"], found.get("message", "")


# ── the start ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_pod_becomes_ready_in_the_steps_of_a_real_one(living: Living) -> None:
    living.pod("web", web(readinessProbe=READY_PROBE))
    steps = [(v["status"]["phase"], conditions(v)) for v in living.history("web")]
    scheduled = {"PodScheduled": "True"}
    waits = scheduled | {"PodReadyToStartContainers": "False", "Initialized": "True", "Ready": "False", "ContainersReady": "False"}
    network = waits | {"PodReadyToStartContainers": "True"}
    assert steps == [
        ("Pending", {}), ("Pending", scheduled), ("Pending", waits), ("Pending", network),
        ("Running", network | {"Ready": "True", "ContainersReady": "True"}),
    ]  # fmt: skip
    assert [reason for reason, _ in living.events("web")] == ["Scheduled", "Pulled", "Created", "Started"]


def test_the_status_of_a_running_pod_has_every_field_of_a_real_one(living: Living) -> None:
    memory = {"resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "50m", "memory": "32Mi"}}}
    pod = living.pod("web", web(**memory))
    status, container = pod["status"], living.state("web")
    assert set(status) == {
        "allocatedResources", "conditions", "containerStatuses", "hostIP", "hostIPs", "observedGeneration", "phase", "podIP", "podIPs",
        "qosClass", "resources", "startTime",
    }  # fmt: skip
    assert [c["type"] for c in status["conditions"]] == [
        "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled",
    ]  # fmt: skip
    assert set(container) == {
        "allocatedResources", "containerID", "image", "imageID", "lastState", "name", "ready", "resources", "restartCount", "started",
        "state", "user", "volumeMounts",
    }  # fmt: skip
    assert status["podIP"].startswith("10.244.")
    assert container["containerID"].startswith("containerd://")


def test_init_containers_run_one_after_the_other_and_a_side_car_stays(living: Living) -> None:
    inits = [shell("echo one >> /shared/order", "first"), shell("echo side >> /shared/order; sleep 1000", "side", restartPolicy="Always")]
    for one in inits:
        one["volumeMounts"] = [{"name": "v", "mountPath": "/shared"}]
    main = shell(volumeMounts=[{"name": "v", "mountPath": "/shared"}])
    pod = living.pod("p", main, initContainers=inits, volumes=[{"name": "v", "emptyDir": {}}], after=8)
    assert conditions(pod)["Ready"] == "True"
    assert living.run("p", "cat /shared/order", container="main")[0] == "one\nside\n"
    first, side = pod["status"]["initContainerStatuses"]
    assert first["state"]["terminated"]["reason"] == "Completed"
    assert side["ready"]
    assert "running" in side["state"]


def test_a_failed_init_container_holds_the_pod_back(living: Living) -> None:
    pod = living.pod("p", shell(), initContainers=[shell("exit 2", "first")], after=8)
    assert pod["status"]["phase"] == "Pending"
    assert waiting(living, "p") == ("PodInitializing", "")
    assert pod["status"]["initContainerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    never = living.pod("q", shell(), initContainers=[shell("exit 2", "first")], restartPolicy="Never", after=8)
    assert never["status"]["phase"] == "Failed"


# ── what goes wrong before the start ─────────────────────────────────────────────────────────────────────────
NOWHERE = "dial tcp: lookup {0} on 172.18.0.1:53: no such host"


@pytest.mark.parametrize(
    ("image", "full", "server"),
    [
        ("nginx:1.27", "docker.io/library/nginx:1.27", "registry-1.docker.io"),
        ("example.com/a/b:v1", "example.com/a/b:v1", "example.com"),
    ],
)
def test_an_image_that_is_not_there_cannot_be_pulled(living: Living, image: str, full: str, server: str) -> None:
    living.pod("p", {"name": "main", "image": image}, after=1.2)
    reason, message = waiting(living, "p")
    assert reason == "ErrImagePull"
    assert message.startswith(
        f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": failed to do request: Head "https://'
    )
    assert message.endswith(NOWHERE.format(server))
    living.advance(3)
    assert waiting(living, "p") == ("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {message}')
    assert {r for r, _ in living.events("p")} == {"Scheduled", "Pulling", "Failed", "BackOff"}


def test_an_image_name_that_is_none(living: Living) -> None:
    living.pod("p", {"name": "main", "image": "Nope/UPPER:v1"})
    wrong = 'couldn\'t parse image name "Nope/UPPER:v1": invalid reference format: repository name (UPPER) must be lowercase'
    assert waiting(living, "p") == ("InvalidImageName", f'Failed to apply default image tag "Nope/UPPER:v1": {wrong}')


def test_an_image_that_may_not_be_pulled(living: Living) -> None:
    living.pod("p", {"name": "main", "image": "nginx:1.27", "imagePullPolicy": "Never"})
    assert waiting(living, "p") == ("ErrImageNeverPull", 'Container image "nginx:1.27" is not present with pull policy of Never')


def test_a_program_that_is_not_in_the_image(living: Living) -> None:
    living.pod("p", shell(command=["no-such-program"]), after=1.5)
    reason, message = waiting(living, "p")
    assert reason == "RunContainerError"
    assert message.endswith('error during container init: exec: "no-such-program": executable file not found in $PATH')
    assert living.state("p")["lastState"]["terminated"]["exitCode"] == 128


def test_configuration_from_nowhere_is_waited_for(living: Living) -> None:
    living.pod("p", shell("env", envFrom=[{"configMapRef": {"name": "later"}}]), restartPolicy="Never")
    assert waiting(living, "p") == ("CreateContainerConfigError", 'configmap "later" not found')
    living.create(CONFIGMAPS, {"metadata": {"name": "later"}, "data": {"COLOUR": "red"}})
    living.advance(20)
    assert living.look("p")["status"]["phase"] == "Succeeded"
    assert "COLOUR=red" in living.log("p")


def test_a_volume_from_nowhere_is_waited_for(living: Living) -> None:
    volume = [{"name": "v", "secret": {"secretName": "later"}}]
    living.pod("p", shell(volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=volume)
    assert waiting(living, "p")[0] == "ContainerCreating"
    assert living.messages("p", "FailedMount") == {'MountVolume.SetUp failed for volume "v" : secret "later" not found'}
    living.create(SECRETS, {"metadata": {"name": "later"}, "data": {"word": "cGVhY2g="}})
    living.advance(20)
    assert living.run("p", "cat /v/word") == ("peach", "", 0)


def test_a_pod_put_on_a_node_by_hand_is_refused_at_the_door(living: Living) -> None:
    pod = living.pod("p", shell(), nodeName="shallowdive-worker", nodeSelector={"disk": "ssd"})
    assert pod["status"]["phase"] == "Failed"
    assert pod["status"]["reason"] == "NodeAffinity"
    why = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
    assert pod["status"]["message"] == f"Pod was rejected: {why}"
    full = living.pod("q", shell(resources={"requests": {"cpu": "50"}}), nodeName="shallowdive-worker")
    assert full["status"]["reason"] == "OutOfcpu"
    assert full["status"]["message"].startswith(
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 50000, used: 100, capacity: "
    )


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


# ── what a container finds ───────────────────────────────────────────────────────────────────────────────────
def test_the_environment_comes_from_where_it_says(living: Living) -> None:
    living.create(CONFIGMAPS, {"metadata": {"name": "m"}, "data": {"a": "1"}})
    env = [
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "a"}}},
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "BOTH", "value": "$(NAME)-$(A) $$(A) $(UNKNOWN)"},
    ]
    pod = living.pod("p", shell('echo "$NAME $IP $A $LIMIT $BOTH"; sleep 1000', env=env, resources={"limits": {"memory": "64Mi"}}))
    assert living.log("p") == f"p {pod['status']['podIP']} 1 64 p-1 $(A) $(UNKNOWN)\n"


def test_a_changed_config_map_reaches_the_files_after_a_while_and_the_environment_never(living: Living) -> None:
    living.create(CONFIGMAPS, {"metadata": {"name": "m"}, "data": {"word": "old"}})
    mounted = shell(env=[{"name": "WORD", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "word"}}}],
                    volumeMounts=[{"name": "v", "mountPath": "/v"}])  # fmt: skip
    living.pod("p", mounted, volumes=[{"name": "v", "configMap": {"name": "m"}}])
    living.cluster.registry.change(CONFIGMAPS, "default", "m", lambda m: m["data"].update(word="new"), ME)
    living.advance(2)
    assert living.run("p", "cat /v/word; echo; echo $WORD")[0] == "old\nold\n"
    living.advance(60)
    assert living.run("p", "cat /v/word; echo; echo $WORD")[0] == "new\nold\n"


def test_files_live_as_long_as_what_they_are_in(living: Living) -> None:
    volume = [{"name": "v", "emptyDir": {}}]
    spec = {"volumes": volume, "terminationGracePeriodSeconds": 0}
    both = [shell(name=n, volumeMounts=[{"name": "v", "mountPath": "/shared"}]) for n in ("one", "two")]
    living.pod("p", *both, **spec)
    living.run("p", "echo a > /shared/file; echo b > /tmp/file", container="one")
    assert living.run("p", "cat /shared/file; cat /tmp/file", container="two")[:1] == ("a\n",)
    living.delete("p")
    living.advance(3)
    living.pod("p", *both, **spec)
    assert living.run("p", "ls /shared", container="one")[0] == ""


def test_the_folder_of_a_claim_outlives_its_pods(living: Living) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}
    living.create("persistentvolumeclaims", {"metadata": {"name": "data"}, "spec": claim})
    living.advance(5)
    assert living.look("data", "persistentvolumeclaims")["status"]["phase"] == "Pending", "nobody uses it yet"
    spec = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}], "terminationGracePeriodSeconds": 0}
    main = shell(volumeMounts=[{"name": "v", "mountPath": "/data"}])
    living.pod("one", main, **spec, after=20)
    living.run("one", "echo kept > /data/book")
    living.delete("one")
    living.advance(5)
    living.pod("two", main, **spec, after=10)
    assert living.run("two", "cat /data/book")[0] == "kept\n"
    assert living.history("one")[-1]["spec"]["nodeName"] == living.node_of("two"), "a local volume holds its pods on its node"


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
