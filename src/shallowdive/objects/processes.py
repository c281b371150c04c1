"""Processes of containers as the machine they run on sees them. Pure text and data.

On Linux a process has a number in every process namespace that it is in: `NSpid: 345140 1` is 345140 on the node and 1 in its container.
The line of its cgroup ends with the container's id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shallowdive.objects import Object
from shallowdive.objects.pods import container_statuses

ID = re.compile(r"[0-9a-f]{64}")
LINE = re.compile(r"/proc/(?P<pid>\d+)/(?P<file>cgroup|status|comm):(?P<text>.*)")
ONLY_LOOK = (
    r"uname -[rsm]",
    r"hostname",
    r"ps (?:-ww )?-e(?:o [a-z]+(?:,[a-z]+)*|f)?",
    r"cat /proc/\d{1,7}/(?:cgroup|status|comm|cmdline)",
)
"""What may be run on a node: these commands change nothing."""


@dataclass(frozen=True, slots=True)
class Process:
    """`pid` is its number on the node, `inside` the one in its own container; `container` is the id, without `containerd://`."""

    node: str
    pid: int
    inside: int
    name: str
    container: str


def only_looks(line: str) -> bool:
    return any(re.fullmatch(allowed, line) for allowed in ONLY_LOOK)


def container_of(cgroup: str) -> str:
    """The container's id that the text of /proc/PID/cgroup names; '' for a process of no container."""
    found = ID.findall(cgroup)
    return str(found[-1]) if found else ""


def processes_in(node: str, files: str) -> list[Process]:
    """Read what `grep -H` prints of /proc/*/cgroup, status and comm; processes of no container are left out."""
    kept: dict[int, dict[str, str]] = {}
    for line in files.splitlines():
        if m := LINE.fullmatch(line):
            known = kept.setdefault(int(m["pid"]), {})
            known[m["file"]] = known.get(m["file"], "") + m["text"] + "\n"
    found = []
    for pid, texts in kept.items():
        numbers = re.search(r"^NSpid:((?:\s+\d+)+)", texts.get("status", ""), re.MULTILINE)
        container = container_of(texts.get("cgroup", ""))
        if container and numbers:
            found.append(Process(node, pid, int(numbers[1].split()[-1]), texts.get("comm", "").strip(), container))
    return sorted(found, key=lambda p: p.pid)


def ids_of(pod: Object) -> dict[str, str]:
    """Containers of a pod by id; those that do not run now have none."""
    running = [s for s in container_statuses(pod) if "running" in (s.get("state") or {})]
    return {str(s.get("containerID", "")).rpartition("/")[2]: str(s["name"]) for s in running}


def first_of(pod: Object, seen: Iterable[Process]) -> list[Process]:
    """The process with number 1 of each running container of the pod."""
    ids = ids_of(pod)
    return [p for p in seen if p.container in ids and p.inside == 1 and p.node == pod["spec"].get("nodeName")]
