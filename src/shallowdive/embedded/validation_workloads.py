"""What makes Deployments, Jobs and their kin invalid."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

from shallowdive.embedded import selector as selectors
from shallowdive.embedded import words
from shallowdive.embedded.cron import BadSchedule, Schedule
from shallowdive.embedded.go_types import printed
from shallowdive.embedded.validation_pods import selector, template
from shallowdive.embedded.validation_things import claim_spec
from shallowdive.embedded.words import Found, Go

Json = dict[str, Any]

APPS = "io.k8s.api.apps.v1."
NO_MATCH = "`selector` does not match template `labels`"
MOST_INDEXES = 100_000
INDEXED = "requires indexed completion mode"


def _selects(spec: Json, kind: str, found: Found) -> None:
    """The selector, and whether it picks the template's labels."""
    wanted = spec.get("selector")
    if wanted is None:
        if kind != "daemonset":
            found.required("spec.selector")
    elif not selector(wanted, "spec.selector", found):
        found.invalid("spec.selector", wanted, "invalid label selector")
        return
    elif selectors.is_empty(wanted) and kind:
        found.invalid("spec.selector", wanted, f"empty selector is invalid for {kind}")
        return
    _labels_match(spec, wanted, found)


def _labels_match(spec: Json, wanted: Json | None, found: Found) -> None:
    labels = (spec.get("template", {}).get("metadata") or {}).get("labels")
    if not selectors.picks(wanted, labels):
        found.invalid("spec.template.metadata.labels", labels or None, NO_MATCH)


def _template(spec: Json, found: Found, *, controller: str = "ReplicaSet") -> None:
    template(spec.get("template") or {}, "spec.template", found)
    pod = spec.get("template", {}).get("spec") or {}
    if pod.get("restartPolicy", "Always") != "Always" and pod.get("restartPolicy") in ("Never", "OnFailure"):
        found.one_of("spec.template.spec.restartPolicy", pod["restartPolicy"], ("Always",))
    if "activeDeadlineSeconds" in pod:
        found.forbidden("spec.template.spec.activeDeadlineSeconds", f"activeDeadlineSeconds in {controller} is not Supported")


def count_or_percent(value: int | str, path: str, found: Found) -> None:
    if type(value) is int:
        if value < 0:
            found.invalid(path, value, words.NEGATIVE)
    elif not re.fullmatch(r"[0-9]+%", str(value)):
        found.invalid(path, value, words.NOT_PERCENT)


def not_above_all(value: int | str, path: str, found: Found) -> None:
    if type(value) is str and re.fullmatch(r"[0-9]+%", value) and int(value[:-1]) > 100:
        found.invalid(path, value, "must not be greater than 100%")


def _zero(value: int | str) -> bool:
    return value in (0, "0%")


def _deployment(value: Json, found: Found) -> None:
    spec = value["spec"]
    found.at_least_zero("spec", spec, "replicas")
    _selects(spec, "deployment", found)
    _template(spec, found)
    strategy, path = spec.get("strategy") or {}, "spec.strategy.rollingUpdate"
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate":
        if rolling is not None:
            found.forbidden(path, "may not be specified when strategy `type` is 'Recreate'")
    elif strategy.get("type") == "RollingUpdate":
        surge, unavailable = (rolling or {}).get("maxSurge", 0), (rolling or {}).get("maxUnavailable", 0)
        count_or_percent(unavailable, f"{path}.maxUnavailable", found)
        count_or_percent(surge, f"{path}.maxSurge", found)
        if _zero(surge) and _zero(unavailable):
            found.invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
        not_above_all(unavailable, f"{path}.maxUnavailable", found)
    else:
        found.one_of(
            "spec.strategy", Go(f'{{"Type":{words.shown(strategy.get("type"))},"RollingUpdate":null}}'), ("Recreate", "RollingUpdate")
        )
    found.at_least_zero("spec", spec, "minReadySeconds", "revisionHistoryLimit")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= max(spec.get("minReadySeconds", 0), 0):
        found.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _replica_set(value: Json, found: Found) -> None:
    spec = value["spec"]
    found.at_least_zero("spec", spec, "replicas", "minReadySeconds")
    _selects(spec, "deployment", found)
    _template(spec, found)


