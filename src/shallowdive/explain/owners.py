"""Why a controller does not have the pods it wants: refused at creation, paused, given up, or busy with a rollout."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shallowdive.explain.finding import Evidence
from shallowdive.explain.rule import Find, rules
from shallowdive.explain.sight import Sight, condition_of
from shallowdive.objects import Object, name_of
from shallowdive.objects.pods import is_ready

REFUSALS = {
    # cause: what the API server says when it refuses a pod; the first that fits. `explain_refusal` reads by the same table
    "quota-exceeded": r"exceeded quota: (?P<named>[^,]+), requested: (?P<wanted>.+), used: (?P<used>.+), limited: (?P<limit>.+)",
    "quota-needs-value": r"failed quota: (?P<named>[^:]+): must specify (?P<wanted>[^;]+?)(?: for: .+)?$",
    "limit-range-refused": r"(?:is forbidden: )?(?P<wanted>(?:maximum|minimum|max limit|min|max)[^\[\]]*(?:usage|ratio) per \w+[^\[\]]*)",
    "pod-security-refused": r'violates PodSecurity "(?P<named>[^"]+)": (?P<wanted>.+)',
    "service-account-missing": r'serviceaccount "(?P<named>[^"]+)" not found',
    "creation-refused": r"(?P<wanted>.+)",
}
ANY = {"named": "", "wanted": "", "used": "", "limit": ""}
VARYING = re.compile(r"^\(combined from similar events\): |Error creating: |^[Cc]reate Pod \S+ in \S+ \S+ failed error: ")
NAMED = re.compile(r'pods? "[^"]+" is')
PATIENCE_S = 120
"""A pod that is not ready after so long, for no reason that is known, is no rollout that goes on."""


def refusal(text: str) -> tuple[str, dict[str, str]]:
    """(cause, facts) of a text that refuses a pod."""
    for cause, pattern in REFUSALS.items():
        found = re.search(pattern, text)
        if found:
            return cause, ANY | {k: v or "" for k, v in found.groupdict().items()}
    return "creation-refused", ANY | {"wanted": text}


def _lacks(owner: Object) -> bool:
    """Whether it still has fewer pods than it wants: an old refusal that was overcome is no cause."""
    spec, status = owner["spec"], owner.get("status") or {}
    if owner["kind"] == "DaemonSet":
        return int(status.get("currentNumberScheduled", 0)) < int(status.get("desiredNumberScheduled", 1))
    if owner["kind"] == "Job":
        made = sum(int(status.get(k) or 0) for k in ("active", "succeeded", "failed"))
        return made < min(int(spec.get("parallelism") or 1), int(spec.get("completions") or 1))
    return int(status.get("replicas", 0)) < int(spec.get("replicas") or 0)


def _refused(cause: str) -> Find:
    def find(sight: Sight, owner: Object) -> Iterator[Evidence]:
        if not _lacks(owner) or owner["metadata"].get("deletionTimestamp"):
            return
        told = str(condition_of(owner, "ReplicaFailure").get("message", ""))
        text = sight.last(owner, "FailedCreate") or told
        if text and refusal(text)[0] == cause:
            facts = {"value": refusal(text)[1]["limit"], **refusal(text)[1], "holder": _holder(sight, owner)}
            yield Evidence(f"FailedCreate: {VARYING.sub('', NAMED.sub('a pod is', text))}", facts)

    return find


def _holder(sight: Sight, owner: Object) -> str:
    chain = list(sight.owners(owner))
    return " ".join(chain[-1]) if chain else f"{owner['kind']} {name_of(owner)}"


def _spec_is(field: str, wanted: object) -> Find:
    def find(_: Sight, owner: Object) -> Iterator[Evidence]:
        if owner["spec"].get(field, 1 if field == "replicas" else None) == wanted:
            yield Evidence(f"spec.{field}: {str(wanted).lower()}", {"value": str(wanted).lower()})

    return find


def _job_failed(*reasons: str) -> Find:
    def find(_: Sight, job: Object) -> Iterator[Evidence]:
        failed = condition_of(job, "Failed")
        if failed.get("status") == "True" and failed.get("reason") in reasons:
            limits = {"BackoffLimitExceeded": "backoffLimit", "DeadlineExceeded": "activeDeadlineSeconds"}
            field = limits.get(failed["reason"], "podFailurePolicy")
            yield Evidence(f"{failed['reason']}: {failed.get('message', '')}", {"field": field, "value": str(job["spec"].get(field, ""))})

    return find


def _job_runs(sight: Sight, job: Object) -> Iterator[Evidence]:
    status = job.get("status") or {}
    active = int(status.get("active") or 0)
    if active and (status.get("ready") or all(sight.age_s(p) < PATIENCE_S for p in sight.owned("Pod", job))):
        yield Evidence(f"status.active {active}")


def deployment_is_done(deployment: Object) -> bool:
    """Every wanted pod is of the newest template and available, and no old one is left."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    wanted = int(spec.get("replicas") if spec.get("replicas") is not None else 1)
    counts = [int(status.get(k) or 0) for k in ("replicas", "updatedReplicas", "availableReplicas")]
    return int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0) and counts == [wanted] * 3


def _late(_: Sight, deployment: Object) -> Iterator[Evidence]:
    told = condition_of(deployment, "Progressing")
    if told.get("reason") == "ProgressDeadlineExceeded":
        value = str(deployment["spec"].get("progressDeadlineSeconds", 600))
        yield Evidence("Progressing=False: ProgressDeadlineExceeded", {"value": value})


def _rolls(sight: Sight, deployment: Object) -> Iterator[Evidence]:
    told = condition_of(deployment, "Progressing")
    pods = [p for rs in sight.owned("ReplicaSet", deployment) for p in sight.owned("Pod", rs)]
    moves = all(is_ready(p) or sight.age_s(p) < PATIENCE_S for p in pods or [deployment])
    if moves and not deployment_is_done(deployment) and told.get("status", "True") == "True" and not deployment["spec"].get("paused"):
        yield Evidence(f"Progressing={told.get('status', 'not told yet')}, {told.get('reason', '')}".rstrip(", "))


def _budget(_: Sight, budget: Object) -> Iterator[Evidence]:
    status = budget.get("status") or {}
    if int(status.get("disruptionsAllowed") or 0) == 0:
        have, need = int(status.get("currentHealthy") or 0), int(status.get("desiredHealthy") or 0)
        field = "minAvailable" if "minAvailable" in budget["spec"] else "maxUnavailable"
        yield Evidence(f"status.disruptionsAllowed 0: {have} healthy, {need} have to be",
                       {"field": field, "value": str(budget["spec"].get(field, "")), "have": str(have), "need": str(need)})  # fmt: skip


RULES = (
    *rules(("Deployment",), {"deployment-paused": _spec_is("paused", True)}),
    *rules(("Job",), {"job-suspended": _spec_is("suspend", True)}),
    *rules(("Deployment", "StatefulSet", "ReplicaSet"), {"wants-no-pods": _spec_is("replicas", 0)}),
    *rules(("ReplicaSet", "StatefulSet", "DaemonSet", "Job"), {cause: _refused(cause) for cause in REFUSALS}),
    *rules(
        ("Job",),
        {
            "job-gave-up": _job_failed("BackoffLimitExceeded", "PodFailurePolicy"),
            "job-deadline": _job_failed("DeadlineExceeded"),
            "job-runs": _job_runs,
        },
    ),
    *rules(("Deployment",), {"progress-deadline": _late, "rollout-going-on": _rolls}),
    *rules(("PodDisruptionBudget",), {"budget-allows-none": _budget}),
)
