"""The value a check returns, and the small frame in which a lab's criteria run, one after the other.

A criterion is a function of the evidence: it returns what it found, or raises Unmet with what it found instead. Texts hold no age,
UID or address, so that the same work gives the same text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.client.exceptions import ApiException

from shallowdive.cluster.bound import NamespaceClient
from shallowdive.errors import WaitTimeout
from shallowdive.live import ClusterState, History


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One criterion's verdict. `look_at` is a command or object to look at, '' when it passed."""

    name: str
    passed: bool
    want: str
    got: str
    look_at: str = ""

    def __str__(self) -> str:
        if self.passed:
            return f"✓ {self.name}: {self.got}"
        return f"✗ {self.name}\n    wanted:  {self.want}\n    got:     {self.got}" + (
            f"\n    look at: {self.look_at}" if self.look_at else ""
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a criterion may look at. `answers` is the learner's untrusted text; `state` is the picture when judging began."""

    state: ClusterState
    history: History
    answers: Mapping[str, Any]
    client: NamespaceClient


class Unmet(Exception):
    """The criterion is not met: what was found instead, and where to look."""

    def __init__(self, got: str, look_at: str = "") -> None:
        super().__init__(got)
        self.got, self.look_at = got, look_at


@dataclass(frozen=True, slots=True)
class Criterion:
    name: str
    want: str
    test: Callable[[Evidence], str]


def unlike(said: object, look_at: str) -> Unmet:
    """An answer that is not the right one, or none; what the learner wrote is quoted in short."""
    return Unmet("no answer" if said is None else f"your answer is {str(said)[:60]!r}", look_at)


def compare(e: Evidence, answer: str, truth: int, look_at: str) -> str:
    """An answer that has to be this number."""
    said = e.answers.get(f"answer.{answer}")
    if isinstance(said, bool) or said != truth:
        raise unlike(said, look_at)
    return "counted right"


def criterion(name: str, want: str) -> Callable[[Callable[[Evidence], str]], Criterion]:
    return lambda test: Criterion(name, want, test)


def predictions(want: str, *names: str, got: str = "all made") -> Criterion:
    """The criterion of every lab: that these predictions were made. Whether they were right never counts."""

    def test(e: Evidence) -> str:
        missing = [n for n in names if f"predict.{n}" not in e.answers]
        if missing:
            raise Unmet(f"no prediction {', '.join(missing)}", "the cells that begin with session.predict")
        return got

    return Criterion("predicted", want, test)


def run_criteria(criteria: Sequence[Criterion], evidence: Evidence) -> list[CheckResult]:
    """Every criterion, whatever the others said. A refused or missing object (4xx) and a reached limit count as not met;
    trouble of the cluster itself (5xx, no connection) is raised: the judge could not judge."""
    results = []
    for c in criteria:
        try:
            results.append(CheckResult(c.name, True, c.want, c.test(evidence)))
        except Unmet as exc:
            results.append(CheckResult(c.name, False, c.want, exc.got, exc.look_at))
        except WaitTimeout as exc:
            results.append(CheckResult(c.name, False, c.want, f"{exc.what}: {exc.saw}", exc.try_this))
        except ApiException as exc:
            if not 400 <= (exc.status or 0) < 500:
                raise
            results.append(CheckResult(c.name, False, c.want, f"the API server answered {exc.status} {exc.reason}", "kubectl get all"))
    return results
