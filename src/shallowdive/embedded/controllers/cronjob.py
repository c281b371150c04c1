"""CronJob: a Job at each time of its schedule. What the times are is `schedule`'s."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shallowdive.embedded.clock import parse
from shallowdive.embedded.controllers import job_tally, schedule
from shallowdive.embedded.controllers.owners import reference
from shallowdive.embedded.kinds import CRONJOBS, JOBS
from shallowdive.embedded.loop import Controller, owner_keys
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.store import Event, Key, Object, clone

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class CronJobController(Controller):
    name = "cronjob-controller"
    watches = (CRONJOBS, JOBS)

    def keys(self, event: Event) -> Iterable[Key]:
        return (event.key,) if event.resource == CRONJOBS else owner_keys(event, "CronJob")

    def reconcile(self, key: Key) -> None:
        cron = self.store.get(CRONJOBS, *key)
        if cron is None or "deletionTimestamp" in cron["metadata"]:
            return
        rows = [self.store.get(JOBS, *row) for resource, row in self.store.owned_by(cron["metadata"]["uid"]) if resource == JOBS]
        mine = [row for row in rows if row is not None]
        self._note_finished(cron, mine)
        due = None if cron["spec"].get("suspend") else self._due(key, cron)
        status = dict(cron.get("status") or {})
        active = [row for row in mine if not job_tally.is_finished(row)]
        if due is not None:
            active += self._run(cron, active, due)
            status["lastScheduleTime"] = self._stamp(due)
        ends = [row["status"]["completionTime"] for row in mine if (row.get("status") or {}).get("completionTime")]
        if ends:
            status["lastSuccessfulTime"] = max(ends)
        status.pop("active", None)
        if active:
            status["active"] = [_reference(row) for row in active]
        if status != (cron.get("status") or {}):
            self.registry.change(CRONJOBS, *key, lambda value: value.update(status=status), self.who, subresource="status")
        self._forget(cron, mine)

    def _due(self, key: Key, cron: Object) -> float | None:
        """The latest time that has passed and was not acted on; wakes this controller at the next."""
        spec, now = cron["spec"], self.clock.now()
        last = parse((cron.get("status") or {}).get("lastScheduleTime") or cron["metadata"]["creationTimestamp"])
        earliest = max(last, now - spec["startingDeadlineSeconds"]) if spec.get("startingDeadlineSeconds") is not None else last
        due, at = None, schedule.next_after(spec["schedule"], earliest, spec.get("timeZone") or "")
        while at is not None and at <= now:
            due, at = at, schedule.next_after(spec["schedule"], at, spec.get("timeZone") or "")
        if at is not None:
            self.again(key, at - now)
        return due

    def _run(self, cron: Object, active: list[Object], due: float) -> list[Object]:
        policy, meta = cron["spec"].get("concurrencyPolicy", "Allow"), cron["metadata"]
        if policy == "Forbid" and active:
            self._say(cron, "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid")
            return []
        if policy == "Replace":
            for row in active:
                self._delete(cron, row)
            active.clear()
        name = f"{meta['name']}-{int(due) // 60}"
        if self.store.get(JOBS, meta["namespace"], name) is not None:
            return []
        template = clone(cron["spec"]["jobTemplate"])
        own = template.get("metadata") or {}
        metadata = {
            "name": name,
            "namespace": meta["namespace"],
            "annotations": {**(own.get("annotations") or {}), SCHEDULED: self._stamp(due)},
            **({"labels": own["labels"]} if own.get("labels") else {}),
            "ownerReferences": [reference(cron)],
        }
        job = self.registry.create(JOBS, {"metadata": metadata, "spec": template["spec"]}, self.who)
        self._say(cron, "SuccessfulCreate", f"Created job {name}")
        return [job]

    def _stamp(self, at: float) -> str:
        return self.clock.stamp_after(at - self.clock.now() + 0.001)

    def _note_finished(self, cron: Object, mine: list[Object]) -> None:
        running = {row["uid"] for row in (cron.get("status") or {}).get("active") or ()}
        for row in mine:
            if row["metadata"]["uid"] in running and job_tally.is_finished(row):
                text = f"Saw completed job: {row['metadata']['name']}, condition: {_outcome(row)}"
                self._say(cron, "SawCompletedJob", text)

    def _forget(self, cron: Object, mine: list[Object]) -> None:
        """Finished jobs beyond the history limits go, oldest first."""
        for outcome, name, limit in (("Complete", "successfulJobsHistoryLimit", 3), ("Failed", "failedJobsHistoryLimit", 1)):
            rows = [row for row in mine if _outcome(row) == outcome and "deletionTimestamp" not in row["metadata"]]
            rows.sort(key=lambda row: str(row["metadata"]["creationTimestamp"]))
            for row in rows[: max(len(rows) - int(cron["spec"].get(name, limit)), 0)]:
                self._delete(cron, row)

    def _delete(self, cron: Object, job: Object) -> None:
        meta = job["metadata"]
        self.registry.delete(JOBS, meta["namespace"], meta["name"], DeleteOptions(propagation="Background", uid=meta["uid"]))
        self._say(cron, "SuccessfulDelete", f"Deleted job {meta['name']}")

    def _say(self, cron: Object, reason: str, message: str) -> None:
        self.cluster.recorder.event(cron, "Normal", reason, message, self.name)


def _outcome(job: Object) -> str:
    rows = (job.get("status") or {}).get("conditions") or ()
    return next((str(row["type"]) for row in rows if row["type"] in ("Complete", "Failed") and row["status"] == "True"), "")


def _reference(job: Object) -> dict[str, Any]:
    meta = job["metadata"]
    return {
        "kind": "Job",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
        "apiVersion": "batch/v1",
        "resourceVersion": meta["resourceVersion"],
    }
