"""Lab 12: a rollout that no request notices, a broken version that stalls, a rollback that is the old ReplicaSet.

What happened during the lab is read from the judge's history; whether an update is noticed is tried again, under the judge's own load."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shallowdive.checks.load import read_load, start_load, stop_load
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria, unlike
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState, History
from shallowdive.objects import Object, annotations_of, controller_uid, name_of, selects, uid_of
from shallowdive.objects.pods import is_ready

JUDGED = "shallowdive/judged"
"""Annotation of the pod template during the judge's own rollout; ReplicaSets that carry it are not the learner's."""
REVISION = "deployment.kubernetes.io/revision"
LOAD = "judge-load"
LEAST_PODS = 3
LEAST_REQUESTS = 30


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions(
    "a prediction before the rollout and one before the broken version", "failed-requests", "broken-version", got="both made"
)


@criterion("deployment-serves", f"one Deployment behind a Service, with at least {LEAST_PODS} pods, all ready")
def deployment_serves(e: Evidence) -> str:
    deployment, _ = find_deployment(e.state)
    pods = [p for p in e.state.pods_of(deployment) if not p["metadata"].get("deletionTimestamp")]
    ready, wanted = sum(map(is_ready, pods)), wanted_replicas(deployment)
    if wanted < LEAST_PODS:
        raise Unmet(f"{wanted} wanted", f"kubectl get deployment {name_of(deployment)}")
    if ready != wanted or len(pods) != wanted:
        raise Unmet(
            f"{ready} ready of {wanted} wanted, {len(pods)} there", f"kubectl get pods; kubectl describe deployment {name_of(deployment)}"
        )
    return "all its pods are ready"


@criterion("asked-before-traffic", "every container of the pod template has a readiness probe")
def asked_before_traffic(e: Evidence) -> str:
    deployment, _ = find_deployment(e.state)
    without = [c["name"] for c in deployment["spec"]["template"]["spec"]["containers"] if not c.get("readinessProbe")]
    if without:
        raise Unmet(f"none on {', '.join(without)}", f"kubectl get deployment {name_of(deployment)} -o yaml")
    return "readiness is asked"


@criterion("two-versions-served", "two versions of the pod template were rolled out and became ready, one after the other")
def two_versions_served(e: Evidence) -> str:
    served = [v for v in versions(e) if v.most_ready]
    if len(served) < 2:
        raise Unmet(f"{len(served)} version of the template ever had a ready pod", "kubectl rollout history deployment")
    return "both versions had ready pods"


@criterion("broken-version-stalled", "a third version was rolled out and never had a ready pod, while an older one kept serving")
def broken_version_stalled(e: Evidence) -> str:
    broken = find_broken(versions(e))
    if broken is None:
        raise Unmet("every version that was rolled out became ready, or there was no third one", "kubectl get replicasets")
    if not broken.others_kept_serving:
        raise Unmet("while it stalled, no pod of any version was ready", "maxUnavailable in spec.strategy.rollingUpdate")
    return "it stalled, and the older version kept its pods"


@criterion("old-template-back", "after the broken version an earlier ReplicaSet is in charge again: the same object, not a new one")
def old_template_back(e: Evidence) -> str:
    found = versions(e)
    broken, active = find_broken(found), find_active(e, found)
    if broken is None:
        raise Unmet("there was no broken version to come back from", "kubectl get replicasets")
    if active is None or broken.wanted_now:
        raise Unmet("the broken version is still wanted", "kubectl rollout undo deployment")
    if found.index(active) > found.index(broken):
        raise Unmet(
            "a new ReplicaSet was made after the broken version: its template differs from every earlier one",
            "kubectl rollout history deployment",
        )
    if active.last_revision <= broken.last_revision:
        raise Unmet("the earlier ReplicaSet did not become the newest revision", "kubectl rollout history deployment")
    return "an earlier ReplicaSet is the newest revision"


@criterion("revision-counted", "the revision number that the rollback made, as the Deployment carries it")
def revision_counted(e: Evidence) -> str:
    found = versions(e)
    broken, active = find_broken(found), find_active(e, found)
    if broken is None or active is None:
        raise Unmet("there was no rollback whose revision could be counted", "kubectl rollout history deployment")
    truth = next((r for r in active.revisions if r > broken.last_revision), 0)
    said = e.answers.get("answer.revision")
    if not truth or said != truth:
        raise unlike(said, "kubectl rollout history deployment")
    return "counted right"


@criterion("no-request-fails", "an update under the judge's own load, without one failed request")
def no_request_fails(e: Evidence) -> str:
    deployment, service = find_deployment(e.client.state)
    url = f"http://{service['spec']['clusterIP']}:{service['spec']['ports'][0]['port']}/"
    name = name_of(deployment)
    start_load(e.client, LOAD, url)
    try:
        _roll(e.client, name, secrets.token_hex(4))
        _roll(e.client, name, None)
        seen = read_load(e.client, LOAD)
    finally:
        _annotate(e.client, name, None)
        stop_load(e.client, LOAD)
    if seen.failed:
        raise Unmet(f"requests failed while pods were replaced: {seen.why}", "readinessProbe, preStop and strategy in the Deployment")
    if seen.total < LEAST_REQUESTS:
        raise Unmet(f"only {seen.total} requests in two rollouts: too few to say", "kubectl get pods")
    return "no request failed in two rollouts"


CRITERIA = (
    predicted, deployment_serves, asked_before_traffic, two_versions_served, broken_version_stalled, old_template_back, revision_counted,
    no_request_fails,
)  # fmt: skip


@dataclass(slots=True)
class Version:
    """One ReplicaSet of the learner's Deployment, as the history tells it."""

    uid: str
    most_ready: int = 0
    most_wanted: int = 0
    wanted_now: int = 0
    others_kept_serving: bool = True
    revisions: tuple[int, ...] = ()

    @property
    def last_revision(self) -> int:
        return self.revisions[-1] if self.revisions else 0


