"""Job: pods until enough of them have succeeded, or too many have failed.

A finished pod is counted once: the finalizer `batch.kubernetes.io/job-tracking` keeps it until it is in the status. The numbers are
`job_tally`'s. Left out: `podFailurePolicy`, `successPolicy`, `backoffLimitPerIndex`, `managedBy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.clock import parse
from shallowdive.embedded.controllers import job_tally, pods
from shallowdive.embedded.controllers.job_tally import TRACKED, Tally
from shallowdive.embedded.controllers.owners import controller_of
from shallowdive.embedded.index import Index
from shallowdive.embedded.kinds import JOBS, PODS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Object

if TYPE_CHECKING:
    from shallowdive.embedded.cluster import Cluster

BACKOFF_S, BACKOFF_MOST_S = 10, 600
BURST = 100
"""Pods made in one go."""


class JobController(Controller):
    name = "job-controller"
    watches = (JOBS, PODS)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._tracked = Index(cluster.store, PODS, _jobs_of)

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == JOBS:
            return (event.key,)
        return {name: None for value in (event.before, event.object) if value is not None for name in _jobs_of(value, tracked=False)}

    def reconcile(self, key: Key) -> None:
        job = self.store.get(JOBS, *key)
        mine = list(self._pods_of(key, job))
        if job is None or job_tally.is_finished(job):
            for pod in mine:
                self._untrack(pod)
            if job is not None:
                self._expire(key, job)
            return
        if "deletionTimestamp" in job["metadata"]:
            return
        tally = job_tally.count(job, mine)
        self._decide(job, tally)
        if tally.outcome or job["spec"].get("suspend"):
            for pod in tally.active:
                self._delete(job, pod, tracked=bool(tally.outcome))
            if tally.outcome == "Failed":
                tally.failed += len(tally.active)
            tally.terminating += len(tally.active)
            tally.active = []
        else:
            self._keep_running(key, job, tally)
        self._write(key, job, tally)
        for pod in tally.counted:
            self._untrack(pod)

    def _pods_of(self, key: Key, job: Object | None) -> Iterator[Object]:
        """The pods of a job; of one that is gone, those that still wait to be counted."""
        if job is None:
            yield from self._tracked.objects(key)
            return
        for resource, pod_key in self.store.owned_by(job["metadata"]["uid"]):
            pod = self.store.get(PODS, *pod_key) if resource == PODS else None
            if pod is not None:
                yield pod

    def _decide(self, job: Object, tally: Tally) -> None:
        """Set what the job comes to: Complete, Failed, or '' while it goes on. What was once decided stays."""
        spec, status = job["spec"], job.get("status") or {}
        decided = {row["type"]: row for row in status.get("conditions") or () if row["status"] == "True"}
        if "FailureTarget" in decided:
            tally.outcome, tally.reason, tally.message = "Failed", decided["FailureTarget"]["reason"], decided["FailureTarget"]["message"]
        elif "SuccessCriteriaMet" in decided:
            tally.outcome = "Complete"
        elif tally.failed > spec.get("backoffLimit", 6) or tally.restarted_too_often(spec):
            tally.outcome, tally.reason = "Failed", "BackoffLimitExceeded"
            tally.message = "Job has reached the specified backoff limit"
        elif self._is_late(job):
            tally.outcome, tally.reason = "Failed", "DeadlineExceeded"
            tally.message = "Job was active longer than specified deadline"
        elif spec.get("completions") is None:
            tally.outcome = "Complete" if tally.succeeded and not tally.active else ""
        elif tally.succeeded >= spec["completions"]:
            tally.outcome = "Complete"

    def _is_late(self, job: Object) -> bool:
        seconds, start = job["spec"].get("activeDeadlineSeconds"), (job.get("status") or {}).get("startTime")
        if seconds is None or not start or job["spec"].get("suspend"):
            return False
        left = parse(start) + seconds - self.clock.now()
        if left > 0:
            self.again((job["metadata"]["namespace"], job["metadata"]["name"]), left)
        return bool(left <= 0)

    # pods

    def _keep_running(self, key: Key, job: Object, tally: Tally) -> None:
        spec = job["spec"]
        wanted, completions = spec.get("parallelism", 1), spec.get("completions")
        if completions is not None:
            wanted = min(wanted, completions - tally.succeeded)
        elif tally.succeeded:
            wanted = min(wanted, len(tally.active))
        for pod in tally.active[wanted:] if wanted >= 0 else []:
            self._delete(job, pod, tracked=False)
        tally.active = tally.active[: max(wanted, 0)]
        missing = wanted - len(tally.active)
        wait = self._backoff(tally)
        if missing > 0 and wait > 0:
            self.again(key, wait)
            return
        if missing > BURST:
            self.again(key)
        for _ in range(min(missing, BURST)):
            if not self._create(job, tally):
                self.fail(key)
                return

    def _backoff(self, tally: Tally) -> float:
        """Seconds until a failed pod may be replaced: ten, and twice as long after each further failure in a row."""
        if not tally.failures_in_a_row:
            return 0.0
        delay = min(BACKOFF_S * 2 ** (tally.failures_in_a_row - 1), BACKOFF_MOST_S)
        return float(tally.last_failure + delay - self.clock.now())

    def _create(self, job: Object, tally: Tally) -> bool:
        pod = pods.from_template(job, job["spec"]["template"])
        pod["metadata"]["finalizers"] = [*(pod["metadata"].get("finalizers") or ()), TRACKED]
        if job["spec"].get("completionMode") == "Indexed":
            job_tally.give_index(job, pod, tally)
        try:
            pod = self.registry.create(PODS, pod, self.who)
        except ApiError as refused:
            self._say(job, "Warning", "FailedCreate", f"Error creating: {refused.message}")
            return False
        tally.active.append(pod)
        self._say(job, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return True

    def _delete(self, job: Object, pod: Object, *, tracked: bool) -> None:
        """Delete a pod; one that is not `tracked` any more will not be counted as a failure."""
        meta = pod["metadata"]
        if not tracked:
            self._untrack(pod)
        self.registry.delete(PODS, meta["namespace"], meta["name"], DeleteOptions(uid=meta["uid"]))
        self._untrack(pod)
        self._say(job, "Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    def _untrack(self, pod: Object) -> None:
        meta = pod["metadata"]
        now = self.store.get(PODS, meta["namespace"], meta["name"])
        if now is None or TRACKED not in (now["metadata"].get("finalizers") or ()):
            return

        def edit(value: Object) -> None:
            left = [name for name in value["metadata"]["finalizers"] if name != TRACKED]
            if left:
                value["metadata"]["finalizers"] = left
            else:
                del value["metadata"]["finalizers"]

        self.registry.change(PODS, meta["namespace"], meta["name"], edit, self.who)

    # status

    def _write(self, key: Key, job: Object, tally: Tally) -> None:
        old, now = job.get("status") or {}, self.clock.stamp()
        conditions = [dict(row) for row in old.get("conditions") or ()]
        said = self._note_suspension(job, conditions)
        status = tally.status(old)
        if not job["spec"].get("suspend"):
            status["startTime"] = old.get("startTime") or now
        ended = ""
        if tally.outcome == "Complete":
            text = ("CompletionsReached", "Reached expected number of succeeded pods")
            _note(conditions, now, "SuccessCriteriaMet", *text)
            if not tally.terminating:
                _note(conditions, now, "Complete", *text)
                status["completionTime"], ended = now, "Complete"
        elif tally.outcome == "Failed":
            _note(conditions, now, "FailureTarget", tally.reason, tally.message)
            if not tally.terminating:
                _note(conditions, now, "Failed", tally.reason, tally.message)
                ended = "Failed"
        if conditions:
            status["conditions"] = conditions
        if status != old:
            self.registry.change(JOBS, *key, lambda value: value.update(status=status), self.who, subresource="status")
        if not old.get("startTime") and "startTime" in status and job["spec"].get("activeDeadlineSeconds") is not None:
            self.again(key, job["spec"]["activeDeadlineSeconds"])
        if said:
            self._say(job, "Normal", said, f"Job {said.lower()}")
        if ended == "Complete":
            self._say(job, "Normal", "Completed", "Job completed")
        elif ended:
            self._say(job, "Warning", tally.reason, tally.message)

    def _note_suspension(self, job: Object, conditions: list[dict[str, Any]]) -> str:
        """Set the condition Suspended, in place. Returns the reason of the event when it changed."""
        wanted = bool(job["spec"].get("suspend"))
        old = next((row for row in conditions if row["type"] == "Suspended"), None)
        if (old is None and not wanted) or (old is not None and (old["status"] == "True") == wanted):
            return ""
        if old is not None:
            conditions.remove(old)
        said = "Suspended" if wanted else "Resumed"
        _note(conditions, self.clock.stamp(), "Suspended", f"Job{said}", f"Job {said.lower()}", status=str(wanted))
        return said

    def _expire(self, key: Key, job: Object) -> None:
        """Delete a finished job after its `ttlSecondsAfterFinished`."""
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None or "deletionTimestamp" in job["metadata"]:
            return
        ends = [row for row in job["status"]["conditions"] if row["type"] in ("Complete", "Failed") and row["status"] == "True"]
        left = parse(ends[0]["lastTransitionTime"]) + seconds - self.clock.now()
        if left > 0:
            self.again(key, left)
        else:
            self.registry.delete(JOBS, *key, DeleteOptions(propagation="Foreground", uid=job["metadata"]["uid"]))

    def _say(self, job: Object, type_: str, reason: str, message: str) -> None:
        self.cluster.recorder.event(job, type_, reason, message, self.name)


def _jobs_of(pod: Object, *, tracked: bool = True) -> list[Key]:
    """The job that a pod belongs to; `tracked`: only while the pod waits to be counted."""
    owner = controller_of(pod)
    if owner is None or owner["kind"] != "Job" or (tracked and TRACKED not in (pod["metadata"].get("finalizers") or ())):
        return []
    return [(pod["metadata"]["namespace"], owner["name"])]


def _note(conditions: list[dict[str, Any]], now: str, type_: str, reason: str, message: str, *, status: str = "True") -> None:
    """Set a condition that is not there yet, in place."""
    if not any(row["type"] == type_ for row in conditions):
        row = {"type": type_, "status": status, "lastProbeTime": now, "lastTransitionTime": now, "reason": reason, "message": message}
        conditions.append(row)
