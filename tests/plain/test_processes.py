"""Processes of containers as a node sees them: read from its files, compared with a pod's status, drawn inside and outside."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive import process
from shallowdive.cluster import nodes
from shallowdive.cluster.access import Access
from shallowdive.errors import BadAnswer, NotYet
from shallowdive.objects.processes import Process, first_of, only_looks, processes_in
from shallowdive.views import processes as view
from shallowdive.views.frame import DESK_PX, PHONE_PX

APP, PAUSE = "a" * 64, "b" * 64
FILES = f"""/proc/314/cgroup:9:name=systemd:/kubelet.slice/x.slice/cri-containerd-{PAUSE}.scope
/proc/345/cgroup:9:name=systemd:/kubelet.slice/x.slice/cri-containerd-{APP}.scope
/proc/345/cgroup:0::/kubelet.slice/x.slice/cri-containerd-{APP}.scope
/proc/346/cgroup:0::/kubepods/besteffort/podx/{APP}
/proc/1/status:NSpid:\t1
/proc/314/status:NSpid:\t314\t1
/proc/345/status:NSpid:\t345\t1
/proc/346/status:NSpid:\t346\t17
/proc/1/comm:systemd
/proc/314/comm:pause
/proc/345/comm:agnhost
/proc/346/comm:sleep
"""


def pod(name: str = "one", running: bool = True) -> dict[str, Any]:
    state = {"running": {}} if running else {"waiting": {"reason": "CrashLoopBackOff"}}
    status = {"containerStatuses": [{"name": "main", "containerID": f"containerd://{APP}", "state": state}]}
    return {"metadata": {"name": name, "uid": name}, "spec": {"nodeName": "worker"}, "status": status}


def test_processes_of_containers_are_found_with_both_numbers() -> None:
    found = processes_in("worker", FILES)
    assert [(p.pid, p.inside, p.name, p.container[0]) for p in found] == [
        (314, 1, "pause", "b"),
        (345, 1, "agnhost", "a"),
        (346, 17, "sleep", "a"),
    ]


def test_the_first_process_of_a_pod_is_neither_the_pause_container_nor_a_child() -> None:
    seen = processes_in("worker", FILES)
    assert [p.pid for p in first_of(pod(), seen)] == [345]
    assert first_of(pod(running=False), seen) == []
    assert first_of(pod(), processes_in("another", FILES)) == []


@pytest.mark.parametrize(
    "line", ["uname -r", "hostname", "ps -ef", "ps -eo pid,args", "ps -ww -eo pid,cgroup", "cat /proc/345/cgroup", "cat /proc/1/status"]
)
def test_commands_that_only_look_are_let_through(line: str) -> None:
    assert only_looks(line)


@pytest.mark.parametrize(
    "line",
    ["", "rm -rf /", "ps -ef; reboot", "cat /etc/kubernetes/pki/ca.key", "cat /proc/1/../../etc/shadow", "cat /proc/1/environ",
     "uname -r\nreboot", "hostname evil", "ps -eo pid,args $(reboot)", "kill 1"],
)  # fmt: skip
def test_no_other_command_reaches_a_node(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "must", lambda *_a, **_k: pytest.fail("something was run"))
    with pytest.raises(BadAnswer, match="none of the commands that only look"):
        nodes.look_into(Access("owner", "kind", "shallowdive", None), "shallowdive-worker", line)  # type: ignore[arg-type]


def test_only_an_owners_kind_cluster_and_only_its_own_nodes_are_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = '{"Names": "shallowdive-worker", "State": "running"}\n{"Names": "shallowdive-worker2", "State": "exited"}'
    ran: list[list[str]] = []

    def must(command: list[str], **_how: Any) -> str:
        ran.append(command)
        return ours if command[1] == "ps" else "6.1\n"

    monkeypatch.setattr(process, "must", must)
    for access in (Access("tenant", "kind", "c", None), Access("owner", "embedded", "c", None), Access("owner", "existing", "c", None)):  # type: ignore[arg-type]
        with pytest.raises(NotYet, match="cannot be looked into"):
            nodes.look_into(access, "shallowdive-worker", "uname -r")
    assert ran == []
    kind = Access("owner", "kind", "shallowdive", None)  # type: ignore[arg-type]
    for foreign in ("production-worker", "shallowdive-worker2"):
        with pytest.raises(BadAnswer, match="no running node of your cluster"):
            nodes.look_into(kind, foreign, "uname -r")
    assert nodes.look_into(kind, "shallowdive-worker", "uname -r") == "6.1\n"
    assert ran[-1] == ["docker", "exec", "shallowdive-worker", "uname", "-r"]


@pytest.mark.parametrize("pods", [1, 2, 3, 7])
@pytest.mark.parametrize("node_count", [1, 2])
@pytest.mark.parametrize("w", [DESK_PX, PHONE_PX])
def test_no_word_overlaps_another(pods: int, node_count: int, w: float) -> None:
    rooms = [
        view.Room(
            f"shop-front-7d9f6c5b8d-abc{i}",
            [Process("n", 4_194_304 - i, 1, "agnhost", APP)] * (i % 3),
            [Process("n", 99, 1, "x", APP)] * (i % 4),
        )
        for i in range(pods)
    ]
    seen = view.Seen(
        {f"shallowdive-worker{n}": rooms for n in range(node_count)},
        {f"shallowdive-worker{n}": "6.18.44-microvm" for n in range(node_count)},
    )
    assert view.picture(seen, w, "x").problems() == []


def test_a_number_that_is_gone_stays_in_the_picture_and_the_words() -> None:
    now = processes_in("worker", FILES)
    once = [("one", Process("worker", 300, 1, "agnhost", "c" * 64)), ("two", Process("worker", 301, 1, "agnhost", "d" * 64))]
    seen = view.read([pod()], now, [*once, ("one", now[1])], {"worker": "6.1"})
    assert view.in_words(seen) == "Pod one: agnhost is number 1 inside and 345 on worker; number 300 is gone. One kernel: 6.1."
    _, html, _ = view.html(seen, "", "kind", "You said: nothing.")
    assert "You said: nothing." in html
    assert ">300<" in html


def test_without_a_pod_on_a_node_the_picture_says_what_to_do() -> None:
    _, html, facts = view.html(view.read([], [], [], {}), "", "kind")
    assert "Run the cell that makes them" in facts
    assert "Nothing here yet" in html