def _replication_controller(value: Json, found: Found) -> None:
    spec = value["spec"]
    found.at_least_zero("spec", spec, "minReadySeconds")
    if not spec.get("selector"):
        found.required("spec.selector")
    if not (spec.get("template") or {}).get("spec", {}).get("containers"):
        found.required("spec.template")
        return
    _labels_match(spec, {"matchLabels": spec.get("selector") or {}}, found)
    found.at_least_zero("spec", spec, "replicas")
    _template(spec, found, controller="ReplicationController")


def _stateful_set(value: Json, found: Found) -> None:
    spec = value["spec"]
    if spec.get("podManagementPolicy") not in ("OrderedReady", "Parallel"):
        found.invalid("spec.podManagementPolicy", spec.get("podManagementPolicy", ""), "must be 'OrderedReady' or 'Parallel'")
    strategy = spec.get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "RollingUpdate":
        found.at_least_zero("spec.updateStrategy.rollingUpdate", rolling or {}, "partition")
    elif strategy.get("type") == "OnDelete":
        if rolling is not None:
            shown = Go(f'{{"Partition":{rolling.get("partition", 0)},"MaxUnavailable":null}}')
            found.invalid("spec.updateStrategy.rollingUpdate", shown, "only allowed for updateStrategy 'RollingUpdate'")
    else:
        shown = printed(f"{APPS}StatefulSetUpdateStrategy", strategy)
        found.invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'")
    for name, policy in (spec.get("persistentVolumeClaimRetentionPolicy") or {}).items():
        found.one_of(f"spec.persistentVolumeClaimRetentionPolicy.{name}", policy, ("Retain", "Delete"))
    found.at_least_zero("spec", spec, "replicas", "minReadySeconds")
    found.at_least_zero("spec.ordinals", spec.get("ordinals") or {}, "start")
    if spec.get("serviceName"):
        found.check("spec.serviceName", spec["serviceName"], words.label)
    _selects(spec, "statefulset", found)
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec", found)
    claims = [
        {"name": claim["metadata"].get("name", ""), "persistentVolumeClaim": {"claimName": "x"}}
        for claim in spec.get("volumeClaimTemplates") or ()
    ]
    pod = spec.get("template", {}).get("spec") or {}
    named = {claim["name"] for claim in claims}
    others = [volume for volume in pod.get("volumes") or () if volume.get("name") not in named]
    with_claims = {**spec, "template": {**spec.get("template", {}), "spec": {**pod, "volumes": claims + others}}}
    _template(with_claims, found, controller="StatefulSet")


def _daemon_set(value: Json, found: Found) -> None:
    spec, path = value["spec"], "spec.updateStrategy.rollingUpdate"
    _selects(spec, "daemonset", found)
    _template(spec, found, controller="DaemonSet")
    strategy = spec.get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") == "RollingUpdate":
        surge, unavailable = rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 0)
        count_or_percent(surge, f"{path}.maxSurge", found)
        count_or_percent(unavailable, f"{path}.maxUnavailable", found)
        not_above_all(surge, f"{path}.maxSurge", found)
        not_above_all(unavailable, f"{path}.maxUnavailable", found)
        if not _zero(surge) and not _zero(unavailable):
            found.invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
        if _zero(surge) and _zero(unavailable):
            found.required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")
    else:
        shown = printed(f"{APPS}DaemonSetUpdateStrategy", strategy)
        if strategy.get("type") != "OnDelete":
            found.one_of("spec.updateStrategy", shown, ("RollingUpdate", "OnDelete"))
    found.at_least_zero("spec", spec, "minReadySeconds", "revisionHistoryLimit")


# jobs


def _job(value: Json, found: Found) -> None:
    spec = value["spec"]
    _job_spec(spec, "spec", found)
    wanted = spec.get("selector")
    if wanted is None:
        found.required("spec.selector")
    else:
        selector(wanted, "spec.selector", found)
    _labels_match(spec, wanted, found)


def _new_job(value: Json, found: Found) -> None:
    spec, uid = value["spec"], value["metadata"].get("uid")
    made = ({"batch.kubernetes.io/controller-uid": uid}, {"controller-uid": uid})
    if "selector" in spec and not spec.get("manualSelector") and spec["selector"].get("matchLabels") not in made:
        found.invalid("spec.selector", spec["selector"], "`selector` not auto-generated")


