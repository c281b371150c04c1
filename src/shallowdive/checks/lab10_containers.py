"""Lab 10: six containers, six reasons; the reason is in what was left behind, and a container killed for memory is repaired by its limit.

What became of each container is read from the judge's own record. Whether the repaired one still takes the memory is tried: a copy of it
runs under the limit that was too small, and has to be killed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from kubernetes.client.exceptions import ApiException

from shallowdive.checks.container_ends import (
    ENDED_WELL,
    FAILED,
    NO_IMAGE,
    NO_MEMORY,
    NOT_STARTED,
    PULLS,
    RUNS,
    End,
    Known,
    command_of,
    known,
    memory_limit,
    names_of,
    truths,
)  # fmt: skip
from shallowdive.checks.hungry import ends_under
from shallowdive.checks.result import CheckResult, Evidence, Unmet, criterion, predictions, run_criteria
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.errors import WaitTimeout
from shallowdive.live import ClusterState, History
from shallowdive.objects import Object, is_helper, name_of, uid_of
from shallowdive.objects.pods import NO_LOG, SIGNAL_KILL, container_runs
from shallowdive.objects.quantities import amount

SIX = (ENDED_WELL, FAILED, NO_MEMORY, NOT_STARTED, NO_IMAGE, RUNS)
WITH_CODE = (ENDED_WELL, FAILED, NO_MEMORY, NOT_STARTED)
IN_WORDS = {
    ENDED_WELL: "one that ended well",
    FAILED: "one that ended with an error",
    NO_MEMORY: "one that was killed for memory",
    NOT_STARTED: "one whose program is not there",
    NO_IMAGE: "one whose image cannot be had",
    RUNS: "one that runs on",
}
PREDICTIONS = ("ant", "mole", "hog", "sloth", "unicorn", "dodo", "ready-later", "second-wait", "again")
DOUBLES = "doubles each time"
"""How the kubelet's back-off grows: 10 s, 20 s, up to 300."""
WORDS_LEAST = 10
"""Characters of a quotation: fewer are found in any text."""
CAUSE = re.compile(
    r'(Failed to pull image|Failed to apply default image tag|Container image) "[^"]*":? (?!already present)(?P<why>.+)', re.DOTALL
)
NEAR = 2
"""A hog that takes memory step by step reaches twice the limit in twice the time: so long it is watched."""


def check(state: ClusterState, history: History, answers: Mapping[str, Any], client: NamespaceClient) -> list[CheckResult]:
    return run_criteria(CRITERIA, Evidence(state, history, answers, client))


predicted = predictions("a prediction for each of the six, and the three predictions of a number or a word", *PREDICTIONS)


@criterion("six-ran", "six containers: " + ", ".join(IN_WORDS.values()))
def six_ran(e: Evidence) -> str:
    seen = set[str]().union(*(words for _, words in truths(known(e.history))))
    missing = [IN_WORDS[r] for r in SIX if r not in seen]
    if missing:
        raise Unmet(f"not in the record: {', '.join(missing)}", "kubectl get pods; kubectl describe pod NAME")
    return "each of the six is in the record"


@criterion("causes-named", "for each of the six the reason that Kubernetes noted, as an answer cause-NAME")
def causes_named(e: Evidence) -> str:
    said, found = given(e, "cause-"), known(e.history)
    truth = [(id(one), words) for one, words in truths(found)]
    right = {name: set[str]().union(*(dict(truth)[id(one)] for one in ones)) for name, ones in names_of(found).items()}
    wrong = sorted(name for name, word in said.items() if word not in right.get(name, ()))
    if wrong:
        raise Unmet(f"the record says otherwise for {in_short(wrong)}", f"kubectl get pod {wrong[0]} -o yaml: state and lastState")
    named = {NO_IMAGE if word in PULLS else word for word in said.values()}
    missing = [IN_WORDS[r] for r in SIX if r not in named]
    if missing:
        raise Unmet(f"no answer that names {', '.join(missing)}", "the cells that begin with session.answer")
    return "six reasons, all as noted"


