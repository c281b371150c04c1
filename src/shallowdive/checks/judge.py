"""Run one lab's check for a namespace: the same code for a learner's self-check, for nbval and for a grader."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from typing import Any

from shallowdive.checks.registry import Lab
from shallowdive.checks.result import CheckResult, Criterion, Evidence, run_criteria
from shallowdive.cluster.bound import NamespaceClient
from shallowdive.live import ClusterState

ANSWERS = "shallowdive-answers"
ANSWER_CHARACTERS = 2000


def read_answers(state: ClusterState) -> dict[str, Any]:
    """Predictions and answers from the lab's ConfigMap: text that the learner controls. Bad JSON counts as the text itself."""
    stored = (state.get("ConfigMap", ANSWERS) or {}).get("data") or {}
    answers: dict[str, Any] = {}
    for key, text in stored.items():
        try:
            answers[key] = json.loads(text[:ANSWER_CHARACTERS])
        except ValueError:
            answers[key] = text[:ANSWER_CHARACTERS]
    return answers


def judge(lab: Lab, client: NamespaceClient, more: Sequence[Criterion] = ()) -> list[CheckResult]:
    """The verdict, criterion by criterion, and then on `more`. The follower of `client` must be running; its history is the judge's
    record."""
    module = importlib.import_module(lab.module)
    state = client.follower.catch_up()
    answers = read_answers(state)
    results: list[CheckResult] = module.check(state, client.history, answers, client)
    return results + run_criteria(more, Evidence(state, client.history, answers, client))
