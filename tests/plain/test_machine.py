"""Engines and machines that are not fit, simulated by stub programs: each a cause, what was seen, and one next command."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from shallowdive.cluster import kindconfig, tools
from shallowdive.cluster.home import Home, Lock, Record
from shallowdive.cluster.kind import KindBackend
from shallowdive.cluster.life import engine_problem
from shallowdive.cluster.tools import find_kind, version_of
from shallowdive.doctor import Facts, examine
from shallowdive.errors import Busy, ClusterError, NotOurs, PortTaken, ToolMissing
from shallowdive.facts import Engine, free_port, look_at_engine, look_at_machine, port_is_free

HEALTHY = '{"ServerVersion":"28.0","NCPU":4,"MemTotal":8000000000,"CgroupVersion":"2","Architecture":"x86_64","SecurityOptions":[]}'


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the PATH; `program` puts a script in it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def cli(*verb: str, path: Path, home: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": str(path), "SHALLOWDIVE_HOME": str(home)}
    return subprocess.run([sys.executable, "-m", "shallowdive", *verb], env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "script, code, next_command",
    [
        (None, "SD-E01", "docker.io"),
        (
            'echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2; exit 1',
            "SD-E02",
            "systemctl start docker",
        ),
        ('echo "permission denied while trying to connect to the Docker daemon socket" >&2; exit 1', "SD-E03", "usermod -aG docker"),
        (f"echo '{HEALTHY.replace('8000000000', '1500000000')}'", "SD-E04", "more memory"),
        ('echo \'{"ServerErrors":["permission denied on the socket"]}\'', "SD-E03", "usermod -aG docker"),
        ("echo something new >&2; exit 7", "SD-E02", "start docker"),
    ],
)
def test_kind_without_a_working_engine_exits_3_and_names_the_next_command_as_the_doctor_does(
    script: str | None, code: str, next_command: str, tmp_path: Path
) -> None:
    stubs = tmp_path / "bin"
    stubs.mkdir()
    if script:
        program(stubs, "docker", script)
    for verb, exit_code in ((["up", "--backend", "kind"], 3), (["doctor"], 0)):
        ended = cli(*verb, path=stubs, home=tmp_path / "home")
        said = ended.stdout + ended.stderr
        assert ended.returncode == exit_code, said
        assert code in said
        assert next_command in said
        assert "Traceback" not in said
        assert "chmod 666" not in said


def test_a_warning_before_the_facts_is_not_data(stub: Path) -> None:
    program(stub, "docker", f"echo 'WARNING: config.json: permission denied' ; echo WARNING again >&2; echo '{HEALTHY}'")
    engine = look_at_engine()
    assert engine.answers
    assert (engine.version, engine.cpus, engine.architecture, engine.cgroup_version) == ("28.0", 4, "amd64", "2")


def test_an_engine_that_hangs_is_given_up(stub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shallowdive.facts.engine.LIMIT_S", 0.3)
    program(stub, "docker", "exec /bin/sleep 60")
    engine = look_at_engine()
    assert engine.problem == "stopped"
    assert engine_problem(engine) is not None


def test_doctor_finds_nothing_wrong_on_a_healthy_machine() -> None:
    engine = Engine(command="docker", version="28", cpus=4, memory_bytes=8 << 30, cgroup_version="2", architecture="amd64")
    machine = replace(look_at_machine(), inotify_instances=512, inotify_watches=524288)
    facts = Facts(
        machine, engine, kind="/bin/kind", kind_version=(0, 33, 0), kubectl="/bin/kubectl", layout="/bin/dot", disk_free_bytes=50 << 30
    )
    assert {f.severity for f in examine(facts)} == {"ok"}
    small = replace(machine, inotify_instances=128)
    tight = replace(facts, machine=small, disk_free_bytes=1 << 30, engine=replace(engine, memory_bytes=3 << 30), kubectl="", layout="")
    assert [f.probe for f in examine(tight) if f.severity == "warning"] == ["memory", "inotify", "disk", "kubectl", "layout"]
    assert all(f.next_step for f in examine(tight) if f.severity in ("warning", "problem"))


def test_the_configuration_is_rendered_from_the_facts() -> None:
    config = yaml.safe_load(kindconfig.render(cgroup_version="1", http_port=18080, https_port=18443))
    kubelet = yaml.safe_load(config["kubeadmConfigPatches"][0])
    assert kubelet["failCgroupV1"] is False
    assert kubelet["podPidsLimit"] == kindconfig.POD_PIDS_LIMIT
    assert [n["role"] for n in config["nodes"]] == ["control-plane", "worker", "worker"]
    ports = config["nodes"][0]["extraPortMappings"]
    assert [(p["hostPort"], p["listenAddress"]) for p in ports] == [(18080, "127.0.0.1"), (18443, "127.0.0.1")]
    assert "failCgroupV1" not in kindconfig.render(cgroup_version="2", http_port=1, https_port=2)


@pytest.mark.parametrize("family, host", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_that_is_taken_on_v4_or_v6_is_not_free(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as s:
        try:
            s.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        s.listen()
        port = s.getsockname()[1]
        assert not port_is_free(port)
        other = free_port(port)
        assert other != port
        assert port_is_free(other)


def test_a_port_asked_for_by_name_that_is_taken_is_an_error_before_anything_is_made(tmp_path: Path) -> None:
    kind = program(tmp_path, "kind", "echo kind v0.33.0")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        backend = KindBackend(Home(tmp_path / "home"), Engine(), http_port=s.getsockname()[1])
        with pytest.raises(PortTaken, match="is in use"):
            backend.claim(kind)
    assert not backend.home.record.exists()


def test_a_kind_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir(), new.mkdir()
    program(old, "kind", "echo kind v0.17.0 go1.19")
    home = Home(tmp_path / "home")
    for name in ("GOBIN", "GOPATH"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", f"{old}")
    assert find_kind(home) is None
    (home.folder("bin") / "kind").write_text("#!/bin/sh\necho kind version 0.33.0-x v0.33.0\n")
    (home.root / "bin" / "kind").chmod(0o755)
    found = find_kind(home)
    assert found is not None
    assert version_of(found) == (0, 33, 0)


def test_a_cluster_of_our_name_without_a_record_is_somebody_elses(stub: Path) -> None:
    row = '{"Names":"shallowdive-control-plane","State":"running"}'
    program(stub, "docker", f"case \"$1\" in ps) echo '{row}';; *) echo '{HEALTHY}';; esac")
    log = stub / "kind-was-called"
    program(stub, "kind", f"echo called >> {log}; echo kind v0.33.0")
    backend = KindBackend(Home(stub / "home"), look_at_engine())
    for verb in (backend.up, backend.down):
        with pytest.raises(NotOurs, match="exists and is not ours"):
            verb(print)
    assert not log.exists()
    assert backend.status().state == "foreign"


def test_when_kind_fails_the_last_lines_are_shown_and_nothing_is_left(stub: Path) -> None:
    program(stub, "docker", f"case \"$1\" in ps) ;; image) exit 1;; *) echo '{HEALTHY}';; esac")
    program(
        stub, "kind", 'case "$1" in version) echo kind v0.33.0;; *) echo "ERROR: could not find a log line that matches" >&2; exit 1;; esac'
    )
    home = Home(stub / "home")
    backend = KindBackend(home, look_at_engine())
    with pytest.raises(ClusterError, match=r"kind could not create the cluster \[SD-C02\]") as caught:
        backend.up(lambda _: None)
    assert "could not find a log line" in caught.value.saw
    assert "create-shallowdive" in caught.value.saw
    assert not home.record.exists()
    assert not home.kubeconfig.exists()
    assert list((home.root / "logs").iterdir())


def test_a_node_that_dies_at_the_inotify_limit_is_explained_with_the_command(stub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen with Debian's default of 128 instances and seven nodes on one machine."""
    monkeypatch.setattr("shallowdive.cluster.kind.look_at_machine", lambda: replace(look_at_machine(), inotify_instances=128))
    program(stub, "docker", f"case \"$1\" in ps) ;; image) exit 1;; *) echo '{HEALTHY}';; esac")
    said = "OCI runtime exec failed: exec failed: unable to start container process: read init-p: connection reset by peer: unknown"
    program(stub, "kind", f'case "$1" in version) echo kind v0.33.0;; *) echo "{said}" >&2; exit 1;; esac')
    with pytest.raises(ClusterError, match="inotify limit") as caught:
        KindBackend(Home(stub / "home"), look_at_engine()).up(lambda _: None)
    assert caught.value.try_this.startswith("sudo sysctl fs.inotify.max_user_instances=512")


