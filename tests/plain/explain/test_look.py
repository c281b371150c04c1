"""One look at a namespace: a kind that may not be listed is left out, an empty one is there, of Secrets only the metadata is asked for."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from shallowdive.live import look
from shallowdive.live import look as _look
from tests.registry.server import REFUSALS, Registry


class Answer:
    def __init__(self, *names: str) -> None:
        self.data = json.dumps({"items": [{"metadata": {"name": n, "namespace": "here"}} for n in names]}).encode()


def test_empty_and_forbidden_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def lists(_: object, kind: str, namespace: str) -> Any:
        def call(**options: Any) -> Answer:
            asked[kind] = options
            if kind == "Node":
                raise ApiException(status=403)
            return Answer("a") if kind == "Secret" else Answer()

        return call

    monkeypatch.setitem(_look.__globals__, "list_call", lists)
    seen = look(None, "here", ("Pod", "Node", "Secret"))  # type: ignore[arg-type] # the calls are ours
    assert {k: list(v) for k, v in seen.by_kind.items()} == {"Pod": [], "Secret": [("here", "a")]}
    assert "PartialObjectMetadataList" in asked["Secret"]["_headers"]["Accept"]


def test_a_server_that_breaks_is_no_empty_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    def lists(*_: object) -> Any:
        def call(**_: Any) -> Answer:
            raise ApiException(status=500)

        return call

    monkeypatch.setitem(_look.__globals__, "list_call", lists)
    with pytest.raises(ApiException):
        look(None, "here", ("Pod",))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as made:
        yield made


@pytest.mark.parametrize(("name", "status"), [("ok", 200), ("private", 401), *((n, r[0]) for n, r in REFUSALS.items())])
def test_the_registry_answers_by_the_first_part_of_the_name(name: str, status: int, registry: Registry) -> None:
    try:
        got = urllib.request.urlopen(f"http://127.0.0.1:{registry.port}/v2/{name}/app/manifests/1?ns=x", timeout=5).status
    except urllib.error.HTTPError as exc:
        got = exc.code
    assert got == status


def test_every_blob_of_the_registrys_image_is_there(registry: Registry) -> None:
    base = f"http://127.0.0.1:{registry.port}/v2/ok/app"
    manifest = json.load(urllib.request.urlopen(f"{base}/manifests/1", timeout=5))
    for part in (manifest["config"], *manifest["layers"]):
        assert len(urllib.request.urlopen(f"{base}/blobs/{part['digest']}", timeout=5).read()) == part["size"]
