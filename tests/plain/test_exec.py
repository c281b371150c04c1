"""What a program in a container said, as far as the link to it held."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiException
from kubernetes.stream.ws_client import WSClient

from shallowdive.checks import LABS
from shallowdive.cluster import Home, NamespaceClient, bound, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.errors import ClusterError
from shallowdive.lessons.place import make_namespace


class Link:
    """A link that brings these pieces of stdout and then ends, with these words on the channel of errors."""

    def __init__(self, *pieces: str, verdict: str) -> None:
        self.pieces, self.verdict, self.closed = list(pieces), verdict, False

    def is_open(self) -> bool:
        return bool(self.pieces)

    def update(self, timeout: float) -> None: ...

    def peek_stdout(self) -> bool:
        return True

    def read_stdout(self, timeout: float) -> str:
        return self.pieces.pop(0)

    def peek_stderr(self) -> bool:
        return False

    def read_channel(self, channel: int) -> str:
        return self.verdict

    def close(self) -> None:
        self.closed = True


def said(link: Link, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(bound, "stream", lambda *_, **__: link)
    client: Any = SimpleNamespace(access=SimpleNamespace(connect=lambda pool: None), namespace="lab")
    answer: str = bound.NamespaceClient.exec(client, "web", ["cat", "/big"])
    return answer


def test_a_program_that_ended_well_gives_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link("one ", "two", verdict=json.dumps({"status": "Success"}))
    assert said(link, monkeypatch) == "one two"
    assert link.closed


def test_a_link_that_breaks_is_an_error_and_never_a_short_output(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link("one ", verdict="")
    with pytest.raises(ClusterError, match="the link to cat in pod web broke off") as error:
        said(link, monkeypatch)
    assert error.value.saw == "4 characters and no exit status"
    assert link.closed


def test_an_output_that_was_cut_needs_no_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(said(Link("x" * (bound.EXEC_BYTES + 1), "more", verdict=""), monkeypatch)) == bound.EXEC_BYTES + 1


@pytest.mark.parametrize(
    ("reason", "error"), [('500 … -+-+- container not found ("app")', RuntimeError), ("500 … etcd is away", ApiException)]
)
def test_a_container_that_does_not_run_is_the_learners_matter_and_not_the_clusters(
    reason: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kubelet answers 500 for both; a judge once took the first for trouble of the cluster."""

    def refuse(*_: Any, **__: Any) -> None:
        raise ApiException(status=0, reason=f"Handshake status {reason}")

    monkeypatch.setattr(bound, "stream", refuse)
    client: Any = SimpleNamespace(access=SimpleNamespace(connect=lambda pool: None), namespace="lab")
    with pytest.raises(error) as raised:
        bound.NamespaceClient.exec(client, "web", ["date"])
    assert getattr(raised.value, "status", 500) == 500


@pytest.mark.timeout(60)
def test_a_program_that_writes_faster_than_anybody_reads_is_cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is always one more frame: under load that was so for minutes, and `update` of the client did not come back."""
    monkeypatch.setattr(WSClient, "_frames_immediately_available", lambda self: True)
    backend = EmbeddedBackend(Home(tmp_path, "sd-exec"), speed=5)
    backend.up(lambda _: None)
    try:
        access = open_access(backend.home)
        place = NamespaceClient(access, make_namespace(access, LABS["12-deployment"], "exec"))
        image = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
        spec = {"containers": [{"name": "c", "image": image, "args": ["pause"]}]}
        place.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
        place.follower.start()
        place.wait_for("the pod", lambda now: now.ready_pods())
        assert len(place.exec("p", ["sh", "-c", "yes | head -c 300000000"])) >= bound.EXEC_BYTES
        place.close()
    finally:
        backend.down(lambda _: None)
