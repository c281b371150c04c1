"""The machine itself: system, architecture, Python, free ports."""

from __future__ import annotations

import platform
import socket
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The inotify limits are 0 where the system has none of that name (they then belong to the engine's own machine)."""

    system: str
    architecture: str
    python: str
    wsl: bool
    inotify_instances: int = 0
    inotify_watches: int = 0


def look_at_machine() -> Machine:
    machine = platform.machine().lower()
    return Machine(
        system=platform.system(),
        architecture={"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine, machine),
        python=".".join(map(str, sys.version_info[:3])),
        wsl="microsoft" in platform.release().lower(),
        inotify_instances=_number("/proc/sys/fs/inotify/max_user_instances"),
        inotify_watches=_number("/proc/sys/fs/inotify/max_user_watches"),
    )


def port_is_free(port: int) -> bool:
    """Whether 127.0.0.1 and ::1 both let us listen there (a web server may hold only one of them)."""
    return all(_can_bind(family, host, port) for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")))


def free_port(preferred: int) -> int:
    """The preferred port when it is free, else one the system picks."""
    if port_is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _number(file: str) -> int:
    try:
        return int(Path(file).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as s:
            s.bind((host, port))
    except OSError as exc:
        return family == socket.AF_INET6 and exc.errno in (97, 99, 47, 49)  # no IPv6 on this machine
    return True
