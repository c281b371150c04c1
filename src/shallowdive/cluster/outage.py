"""Parts of the cluster that a lab switches off: written down before the act, and switched on again in every case.

Whoever switches a part off holds a lock for as long as it is off. The system drops the lock when its holder dies, however it dies; a
guard, started before the act (`python -m shallowdive.cluster.guard`), then switches everything on, and does the same after a limit.
Where the guard died too (the machine lost its power), the record is still there: `status` says so, `up` and `restore` act on it."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from shallowdive import process
from shallowdive.cluster.access import open_access
from shallowdive.cluster.backend import Backend
from shallowdive.cluster.home import Home
from shallowdive.errors import Busy, CreateFailed, NotOurs, WaitTimeout
from shallowdive.live import poll

NODE, CONTROL_PLANE = "node", "control-plane"
LIMIT_S = 900
"""No lab needs a part to be off for longer."""
GUARD_STARTS_S = 20
WATCHING = "watching"


@dataclass(frozen=True, slots=True)
class Part:
    """A node by its name, or a component of the control plane."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"node {self.name}" if self.kind == NODE else self.name


@dataclass(frozen=True, slots=True)
class Outage:
    """What is off, for which lab, since when and until when (seconds since 1970)."""

    parts: tuple[Part, ...]
    lab: str
    since_s: float
    until_s: float

    def __str__(self) -> str:
        verb = "is" if len(self.parts) == 1 else "are"
        return f"{', '.join(map(str, self.parts))} {verb} switched off, by lab {self.lab}"

    @classmethod
    def load(cls, home: Home) -> Outage | None:
        """None: nothing is off. NotOurs for a record that cannot be read: it would say what to touch."""
        try:
            raw = json.loads(record_of(home).read_text(encoding="utf-8"))
            parts = tuple(Part(str(p["kind"]), str(p["name"])) for p in raw["parts"])
            if any(p.kind not in (NODE, CONTROL_PLANE) for p in parts):
                raise ValueError(f"a part of kind {parts[0].kind}")
            return cls(parts, str(raw["lab"]), float(raw["since_s"]), float(raw["until_s"]))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as exc:
            raise NotOurs(
                "the record of what is switched off cannot be read",
                saw=f"{record_of(home).name}: {exc}",
                try_this="shallowdive down, then: shallowdive up",
            ) from exc

    def save(self, home: Home) -> None:
        part = record_of(home).with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), encoding="utf-8")
        part.replace(record_of(home))


def record_of(home: Home) -> Path:
    return home.record.with_name(f"{home.cluster}.off.json")


def forget(home: Home) -> None:
    """For a cluster that is removed, and everything that was off with it."""
    record_of(home).unlink(missing_ok=True)


def set_part(backend: Backend, part: Part, *, running: bool) -> None:
    (backend.set_node if part.kind == NODE else backend.set_component)(part.name, running=running)


# ── the lock ─────────────────────────────────────────────────────────────────────────────────────────────────
_held: dict[Path, int] = {}
"""Locks of this process, by the record that they belong to."""


def take(home: Home) -> bool:
    """Whether this process has the lock now."""
    record = record_of(home)
    if record in _held:
        return True
    fd = os.open(record.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return False
    _held[record] = fd
    return True


def _release(home: Home) -> None:
    fd = _held.pop(record_of(home), None)
    if fd is not None:
        os.close(fd)


def is_held(home: Home) -> bool:
    """Whether this process has something switched off."""
    return record_of(home) in _held


# ── off and on ───────────────────────────────────────────────────────────────────────────────────────────────
class Switch:
    """The parts of one cluster, for one lab. Only a cluster that its three witnesses call ours; only parts that it has."""

    def __init__(self, home: Home, backend: Backend, lab: str, limit_s: float = LIMIT_S) -> None:
        self._home, self._backend, self._lab, self._limit_s = home, backend, lab, limit_s

    def off(self, part: Part) -> None:
        """Again: nothing changes. Busy while another process has something switched off."""
        open_access(self._home)
        if not take(self._home):
            raise Busy(
                "a part of this cluster is switched off by somebody else",
                saw=str(Outage.load(self._home) or "it ends just now"),
                try_this="wait for that lab to end, or: shallowdive restore",
            )
        now, before = time.time(), Outage.load(self._home)
        parts = tuple(dict.fromkeys((*(before.parts if before else ()), part)))
        Outage(parts, self._lab, before.since_s if before else now, now + self._limit_s).save(self._home)
        try:
            start_guard(self._home)
            set_part(self._backend, part, running=False)
        except BaseException:
            self.on(part)
            raise

    def on(self, part: Part) -> None:
        set_part(self._backend, part, running=True)
        left = Outage.load(self._home)
        parts = tuple(p for p in left.parts if p != part) if left else ()
        if left and parts:
            Outage(parts, left.lab, left.since_s, left.until_s).save(self._home)
        else:
            forget(self._home)
            _release(self._home)

    @contextmanager
    def without(self, part: Part) -> Iterator[None]:
        """Off for the time of a `with` block; on again however the block ends."""
        self.off(part)
        try:
            yield
        finally:
            self.on(part)

    def all_on(self) -> None:
        """What this process switched off. Another one's is left to it."""
        outage = Outage.load(self._home) if is_held(self._home) else None
        for part in outage.parts if outage else ():
            self.on(part)


def restore(home: Home, backend: Backend) -> Outage | None:
    """Switch on whatever is off, whoever switched it off; what that was."""
    outage = Outage.load(home)
    for part in outage.parts if outage else ():
        set_part(backend, part, running=True)
    forget(home)
    _release(home)
    return outage


def settle(home: Home, backend_of: Callable[[], Backend]) -> Outage | None:
    """Before something else begins: what a dead process left off is switched on; None when nothing is off any more, or it is ours."""
    outage = Outage.load(home)
    if outage is None or is_held(home):
        return None
    if not take(home):
        return outage
    restore(home, backend_of())
    return None


# ── the guard ────────────────────────────────────────────────────────────────────────────────────────────────
def start_guard(home: Home) -> None:
    """One more guard does no harm: each ends when nothing is off. Raises CreateFailed when it does not watch within GUARD_STARTS_S."""
    log = home.folder("logs") / f"guard-{home.cluster}.log"
    command = [sys.executable, "-m", "shallowdive.cluster.guard", "--root", str(home.root), "--cluster", home.cluster]
    child = process.start(command, log=log)

    def watches() -> bool | None:
        if child.poll() is not None:
            raise CreateFailed("the guard of this lab ended at once", saw=_words(log), try_this="shallowdive doctor")
        return True if WATCHING in _words(log) else None

    try:
        poll("the guard", watches, within_s=GUARD_STARTS_S, every_s=0.05)
    except WaitTimeout as exc:
        child.kill()
        raise CreateFailed("the guard of this lab does not start", saw=_words(log), try_this="shallowdive doctor") from exc


def _words(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-400:].strip() if log.exists() else ""
