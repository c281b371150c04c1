"""What a lab hands to its pictures: a prediction that is a number is drawn, one in words is said, none is neither."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import ReadTimeoutError

from shallowdive.checks.judge import ANSWERS
from shallowdive.cluster import NamespaceClient
from shallowdive.errors import ShallowDiveError
from shallowdive.lessons import seeing
from shallowdive.live import ClusterState, apply_event
from shallowdive.views import Said


def answered(**predictions: object) -> ClusterState:
    data = {f"predict.{name}": json.dumps(value) for name, value in predictions.items()}
    return apply_event(ClusterState(), "ADDED", "ConfigMap", {"metadata": {"name": ANSWERS, "namespace": "d", "uid": "c"}, "data": data})


def test_a_number_is_drawn_and_words_are_said() -> None:
    state = answered(count=2, outcome="nothing", sure=True)
    assert seeing.prediction(state, "count", 100.0, 10, 1.0) == Said(2, 100.0, 10)
    assert seeing.in_words(state, "count") == ""
    assert seeing.prediction(state, "outcome", 100.0, 10, 1.0) is None
    assert seeing.in_words(state, "outcome") == "You said: nothing."
    assert seeing.prediction(state, "sure", 100.0, 10, 1.0) is None
    assert seeing.prediction(state, "never-asked", 100.0, 10, 1.0) is None


class Bound:
    """Stands for a client of a namespace whose log is this text, or this refusal."""

    namespace, access = "d", cast(Any, None)


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> NamespaceClient:
    stand_in = Bound()
    stand_in.access = type("Access", (), {"connect": lambda self, pool: None})()
    return cast(NamespaceClient, stand_in)


def test_requests_are_counted_from_a_log_with_timestamps(bound: NamespaceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def log(_self: object, _name: str, _namespace: str, **how: Any) -> Any:
        asked.update(how)
        return type("Answer", (), {"data": b"2026-11-26T05:22:58.1Z ok web-1\n2026-11-26T05:22:58.2Z fail \xff\n"})

    monkeypatch.setattr(seeing.client.CoreV1Api, "read_namespaced_pod_log", log)
    (second,) = seeing.counted(bound, "traffic")()
    assert (second.answered, second.failed) == (1, 1)
    assert asked["timestamps"] is True


@pytest.mark.parametrize("refusal", [ApiException(status=404, reason="Not Found"), ReadTimeoutError(cast(Any, None), "", "slow")])
def test_a_log_that_cannot_be_read_is_an_error_of_ours(bound: NamespaceClient, monkeypatch: pytest.MonkeyPatch, refusal: Exception) -> None:
    def refuse(*_a: object, **_k: object) -> None:
        raise refusal

    monkeypatch.setattr(seeing.client.CoreV1Api, "read_namespaced_pod_log", refuse)
    with pytest.raises(ShallowDiveError, match="the log of pod traffic"):
        seeing.counted(bound, "traffic")()


def test_pods_of_the_learners_own_namespace_are_not_copied(bound: NamespaceClient) -> None:
    """A copy of them stayed in the picture when they had gone: a node held more than it had, and its gap was below nothing."""
    items = [{"metadata": {"name": n, "namespace": ns}} for n, ns in (("mine", "d"), ("theirs", "e"))]

    def listing(**_how: Any) -> Any:
        return type("Answer", (), {"data": json.dumps({"items": items}).encode()})

    cast(Any, bound).core = type("Core", (), {"list_pod_for_all_namespaces": staticmethod(listing)})()
    found = seeing.everybodys_pods(bound)
    assert found is not None
    assert [p["metadata"]["name"] for p in found.all("Pod")] == ["theirs"]
