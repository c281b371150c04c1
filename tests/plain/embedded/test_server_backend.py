"""The embedded backend as a person meets it: made, found again, killed, hung, removed; and chosen when there is no engine."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from shallowdive import process
from shallowdive.cli import main
from shallowdive.cluster import Home, State, open_access
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.cluster.home import Record
from shallowdive.cluster.life import backend_for
from shallowdive.errors import NotOurs, PortTaken

NO_ENGINE = {"PATH": "/nonexistent"}


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Cli = Callable[..., Ended]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line, in this process: a new one takes a second for its imports."""

    def run(home: Home, *verb: str, **env: str) -> Ended:
        for name, value in {"SHALLOWDIVE_HOME": str(home.root), "SHALLOWDIVE_CLUSTER": home.cluster, **env}.items():
            monkeypatch.setenv(name, value)
        code = main(verb)
        return Ended(code, *capsys.readouterr())

    return run


def record_of(home: Home) -> Record:
    record = Record.load(home)
    assert record is not None
    return record


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One cluster for the tests that do not end it."""
    home = Home(tmp_path_factory.mktemp("backend"), "sd-shared")
    EmbeddedBackend(home).up(lambda _: None)
    yield home
    EmbeddedBackend(home).down(lambda _: None)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path, "sd-own")
    yield home
    EmbeddedBackend(home).down(lambda _: None)


def test_without_an_engine_up_says_why_and_goes_on_with_the_embedded_cluster(home: Home, cli: Cli) -> None:
    ended = cli(home, "up", **NO_ENGINE)
    assert ended.returncode == 0, ended.stderr
    assert "[SD-E01]" in ended.stdout
    assert "docker.io" in ended.stdout
    assert "backend: embedded (no kind cluster here: no container engine on this machine)" in ended.stdout
    assert "not a real cluster" in ended.stdout
    again = cli(home, "up", **NO_ENGINE)
    assert again.returncode == 0
    assert "backend: embedded (as before)" in again.stdout
    assert cli(home, "status", **NO_ENGINE).returncode == 0


def test_a_kind_cluster_of_this_home_is_not_replaced_when_its_engine_stops(tmp_path: Path, cli: Cli) -> None:
    home = Home(tmp_path, "sd-kind")
    Record("sd-kind", "kind", phase="ready").save(home)
    for verb in (["up"], ["up", "--backend", "embedded"], ["status"], ["down"]):
        ended = cli(home, *verb, **NO_ENGINE)
        assert ended.returncode in (3, 4)
        assert "[SD-E01]" in ended.stderr or "in use by a cluster of backend kind [SD-C04]" in ended.stderr
    assert record_of(home).backend == "kind"


def test_an_embedded_cluster_is_not_replaced_by_a_kind_one(shared: Home) -> None:
    with pytest.raises(NotOurs, match="in use by a cluster of backend embedded"):
        backend_for(shared, backend="kind")


def test_the_owners_access_passes_the_same_three_witnesses(shared: Home) -> None:
    access = open_access(shared)
    assert (access.backend, access.source) == ("embedded", "embedded")
    assert access.configuration.host.startswith("https://127.0.0.1:")
    assert Record.load(shared).marker == access.marker  # type: ignore[union-attr]


def test_the_kubeconfig_is_its_owners_and_has_one_context(shared: Home) -> None:
    assert stat.S_IMODE(shared.kubeconfig.stat().st_mode) == 0o600
    document = yaml.safe_load(shared.kubeconfig.read_text())
    assert [c["name"] for c in document["contexts"]] == [document["current-context"]] == ["embedded-sd-shared"]


def test_a_second_up_finds_it_and_makes_nothing(shared: Home) -> None:
    before = record_of(shared)
    status = EmbeddedBackend(shared).up(lambda line: pytest.fail(line))
    assert status.state is State.RUNNING
    assert record_of(shared) == before


def test_its_time_can_be_made_faster_while_it_runs_and_everything_says_so(shared: Home, cli: Cli) -> None:
    assert cli(shared, "up", "--speed", "5").returncode == 0
    assert "runs 5 times as fast" in cli(shared, "status").stdout
    assert json.loads(cli(shared, "status", "--json").stdout)["speed"] == 5
    assert open_access(shared).source == "embedded, time × 5"
    EmbeddedBackend(shared, speed=1).up(lambda _: None)
    assert open_access(shared).source == "embedded"


def test_a_node_is_stopped_and_started_by_its_name(shared: Home, cli: Cli) -> None:
    assert cli(shared, "node", "stop", "sd-shared-worker").returncode == 0
    assert cli(shared, "node", "start", "sd-shared-worker").returncode == 0
    refused = cli(shared, "node", "stop", "worker-of-nobody")
    assert refused.returncode == 4
    assert "worker-of-nobody is no node of this cluster [SD-C04]" in refused.stderr


def test_a_killed_one_is_stopped_and_up_starts_an_empty_one_and_says_that(home: Home, cli: Cli) -> None:
    backend = EmbeddedBackend(home)
    backend.up(lambda _: None)
    before = record_of(home)
    os.kill(before.creator_pid, signal.SIGKILL)
    wait_until_gone(before.creator_pid)
    status = cli(home, "status")
    assert status.returncode == 4
    assert "stopped" in status.stdout
    assert "next: shallowdive up" in status.stdout
    said: list[str] = []
    assert backend.up(said.append).state is State.RUNNING
    assert "in memory" in said[0]
    assert record_of(home).marker != before.marker


def test_a_process_number_that_another_program_has_now_is_left_alone(home: Home) -> None:
    other = subprocess.Popen(["/bin/sleep", "60"])
    try:
        Record("sd-own", "embedded", phase="ready", creator_pid=other.pid).save(home)
        assert EmbeddedBackend(home).status().state is State.STOPPED
        assert EmbeddedBackend(home).down(lambda _: None)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_one_that_hangs_is_broken_and_down_ends_it_all_the_same(home: Home) -> None:
    backend = EmbeddedBackend(home)
    backend.up(lambda _: None)
    pid = record_of(home).creator_pid
    os.kill(pid, signal.SIGSTOP)
    monkey = pytest.MonkeyPatch()
    monkey.setattr("shallowdive.cluster.access.TIMEOUT_S", (0.3, 0.3))
    monkey.setattr("shallowdive.cluster.embedded.STOP_S", 0.3)
    try:
        assert backend.status().state is State.BROKEN
        assert backend.down(lambda _: None)
    finally:
        monkey.undo()
    assert "shallowdive.embedded" not in process.command_of(pid)
    assert backend.status().state is State.ABSENT


def test_an_up_that_was_killed_is_finished_by_the_next_one(home: Home) -> None:
    Record("sd-own", "embedded").save(home)
    assert EmbeddedBackend(home).status().state is State.CREATING
    said: list[str] = []
    assert EmbeddedBackend(home).up(said.append).state is State.RUNNING
    assert "did not finish" in said[0]


def test_down_twice_is_no_error_and_leaves_nothing(home: Home) -> None:
    EmbeddedBackend(home).up(lambda _: None)
    pid = record_of(home).creator_pid
    assert EmbeddedBackend(home).down(lambda _: None) is True
    assert EmbeddedBackend(home).down(lambda _: None) is False
    assert process.command_of(pid) == ""
    assert not home.kubeconfig.exists()
    assert not home.record.exists()


def test_a_port_asked_for_that_is_taken_is_an_error_before_anything_is_made(home: Home) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        with pytest.raises(PortTaken, match="is in use"):
            EmbeddedBackend(home, http_port=s.getsockname()[1]).up(lambda _: None)
    assert not home.record.exists()


def test_the_program_says_in_one_line_what_it_is_and_ends_well_at_sigterm(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    command = [sys.executable, "-m", "shallowdive.embedded", "--kubeconfig", str(file), "--pid", str(tmp_path / "pid")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "SHALLOWDIVE_EMBEDDED_TOKEN": "of my own"})
    end = time.monotonic() + 20
    while not file.exists() and time.monotonic() < end:
        assert child.poll() is None
        time.sleep(0.01)
    assert yaml.safe_load(file.read_text())["users"][0]["user"]["token"] == "of my own"
    assert json.loads((tmp_path / "pid").read_text())["pid"] == child.pid
    child.terminate()
    out, _ = child.communicate(timeout=10)
    assert child.returncode == 0
    assert len(out.splitlines()) == 1
    assert out.startswith("embedded cluster shallowdive, Kubernetes v1.")


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 10
    while process.command_of(pid) and time.monotonic() < end:
        time.sleep(0.01)


def test_a_port_that_somebody_takes_in_the_same_moment_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at and then taken: two that start together see the same port free."""
    from shallowdive.cluster import embedded

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        draws = iter([port, embedded.free_port(port)])
        monkeypatch.setattr(embedded, "free_port", lambda _: next(draws))
        home, said = Home(tmp_path, "sd-race"), []  # type: ignore[var-annotated]
        backend = EmbeddedBackend(home)
        try:
            assert backend.up(said.append).state is State.RUNNING
            assert record_of(home).http_port != port
            assert any("somebody took its port" in line for line in said)
        finally:
            backend.down(lambda _: None)
        with pytest.raises(PortTaken):
            EmbeddedBackend(Home(tmp_path, "sd-race-2"), http_port=port).up(lambda _: None)
