"""What a program in a container said, as far as the link to it held."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from shallowdive.cluster import bound
from shallowdive.errors import ClusterError


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
