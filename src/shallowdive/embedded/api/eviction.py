"""Eviction: a deletion that asks the disruption budgets first. What `kubectl drain` sends."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded.api import body, verbs
from shallowdive.embedded.api.negotiate import respond
from shallowdive.embedded.kinds import PDBS, PODS, Kind
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.request import Response
from shallowdive.embedded.selector import picks
from shallowdive.embedded.status import ApiError, bad_request, internal_error, too_many_requests
from shallowdive.embedded.store import Object

EVICTION = Kind("evictions", "policy", "v1", "evictions", "Eviction", True, (), frozenset(), "io.k8s.api.policy.v1.Eviction")
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
TOO_MANY_BUDGETS = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def evict(call: verbs.Call) -> Response:
    """Raises ApiError: 400, 404, 429 when a budget forbids it, 500 for two budgets."""
    call.check_write("CreateOptions")
    asked, name = call.asked, call.asked.name
    wanted = body.read(call.request, EVICTION, call.warnings)
    if wanted.get("metadata", {}).get("name", name) != name:
        raise bad_request("name in URL does not match name in Eviction object")
    verbs.check_namespace(wanted, asked)
    pod = call.registry.get(PODS, asked.namespace, name)
    given = wanted.get("deleteOptions", {})
    dry_run = bool(given.get("dryRun")) or call.dry_run
    if not _needs_no_budget(pod):
        _ask_budget(call, pod, dry_run)
    preconditions = given.get("preconditions", {})
    if not dry_run and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
        call.registry.change(PODS, asked.namespace, name, lambda value: _mark(call, value), call.who(), subresource="status")
    grace, propagation = given.get("gracePeriodSeconds"), given.get("propagationPolicy", "")
    options = DeleteOptions(grace, propagation, preconditions.get("uid", ""), preconditions.get("resourceVersion", ""), dry_run)
    call.registry.delete(PODS, asked.namespace, name, options, call.who())
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return respond(201, status, call.media._replace(shape=""))


def _needs_no_budget(pod: Object) -> bool:
    """Whoever has ended, was never started or is going already disturbs nobody."""
    return "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in ("Succeeded", "Failed", "Pending")


def _is_ready(pod: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", ()))


def _ask_budget(call: verbs.Call, pod: Object, dry_run: bool) -> None:
    meta = pod["metadata"]
    budgets = [b for b in call.store.objects(PDBS, meta["namespace"]) if picks(b["spec"].get("selector"), meta.get("labels"))]
    if len(budgets) > 1:
        raise internal_error(TOO_MANY_BUDGETS)
    if not budgets:
        return
    budget = budgets[0]
    name, status = budget["metadata"]["name"], budget.get("status", {})
    if not _is_ready(pod):
        enough = status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0
        if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow" or enough:
            return
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        error = _refused(f"The disruption budget {name} is still being processed by the server.")
        error.status["details"]["retryAfterSeconds"] = 10
        error.headers["Retry-After"] = "10"
        raise error
    if status.get("disruptionsAllowed", 0) <= 0:
        needed, have = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _refused(f"The disruption budget {name} needs {needed} healthy pods and has {have} currently")
    if not dry_run:
        call.registry.change(
            PDBS, meta["namespace"], name, lambda value: _spend(call, value, meta["name"]), call.who(), subresource="status"
        )


def _refused(why: str) -> ApiError:
    return too_many_requests(REFUSED, {"causes": [{"reason": "DisruptionBudget", "message": why}]})


def _spend(call: verbs.Call, budget: Object, pod: str) -> None:
    status: dict[str, Any] = budget["status"]
    status["disruptionsAllowed"] -= 1
    status["disruptedPods"] = {**status.get("disruptedPods", {}), pod: call.cluster.clock.stamp()}


def _mark(call: verbs.Call, pod: Object) -> None:
    condition = {
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
        "lastProbeTime": None, "lastTransitionTime": call.cluster.clock.stamp(),
    }  # fmt: skip
    others = [c for c in pod.setdefault("status", {}).get("conditions", ()) if c["type"] != "DisruptionTarget"]
    pod["status"]["conditions"] = [*others, condition]
