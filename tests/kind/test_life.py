"""The life of a cluster on a real engine: made, found again, stopped, interrupted, removed; nothing else touched. One node, to be quick."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shallowdive import process
from shallowdive.cluster import Home, State, up
from shallowdive.cluster.home import Record
from shallowdive.cluster.kind import KindBackend
from shallowdive.cluster.kindconfig import POD_PIDS_LIMIT
from shallowdive.cluster.nodes import node_containers
from shallowdive.facts import look_at_engine

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]

UP = """
import sys
from pathlib import Path
from shallowdive.cluster import Home, up
from shallowdive.cluster.kind import KindBackend
from shallowdive.facts import look_at_engine
up(KindBackend(Home(Path(sys.argv[1]), sys.argv[2]), look_at_engine(), workers=0), lambda line: print(line, flush=True))
"""


def backend(home: Home) -> KindBackend:
    return KindBackend(home, look_at_engine(), workers=0)


def cli(home: Home, *verb: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SHALLOWDIVE_HOME": str(home.root), "SHALLOWDIVE_CLUSTER": home.cluster}
    return subprocess.run([sys.executable, "-m", "shallowdive", *verb], env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("life"), f"shallowdive-life-{secrets.token_hex(3)}")
    try:
        yield home
    finally:
        backend(home).down(lambda _: None)


@pytest.fixture
def running(home: Home) -> Home:
    up(backend(home), lambda _: None)
    return home


def test_an_up_killed_in_the_middle_is_finished_by_the_next_one(home: Home) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", UP, str(home.root), home.cluster], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not node_containers(home.cluster) and time.monotonic() < deadline:
        assert child.poll() is None, "it ended before it made a container"
    os.kill(child.pid, signal.SIGKILL)
    child.wait(timeout=10)
    record = Record.load(home)
    assert record is not None
    assert record.phase == "creating"
    assert "create cluster --name" in process.command_of(record.creator_pid), "kind itself went on, as it does"
    assert backend(home).status().state is State.CREATING
    said: list[str] = []
    assert up(backend(home), said.append).state is State.RUNNING
    assert any("did not finish" in line for line in said)
    assert process.command_of(record.creator_pid) == "", "the orphan was ended"


def test_a_second_up_finds_it_healthy_and_makes_nothing(running: Home) -> None:
    before = Record.load(running)
    ended = cli(running, "up")
    assert ended.returncode == 0, ended.stderr
    assert "nodes from" not in ended.stdout
    assert Record.load(running) == before


def test_status_tells_the_facts_as_json(running: Home) -> None:
    ended = cli(running, "status", "--json")
    facts = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert facts["state"] == "running"
    assert facts["context"] == f"kind-{running.cluster}"
    assert Path(facts["kubeconfig"]) == running.kubeconfig
    assert facts["version"].startswith("v1.")


def test_the_entrance_answers_on_loopback_and_nowhere_else(running: Home) -> None:
    record = Record.load(running)
    assert record is not None
    for port in (record.http_port, record.https_port):
        socket.create_connection(("127.0.0.1", port), timeout=3).close()
        for address in own_addresses():
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, port), timeout=3)


def test_pods_have_a_limit_of_processes(running: Home) -> None:
    said = process.must(["docker", "exec", f"{running.cluster}-control-plane", "cat", "/var/lib/kubelet/config.yaml"], limit_s=20)
    assert f"podPidsLimit: {POD_PIDS_LIMIT}" in said


def test_a_stopped_cluster_is_seen_as_stopped_and_started_by_up(running: Home) -> None:
    process.must(["docker", "stop", f"{running.cluster}-control-plane"], limit_s=60)
    status = cli(running, "status")
    assert status.returncode == 4
    assert "stopped: " in status.stdout
    assert "next: shallowdive up" in status.stdout
    assert up(backend(running), lambda _: None).state is State.RUNNING


def test_a_damaged_cluster_is_not_called_healthy(running: Home) -> None:
    kubectl = [
        "docker",
        "exec",
        f"{running.cluster}-control-plane",
        "kubectl",
        "--kubeconfig",
        "/etc/kubernetes/admin.conf",
        "-n",
        "shallowdive-system",
    ]
    process.must([*kubectl, "scale", "deployment", "traefik", "--replicas=0"], limit_s=30)
    deadline = time.monotonic() + 60
    while (status := backend(running).status()).state is State.RUNNING and time.monotonic() < deadline:
        continue
    assert status.state is State.DEGRADED
    assert "ingress controller" in status.why
    process.must([*kubectl, "scale", "deployment", "traefik", "--replicas=1"], limit_s=30)
    assert up(backend(running), lambda _: None).state is State.RUNNING


def test_another_home_does_not_take_it_over(running: Home, tmp_path: Path) -> None:
    other = Home(tmp_path, running.cluster)
    for verb in ("up", "down"):
        ended = cli(other, verb)
        assert ended.returncode == 4
        assert "exists and is not ours [SD-C04]" in ended.stderr
    assert all(n.running for n in node_containers(running.cluster))


def test_down_twice_is_no_error(running: Home) -> None:
    for said in ("the cluster is removed", "nothing to do"):
        ended = cli(running, "down")
        assert ended.returncode == 0, ended.stderr
        assert said in ended.stdout
    assert node_containers(running.cluster) == []
    assert not running.kubeconfig.exists()
    assert cli(running, "status").returncode == 4


def own_addresses() -> list[str]:
    """Addresses of this machine that are not loopback."""
    found: list[Any] = json.loads(process.must(["ip", "-j", "-4", "addr"], limit_s=10))
    return [a["local"] for link in found for a in link["addr_info"] if not a["local"].startswith("127.")]
