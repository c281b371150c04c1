"""A pod's life, as a client sees it: states, conditions, events and texts are those of a kind cluster."""

from __future__ import annotations

import pytest

from shallowdive.embedded.kinds import CONFIGMAPS, SECRETS
from tests.plain.embedded.living import ME, READY_PROBE, Living, conditions, shell, waiting, web


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
