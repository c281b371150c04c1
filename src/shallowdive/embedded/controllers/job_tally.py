"""Counting a Job's pods: active, succeeded, failed, and the indexes of an indexed job. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shallowdive.embedded.clock import parse
from shallowdive.embedded.controllers import pods
from shallowdive.embedded.store import Object

TRACKED = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"


@dataclass
class Tally:
    """What there is of a job's pods, and what the job comes to (`outcome`: Complete, Failed, '' for not yet)."""

    active: list[Object] = field(default_factory=list)
    counted: list[Object] = field(default_factory=list)
    """Finished pods that go into the numbers now, for the first time."""
    ready: int = 0
    terminating: int = 0
    succeeded: int = 0
    failed: int = 0
    done_indexes: set[int] | None = None
    failures_in_a_row: int = 0
    last_failure: float = 0.0
    outcome: str = ""
    reason: str = ""
    message: str = ""

    def restarted_too_often(self, spec: dict[str, Any]) -> bool:
        """Where pods are restarted in place, their restarts count as failures."""
        if spec["template"]["spec"].get("restartPolicy") != "OnFailure":
            return False
        count = sum(
            int(row.get("restartCount", 0))
            for pod in self.active
            for part in ("initContainerStatuses", "containerStatuses")
            for row in pod["status"].get(part) or ()
        )
        return count >= max(int(spec.get("backoffLimit", 6)), 1)

    def status(self, old: dict[str, Any]) -> dict[str, Any]:
        counts = {"active": len(self.active), "succeeded": self.succeeded, "failed": self.failed}
        status: dict[str, Any] = {name: count for name, count in counts.items() if count}
        if self.done_indexes:
            status["completedIndexes"] = ranges(self.done_indexes)
        if "conditions" in old:
            status["conditions"] = old["conditions"]
        return {**status, "ready": self.ready if self.active else 0, "terminating": self.terminating, "uncountedTerminatedPods": {}}


def is_finished(job: Object) -> bool:
    rows = (job.get("status") or {}).get("conditions") or ()
    return any(row["type"] in ("Complete", "Failed") and row["status"] == "True" for row in rows)


def count(job: Object, mine: Iterable[Object]) -> Tally:
    """The numbers as they will be once the finished pods are counted."""
    status, indexed = job.get("status") or {}, job["spec"].get("completionMode") == "Indexed"
    tally = Tally(succeeded=status.get("succeeded", 0), failed=status.get("failed", 0))
    done = numbers(status.get("completedIndexes", "")) if indexed else set()
    ends: list[tuple[float, bool]] = []
    for pod in mine:
        tracked = TRACKED in (pod["metadata"].get("finalizers") or ())
        phase = pod["status"].get("phase")
        if phase == "Succeeded":
            ends.append((_end(pod), True))
            if tracked:
                tally.counted.append(pod)
                tally.succeeded += 1
                done.add(index_of(pod))
        elif phase == "Failed" or (pods.is_terminating(pod) and tracked):
            if phase == "Failed":
                ends.append((_end(pod), False))
            if tracked:
                tally.counted.append(pod)
                tally.failed += 1
        if phase not in ("Succeeded", "Failed"):
            if pods.is_terminating(pod):
                tally.terminating += 1
            else:
                tally.active.append(pod)
                tally.ready += pods.is_ready(pod)
    if indexed:
        done.discard(-1)
        tally.done_indexes, tally.succeeded = done, len(done)
    for at, good in sorted(ends):
        tally.failures_in_a_row, tally.last_failure = (0, at) if good else (tally.failures_in_a_row + 1, at)
    return tally


def _end(pod: Object) -> float:
    """When the last container of a finished pod ended."""
    rows = [(row.get("state") or {}).get("terminated") or {} for row in pod["status"].get("containerStatuses") or ()]
    ends = [parse(row["finishedAt"]) for row in rows if row.get("finishedAt")]
    return max(ends, default=parse(pod["metadata"]["creationTimestamp"]))


def index_of(pod: Object) -> int:
    """The completion index of a pod, -1 when it has none."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdigit() else -1


def give_index(job: Object, pod: Object, tally: Tally) -> None:
    """Make a new pod the one for the lowest index that is neither done nor active, in place."""
    taken = (tally.done_indexes or set()) | {index_of(other) for other in tally.active}
    index = str(next(number for number in range(job["spec"]["completions"]) if number not in taken))
    meta, spec = pod["metadata"], pod["spec"]
    meta["generateName"] = f"{job['metadata']['name']}-{index}-"
    for name in ("annotations", "labels"):
        meta[name] = {**(meta.get(name) or {}), INDEX: index}
    spec["hostname"] = f"{job['metadata']['name']}-{index}"
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        container["env"] = [*(container.get("env") or ()), {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]


def ranges(found: set[int]) -> str:
    """`0-2,5` for 0, 1, 2 and 5; two in a row are written with a comma."""
    parts: list[list[int]] = []
    for number in sorted(found):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{p[0]}-{p[-1]}" if len(p) > 2 else ",".join(map(str, p)) for p in parts)


def numbers(text: str) -> set[int]:
    """The numbers of a text as `ranges` writes it."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