def _job_spec(spec: Json, path: str, found: Found) -> None:
    found.at_least_zero(path, spec, "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    found.at_least_zero(path, spec, "maxFailedIndexes", "backoffLimitPerIndex")
    indexed = spec.get("completionMode") == "Indexed"
    if "managedBy" in spec:
        found.check(f"{path}.managedBy", spec["managedBy"], words.domain_path)
    if "completionMode" in spec:
        found.one_of(f"{path}.completionMode", spec["completionMode"], ("NonIndexed", "Indexed"))
    if indexed and "completions" not in spec:
        found.required(f"{path}.completions", "when completion mode is Indexed")
    if indexed and spec.get("parallelism", 0) > MOST_INDEXES:
        why = f"must be less than or equal to {MOST_INDEXES} when completion mode is Indexed"
        found.invalid(f"{path}.parallelism", spec["parallelism"], why)
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        found.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if name in spec and not indexed:
            found.invalid(f"{path}.{name}", spec[name], INDEXED)
    _policies(spec, path, indexed, found)
    template(spec.get("template") or {}, f"{path}.template", found)
    policy = (spec.get("template", {}).get("spec") or {}).get("restartPolicy")
    if policy not in ("OnFailure", "Never"):
        found.required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')


def _policies(spec: Json, path: str, indexed: bool, found: Found) -> None:
    for index, rule in enumerate((spec.get("podFailurePolicy") or {}).get("rules") or ()):
        at = f"{path}.podFailurePolicy.rules[{index}]"
        found.one_of(f"{at}.action", rule.get("action", ""), ("Count", "FailIndex", "FailJob", "Ignore"))
        codes = rule.get("onExitCodes")
        if codes is None and not rule.get("onPodConditions"):
            found.invalid(at, Go(""), "specifying one of OnExitCodes and OnPodConditions is required")
        for position, code in enumerate((codes or {}).get("values") or ()):
            if code == 0 and (codes or {}).get("operator") == "In":
                found.invalid(f"{at}.onExitCodes.values[{position}]", 0, "must not be 0 for the In operator")
    if "podReplacementPolicy" in spec:
        found.one_of(f"{path}.podReplacementPolicy", spec["podReplacementPolicy"], ("Failed", "TerminatingOrFailed"))
    success = spec.get("successPolicy")
    if success is not None and not indexed:
        found.invalid(f"{path}.successPolicy", printed("io.k8s.api.batch.v1.SuccessPolicy", success), INDEXED)
    elif success is not None and not success.get("rules"):
        found.required(f"{path}.successPolicy.rules", "at least one rules must be specified when the successPolicy is specified")


def _cron_job(value: Json, found: Found) -> None:
    spec, path = value["spec"], "spec.jobTemplate.spec"
    schedule = spec.get("schedule", "")
    if not schedule:
        found.required("spec.schedule")
    elif "TZ" in schedule:
        found.invalid("spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    else:
        try:
            Schedule(schedule)
        except BadSchedule as bad:
            found.invalid("spec.schedule", schedule, str(bad))
    found.at_least_zero("spec", spec, "startingDeadlineSeconds")
    _time_zone(spec.get("timeZone"), found)
    found.one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy", ""), ("Allow", "Forbid", "Replace"))
    job = spec.get("jobTemplate", {}).get("spec") or {}
    _job_spec(job, path, found)
    if "selector" in job:
        found.invalid(f"{path}.selector", job["selector"], "`selector` will be auto-generated")
    if job.get("manualSelector"):
        found.one_of(f"{path}.manualSelector", True, ("nil", "false"))
    found.at_least_zero("spec", spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _time_zone(zone: str | None, found: Found) -> None:
    if zone is None:
        return
    if not zone:
        found.invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")
    elif zone.lower() == "local":
        found.invalid("spec.timeZone", zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
    elif zone not in available_timezones():
        found.invalid("spec.timeZone", zone, f"unknown time zone {zone}")


NEW: dict[str, Callable[[Json, Found], None]] = {"jobs.batch": _new_job}
RULES: dict[str, Callable[[Json, Found], None]] = {
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "replicationcontrollers": _replication_controller,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
}
