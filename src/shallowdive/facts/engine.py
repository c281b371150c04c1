"""The container engine behind the `docker` command: does it answer, and how large is the machine it runs on (its VM, not ours)."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import Any

from shallowdive import process
from shallowdive.errors import ProgramFailed

LIMIT_S = 15


@dataclass(frozen=True, slots=True)
class Engine:
    """`problem` is '' when it answers, else missing | stopped | permission | unknown; `saw` is what it said."""

    problem: str = ""
    saw: str = ""
    command: str = ""
    version: str = ""
    cpus: int = 0
    memory_bytes: int = 0
    cgroup_version: str = "2"
    architecture: str = ""
    rootless: bool = False
    data_root: str = ""

    @property
    def answers(self) -> bool:
        return not self.problem


def look_at_engine() -> Engine:
    """Ask the engine, at most LIMIT_S seconds. Warnings on stderr are not data."""
    command = shutil.which("docker")
    if command is None:
        return Engine("missing", "no `docker` on the PATH")
    try:
        ended = process.run([command, "info", "--format", "{{json .}}"], limit_s=LIMIT_S)
    except ProgramFailed as exc:
        return Engine("stopped" if "no end after" in exc.what else "unknown", exc.saw or exc.what, command)
    info = _first_json(ended.stdout)
    said = " ".join(str(e) for e in info.get("ServerErrors") or []) or ended.stderr.strip() or ended.stdout.strip()
    if ended.status or info.get("ServerErrors") or not info.get("ServerVersion"):
        return Engine(_classify(said), said[:300], command)
    return Engine(
        command=command,
        version=str(info.get("ServerVersion", "")),
        cpus=int(info.get("NCPU") or 0),
        memory_bytes=int(info.get("MemTotal") or 0),
        cgroup_version=str(info.get("CgroupVersion") or "1"),
        architecture=_architecture(str(info.get("Architecture", ""))),
        rootless=any("rootless" in str(o) for o in info.get("SecurityOptions") or []),
        data_root=str(info.get("DockerRootDir", "")),
    )


def _first_json(text: str) -> dict[str, Any]:
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                return dict(json.loads(line))
            except ValueError:
                continue
    return {}


def _classify(said: str) -> str:
    low = said.lower()
    if "permission denied" in low:
        return "permission"
    if any(
        words in low for words in ("cannot connect", "failed to connect", "is the docker daemon running", "no such file", "pipe/docker")
    ):
        return "stopped"
    return "unknown"


def _architecture(name: str) -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(name, name)
