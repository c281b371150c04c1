"""Where we keep things on this machine, and what we wrote down about a cluster before we made it."""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from shallowdive.errors import Busy, ClusterError

DEFAULT_NAME = "shallowdive"


@dataclass(frozen=True, slots=True)
class Home:
    """`$SHALLOWDIVE_HOME` (default `~/.shallowdive`) and the name of the one cluster we speak of (`$SHALLOWDIVE_CLUSTER`)."""

    root: Path
    cluster: str = DEFAULT_NAME

    @classmethod
    def from_environment(cls, cluster: str = "") -> Home:
        root = os.environ.get("SHALLOWDIVE_HOME") or str(Path.home() / ".shallowdive")
        return cls(Path(root).expanduser().resolve(), cluster or os.environ.get("SHALLOWDIVE_CLUSTER") or DEFAULT_NAME)

    @property
    def kubeconfig(self) -> Path:
        return self.root / "clusters" / f"{self.cluster}.kubeconfig"

    @property
    def record(self) -> Path:
        return self.root / "clusters" / f"{self.cluster}.json"

    def folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path


@dataclass(slots=True)
class Record:
    """What we claim about a cluster. Written before its first container exists, so that nothing of ours is ever without an owner.

    `phase` is creating | ready. `marker` is the UID that the cluster must carry too. `server` is the address a person confirmed
    (existing) or '' (kind: loopback only). `owner` labels the namespaces made from this home.
    `speed` is the embedded cluster's: how many of its seconds pass in one of ours."""

    name: str
    backend: str
    phase: str = "creating"
    marker: str = field(default_factory=lambda: str(uuid.uuid4()))
    context: str = ""
    server: str = ""
    http_port: int = 0
    https_port: int = 0
    http_url: str = ""
    image: str = ""
    kind_version: str = ""
    version: str = ""
    nodes: int = 0
    creator_pid: int = 0
    owner: str = ""
    made_marker: bool = False
    created_at: float = field(default_factory=time.time)
    speed: float = 1.0

    def __post_init__(self) -> None:
        self.owner = self.owner or uuid.uuid5(uuid.NAMESPACE_URL, f"{self.marker} {self.created_at}").hex[:12]

    def save(self, home: Home) -> None:
        home.record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = home.record.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        part.replace(home.record)

    @classmethod
    def load(cls, home: Home) -> Record | None:
        try:
            return cls(**json.loads(home.record.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as exc:
            raise ClusterError(
                f"the record of cluster {home.cluster} cannot be read",
                saw=f"{home.record.name}: {exc}",
                try_this=f"move {home.record} away, then: shallowdive up",
            ) from exc


class FileLock:
    """One process at a time, by a file. The system drops it when its owner dies, however it dies; `busy` is said to who comes second."""

    def __init__(self, path: Path, verb: str, busy: str) -> None:
        self._path, self._verb, self._busy = path, verb, busy
        self._fd = -1

    def __enter__(self) -> Self:
        import fcntl

        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(self._fd, 200).decode(errors="replace") or "another process"
            os.close(self._fd)
            raise Busy(self._busy, saw=owner, try_this="wait for it to end, then repeat the command") from None
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"shallowdive {self._verb}, process {os.getpid()}, since {time.strftime('%H:%M:%S')}".encode())
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


class Lock(FileLock):
    """One `up` or `down` at a time for a cluster."""

    def __init__(self, home: Home, verb: str) -> None:
        super().__init__(home.record.with_suffix(".lock"), verb, "this cluster is being changed right now")
