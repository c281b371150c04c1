"""What is switched off is written down before, and comes on again: after an error, a killed holder, a limit, at the next `up`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shallowdive import cli
from shallowdive.cluster import Home, outage
from shallowdive.cluster.apply import call
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.cluster.guard import guard
from shallowdive.cluster.outage import NODE, Outage, Part, Switch, record_of, restore, settle
from shallowdive.errors import Busy, NotOurs
from shallowdive.lessons import lesson
from shallowdive.live import poll

WORKER = Part(NODE, "w")
HOLDER = """
import sys, time
from pathlib import Path
from shallowdive.cluster import Home
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.cluster.outage import NODE, Part, Switch
home = Home(Path(sys.argv[1]), "dark")
Switch(home, EmbeddedBackend(home), "08-cluster", float(sys.argv[3])).off(Part(NODE, sys.argv[2]))
print("off", flush=True)
time.sleep(600)
"""


class Machine:
    """A backend that only notes what it is asked for, and what is in the record then."""

    def __init__(self, home: Home, refuses: bool = False) -> None:
        self.home, self.refuses, self.asked = home, refuses, list[tuple[str, bool, bool]]()

    def set_node(self, node: str, *, running: bool) -> None:
        self.asked.append((node, running, record_of(self.home).exists()))
        if self.refuses and not running:
            raise NotOurs("no such node")

    set_component = set_node


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home without a cluster; witnesses and guard have tests of their own."""
    home = Home(tmp_path, "dark")
    home.record.parent.mkdir(parents=True)
    monkeypatch.setattr(outage, "open_access", lambda _: None)
    monkeypatch.setattr(outage, "start_guard", lambda _: None)
    yield home
    outage._release(home)


def test_what_is_to_be_switched_off_is_written_down_before_the_act_and_forgotten_after_it_is_on(home: Home) -> None:
    machine: Any = Machine(home)
    switch = Switch(home, machine, "08-cluster")
    switch.off(WORKER)
    assert machine.asked == [("w", False, True)]
    assert str(Outage.load(home)) == "node w is switched off, by lab 08-cluster"
    switch.on(WORKER)
    assert machine.asked[1:] == [("w", True, True)]
    assert Outage.load(home) is None


def test_of_two_parts_one_stays_written_down_while_it_is_off(home: Home) -> None:
    machine: Any = Machine(home)
    switch = Switch(home, machine, "x")
    switch.off(WORKER)
    switch.off(Part(NODE, "v"))
    switch.on(WORKER)
    assert str(Outage.load(home)) == "node v is switched off, by lab x"
    switch.all_on()
    assert Outage.load(home) is None


def test_a_block_that_ends_badly_switches_on_again(home: Home) -> None:
    machine: Any = Machine(home)
    with pytest.raises(KeyboardInterrupt), Switch(home, machine, "x").without(WORKER):
        raise KeyboardInterrupt
    assert machine.asked[-1][:2] == ("w", True)
    assert Outage.load(home) is None


def test_an_act_that_fails_leaves_nothing_written_down(home: Home) -> None:
    machine: Any = Machine(home, refuses=True)
    with pytest.raises(NotOurs):
        Switch(home, machine, "x").off(WORKER)
    assert Outage.load(home) is None


def test_the_witnesses_are_heard_before_anything_is_written_or_done(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Home) -> None:
        raise NotOurs("another cluster answers at our address")

    monkeypatch.setattr(outage, "open_access", refused)
    machine: Any = Machine(home)
    with pytest.raises(NotOurs):
        Switch(home, machine, "x").off(WORKER)
    assert machine.asked == []
    assert not record_of(home).exists()


@pytest.mark.parametrize("text", ["", "{", '{"parts": [{"kind": "disk", "name": "x"}], "lab": "x", "since_s": 0, "until_s": 0}', "[]"])
def test_a_record_that_cannot_be_read_touches_nothing(home: Home, text: str) -> None:
    record_of(home).write_text(text, encoding="utf-8")
    machine: Any = Machine(home)
    with pytest.raises(NotOurs, match="cannot be read"):
        restore(home, machine)
    assert machine.asked == []


def test_what_a_dead_process_left_is_settled_and_the_own_is_left_alone(home: Home) -> None:
    machine: Any = Machine(home)
    Outage((WORKER,), "x", time.time(), time.time() + 60).save(home)
    assert settle(home, lambda: machine) is None
    assert machine.asked == [("w", True, True)]
    Switch(home, machine, "x").off(WORKER)
    assert settle(home, lambda: machine) is None
    assert Outage.load(home) is not None


