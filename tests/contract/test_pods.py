"""The life of a pod as its status, its events and its log tell it. All of them were started by `staged`."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.cluster.images import AGNHOST, BUSYBOX
from tests.contract.api import STRATEGIC, Json, eventually
from tests.contract.staged import Stage, condition, state


def waits(reason: str, which: str = "containerStatuses") -> Any:
    return lambda p: reason == state(p, which=which)["waiting"]["reason"]


def test_a_pod_that_ends_well(stage: Stage) -> None:
    seen = stage.ended("succeeds")
    assert seen["status"]["phase"] == "Succeeded"
    ended = state(seen)["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (0, "Completed")
    assert ended["startedAt"].endswith("Z")
    assert ended["finishedAt"].endswith("Z")
    assert ended["containerID"].startswith("containerd://")
    assert condition(seen, "Ready") | {"lastTransitionTime": ""} == {
        "type": "Ready", "status": "False", "reason": "PodCompleted", "lastProbeTime": None, "lastTransitionTime": "",
        "observedGeneration": 1,
    }  # fmt: skip
    assert stage.log("succeeds") == "hello\n"


def test_a_pod_that_fails(stage: Stage) -> None:
    seen = stage.ended("fails")
    assert seen["status"]["phase"] == "Failed"
    assert (state(seen)["terminated"]["exitCode"], state(seen)["terminated"]["reason"]) == (3, "Error")
    assert condition(seen, "Ready")["reason"] == "PodFailed"
    assert sorted(stage.log("fails").splitlines()) == ["err", "out"]


def test_a_running_pod(stage: Stage) -> None:
    seen = stage.running("web")
    status = seen["status"]
    assert {c["type"]: c["status"] for c in status["conditions"]} == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), "True"
    )
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["hostIPs"] == [{"ip": status["hostIP"]}]
    assert status["podIP"].startswith("10.244.")
    assert (status["qosClass"], status["observedGeneration"]) == ("BestEffort", 1)
    (container,) = status["containerStatuses"]
    assert (container["ready"], container["started"], container["restartCount"], container["lastState"]) == (True, True, 0, {})
    assert container["image"] == seen["spec"]["containers"][0]["image"]
    assert "@sha256:" in container["imageID"] or container["imageID"].startswith("sha256:")
    assert list(container["state"]) == ["running"]


def test_the_events_of_a_pod_tell_its_start_in_order(stage: Stage) -> None:
    seen = stage.running("web")
    eventually(lambda: "Started" in stage.reasons("web"))
    assert stage.reasons("web") == ["Scheduled", "Pulled", "Created", "Started"]
    scheduled, pulled, created, started = stage.events("web")
    assert scheduled["message"] == f"Successfully assigned {stage.namespace}/web to {seen['spec']['nodeName']}"
    assert (
        pulled["message"]
        == f'Container image "{seen["spec"]["containers"][0]["image"]}" already present on machine and can be accessed by the pod'
    )
    assert (created["message"], started["message"]) == ("Container created", "Container started")
    assert (started["type"], started["reportingComponent"]) == ("Normal", "kubelet")
    assert started["source"] == {"component": "kubelet", "host": seen["spec"]["nodeName"]}
    assert started["involvedObject"]["fieldPath"] == "spec.containers{main}"
    assert started["involvedObject"]["uid"] == seen["metadata"]["uid"]
    assert scheduled["reportingComponent"] == "default-scheduler"


def test_a_container_that_keeps_crashing_is_restarted_with_a_back_off(stage: Stage) -> None:
    seen = stage.once("crashes", waits("CrashLoopBackOff"), 180)
    assert seen["status"]["phase"] == "Running"
    waiting = state(seen)["waiting"]
    assert waiting["message"].startswith("back-off ")
    assert f"restarting failed container=main pod=crashes_{stage.namespace}({seen['metadata']['uid']})" in waiting["message"]
    assert seen["status"]["containerStatuses"][0]["ready"] is False
    assert (condition(seen, "Ready")["reason"], condition(seen, "Ready")["message"]) == (
        "ContainersNotReady", "containers with unready status: [main]",
    )  # fmt: skip
    seen = stage.when(
        "crashes", lambda p: p["status"]["containerStatuses"][0]["restartCount"] >= 1 and "terminated" in state(p, when="lastState")
    )
    assert state(seen, when="lastState")["terminated"]["exitCode"] == 1
    assert "BackOff" in stage.reasons("crashes")


def test_on_failure_restarts_only_failures(stage: Stage) -> None:
    assert stage.ended("finishes-onfailure")["status"]["phase"] == "Succeeded"
    assert stage.when("retries", lambda p: p["status"]["containerStatuses"][0]["restartCount"] >= 1)["status"]["phase"] == "Running"


def test_a_memory_hog_is_killed(stage: Stage) -> None:
    def killed(seen: Json) -> bool:
        states = [state(seen), state(seen, when="lastState")]
        return any(s.get("terminated", {}).get("reason") == "OOMKilled" and s["terminated"]["exitCode"] == 137 for s in states)

    stage.once("hog", killed)


def test_a_hog_that_has_room_says_what_it_took(stage: Stage) -> None:
    stage.running("fed")
    said = eventually(lambda: (lines := stage.log("fed").splitlines())[1:] and lines)
    assert [line.split("] ")[-1] for line in said] == [
        'Allocating "8Mi" memory, in "4Mi" chunks, with a 10ms sleep between allocations',
        'Allocated "8Mi" memory',
    ]


def test_an_image_that_is_not_there(stage: Stage) -> None:
    seen = stage.once("no-image", waits("ImagePullBackOff"))
    assert seen["status"]["phase"] == "Pending"
    image = seen["spec"]["containers"][0]["image"]
    assert state(seen)["waiting"]["message"].startswith(f'Back-off pulling image "{image}"')
    assert stage.reasons("no-image")[:3] == ["Scheduled", "Pulling", "Failed"]
    messages = [e["message"] for e in stage.events("no-image")]
    assert messages[1] == f'Pulling image "{image}"'
    assert messages[2].startswith(f'Failed to pull image "{image}": ')
    assert "Error: ErrImagePull" in messages
    eventually(lambda: "Error: ImagePullBackOff" in [e["message"] for e in stage.events("no-image")])


def test_an_image_may_be_mended_while_its_pod_waits(stage: Stage) -> None:
    stage.when("mended", waits("ImagePullBackOff"))
    mended = {"spec": {"containers": [{"name": "main", "image": BUSYBOX}]}}
    assert stage.api.patch(f"{stage.core}/pods/mended", mended, STRATEGIC).code == 200
    seen = stage.when("mended", lambda p: p["status"]["phase"] == "Running", 20)
    assert seen["status"]["containerStatuses"][0]["restartCount"] == 0
    assert seen["metadata"]["generation"] == 2


def test_a_container_that_runs_is_started_again_with_another_image(stage: Stage) -> None:
    stage.running("changed")
    other = {"spec": {"containers": [{"name": "main", "image": AGNHOST}]}}
    assert stage.api.patch(f"{stage.core}/pods/changed", other, STRATEGIC).code == 200
    seen = stage.when("changed", lambda p: p["status"]["containerStatuses"][0]["restartCount"] == 1 and "running" in state(p))
    assert seen["spec"]["containers"][0]["image"] == AGNHOST
    assert state(seen, when="lastState")["terminated"]["exitCode"] == 137
    assert ("Killing", "Container main definition changed, will be restarted") in [
        (e["reason"], e["message"]) for e in stage.events("changed")
    ]


def test_an_image_that_may_not_be_pulled(stage: Stage) -> None:
    seen = stage.when("never-pulled", waits("ErrImageNeverPull"))
    image = seen["spec"]["containers"][0]["image"]
    assert state(seen)["waiting"]["message"] == f'Container image "{image}" is not present with pull policy of Never'
    assert "ErrImageNeverPull" in stage.reasons("never-pulled")


def test_an_image_name_that_cannot_be_read(stage: Stage) -> None:
    message = state(stage.when("bad-image-name", waits("InvalidImageName")))["waiting"]["message"]
    assert message.startswith(
        'Failed to apply default image tag "Not A Name": couldn\'t parse image name "Not A Name": invalid reference format'
    )
    eventually(lambda: {"InspectFailed", "Failed"} <= set(stage.reasons("bad-image-name")))


def test_a_command_that_is_not_there(stage: Stage) -> None:
    ended = state(stage.ended("no-command"))["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
    assert 'exec: "/not-there": stat /not-there: no such file or directory' in ended["message"]
    assert stage.reasons("no-command")[:4] == ["Scheduled", "Pulled", "Created", "Failed"]


def test_a_failing_liveness_probe_restarts_the_container(stage: Stage) -> None:
    seen = stage.when("sick", lambda p: p["status"]["containerStatuses"][0]["restartCount"] >= 1)
    assert state(seen, when="lastState")["terminated"]["exitCode"] == 137
    eventually(lambda: {"Unhealthy", "Killing"} <= set(stage.reasons("sick")))
    unhealthy, killing = (next(e for e in stage.events("sick") if e["reason"] == r) for r in ("Unhealthy", "Killing"))
    assert unhealthy["type"] == "Warning"
    assert unhealthy["message"] == "Liveness probe failed: cat: can't open '/tmp/ok': No such file or directory\n"
    assert killing["message"] == "Container main failed liveness probe, will be restarted"


def test_a_failing_readiness_probe_only_takes_the_pod_out(stage: Stage) -> None:
    seen = stage.when("not-ready", lambda p: "running" in state(p) and condition(p, "ContainersReady")["status"] == "False")
    assert seen["status"]["phase"] == "Running"
    assert condition(seen, "Ready")["status"] == "False"
    container = seen["status"]["containerStatuses"][0]
    assert (container["ready"], container["started"], container["restartCount"]) == (False, True, 0)
    eventually(lambda: any(e["message"].startswith("Readiness probe failed: ") for e in stage.events("not-ready")))


def test_a_startup_probe_comes_first(stage: Stage) -> None:
    stage.when("slow-start", lambda p: p["status"]["containerStatuses"][0]["started"])
    eventually(lambda: any(e["message"].startswith("Startup probe failed: ") for e in stage.events("slow-start")))


def test_init_containers_run_one_after_the_other_and_then_the_rest(stage: Stage) -> None:
    seen = stage.running("with-init")
    one, two = seen["status"]["initContainerStatuses"]
    assert (one["state"]["terminated"]["reason"], two["state"]["terminated"]["reason"]) == ("Completed", "Completed")
    assert one["state"]["terminated"]["finishedAt"] <= two["state"]["terminated"]["startedAt"]
    assert stage.log("with-init", container="one") == "first\n"
    assert stage.log("with-init", container="two") == "second\n"
    assert condition(seen, "Initialized")["status"] == "True"


def test_a_failing_init_container_fails_the_pod(stage: Stage) -> None:
    seen = stage.ended("init-fails")
    assert seen["status"]["phase"] == "Failed"
    assert state(seen, which="initContainerStatuses")["terminated"]["exitCode"] == 7
    assert state(seen)["waiting"]["reason"] == "PodInitializing"
    assert (condition(seen, "Initialized")["reason"], condition(seen, "Initialized")["message"]) == (
        "ContainersNotInitialized", "containers with incomplete status: [one]",
    )  # fmt: skip


def test_a_side_car_starts_before_and_ends_after(stage: Stage) -> None:
    seen = stage.ended("side-car")
    assert seen["status"]["phase"] == "Succeeded"
    assert state(seen, which="initContainerStatuses")["terminated"]["exitCode"] == 137


def test_last_words_are_in_the_status(stage: Stage) -> None:
    assert state(stage.ended("last-words"))["terminated"]["message"] == "the reason"
    assert state(stage.ended("last-log"))["terminated"]["message"] == "from the log\n"


def test_a_pod_past_its_deadline_is_ended(stage: Stage) -> None:
    seen = stage.ended("deadline")
    assert (seen["status"]["phase"], seen["status"]["reason"]) == ("Failed", "DeadlineExceeded")
    assert seen["status"]["message"] == "Pod was active on the node longer than the specified deadline"


def test_the_environment_of_a_program(stage: Stage) -> None:
    seen = stage.ended("env")
    lines = stage.log("env").splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    wanted = {
        "POD_NAME": "env",
        "POD_NAMESPACE": stage.namespace,
        "POD_IP": seen["status"]["podIP"],
        "NODE_NAME": seen["spec"]["nodeName"],
        "COLOUR": "blue",
        "MEMORY_MI": "64",
        "FROM_MAP": "good day",
        "FROM_SECRET": "open",
        "ALL_greeting": "good day",
        "HOSTNAME": "env",
        "EXPANDED": "good day, env $(POD_NAME) $(UNKNOWN)",
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        "WEB_SERVICE_PORT": "80",
    }
    assert {k: found.get(k) for k in wanted} == wanted
    assert "MAYBE" not in found
    assert lines[-1] == "env"


def test_the_files_of_a_program(stage: Stage) -> None:
    stage.ended("files")
    assert stage.log("files").splitlines() == ["good day", "open", 'colour="blue"', "noted"]


def test_a_host_name_of_ones_own(stage: Stage) -> None:
    stage.ended("named-host")
    assert stage.log("named-host") == "alice\n"


@pytest.mark.parametrize(
    "name, message",
    [("no-map", 'configmap "absent" not found'), ("no-key", "couldn't find key absent in ConfigMap {ns}/settings")],
)
def test_an_environment_from_nowhere(stage: Stage, name: str, message: str) -> None:
    seen = stage.when(name, waits("CreateContainerConfigError"))
    assert state(seen)["waiting"]["message"] == message.format(ns=stage.namespace)
    assert seen["status"]["phase"] == "Pending"
    eventually(lambda: f"Error: {message.format(ns=stage.namespace)}" in [e["message"] for e in stage.events(name)])


def test_a_volume_from_nowhere(stage: Stage) -> None:
    eventually(lambda: "FailedMount" in stage.reasons("no-volume"))
    stage.when("no-volume", waits("ContainerCreating"))  # on a busy machine the event is there before the status
    message = 'MountVolume.SetUp failed for volume "v" : configmap "absent" not found'
    eventually(lambda: message in [e["message"] for e in stage.events("no-volume")])


# ── pods that wait for a node ────────────────────────────────────────────────────────────────────────────────
UNSCHEDULABLE = {
    "too-big": "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. "
    "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    "wrong-node": "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector. "
    "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    "no-claim": '0/3 nodes are available: persistentvolumeclaim "absent" not found. not found',
}


@pytest.mark.parametrize("name, message", UNSCHEDULABLE.items(), ids=list(UNSCHEDULABLE))
def test_why_no_node_takes_a_pod(stage: Stage, name: str, message: str) -> None:
    seen = stage.when(name, lambda p: condition(p, "PodScheduled"))
    assert seen["status"]["phase"] == "Pending"
    found = condition(seen, "PodScheduled")
    assert (found["status"], found["reason"], found["message"]) == ("False", "Unschedulable", message)
    eventually(lambda: "FailedScheduling" in stage.reasons(name))
    event = stage.events(name)[0]
    assert (event["type"], event["message"], event["reportingComponent"]) == ("Warning", message, "default-scheduler")


def test_a_pod_of_another_scheduler_waits_for_it(stage: Stage) -> None:
    stage.running("web")
    assert stage.pod("other-scheduler")["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_a_gated_pod_is_not_looked_at(stage: Stage) -> None:
    seen = stage.when("gated", lambda p: condition(p, "PodScheduled"))
    assert (condition(seen, "PodScheduled")["reason"], condition(seen, "PodScheduled")["message"]) == (
        "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates",
    )  # fmt: skip


# ── the claims ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_claim_waits_for_its_first_consumer(stage: Stage) -> None:
    claim = stage.api.seen(f"{stage.core}/persistentvolumeclaims/never-used")
    assert claim["status"] == {"phase": "Pending"}
    eventually(lambda: "WaitForFirstConsumer" in stage.reasons("never-used"))
    assert stage.events("never-used")[0]["message"] == "waiting for first consumer to be created before binding"


def test_a_claim_that_comes_after_its_pod_waits_for_that_pods_node(stage: Stage) -> None:
    stage.running("before-its-claim")
    eventually(lambda: "WaitForPodScheduled" in stage.reasons("asked-first"))
    words = {e["message"] for e in stage.events("asked-first") if e["reason"].startswith("WaitFor")}
    assert words == {"waiting for pod before-its-claim to be scheduled"}


def test_a_used_claim_is_bound_to_a_volume_of_that_node(stage: Stage) -> None:
    seen = stage.running("claims")
    claim: Json = stage.api.seen(f"{stage.core}/persistentvolumeclaims/first-used")
    assert claim["status"]["phase"] == "Bound"
    assert claim["status"]["capacity"] == {"storage": "1Mi"}
    assert claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == seen["spec"]["nodeName"]
    name = claim["spec"]["volumeName"]
    assert name == f"pvc-{claim['metadata']['uid']}"
    volume = stage.api.seen(f"/api/v1/persistentvolumes/{name}")
    assert volume["status"]["phase"] == "Bound"
    assert volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    assert (volume["spec"]["persistentVolumeReclaimPolicy"], volume["spec"]["storageClassName"]) == ("Delete", "standard")
    terms = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == [seen["spec"]["nodeName"]]
    assert stage.log("claims") == "kept\n"
