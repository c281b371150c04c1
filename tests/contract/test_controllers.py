"""Deployments and their ReplicaSets. Where a pod need not run, it asks for a node that does not exist: that is quick everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from shallowdive.cluster.images import AGNHOST, AGNHOST_BEFORE
from tests.contract.api import STRATEGIC, Api, Json, eventually
from tests.contract.staged import condition

PENDING = {"nodeSelector": {"never": "there"}}
PAUSE = {"name": "main", "image": AGNHOST, "args": ["pause"]}
REVISION = "deployment.kubernetes.io/revision"


def template(labels: Json, main: Json | None = None, **spec: Any) -> Json:
    return {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [PAUSE | (main or {})]} | spec}


def deployment(replicas: int = 2, pods: Json | None = None, **spec: Any) -> Json:
    labels = {"app": "web"}
    pods = template(labels, **(PENDING if pods is None else pods))
    return {
        "metadata": {"name": "web", "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods} | spec,
    }


class World:
    """One namespace and the Deployment `web` in it."""

    def __init__(self, api: Api, ns: str) -> None:
        self.api, self.ns = api, ns
        self.apps, self.core = f"/apis/apps/v1/namespaces/{ns}", f"/api/v1/namespaces/{ns}"
        self.web = f"{self.apps}/deployments/web"
        eventually(lambda: api.get(f"{self.core}/serviceaccounts/default").code == 200)

    def start(self, *args: Any, **spec: Any) -> Json:
        made = self.api.made(f"{self.apps}/deployments", deployment(*args, **spec))
        self.settled()
        return made

    def settled(self, limit_s: float = 60) -> Json:
        """The Deployment, once its controller has made as many pods of the newest template as are wanted."""

        def look() -> Json | None:
            seen = self.api.seen(self.web)
            status = seen["status"]
            wanted = seen["spec"]["replicas"]
            fits = status.get("updatedReplicas", 0) == status.get("replicas", 0) == wanted == len(self.pods())
            return seen if fits and status.get("observedGeneration") == seen["metadata"]["generation"] else None

        found: Json = eventually(look, limit_s, "the Deployment settled")
        return found

    def available(self, limit_s: float = 60) -> Json:
        def look() -> Json | None:
            seen, status = self.settled(limit_s), self.api.seen(self.web)["status"]
            return seen if status.get("availableReplicas", 0) == seen["spec"]["replicas"] else None

        found: Json = eventually(look, limit_s, "the Deployment available")
        return found

    def pods(self) -> list[Json]:
        return [p for p in self.api.seen(f"{self.core}/pods", labelSelector="app=web")["items"] if "deletionTimestamp" not in p["metadata"]]

    def sets(self) -> list[Json]:
        """Its ReplicaSets, the oldest revision first."""
        found = self.api.seen(f"{self.apps}/replicasets", labelSelector="app=web")["items"]
        return sorted(found, key=lambda r: int(r["metadata"]["annotations"][REVISION]))

    def image(self, tag: str) -> Json:
        change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": tag}]}}}}
        answer = self.api.patch(self.web, change, STRATEGIC)
        assert answer.code == 200, answer.body
        body: Json = answer.body
        return body

    def events(self, name: str) -> list[Json]:
        found: list[Json] = self.api.seen(f"{self.core}/events", fieldSelector=f"involvedObject.name={name}")["items"]
        return found


@pytest.fixture
def world(api: Api, own: str) -> World:
    return World(api, own)


def names(objects: list[Json]) -> set[str]:
    return {o["metadata"]["name"] for o in objects}


# ── the family ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_deployment_makes_a_set_and_the_set_makes_pods(world: World) -> None:
    made = world.start(2)
    (replica_set,) = world.sets()
    hash_ = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert re.match(r"^[bcdfghjklmnpqrstvwxz2456789]{5,10}$", hash_)
    assert replica_set["metadata"]["name"] == f"web-{hash_}"
    assert replica_set["spec"]["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": hash_}}
    assert replica_set["metadata"]["annotations"] == {
        REVISION: "1", "deployment.kubernetes.io/desired-replicas": "2", "deployment.kubernetes.io/max-replicas": "3",
    }  # fmt: skip
    assert replica_set["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "web",
            "uid": made["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    for pod in world.pods():
        assert re.match(rf"^web-{hash_}-[bcdfghjklmnpqrstvwxz2456789]{{5}}$", pod["metadata"]["name"])
        assert pod["metadata"]["generateName"] == f"web-{hash_}-"
        assert pod["metadata"]["labels"] == {"app": "web", "pod-template-hash": hash_}
        assert pod["metadata"]["ownerReferences"][0] | {"uid": ""} == {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": f"web-{hash_}",
            "uid": "",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    assert world.api.seen(world.web)["metadata"]["annotations"] == {REVISION: "1"}


def test_events_tell_who_made_what(world: World) -> None:
    world.start(1)
    (replica_set,) = world.sets()
    name, (pod,) = replica_set["metadata"]["name"], world.pods()
    scaling = eventually(lambda: world.events("web"))[0]
    assert (scaling["reason"], scaling["message"]) == ("ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 1")
    assert (scaling["source"]["component"], scaling["type"], scaling["count"]) == ("deployment-controller", "Normal", 1)
    made = eventually(lambda: world.events(name))[0]
    assert (made["reason"], made["message"]) == ("SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    assert made["source"]["component"] == "replicaset-controller"


def test_a_deleted_pod_is_replaced_under_another_name(world: World) -> None:
    world.start(2)
    before = names(world.pods())
    victim = min(before)
    world.api.delete(f"{world.core}/pods/{victim}")
    eventually(lambda: len(world.pods()) == 2 and victim not in names(world.pods()))
    assert len(names(world.pods()) & before) == 1


def test_scaling_makes_no_new_set_and_no_new_revision(world: World) -> None:
    world.start(1)
    before = names(world.pods())
    world.api.patch(f"{world.web}/scale", {"spec": {"replicas": 3}})
    seen = world.settled()
    assert before < names(world.pods())
    assert len(world.sets()) == 1
    assert seen["metadata"]["annotations"][REVISION] == "1"
    world.api.patch(f"{world.web}/scale", {"spec": {"replicas": 0}})
    world.settled()
    assert world.pods() == []


def test_the_cheapest_pod_goes_first(world: World) -> None:
    """All are Pending, so nothing but the deletion cost tells them apart."""
    world.start(3)
    cheap = sorted(names(world.pods()))[1]
    world.api.patch(f"{world.core}/pods/{cheap}", {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}}})
    eventually(lambda: world.api.seen(f"{world.core}/pods/{cheap}")["metadata"].get("annotations"))
    world.api.patch(f"{world.web}/scale", {"spec": {"replicas": 2}})
    world.settled()
    assert cheap not in names(world.pods())


def test_a_relabelled_pod_is_let_go_and_replaced(world: World) -> None:
    world.start(1)
    (pod,) = world.pods()
    path = f"{world.core}/pods/{pod['metadata']['name']}"
    world.api.patch(path, {"metadata": {"labels": {"app": "other"}}})
    eventually(lambda: "ownerReferences" not in world.api.seen(path)["metadata"])
    eventually(lambda: len(world.pods()) == 1)
    world.api.delete(world.web)
    eventually(lambda: not world.pods())
    assert world.api.get(path).code == 200, "nobody owns it now"


def test_a_matching_orphan_is_adopted(world: World) -> None:
    world.start(1)
    (replica_set,) = world.sets()
    orphan = {
        "metadata": {"name": "orphan", "labels": replica_set["spec"]["selector"]["matchLabels"]},
        "spec": template({}, **PENDING)["spec"],
    }
    world.api.made(f"{world.core}/pods", orphan)

    def settled() -> bool:
        pods = world.pods()
        return len(pods) == 1 and pods[0]["metadata"].get("ownerReferences", [{}])[0].get("uid") == replica_set["metadata"]["uid"]

    eventually(settled, what="one of the two pods was removed, the other is owned")


def test_deleting_a_deployment_takes_the_family(world: World) -> None:
    world.start(2)
    assert world.api.delete(world.web, {"propagationPolicy": "Foreground"}).code == 200
    eventually(lambda: world.api.get(world.web).code == 404)
    assert (world.pods(), world.api.seen(f"{world.apps}/replicasets")["items"]) == ([], [])


def test_a_deployment_takes_over_a_set_that_it_finds(world: World) -> None:
    world.start(1)
    (before,) = world.sets()
    world.api.delete(world.web, {"propagationPolicy": "Orphan"})
    eventually(lambda: world.api.get(world.web).code == 404)
    assert len(world.pods()) == 1
    made = world.start(1)
    (after,) = world.sets()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]


# ── revisions ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_new_template_is_a_new_set_and_an_old_one_comes_back_with_a_new_number(world: World) -> None:
    world.start(1, strategy={"type": "Recreate"})
    (first,) = names(world.sets())
    world.image("example.org/b")
    world.settled()
    assert [r["metadata"]["annotations"][REVISION] for r in world.sets()] == ["1", "2"]
    assert [r["spec"]["replicas"] for r in world.sets()] == [0, 1]
    world.image(AGNHOST)
    seen = world.settled()
    eventually(lambda: world.sets()[-1]["metadata"]["annotations"][REVISION] == "3")
    again = world.sets()[-1]
    assert again["metadata"]["name"] == first
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert again["spec"]["replicas"] == 1
    eventually(lambda: world.api.seen(world.web)["metadata"]["annotations"][REVISION] == "3")
    assert seen["metadata"]["generation"] == 3


def test_only_so_many_old_sets_are_kept(world: World) -> None:
    world.start(0, revisionHistoryLimit=1)
    for tag in ("example.org/b", "example.org/c"):
        world.image(tag)
        world.settled()
    eventually(lambda: [r["metadata"]["annotations"][REVISION] for r in world.sets()] == ["2", "3"])


def test_a_paused_deployment_does_not_roll_but_scales(world: World) -> None:
    world.start(1)
    world.api.patch(world.web, {"spec": {"paused": True}})
    world.image("example.org/b")
    eventually(lambda: condition(world.api.seen(world.web), "Progressing")["reason"] == "DeploymentPaused")
    world.api.patch(f"{world.web}/scale", {"spec": {"replicas": 2}})
    eventually(lambda: len(world.pods()) == 2)
    assert len(world.sets()) == 1
    eventually(lambda: world.api.seen(world.web)["status"].get("updatedReplicas", 0) == 0)
    world.api.patch(world.web, {"spec": {"paused": False}})
    eventually(lambda: len(world.sets()) == 2)


def test_a_rollout_that_makes_no_progress_says_so(world: World) -> None:
    world.start(1, progressDeadlineSeconds=1)
    (replica_set,) = world.sets()
    seen = eventually(lambda: found if condition(found := world.api.seen(world.web), "Progressing")["status"] == "False" else None)
    found = condition(seen, "Progressing")
    assert (found["reason"], found["message"]) == (
        "ProgressDeadlineExceeded", f'ReplicaSet "{replica_set["metadata"]["name"]}" has timed out progressing.',
    )  # fmt: skip
    found = condition(seen, "Available")
    assert (found["status"], found["reason"], found["message"]) == (
        "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.",
    )  # fmt: skip
    assert seen["status"]["unavailableReplicas"] == 1


def test_a_stalled_update_leaves_the_old_pods_alone(world: World) -> None:
    world.start(2, {}, strategy={"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}})
    world.available()
    old = names(world.pods())
    world.api.patch(world.web, {"spec": {"template": {"spec": PENDING}}})
    eventually(lambda: len(world.pods()) == 3)
    assert old < names(world.pods())
    seen = eventually(lambda: found if (found := world.api.seen(world.web))["status"].get("updatedReplicas") == 1 else None)
    status = seen["status"]
    assert (status["replicas"], status["availableReplicas"], status["unavailableReplicas"]) == (3, 2, 1)
    assert [r["spec"]["replicas"] for r in world.sets()] == [2, 1]


def test_a_rolling_update_keeps_its_bounds_and_ends_complete(world: World) -> None:
    """3 wanted, 1 more and 1 less allowed: never over 4 in all, never under 2 available."""
    world.start(3, {}, strategy={"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}})
    seen = world.available()
    found = condition(seen, "Available")
    assert (found["status"], found["reason"], found["message"]) == (
        "True",
        "MinimumReplicasAvailable",
        "Deployment has minimum availability.",
    )
    before = names(world.pods())
    start = {"resourceVersion": seen["metadata"]["resourceVersion"]}
    with world.api.watch(f"{world.apps}/deployments", **start) as changes, world.api.watch(f"{world.apps}/replicasets", **start) as sets:
        world.image(AGNHOST_BEFORE)
        complete = _is_complete(3)
        statuses = [e["object"]["status"] for e in changes.until(lambda e: complete(e["object"]), 60)]
        wanted: dict[str, int] = {}
        totals = []
        for event in sets.until(lambda e: e["object"]["spec"]["replicas"] == 0 and e["object"]["metadata"]["generation"] > 2):
            wanted[event["object"]["metadata"]["name"]] = event["object"]["spec"]["replicas"]
            totals.append(sum(wanted.values()))
    assert max(totals) == 4
    assert min(s.get("availableReplicas", 0) for s in statuses) >= 2
    eventually(lambda: len(world.pods()) == 3)
    assert not names(world.pods()) & before
    name = world.sets()[-1]["metadata"]["name"]

    def said() -> bool:
        found = condition(world.api.seen(world.web), "Progressing")
        return (found["reason"], found["message"]) == ("NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')

    eventually(said)
    assert [r["spec"]["replicas"] for r in world.sets()] == [0, 3]


def _is_complete(replicas: int) -> Callable[[Json], bool]:
    def look(seen: Json) -> bool:
        status = seen["status"]
        counts = (status.get("updatedReplicas"), status.get("availableReplicas"), status.get("replicas"))
        return status.get("observedGeneration") == seen["metadata"]["generation"] and counts == (replicas,) * 3

    return look


def test_recreate_ends_the_old_ones_before_it_starts_the_new(world: World) -> None:
    world.start(2, {}, strategy={"type": "Recreate"})
    world.available()
    with world.api.watch(
        f"{world.core}/pods", labelSelector="app=web", resourceVersion=world.api.seen(f"{world.core}/pods")["metadata"]["resourceVersion"]
    ) as seen:
        world.image(AGNHOST_BEFORE)
        events = seen.until(lambda e: e["type"] == "ADDED", 40)
    assert sum(e["type"] == "DELETED" for e in events) == 2 or all(
        e["object"]["status"]["phase"] in ("Failed", "Succeeded") for e in events if e["type"] == "MODIFIED" and e is not events[-1]
    )
    world.available()


def test_ready_long_enough_is_available(world: World) -> None:
    world.start(1, {}, minReadySeconds=2)
    seen = eventually(lambda: found if (found := world.api.seen(world.web))["status"].get("readyReplicas") == 1 else None)
    assert seen["status"].get("availableReplicas", 0) == 0
    world.available()


# ── a ReplicaSet by itself, and what stops it ────────────────────────────────────────────────────────────────
def test_a_replica_set_counts_what_it_has(world: World) -> None:
    labels = {"app": "web"}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template(labels, **PENDING)}
    world.api.made(f"{world.apps}/replicasets", {"metadata": {"name": "rs"}, "spec": spec})
    path = f"{world.apps}/replicasets/rs"
    seen = eventually(lambda: found if (found := world.api.seen(path))["status"].get("fullyLabeledReplicas") == 2 else None)
    assert seen["status"] == {"replicas": 2, "fullyLabeledReplicas": 2, "terminatingReplicas": 0, "observedGeneration": 1}
    assert all(p["metadata"]["name"].startswith("rs-") for p in world.pods())


def test_a_full_quota_stops_a_set_and_says_so(world: World) -> None:
    quotas = f"{world.core}/resourcequotas"
    world.api.made(quotas, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})
    eventually(lambda: world.api.seen(f"{quotas}/few")["status"].get("used") == {"pods": "0"})
    world.api.made(f"{world.apps}/deployments", deployment(2))
    eventually(lambda: world.api.seen(f"{quotas}/few")["status"]["used"] == {"pods": "1"})
    seen = eventually(lambda: found if "ReplicaFailure" in str((found := world.api.seen(world.web))["status"].get("conditions")) else None)
    found = condition(seen, "ReplicaFailure")
    words = "is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1"
    assert (found["status"], found["reason"]) == ("True", "FailedCreate")
    assert words in found["message"]
    (name,) = names(world.sets())
    failed = eventually(lambda: [e for e in world.events(name) if e["reason"] == "FailedCreate"])[0]
    assert failed["message"].startswith(f'Error creating: pods "{name}-')
    assert words in failed["message"]
    answer = world.api.post(f"{world.core}/pods", {"metadata": {"name": "p"}, "spec": template({}, **PENDING)["spec"]})
    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"] == f'pods "p" {words}'


def test_a_quota_of_requests_wants_them_written(world: World) -> None:
    quotas = f"{world.core}/resourcequotas"
    world.api.made(quotas, {"metadata": {"name": "cpu"}, "spec": {"hard": {"requests.cpu": "1"}}})
    eventually(lambda: "used" in world.api.seen(f"{quotas}/cpu")["status"])
    answer = world.api.post(f"{world.core}/pods", {"metadata": {"name": "p"}, "spec": template({}, **PENDING)["spec"]})
    assert answer.code == 403
    assert answer.body["message"] == 'pods "p" is forbidden: failed quota: cpu: must specify requests.cpu for: main'


def test_a_limit_range_fills_in_and_refuses(world: World) -> None:
    limits = {"type": "Container", "default": {"memory": "64Mi"}, "defaultRequest": {"memory": "32Mi"}, "max": {"memory": "128Mi"}}
    world.api.made(f"{world.core}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [limits]}})

    def fill() -> Any:
        made = world.api.made(f"{world.core}/pods", {"metadata": {"generateName": "p-"}, "spec": template({}, **PENDING)["spec"]})
        return made["spec"]["containers"][0]["resources"]

    assert eventually(fill, 10) == {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}
    spec = template({}, {"resources": {"limits": {"memory": "1Gi"}}}, **PENDING)["spec"]
    answer = world.api.post(f"{world.core}/pods", {"metadata": {"name": "p"}, "spec": spec})
    assert answer.code == 403
    assert answer.body["message"] == 'pods "p" is forbidden: maximum memory usage per Container is 128Mi, but limit is 1Gi'