def test_the_guard_restores_when_the_time_is_over_though_somebody_holds_the_lock(home: Home) -> None:
    machine: Any = Machine(home)
    Switch(home, machine, "x", limit_s=0.2).off(WORKER)
    said: list[str] = []
    guard(home, machine, said.append)
    assert machine.asked[-1][:2] == ("w", True)
    assert said == ["watching", "switching on: node w", "nothing is off"]


# ── on an embedded cluster, with real processes ──────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBackend]:
    backend = EmbeddedBackend(Home(tmp_path_factory.mktemp("dark"), "dark"), speed=20)
    backend.up(lambda _: None)
    yield backend
    backend.down(lambda _: None)


@pytest.fixture
def worker(cluster: EmbeddedBackend) -> str:
    return f"{cluster.home.cluster}-worker"


def is_ready(backend: EmbeddedBackend, node: str) -> bool:
    api = outage.open_access(backend.home).connect()
    rows = call(api, "GET", f"/api/v1/nodes/{node}")["status"]["conditions"]
    return any(r["type"] == "Ready" and r["status"] == "True" for r in rows)


def held_off(backend: EmbeddedBackend, node: str, limit_s: float = 300) -> subprocess.Popen[str]:
    """A process that has switched a node off and lives on."""
    command = [sys.executable, "-c", HOLDER, str(backend.home.root), node, str(limit_s)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "off\n"
    return child


def end(child: subprocess.Popen[str], number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(child.pid, number)
    child.communicate(timeout=10)


def until_on(backend: EmbeddedBackend, node: str) -> None:
    poll("the node", lambda: (Outage.load(backend.home) is None and is_ready(backend, node)) or None, within_s=30)


def test_a_killed_holder_is_noticed_by_the_guard(cluster: EmbeddedBackend, worker: str) -> None:
    child = held_off(cluster, worker)
    try:
        poll("the loss", lambda: not is_ready(cluster, worker) or None, within_s=30)
    finally:
        end(child)
    until_on(cluster, worker)


def test_after_its_limit_a_node_is_on_though_its_holder_lives(cluster: EmbeddedBackend, worker: str) -> None:
    child = held_off(cluster, worker, limit_s=3)
    try:
        until_on(cluster, worker)
    finally:
        end(child)


def test_while_somebody_has_a_node_off_no_other_lab_begins_and_everything_says_so(
    cluster: EmbeddedBackend, worker: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHALLOWDIVE_HOME", str(cluster.home.root))
    monkeypatch.setenv("SHALLOWDIVE_CLUSTER", cluster.home.cluster)
    child = held_off(cluster, worker)
    try:
        with pytest.raises(Busy, match="by somebody else"):
            Switch(cluster.home, cluster, "x").off(Part(NODE, worker))
        with pytest.raises(Exception, match="a part of this cluster is switched off"):
            lesson("01-what-is-kubernetes", outage.open_access(cluster.home))
        cli.main(["status"])
        assert f"node {worker} is switched off, by lab 08-cluster\n  next: shallowdive restore" in capsys.readouterr().out
        assert cli.main(["restore"]) == 0
        out = capsys.readouterr().out
        assert f"node {worker} is switched off, by lab 08-cluster: on again" in out
        assert "dark: running" in out
        assert cli.main(["restore"]) == 0
        assert capsys.readouterr().out == "nothing is switched off\n"
    finally:
        end(child)


def test_a_record_that_nobody_guards_any_more_is_acted_on_by_up(cluster: EmbeddedBackend, worker: str) -> None:
    log = cluster.home.root / "logs" / "guard-dark.log"
    poll("the end of earlier guards", lambda: "nothing is off" in log.read_text(encoding="utf-8") or None, within_s=10)
    cluster.set_node(worker, running=False)
    now = time.time()
    Outage((Part(NODE, worker),), "08-cluster", now, now + 300).save(cluster.home)
    poll("the loss", lambda: not is_ready(cluster, worker) or None, within_s=30)
    cluster.up(lambda _: None)
    until_on(cluster, worker)


def test_a_cluster_that_is_removed_leaves_no_record_behind(tmp_path: Path) -> None:
    home = Home(tmp_path, "gone")
    backend = EmbeddedBackend(home, speed=20)
    backend.up(lambda _: None)
    record_of(home).write_text(json.dumps({"parts": [], "lab": "x", "since_s": 0, "until_s": 0}), encoding="utf-8")
    backend.down(lambda _: None)
    assert not record_of(home).exists()
