"""On kind: what a killed process has switched off comes on again, and the cluster is whole."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from shallowdive.cluster import Access, State
from shallowdive.cluster.kind import KindBackend
from shallowdive.cluster.nodes import has_process, node_containers
from shallowdive.cluster.outage import Outage
from shallowdive.facts import look_at_engine
from shallowdive.live import poll
from tests.aftermath import look_settled, until_as_before
from tests.run_cluster import RunCluster

pytestmark = [pytest.mark.kind, pytest.mark.destructive]
HOLDER = """
import sys, time
from pathlib import Path
from shallowdive.cluster import Home, backend_for
from shallowdive.cluster.outage import CONTROL_PLANE, NODE, Part, Switch
home = Home(Path(sys.argv[1]), sys.argv[2])
switch = Switch(home, backend_for(home), "a-test")
switch.off(Part(CONTROL_PLANE, "kube-scheduler"))
switch.off(Part(NODE, sys.argv[2] + "-worker"))
print("off", flush=True)
time.sleep(600)
"""


def test_what_a_killed_process_left_off_is_on_again(run_cluster: RunCluster, access: Access) -> None:
    home, before = run_cluster.home, look_settled(access)
    worker, control_plane = f"{home.cluster}-worker", f"{home.cluster}-control-plane"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(home.root), home.cluster], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "off\n"
            assert [n.name for n in node_containers(home.cluster) if not n.running] == [worker]
            assert not has_process(control_plane, "kube-scheduler")
            assert KindBackend(home, look_at_engine()).status().state is State.STOPPED
        finally:
            holder.send_signal(signal.SIGKILL)
    poll("the guard", lambda: Outage.load(home) is None or None, within_s=60)
    assert all(n.running for n in node_containers(home.cluster))
    poll("the scheduler", lambda: has_process(control_plane, "kube-scheduler") or None, within_s=90)
    assert until_as_before(access, before) == []
