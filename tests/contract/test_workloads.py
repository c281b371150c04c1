"""Jobs, endpoints, StatefulSets, DaemonSets and volumes: what their controllers write down."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shallowdive.cluster.images import AGNHOST
from tests.contract.api import Api, Json, eventually
from tests.contract.staged import Stage, condition
from tests.contract.test_controllers import PENDING, World, names, template


@pytest.fixture
def world(api: Api, own: str) -> World:
    return World(api, own)


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────
def job(stage: Stage, name: str) -> Json:
    assert stage.core
    return stage.api.seen(f"{stage.batch}/jobs/{name}")


def finished(stage: Stage, name: str) -> Json:
    def look() -> Json | None:
        seen = job(stage, name)
        done = {c["type"] for c in seen["status"].get("conditions", []) if c["status"] == "True"} & {"Complete", "Failed"}
        return seen if done else None

    found: Json = eventually(look, 90, f"job {name} finished")
    return found


def test_a_job_runs_to_its_completions_one_at_a_time(stage: Stage) -> None:
    seen = finished(stage, "two-of-two")
    status = seen["status"]
    assert (status["succeeded"], status["ready"], status["terminating"], status["uncountedTerminatedPods"]) == (2, 0, 0, {})
    assert status["startTime"] <= status["completionTime"]
    assert (condition(seen, "Complete")["reason"], condition(seen, "Complete")["message"]) == (
        "CompletionsReached", "Reached expected number of succeeded pods",
    )  # fmt: skip
    assert condition(seen, "SuccessCriteriaMet")["status"] == "True"
    reasons = [(e["reason"], e["message"]) for e in stage.events("two-of-two")]
    assert [r for r, _ in reasons] == ["SuccessfulCreate", "SuccessfulCreate", "Completed"]
    assert re.match(r"^Created pod: two-of-two-[a-z0-9]{5}$", reasons[0][1])
    assert reasons[2][1] == "Job completed"
    pods = stage.api.seen(f"{stage.core}/pods", labelSelector="job-name=two-of-two")["items"]
    assert [p["status"]["phase"] for p in pods] == ["Succeeded"] * 2
    assert all(p["metadata"]["ownerReferences"][0]["kind"] == "Job" for p in pods)


def test_a_job_gives_up_after_its_limit(stage: Stage) -> None:
    seen = finished(stage, "gives-up")
    found = condition(seen, "Failed")
    assert (found["reason"], found["message"]) == ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    assert seen["status"]["failed"] == 2
    assert "completionTime" not in seen["status"]
    assert stage.reasons("gives-up")[-1] == "BackoffLimitExceeded"


def test_a_job_past_its_deadline_is_failed(stage: Stage) -> None:
    found = condition(finished(stage, "too-slow"), "Failed")
    assert (found["reason"], found["message"]) == ("DeadlineExceeded", "Job was active longer than specified deadline")
    eventually(lambda: not stage.api.seen(f"{stage.core}/pods", labelSelector="job-name=too-slow")["items"])


def test_a_job_with_a_time_to_live_is_removed(stage: Stage) -> None:
    assert stage.core
    eventually(lambda: stage.api.get(f"{stage.batch}/jobs/gone-soon").code == 404, 60)
    eventually(lambda: not stage.api.seen(f"{stage.core}/pods", labelSelector="job-name=gone-soon")["items"])


def test_a_suspended_job_makes_nothing(stage: Stage) -> None:
    seen = eventually(lambda: found if (found := job(stage, "suspended"))["status"].get("conditions") else None)
    found = condition(seen, "Suspended")
    assert (found["status"], found["reason"], found["message"]) == ("True", "JobSuspended", "Job suspended")
    assert not stage.api.seen(f"{stage.core}/pods", labelSelector="job-name=suspended")["items"]


def test_an_indexed_job_numbers_its_pods(stage: Stage) -> None:
    seen = finished(stage, "indexed")
    assert seen["status"]["completedIndexes"] == "0,1"
    pods = stage.api.seen(f"{stage.core}/pods", labelSelector="job-name=indexed")["items"]
    assert sorted(p["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] for p in pods) == ["0", "1"]
    logs = {p["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: stage.log(p["metadata"]["name"]) for p in pods}
    assert logs == {"0": "0\n", "1": "1\n"}


def test_a_cron_job_makes_a_job_each_minute(stage: Stage) -> None:
    assert stage.core
    path = f"{stage.batch}/cronjobs/each-minute"

    def children() -> list[Json]:
        items = stage.api.seen(f"{stage.batch}/jobs")["items"]
        return [j for j in items if j["metadata"].get("ownerReferences", [{}])[0].get("name") == "each-minute"]

    made = eventually(children, 90, "a job of the cron job")[0]
    assert re.match(r"^each-minute-\d{8}$", made["metadata"]["name"])
    assert made["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"].endswith("00Z")
    assert made["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    assert eventually(lambda: stage.api.seen(path)["status"].get("lastScheduleTime"))
    stage.api.patch(path, {"spec": {"suspend": True}})


# ── services and their endpoints ─────────────────────────────────────────────────────────────────────────────
def slices(stage: Stage, service: str) -> list[Json]:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{stage.namespace}/endpointslices"
    items: list[Json] = stage.api.seen(path, labelSelector=f"kubernetes.io/service-name={service}")["items"]
    return items


def test_a_ready_pod_is_an_endpoint(stage: Stage) -> None:
    pod = stage.running("web")
    (found,) = eventually(lambda: s if (s := slices(stage, "web")) and s[0]["endpoints"] else None)
    eventually(lambda: slices(stage, "web")[0]["endpoints"][0]["conditions"]["ready"])
    (found,) = slices(stage, "web")
    assert found["addressType"] == "IPv4"
    assert found["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    (endpoint,) = found["endpoints"]
    assert endpoint == {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {"kind": "Pod", "name": "web", "namespace": stage.namespace, "uid": pod["metadata"]["uid"]},
    }
    assert found["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io"
    assert found["metadata"]["ownerReferences"][0]["kind"] == "Service"
    assert found["metadata"]["name"].startswith("web-")


def test_a_pod_that_is_not_ready_is_listed_but_not_ready(stage: Stage) -> None:
    stage.when("not-ready", lambda p: p["status"].get("podIP"))
    (found,) = eventually(lambda: s if (s := slices(stage, "not-ready")) and s[0]["endpoints"] else None)
    assert found["endpoints"][0]["conditions"] == {"ready": False, "serving": False, "terminating": False}


def test_the_old_endpoints_object_says_the_same(stage: Stage) -> None:
    pod = stage.running("web")
    found = eventually(lambda: stage.api.seen(f"{stage.core}/endpoints/web").get("subsets"))
    (subset,) = found
    assert subset["addresses"][0]["ip"] == pod["status"]["podIP"]
    assert subset["addresses"][0]["targetRef"]["name"] == "web"
    assert subset["ports"] == [{"port": 8080, "protocol": "TCP"}]
    stage.when("not-ready", lambda p: p["status"].get("podIP"))
    (subset,) = eventually(lambda: stage.api.seen(f"{stage.core}/endpoints/not-ready").get("subsets"))
    assert "addresses" not in subset
    assert len(subset["notReadyAddresses"]) == 1


def test_a_service_without_a_selector_gets_no_endpoints(stage: Stage) -> None:
    stage.running("web")
    assert slices(stage, "blind") == []
    assert stage.api.get(f"{stage.core}/endpoints/blind").code == 404


def test_the_api_server_is_a_service_too(api: Api) -> None:
    spec = api.seen("/api/v1/namespaces/default/services/kubernetes")["spec"]
    assert (spec["clusterIP"], spec["ports"][0]["name"], spec["ports"][0]["port"]) == ("10.96.0.1", "https", 443)
    found = api.seen("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")
    assert found["ports"][0]["port"] == 6443


# ── sets with names, and one on each node ────────────────────────────────────────────────────────────────────
def stateful(replicas: int = 2, **spec: Any) -> Json:
    labels = {"app": "web"}
    return {
        "metadata": {"name": "db"},
        "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": labels}, "template": template(labels)} | spec,
    }


def test_a_stateful_set_counts_up_and_waits_for_each(world: World) -> None:
    start = world.api.seen(f"{world.core}/pods")["metadata"]["resourceVersion"]
    world.api.made(f"{world.apps}/statefulsets", stateful())
    with world.api.watch(f"{world.core}/pods", resourceVersion=start) as seen:
        events = seen.until(lambda e: e["type"] == "ADDED" and e["object"]["metadata"]["name"] == "db-1", 60)
    first = [e["object"] for e in events if e["object"]["metadata"]["name"] == "db-0"]
    assert condition(first[-1], "Ready")["status"] == "True", "db-1 comes after db-0 is ready"
    pod = events[-1]["object"]
    assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    eventually(lambda: world.api.seen(f"{world.apps}/statefulsets/db")["status"].get("readyReplicas") == 2)
    uid = world.api.seen(f"{world.core}/pods/db-0")["metadata"]["uid"]
    world.api.delete(f"{world.core}/pods/db-0")
    eventually(lambda: (a := world.api.get(f"{world.core}/pods/db-0")).code == 200 and a.body["metadata"]["uid"] != uid)
    eventually(lambda: world.api.seen(f"{world.apps}/statefulsets/db")["status"].get("readyReplicas") == 2)
    world.api.patch(f"{world.apps}/statefulsets/db/scale", {"spec": {"replicas": 1}})
    eventually(lambda: names(world.pods()) == {"db-0"}, what="the highest number goes first")


def test_a_stateful_set_makes_a_claim_for_each_pod_and_keeps_it(world: World) -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}
    world.api.made(f"{world.apps}/statefulsets", stateful(1, volumeClaimTemplates=[claim], template=template({"app": "web"}, **PENDING)))
    path = f"{world.core}/persistentvolumeclaims/data-db-0"
    assert eventually(lambda: world.api.get(path).code == 200)
    volumes = eventually(lambda: world.pods())[0]["spec"]["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}} in volumes
    world.api.patch(f"{world.apps}/statefulsets/db/scale", {"spec": {"replicas": 0}})
    eventually(lambda: not world.pods())
    assert world.api.get(path).code == 200


def test_a_daemon_set_has_a_pod_on_each_node_that_lets_it(world: World) -> None:
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template({"app": "web"})}
    world.api.made(f"{world.apps}/daemonsets", {"metadata": {"name": "each"}, "spec": spec})
    workers = {n["metadata"]["name"] for n in world.api.seen("/api/v1/nodes")["items"] if not n["spec"].get("taints")}
    path = f"{world.apps}/daemonsets/each"
    seen = eventually(lambda: found if (found := world.api.seen(path))["status"].get("numberReady") == len(workers) else None, 60)
    status = seen["status"]
    assert (status["desiredNumberScheduled"], status["currentNumberScheduled"], status["numberMisscheduled"]) == (2, 2, 0)
    assert {p["spec"]["nodeName"] for p in world.pods()} == workers
    tolerated = {t["key"] for t in world.pods()[0]["spec"]["tolerations"]}
    assert {"node.kubernetes.io/unschedulable", "node.kubernetes.io/disk-pressure"} <= tolerated
    assert "controller-revision-hash" in world.pods()[0]["metadata"]["labels"]


# ── volumes ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_claim_without_a_class_is_bound_to_a_volume_that_fits(world: World) -> None:
    name = f"{world.ns}-pv"
    spec = {
        "capacity": {"storage": "2Mi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/tmp/contract"},
        "storageClassName": world.ns,
        "persistentVolumeReclaimPolicy": "Retain",
    }
    world.api.made("/api/v1/persistentvolumes", {"metadata": {"name": name}, "spec": spec})
    try:
        eventually(lambda: world.api.seen(f"/api/v1/persistentvolumes/{name}")["status"]["phase"] == "Available")
        claims = f"{world.core}/persistentvolumeclaims"
        wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": world.ns}
        world.api.made(claims, {"metadata": {"name": "c"}, "spec": wanted})
        seen = eventually(lambda: found if (found := world.api.seen(f"{claims}/c"))["status"]["phase"] == "Bound" else None)
        assert (seen["spec"]["volumeName"], seen["status"]["capacity"]) == (name, {"storage": "2Mi"})
        assert world.api.seen(f"/api/v1/persistentvolumes/{name}")["spec"]["claimRef"]["name"] == "c"
        world.api.delete(f"{claims}/c")
        eventually(lambda: world.api.seen(f"/api/v1/persistentvolumes/{name}")["status"]["phase"] == "Released")
    finally:
        world.api.delete(f"/api/v1/persistentvolumes/{name}")


def test_a_claim_in_use_is_not_removed(stage: Stage) -> None:
    stage.running("claims")
    path = f"{stage.core}/persistentvolumeclaims/first-used"
    assert stage.api.seen(path)["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert stage.api.delete(path, dryRun="All").code == 200
    assert AGNHOST in str(stage.pod("web")["spec"])