@criterion("codes-read", "for each of the four that ended its exit code, as an answer code-NAME")
def codes_read(e: Evidence) -> str:
    said, named, found = given(e, "code-"), names_of(known(e.history)), set[str]()
    for name, code in said.items():
        ends = [end for one in named.get(name, []) for end in one.ends]
        if isinstance(code, bool) or code not in {end.code for end in ends}:
            raise Unmet(
                f"the record says otherwise for {in_short([name])}", f"kubectl get pod {name} -o yaml: lastState.terminated.exitCode"
            )
        found |= {end.reason for end in ends}
    missing = [IN_WORDS[r] for r in WITH_CODE if r not in found]
    if missing:
        raise Unmet(f"no exit code of {', '.join(missing)}", "kubectl describe pod NAME: Last State, Exit Code")
    return "four codes, all as noted"


@criterion("last-words", "what the one that ended with an error had printed, quoted from its log")
def last_words(e: Evidence) -> str:
    said = quoted(e, "last-words", "kubectl logs NAME --previous")
    failed = [one for one in known(e.history) if FAILED in one.troubles]
    if not failed:
        raise Unmet("nothing in the record ended with an error", "kubectl get pods")
    if not any(said in text for one in failed for text in words_of(e, one)):
        raise Unmet("this is in none of its logs", f"kubectl logs {name_of(failed[-1].pod)} --previous")
    return "quoted from the log"


@criterion("event-quoted", "why the image could not be had, quoted from an event")
def event_quoted(e: Evidence) -> str:
    said = quoted(e, "event", "kubectl get events --field-selector type=Warning")
    about = {uid_of(one.pod) for one in known(e.history) if one.pulls}
    if not about:
        raise Unmet("no image in the record was missing", "kubectl get pods")
    for seen in e.history.of("Event"):
        uid, text = str((seen.object.get("involvedObject") or {}).get("uid")), str(seen.object.get("message"))
        if uid in about and says_why(said, text):
            return "quoted from the event"
    raise Unmet(
        "no event about that pod says this, or only the trouble is named", "kubectl get events: the text after 'Failed to pull image'"
    )


@criterion("timer-read", "how the waits between two tries go on, as the record has it")
def timer_read(e: Evidence) -> str:
    if not any(len(one.waits) > 1 for one in known(e.history)):
        raise Unmet("no container has waited twice before a further try", "leave one of them alone for a minute: kubectl get pods -w")
    if e.answers.get("answer.waits") != DOUBLES:
        raise Unmet(
            "no answer" if "answer.waits" not in e.answers else "the record says otherwise", "kubectl get events: BackOff; the picture life"
        )
    return "read right"


@criterion("hog-has-room", "the one that was killed for memory runs on under a larger limit, and none goes on being killed")
def hog_has_room(e: Evidence) -> str:
    killed, hogs = find_hogs(e)
    least, longest = most_that_killed(killed), max(end.ended_s - end.began_s for one in killed for end in killed_ends(one))
    for pod, c in hogs:
        limit, where = memory_limit(c), f"kubectl describe pod {name_of(pod)}"
        if not limit:
            raise Unmet("it has no memory limit at all: it may take what the node has", where)
        if amount(limit) <= amount(least):
            raise Unmet(f"its limit is {limit}; under {least} it was killed", where)
        if not container_runs(pod, c["name"]):
            raise Unmet("it does not run now", where)
    watch(e, hogs, NEAR * longest + 2)
    return "it runs, under a limit that is large enough"


@criterion("hog-still-hungry", "the judge runs a copy of it under the limit that was too small: the copy is killed for memory")
def hog_still_hungry(e: Evidence) -> str:
    killed, hogs = find_hogs(e)
    pod, container = hogs[-1]
    codes = ends_under(e.client, pod, container, most_that_killed(killed))
    if SIGNAL_KILL in codes:
        return "the copy was killed: it takes as much as before"
    how = f"ended with exit code {codes[-1]}" if codes else "went on running"
    raise Unmet(f"the copy {how}: it does not take the memory any more", f"kubectl get pod {name_of(pod)} -o yaml: command and args")


