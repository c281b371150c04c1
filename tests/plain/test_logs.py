"""What a program said is told from what the kubelet says when it has nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from shallowdive.checks.lab10_containers import NoLog, log_of
from shallowdive.objects.pods import NO_LOG


def client_that_answers(answer: Any) -> Any:
    def read(*args: Any, **options: Any) -> str:
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    return SimpleNamespace(namespace="x", core=SimpleNamespace(read_namespaced_pod_log=read))


def test_the_words_of_a_program_are_its_log() -> None:
    assert log_of(client_that_answers("cannot open the book\n"), "mole", "main", previous=True) == "cannot open the book\n"


@pytest.mark.parametrize("answer", [f"{NO_LOG} for containerd://ff5f39c1aacadd782267", ApiException(status=400), ApiException(status=404)])
def test_a_log_that_is_not_there_is_no_words_of_the_program(answer: Any) -> None:
    """Seen on kind: 200 and this text, while the container was being started again. A judge took it for the program's last words."""
    with pytest.raises(NoLog):
        log_of(client_that_answers(answer), "mole", "main", previous=True)