@pytest.mark.parametrize(
    "said, cause",
    [
        (
            "ERROR: failed to create cluster: failed to pull image kindest/node: dial tcp: lookup registry.example: no such host",
            "no answer from the registry",
        ),
        ("ERROR: failed to pull image: toomanyrequests: You have reached your pull rate limit", "limit for this network is reached"),
    ],
)
def test_an_image_that_cannot_be_pulled_leads_to_one_that_is_there(said: str, cause: str, stub: Path) -> None:
    program(stub, "docker", f"case \"$1\" in ps) ;; image) exit 1;; *) echo '{HEALTHY}';; esac")
    program(stub, "kind", f'case "$1" in version) echo kind v0.33.0;; *) echo "{said}" >&2; exit 1;; esac')
    with pytest.raises(ClusterError, match=cause) as caught:
        KindBackend(Home(stub / "home"), look_at_engine()).up(lambda _: None)
    assert "--node-image IMAGE" in caught.value.try_this


def test_two_ups_at_once_the_second_says_who_holds_the_lock(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with Lock(home, "up"):
        with pytest.raises(Busy, match=r"being changed right now") as caught, Lock(home, "down"):
            pass
        assert f"process {os.getpid()}" in caught.value.saw
    with Lock(home, "down"):
        pass


def test_a_damaged_record_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.record.parent.mkdir(parents=True)
    home.record.write_text("{")
    with pytest.raises(ClusterError, match="cannot be read") as caught:
        Record.load(home)
    assert str(home.record) in caught.value.try_this


def test_an_unknown_lab_is_answered_with_those_there_are(tmp_path: Path) -> None:
    ended = cli("check", "99", path=tmp_path, home=tmp_path / "home")
    assert ended.returncode == 2
    assert "12-deployment" in ended.stderr
    assert "[SD-L01]" in ended.stderr


def test_a_record_of_an_older_version_gives_the_same_owner_each_time(tmp_path: Path) -> None:
    """Namespaces are found by it; a default drawn at random lost them once."""
    home = Home(tmp_path)
    Record("shallowdive", "kind").save(home)
    kept = json.loads(home.record.read_text())
    del kept["owner"]
    home.record.write_text(json.dumps(kept))
    first, second = Record.load(home), Record.load(home)
    assert first is not None
    assert second is not None
    assert first.owner == second.owner != ""


def test_without_kind_network_and_go_it_is_said_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(url: str) -> bytes:
        raise OSError(f"no route to {url.split('/')[2]}")

    monkeypatch.setattr(tools, "_get", unreachable)
    for name, value in {"PATH": tmp_path, "GOBIN": tmp_path, "SHALLOWDIVE_KIND": ""}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(ToolMissing, match=r"\[SD-E05\]") as caught:
        tools.need_kind(Home(tmp_path, "x"), lambda _: None)
    assert "no route to github.com" in caught.value.saw
    assert "no Go toolchain" in caught.value.saw
    assert "install kind" in caught.value.try_this