CRITERIA = (predicted, six_ran, causes_named, codes_read, last_words, event_quoted, timer_read, hog_has_room, hog_still_hungry)


# ── what was answered ────────────────────────────────────────────────────────────────────────────────────────
def given(e: Evidence, prefix: str) -> dict[str, Any]:
    """The answers whose name begins so, by what comes after it. What is no word and no number counts as ''."""
    start = f"answer.{prefix}"
    return {k.removeprefix(start): v if isinstance(v, str | int) else "" for k, v in e.answers.items() if k.startswith(start)}


def in_short(names: list[str]) -> str:
    return ", ".join(name[:40] for name in names[:6])


def quoted(e: Evidence, name: str, look_at: str) -> str:
    said = str(e.answers.get(f"answer.{name}", "")).strip()
    if len(said) < WORDS_LEAST:
        raise Unmet(f"a quotation of {len(said)} characters" if said else "no answer", look_at)
    return said


def words_of(e: Evidence, one: Known) -> Iterator[str]:
    """What the container printed: the note that it left behind, and its logs, so long as the pod is there."""
    yield from (end.message for end in one.ends)
    for previous in (True, False):
        with suppress(NoLog):
            yield log_of(e.client, name_of(one.pod), one.name, previous=previous)


class NoLog(Exception):
    """There is no such log (any more)."""


def log_of(client: NamespaceClient, pod: str, container: str, *, previous: bool) -> str:
    try:
        log = str(client.core.read_namespaced_pod_log(pod, client.namespace, container=container, previous=previous, tail_lines=200))
    except ApiException as exc:
        if not 400 <= (exc.status or 0) < 500:
            raise
        raise NoLog from exc
    if log.startswith(NO_LOG):
        raise NoLog(log)
    return log


def says_why(said: str, text: str) -> bool:
    """Whether a quotation from an event reaches into the cause, beyond the trouble and the image's name."""
    cause = CAUSE.match(text)
    if cause is None or said not in text or said in text[: cause.start("why")]:
        return False
    return text.rindex(said) + len(said) - cause.start("why") >= WORDS_LEAST


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────
def killed_ends(one: Known) -> list[End]:
    return [end for end in one.ends if end.reason == NO_MEMORY and end.limit]


def find_hogs(e: Evidence) -> tuple[list[Known], list[tuple[Object, Object]]]:
    """Containers that were killed under a limit of their own, and those that stand for them now: of the same pod and name, or of the
    same image and command."""
    killed = [one for one in known(e.history) if killed_ends(one)]
    if not killed:
        raise Unmet("none was killed under a memory limit of its own", "kubectl get pods: OOMKilled")
    places, programs = {one.place for one in killed}, {one.program for one in killed}
    there = [p for p in e.client.state.all("Pod") if not is_helper(p) and not p["metadata"].get("deletionTimestamp")]
    hogs = [
        (p, c)
        for p in there
        for c in p["spec"]["containers"]
        if (name_of(p), c["name"]) in places or (c.get("image"), *command_of(c)) in programs
    ]
    if not hogs:
        raise Unmet("the container that was killed is not there any more", "kubectl get pods")
    return killed, hogs


def most_that_killed(killed: list[Known]) -> str:
    return max((end.limit for one in killed for end in killed_ends(one)), key=amount)


def watch(e: Evidence, hogs: list[tuple[Object, Object]], cluster_s: float) -> None:
    """Every one of them has run for so long, or does so now."""
    them = {(uid_of(p), c["name"]) for p, c in hogs}
    since = [one.running_since_s or time.time() for one in known(e.history) if (uid_of(one.pod), one.name) in them]
    left_s = cluster_s - (time.time() - max(since)) * e.client.access.speed

    def fell(now: ClusterState) -> bool:
        return not all((there := now.get("Pod", name_of(p))) and container_runs(there, c["name"]) for p, c in hogs)

    with suppress(WaitTimeout):
        e.client.wait_for("a relapse", fell, within_s=max(left_s, 0))
        raise Unmet("it was killed again while the judge looked on", f"kubectl describe pod {name_of(hogs[-1][0])}")
