"""Which backend: the one asked for, the one of the record, or the best this machine can have; and why. Never a silent fall-back."""

from __future__ import annotations

import time
from pathlib import Path

from shallowdive.cluster.backend import Backend, Say, State, Status
from shallowdive.cluster.embedded import EmbeddedBackend
from shallowdive.cluster.existing import ExistingBackend
from shallowdive.cluster.home import Home, Record
from shallowdive.cluster.kind import KindBackend
from shallowdive.errors import EngineMissing, EnginePermission, EngineStopped, EngineTooSmall, MachineError, NotOurs, ShallowDiveError
from shallowdive.facts import Engine, look_at_engine, look_at_machine

MEMORY_NEEDED = 2 << 30
"""Bytes; below it a three-node cluster is killed while it starts."""


def backend_for(
    home: Home,
    *,
    backend: str = "",
    image: str = "",
    context: str = "",
    source: Path | None = None,
    confirmed: str = "",
    http_url: str = "",
    speed: float = 0.0,
) -> Backend:
    """The backend of this home: as asked, else that of its record, else kind where an engine works, else embedded, which says why.

    Raises MachineError (exit 3) when kind is meant and no engine works, NotOurs when the record is another backend's."""
    record = Record.load(home)
    if record and backend and backend != record.backend:
        raise NotOurs(
            f"the name {home.cluster} is in use by a cluster of backend {record.backend}",
            saw=f"its record, of {time.strftime('%Y-%m-%d', time.localtime(record.created_at))}",
            try_this="remove that one: shallowdive down; or give this one a name: shallowdive up --name another-name",
        )
    wanted = backend or (record.backend if record else "")
    if wanted == "existing":
        return ExistingBackend(home, source, context, confirmed, http_url)
    if wanted == "embedded":
        return EmbeddedBackend(home, speed)
    engine = look_at_engine()
    problem = engine_problem(engine)
    if problem and wanted == "kind":
        raise problem
    return EmbeddedBackend(home, speed, instead_of=problem) if problem else KindBackend(home, engine, image)


def why(backend: Backend, home: Home) -> str:
    """Why this backend, in words."""
    if Record.load(home) is not None:
        return "as before"
    if isinstance(backend, EmbeddedBackend) and backend.instead_of:
        return "no kind cluster here: " + backend.instead_of.what
    answers = "a container engine answers on this machine"
    return {"kind": answers, "existing": "you named its context", "embedded": "you asked for it"}[backend.name]


def up(backend: Backend, say: Say) -> Status:
    """Bring it up and insist on RUNNING."""
    status = backend.up(say)
    if status.state is not State.RUNNING:
        raise ShallowDiveError(f"the cluster is {status.state}", saw=status.why, try_this="shallowdive doctor")
    return status


def engine_problem(engine: Engine) -> MachineError | None:
    """Why kind cannot work with this engine, None when it can."""
    machine = look_at_machine()
    if engine.problem == "missing":
        how = {"Linux": "install Docker Engine (Debian, Ubuntu: sudo apt install docker.io)"}.get(machine.system, "install Docker Desktop")
        return EngineMissing("no container engine on this machine", saw=engine.saw, try_this=how + ", then: python3 dive.py")
    if engine.problem == "permission":
        return EnginePermission(
            "the container engine is closed to this user",
            saw=engine.saw,
            try_this="sudo usermod -aG docker $USER, log out and in again, then: python3 dive.py",
        )
    if engine.problem:
        start = "start Docker Desktop" if machine.wsl or machine.system != "Linux" else "sudo systemctl start docker"
        return EngineStopped("the container engine does not answer", saw=engine.saw, try_this=f"{start}, then: python3 dive.py")
    if engine.memory_bytes and engine.memory_bytes < MEMORY_NEEDED:
        return EngineTooSmall(
            "the container engine has too little memory for three nodes",
            saw=f"{engine.memory_bytes / (1 << 30):.1f} GiB, needed: 2 GiB, better: 4",
            try_this="give the engine's machine more memory in its settings, then: python3 dive.py",
        )
    return None