def find_deployment(state: ClusterState) -> tuple[Object, Object]:
    """The Deployment whose pods a Service selects, and that Service."""
    pairs = [
        (d, s)
        for d in state.all("Deployment")
        for s in state.all("Service")
        if selects(s["spec"].get("selector"), d["spec"]["template"]) and s["spec"].get("clusterIP") not in ("", "None", None)
    ]
    names = sorted({name_of(d) for d, _ in pairs})
    if len(names) != 1:
        there = ", ".join(name_of(d) for d in state.all("Deployment")) or "none"
        raise Unmet(
            f"Deployments there: {there}; selected by a Service: {', '.join(names) or 'none'}", "kubectl get deployments,services -o wide"
        )
    return pairs[0]


def wanted_replicas(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas") or 0)


def versions(e: Evidence) -> list[Version]:
    """ReplicaSets of the Deployment that were ever wanted, in order of first sight; the judge's own are left out."""
    deployment, _ = find_deployment(e.state)
    found: dict[str, Version] = {}
    ready: dict[str, int] = {}
    for seen in e.history.events:
        if seen.kind != "ReplicaSet" or controller_uid(seen.object) != uid_of(deployment) or is_judges(seen.object):
            continue
        rs, status = seen.object, seen.object.get("status") or {}
        asked = 0 if seen.type == "DELETED" else int(rs["spec"].get("replicas") or 0)
        ready[uid_of(rs)] = 0 if seen.type == "DELETED" else int(status.get("readyReplicas") or 0)
        if uid_of(rs) not in found and not asked:
            continue
        v = found.setdefault(uid_of(rs), Version(uid_of(rs)))
        v.most_ready, v.most_wanted, v.wanted_now = max(v.most_ready, ready[v.uid]), max(v.most_wanted, asked), asked
        revision = int(annotations_of(rs).get(REVISION) or 0)
        if revision and v.revisions[-1:] != (revision,):
            v.revisions += (revision,)
        for other in found.values():
            if other.wanted_now and not other.most_ready and len(found) > 1 and not sum(ready.values()):
                other.others_kept_serving = False
    return list(found.values())


def is_judges(rs: Object) -> bool:
    return JUDGED in ((rs["spec"].get("template") or {}).get("metadata") or {}).get("annotations", {})


def find_broken(found: list[Version]) -> Version | None:
    """The last version that was wanted after another one served and never had a ready pod."""
    late = [v for i, v in enumerate(found) if not v.most_ready and any(before.most_ready for before in found[:i])]
    return late[-1] if late else None


def find_active(e: Evidence, found: list[Version]) -> Version | None:
    deployment, _ = find_deployment(e.state)
    return next((v for v in found if v.wanted_now == wanted_replicas(deployment)), None)


def _annotate(client: NamespaceClient, name: str, value: str | None) -> None:
    client.apps.patch_namespaced_deployment(name, client.namespace, {"spec": {"template": {"metadata": {"annotations": {JUDGED: value}}}}})


def _roll(client: NamespaceClient, name: str, value: str | None) -> None:
    """Change the template's annotation and wait until every pod is of the new template and the old ones are gone."""
    _annotate(client, name, value)

    def done(now: ClusterState) -> bool:
        d = now.get("Deployment", name)
        if d is None or ((d["spec"]["template"]["metadata"].get("annotations") or {}).get(JUDGED)) != value:
            return False
        s, wanted = d.get("status") or {}, wanted_replicas(d)
        settled = s.get("observedGeneration", 0) >= d["metadata"]["generation"] and s.get("replicas") == s.get("updatedReplicas") == wanted
        return bool(settled and s.get("availableReplicas") == wanted and len(now.pods_of(d)) == wanted)

    client.wait_for("the judge's rollout to end", done, within_s=150, usually_s=30, look_at=f"kubectl rollout status deployment {name}")
