"""`python -m tests.mutants.mechanical [LAB …]`: each lab's plain solution with one thing changed in one manifest, by rule and not by wit.

Each field is dropped, each number is one more and one less, each label is another. What came of it is one of: refused by the API, stuck
(the learner's own next step never comes true), red by these criteria, or green. On an embedded cluster of its own, faster than the clock;
the labs that need kind on the kind cluster of this home.
The result is `mechanical.json`; every green one has to be explained in `survivors.yaml`: why the outcome is the same."""

from __future__ import annotations

import copy
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubernetes.client import ApiException

from shallowdive.checks import LABS, Lab, judge
from shallowdive.checks.judge import ANSWERS
from shallowdive.cluster import Access, Home, NamespaceClient, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.errors import ShallowDiveError
from shallowdive.lessons.place import drop_namespace, make_namespace
from shallowdive.objects import is_helper
from tests.mutants import Case, cases_of

HERE = Path(__file__).parent
RESULTS, SURVIVORS = HERE / "mechanical.json", HERE / "survivors.yaml"
SPEED, AT_A_TIME = 5, 12
DELIVERED = ("14-broken-shop",)
"""Labs whose manifests are the course's own and not the learner's, who only changes fields of them: nothing to change by rule."""
Steps = tuple[str | int, ...]
NAMES = {("apiVersion",), ("kind",), ("metadata",), ("metadata", "name")}
"""Without these a manifest is none."""


@dataclass(frozen=True)
class Change:
    """One thing changed in every manifest of one object that a solution applies."""

    kind: str
    name: str
    path: Steps
    how: str

    def __str__(self) -> str:
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.path)
        return f"{self.kind} {self.name} {where} {self.how}"

    def made_in(self, body: Any) -> Any:
        """The manifest with the change, or as it is when it is another object or has no such field."""
        if body.get("kind") != self.kind or body["metadata"]["name"] != self.name:
            return body
        body = copy.deepcopy(body)
        holder = body
        for step in self.path[:-1]:
            try:
                holder = holder[step]
            except (KeyError, IndexError, TypeError):
                return body
        last = self.path[-1]
        if isinstance(holder, dict) and last not in holder:
            return body
        if self.how == "dropped":
            del holder[last]
        elif self.how == "another":
            holder[last] = f"{holder[last]}-x"
        else:
            holder[last] += 1 if self.how == "one more" else -1
        return body


def changes_of(body: Any) -> Iterator[Change]:
    """Every change of a manifest."""
    for path, value in walk(body):
        if path in NAMES:
            continue
        of = (body["kind"], body["metadata"]["name"])
        if isinstance(path[-1], str):
            yield Change(*of, path, "dropped")
        if isinstance(value, int) and not isinstance(value, bool):
            yield Change(*of, path, "one more")
            yield Change(*of, path, "one less")
        if isinstance(value, str) and path[-2] in ("labels", "matchLabels", "selector", "nodeSelector"):
            yield Change(*of, path, "another")


def walk(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in parts:
        yield (*path, step), below
        yield from walk(below, (*path, step))


def staged(place: NamespaceClient, case: Case, through: Callable[[Any], Any]) -> str:
    """Stage a case whose manifests go through a function. '' or what stopped it."""
    plain = place.apply
    place.apply = lambda *bodies, **more: plain(*map(through, bodies), **more)  # type: ignore[method-assign]
    try:
        case.stage(place)
    except ApiException as exc:
        if exc.status is None or exc.status >= 500:
            raise
        return f"refused: {exc.status}"
    except (ShallowDiveError, RuntimeError, StopIteration, LookupError) as exc:
        return f"stuck: {str(exc).splitlines()[0]}"
    finally:
        del place.apply  # the judge's own manifests stay as they are
    return ""


def outcome(access: Access, lab: Lab, case: Case, change: Change | None, seen: list[Any] | None = None) -> str:
    """'green', 'red: …', 'refused: …' or 'stuck: …'; `seen` collects the manifests. A lab that is alone gets a cluster of its own."""
    if not lab.alone:
        return outcome_on(access, lab, case, change, seen)
    with tempfile.TemporaryDirectory() as folder:
        backend = EmbeddedBackend(Home(Path(folder), "mechanical"), speed=SPEED)
        backend.up(lambda _: None)
        try:
            return outcome_on(open_access(backend.home), lab, case, change, seen)
        finally:
            backend.down(lambda _: None)


def outcome_on(access: Access, lab: Lab, case: Case, change: Change | None, seen: list[Any] | None) -> str:
    place = NamespaceClient(access, make_namespace(access, lab, "mechanical"))
    place.follower.start()

    def through(body: Any) -> Any:
        if seen is not None:
            seen.append(body)
        return change.made_in(body) if change else body

    try:
        stopped = staged(place, case, through)
        red = [] if stopped else sorted(r.name for r in judge(lab, place) if not r.passed)
        return stopped or (f"red: {', '.join(red)}" if red else "green")
    finally:
        place.close()
        drop_namespace(access, place.namespace)


def all_of(access: Access, lab: Lab) -> dict[str, str]:
    """What comes of every change of a lab's plain solution."""
    case = next(c for c in cases_of(lab) if not c.red)
    bodies: list[Any] = []
    unchanged = outcome(access, lab, case, None, bodies)
    if unchanged != "green":
        raise SystemExit(f"{lab.id}: the plain solution itself is {unchanged}")
    ours = [b for b in bodies if isinstance(b, dict) and b["metadata"]["name"] != ANSWERS and not is_helper(b)]
    changes = list(dict.fromkeys(change for body in ours for change in changes_of(body)))
    with ThreadPoolExecutor(4 if lab.kind_only else 6 if lab.alone else AT_A_TIME) as pool:
        return dict(zip(map(str, changes), pool.map(lambda c: outcome(access, lab, case, c), changes), strict=True))


def main() -> int:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        backend = EmbeddedBackend(Home(Path(folder), "mechanical"), speed=SPEED)
        backend.up(lambda _: None)
        try:
            embedded = open_access(backend.home)
            for lab in [LABS[name] for name in sys.argv[1:] or [lab for lab in LABS if lab not in DELIVERED]]:
                access = open_access(Home.from_environment()) if lab.kind_only else embedded
                found = all_of(access, lab)
                day = datetime.now(UTC).date().isoformat()
                known[lab.id] = {"version": lab.version, "on": day, "cluster": access.source, "n": len(found), "outcome": found}
                RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")
                green = [change for change, what in found.items() if what == "green"]
                sys.stdout.write(f"{lab.id}: {len(found)} changes, {len(green)} green\n" + "".join(f"  {g}\n" for g in green))
        finally:
            backend.down(lambda _: None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
