"""Wrong work that must not pass, and right work that looks unusual: staged straight into a namespace, judged several at a time.

A case of `labNN_slug.py` is `Case(name, stage, red={criterion, …})`: `stage(place)` does what a learner would have done, with the client;
`red` are the criteria meant to catch it (empty: the case must pass). The judge's history runs from before `stage` to the end."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from kubernetes.client.exceptions import ApiException

from shallowdive.checks import LABS, CheckResult, Lab, judge
from shallowdive.checks.judge import ANSWERS
from shallowdive.cluster import NamespaceClient
from shallowdive.lessons.place import drop_namespace
from shallowdive.live import poll
from tests.mutants.power import mend


@dataclass(frozen=True)
class Case:
    """One piece of work. `also` are criteria that may be red too (a consequence of the same fault)."""

    name: str
    stage: Callable[[NamespaceClient], None]
    red: frozenset[str] = field(default_factory=frozenset)
    also: frozenset[str] = field(default_factory=frozenset)


def case(name: str, *red: str, also: tuple[str, ...] = ()) -> Callable[[Callable[[NamespaceClient], None]], Case]:
    """Decorator: the function below is the staging of this case."""
    return lambda stage: Case(name, stage, frozenset(red), frozenset(also))


def answer(place: NamespaceClient, **values: Any) -> None:
    """Write answers as the session does: `answer(place, predict_x=3, answer_y="b")` gives keys predict.x and answer.y (underscores
    inside the name become dashes)."""
    import json

    data = {(k.split("_", 1)[0] + "." + k.split("_", 1)[1].replace("_", "-")): json.dumps(v) for k, v in values.items()}
    place.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ANSWERS}, "data": data}, manager="test")


def forget_answers(place: NamespaceClient) -> None:
    """As if nothing had been predicted or answered."""
    place.core.delete_namespaced_config_map(ANSWERS, place.namespace)


@dataclass(frozen=True)
class Verdict:
    """What the judge said, or what broke while staging or judging."""

    results: tuple[CheckResult, ...] = ()
    broke: str = ""

    @property
    def red(self) -> frozenset[str]:
        return frozenset(r.name for r in self.results if not r.passed)

    def __str__(self) -> str:
        return self.broke or "\n".join(map(str, self.results))


def cases_of(lab: Lab) -> list[Case]:
    """The cases of a lab, in the order in which they are written."""
    module = importlib.import_module(f"tests.mutants.{lab.module.rpartition('.')[2]}")
    return [c for c in vars(module).values() if isinstance(c, Case)]


ON_KIND = 2
"""Each costs half a minute of a processor there."""


def on_kind_each_time(cases: list[Case]) -> list[Case]:
    return few_for_every_criterion(cases)[:ON_KIND]


def few_for_every_criterion(cases: list[Case]) -> list[Case]:
    """A few cases that between them are red for every criterion: those that show most of what is missing come first, and none that is
    red for more than half of the criteria, which tells little about each."""
    missing = {name for c in cases for name in c.red}
    telling = [c for c in cases if c.red and 2 * len(c.red) <= len(missing)]
    found: list[Case] = []
    while missing:
        best = max(telling, key=lambda c: (len(c.red & missing), -len(c.red)))
        if not best.red & missing:  # only work that is wrong altogether shows the rest
            telling = [c for c in cases if c.red]
            continue
        found.append(best)
        missing -= best.red
    return found


def gone(place: NamespaceClient) -> bool | None:
    try:
        place.core.read_namespace(place.namespace, _request_timeout=10)
    except ApiException as exc:
        return True if exc.status == 404 else None
    return None


def judge_all(
    cases: list[tuple[str, Case]], places: Callable[[str, str], NamespaceClient], at_a_time: int
) -> dict[tuple[str, str], Verdict]:
    """Stage and judge every (lab, case), some at a time: much of it is waiting. A verdict by lab and name of the case."""

    def one(of: tuple[str, Case]) -> Verdict:
        lab, c = of
        try:
            place = places(lab, f"case-{hashlib.sha256(c.name.encode()).hexdigest()[:8]}")  # the same variant in every run
            try:
                c.stage(place)
                return Verdict(tuple(judge(LABS[lab], place)))
            finally:
                if LABS[lab].destructive:
                    mend(place)
                place.close()
                drop_namespace(place.access, place.namespace)
                if LABS[lab].alone:
                    poll("its namespace to be gone", lambda: gone(place), within_s=120)  # with the room that its pods took
        except Exception as exc:  # noqa: BLE001 - the test shows it
            return Verdict(broke=f"{type(exc).__name__}: {exc}")

    with ThreadPoolExecutor(at_a_time) as pool:
        return dict(zip(((lab, c.name) for lab, c in cases), pool.map(one, cases), strict=True))
