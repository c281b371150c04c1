"""kind's node containers, as the engine lists them. Nothing here changes anything but by name of a cluster that is ours.

Looking into one (lab 4) takes the owner's access, which was made after the safety checks, and runs commands that change nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass

from shallowdive import process
from shallowdive.cluster.access import Access
from shallowdive.errors import BadAnswer, NotYet
from shallowdive.live import poll
from shallowdive.objects.processes import Process, only_looks, processes_in

LABEL = "io.x-k8s.kind.cluster"
LIMIT_S = 30
COMPONENT_ENDS_S = 90
"""A kubelet looks at its manifests at the latest every 20 s, and gives a program 30 s to end."""
OF_CONTAINERS = "grep -EHs '[0-9a-f]{64}' /proc/[0-9]*/cgroup; grep -Hs ^NSpid /proc/[0-9]*/status; grep -Hs . /proc/[0-9]*/comm; true"


@dataclass(frozen=True, slots=True)
class NodeContainer:
    name: str
    running: bool


def node_containers(cluster: str) -> list[NodeContainer]:
    """Containers of the kind cluster of this name, running or not."""
    out = process.must(["docker", "ps", "--all", "--filter", f"label={LABEL}={cluster}", "--format", "{{json .}}"], limit_s=LIMIT_S)
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return sorted((NodeContainer(r["Names"], r["State"] == "running") for r in rows), key=lambda n: n.name)


def start_containers(names: list[str]) -> None:
    process.must(["docker", "start", *names], limit_s=60)


def stop_containers(names: list[str]) -> None:
    process.must(["docker", "stop", "-t", "1", *names], limit_s=60)


def set_static_pod(node: str, component: str, *, running: bool) -> None:
    """A kubelet runs what lies in its folder of manifests: move one out of it and wait for the end of its program, or move it back. Again:
    nothing changes. WaitTimeout when the program does not end."""
    out, back = f"/etc/kubernetes/unplugged/{component}.yaml", f"/etc/kubernetes/manifests/{component}.yaml"
    source, target = (out, back) if running else (back, out)
    move = f"mkdir -p /etc/kubernetes/unplugged && if [ -e {source} ]; then mv {source} {target}; fi; test -e {target}"
    process.must(["docker", "exec", node, "sh", "-c", move], limit_s=LIMIT_S)
    if not running:
        poll(f"the end of {component}", lambda: None if has_process(node, component) else True, within_s=COMPONENT_ENDS_S)


def has_process(node: str, program: str) -> bool:
    """Whether a program of this name runs on a node."""
    ended = process.run(["docker", "exec", node, "pgrep", "-f", f"^{program} "], limit_s=LIMIT_S)
    if ended.status > 1:
        raise process.failed(["docker", "exec", node, "pgrep"], ended)
    return ended.status == 0


def image_is_local(image: str) -> bool:
    return process.run(["docker", "image", "inspect", "--format", "{{.Id}}", image], limit_s=LIMIT_S).status == 0


def spelled(node: str, line: str) -> str:
    """What a person types to run this on a node."""
    return f"docker exec {node} {line}"


def look_into(access: Access, node: str, line: str) -> str:
    """Run a command that only looks on a node of this cluster; what it printed. BadAnswer for any other command or node."""
    if not only_looks(line):
        raise BadAnswer(
            "this is none of the commands that only look",
            saw=line[:80],
            try_this="uname -r · hostname · ps -eo pid,args · cat /proc/PID/cgroup",
        )
    _of(access, node)
    return process.must(["docker", "exec", node, *line.split()], limit_s=LIMIT_S)


def container_processes(access: Access, node: str) -> list[Process]:
    """Processes of containers on this node, by their number there."""
    _of(access, node)
    return processes_in(node, process.must(["docker", "exec", node, "sh", "-c", OF_CONTAINERS], limit_s=LIMIT_S))


def _of(access: Access, node: str) -> None:
    """Only the owner's own kind cluster has nodes that may be looked into."""
    if access.kind != "owner" or access.backend != "kind":
        raise NotYet(
            "the nodes of this cluster cannot be looked into",
            saw=f"backend {access.backend}, {access.kind}",
            try_this="shallowdive up --backend kind",
        )
    there = [n.name for n in node_containers(access.cluster) if n.running]
    if node not in there:
        raise BadAnswer("this is no running node of your cluster", saw=node[:80], try_this=f"one of: {', '.join(there)}")
