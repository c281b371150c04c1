"""The embedded cluster, killed and started again on its port: another cluster, whose versions begin again, with the same names in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kubernetes import client

from shallowdive.live import Follower, Pace, wait_for
from tests.plain.live.random_runs import shown, wait_until

KINDS = ["ConfigMap", "Pod", "Deployment"]
TOKEN = "a-token"
PACE = Pace(quiet_watch_s=2, quiet_silence_s=4, busy_silence_s=2)


class Cluster:
    """One process after another, all on one port. They share their token, and not their certificate."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, 0
        self.run()

    def run(self) -> None:
        pid = self.home / "pid"
        pid.unlink(missing_ok=True)
        words = ["--kubeconfig", self.home / "kubeconfig", "--pid", pid, "--port", self.port, "--token", TOKEN, "--while-stdin"]
        command = [sys.executable, "-m", "shallowdive.embedded", *map(str, words)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 30
        while not pid.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the embedded cluster did not start: {self.process.communicate()[1]}")
            time.sleep(0.02)
        self.port = json.loads(pid.read_text())["port"]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def api(self) -> client.ApiClient:
        settings = client.Configuration(host=f"https://127.0.0.1:{self.port}")
        settings.verify_ssl = False
        settings.api_key["authorization"] = f"Bearer {TOKEN}"
        settings.no_proxy = "*"
        return client.ApiClient(settings)

    def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(self.api())


@contextmanager
def running(home: Path) -> Iterator[Cluster]:
    cluster = Cluster(home)
    try:
        yield cluster
    finally:
        cluster.kill()


def config_map(name: str, **data: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "data": data}


def truth(cluster: Cluster) -> dict[str, tuple[str, str]]:
    items = cluster.core().list_namespaced_config_map("default").items
    return {o.metadata.name: (o.metadata.uid, o.metadata.resource_version) for o in items}


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_cluster_that_was_killed_and_made_anew_is_seen_as_it_is_within_five_seconds(tmp_path: Path) -> None:
    with running(tmp_path) as cluster, Follower(cluster.api(), "default", KINDS, pace=PACE) as follower:
        core = cluster.core()
        for i in range(40):
            core.create_namespaced_config_map("default", config_map(f"c-{i}"))
        wait_for(follower, "all of them", lambda s: shown(s) == truth(cluster), within_s=10)
        cluster.kill()
        time.sleep(0.5)
        assert follower.errors, "a link that is down says so"
        cluster.run()
        returned = time.monotonic()
        cluster.core().create_namespaced_config_map("default", config_map("c-3", of="another cluster"))
        wait_for(follower, "the other cluster", lambda s: shown(s) == truth(cluster), within_s=10)
        assert time.monotonic() - returned < 5
        wait_until(lambda: not follower.errors)
        assert not follower.errors
        assert follower.catch_up() is follower.state
        uids = [s.object["metadata"]["uid"] for s in follower.history.of("ConfigMap") if s.object["metadata"]["name"] == "c-3"]
        assert len(set(uids)) == 2, "the record has both objects of this name"


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_frozen_cluster_goes_on_where_it_was(tmp_path: Path) -> None:
    with running(tmp_path) as cluster, Follower(cluster.api(), "default", KINDS, pace=PACE) as follower:
        os.kill(cluster.process.pid, 19)
        time.sleep(1.5)
        assert follower.silent_s() > 1
        os.kill(cluster.process.pid, 18)
        cluster.core().create_namespaced_config_map("default", config_map("after"))
        wait_for(follower, "what came after", lambda s: shown(s) == truth(cluster), within_s=5)
        began = time.monotonic()
        follower.stop()
        assert time.monotonic() - began < 1
