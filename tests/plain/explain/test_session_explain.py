"""What a learner may name, and where the last words of a program that ended come from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.errors import BadAnswer
from shallowdive.explain import Explanation
from shallowdive.lessons import why as module
from shallowdive.lessons.why import named, why
from shallowdive.views.why import html
from tests.plain.explain.captured import captured

KINDS = ("Pod", "Deployment", "PersistentVolumeClaim", "HorizontalPodAutoscaler", "Ingress")
CRASH = next(c for c in captured() if c.name == "G03-failed-1")


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("web", "Pod"),
        ("deployment/web", "Deployment"),
        ("Deployments/web", "Deployment"),
        ("pvc/web", "PersistentVolumeClaim"),
        ("ingresses/web", "Ingress"),
        ({"kind": "Ingress", "metadata": {"name": "web"}}, "Ingress"),
        (client.V1Service(metadata=client.V1ObjectMeta(name="web")), "Service"),
        (client.V2HorizontalPodAutoscaler.model_construct(metadata=client.V1ObjectMeta(name="web")), "HorizontalPodAutoscaler"),
    ],
)
def test_a_name_a_dictionary_and_a_model_name_the_same_thing(what: Any, kind: str) -> None:
    assert named(what, KINDS) == (kind, "web")


def test_an_unknown_kind_says_how_to_ask() -> None:
    with pytest.raises(BadAnswer, match="no such kind"):
        named("flower/web", KINDS)


def fake(logs: dict[bool, str]) -> Any:
    def read(pod: str, namespace: str, *, previous: bool, **_: Any) -> Any:
        if previous not in logs:
            raise ApiException(status=400)
        return SimpleNamespace(data=logs[previous].encode())

    return SimpleNamespace(api=None, namespace="g03-failed-1", core=SimpleNamespace(read_namespaced_pod_log=read))


def explained(monkeypatch: pytest.MonkeyPatch, logs: dict[bool, str]) -> Explanation:
    monkeypatch.setattr(module, "look", lambda *_: CRASH.state())
    monkeypatch.setattr(module.time, "time", lambda: float(CRASH.data["taken_at"]))
    return why(fake(logs), "web")


def test_a_crash_is_told_with_the_last_lines_of_the_log_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = explained(monkeypatch, {True: "one\ntwo\nno\ndatabase\n", False: "now"})
    assert seen.findings[0].evidence == "container web: Error, exit code 3; it printed last: two / no / database"


def test_a_log_that_the_runtime_removed_is_no_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = explained(monkeypatch, {True: "unable to retrieve container logs for containerd://abc", False: "now"})
    assert seen.findings[0].evidence.endswith("it printed last: now")
    assert explained(monkeypatch, {}).findings[0].evidence == "container web: Error, exit code 3"


def test_the_frame_has_the_causes_and_the_same_as_text() -> None:
    title, shown, text = html(CRASH.explained(), "kind")
    assert title == "Why"
    assert text == str(CRASH.explained())
    for part in ("asked now, kind", "the program ended with 3", "kubectl logs web", "The same as text"):
        assert part in shown
