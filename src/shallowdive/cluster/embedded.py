"""The embedded backend: a process of ours on this machine that answers as an API server, for whoever has no container engine.

It is started by its module's name and spoken to over HTTP: nothing of it is imported. What it holds is in its memory, so a server
that ended is an empty cluster, and `up` says so."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from kubernetes.client.exceptions import ApiException

from shallowdive import process
from shallowdive.cluster import health
from shallowdive.cluster.access import Access, leave_marker, open_access, read_kubeconfig
from shallowdive.cluster.apply import call
from shallowdive.cluster.backend import Say, State, Status
from shallowdive.cluster.home import Home, Lock, Record
from shallowdive.cluster.outage import forget, restore
from shallowdive.cluster.progress import step
from shallowdive.errors import CreateFailed, MachineError, NotOurs, PortTaken, ShallowDiveError, Unhealthy, WaitTimeout
from shallowdive.facts import free_port, port_is_free
from shallowdive.live import poll

MODULE = "shallowdive.embedded"
NODES = 3
HTTP_PORT = 8080
START_S, STOP_S = 20, 5
IN_USE = f"[Errno {errno.EADDRINUSE}]"
NOTE = "embedded: in this machine's memory, not a real cluster; how it differs: the page `The embedded cluster` of the book"
GONE = "its server has ended, and what it held was in memory; `up` starts an empty one"


@dataclass(slots=True)
class EmbeddedBackend:
    """`speed` 0 means: as it is, 1 at first. `instead_of` says why there is no better backend, when nobody asked for this one."""

    home: Home
    speed: float = 0.0
    http_port: int = 0
    instead_of: MachineError | None = None
    name: str = field(default="embedded", init=False)

    def up(self, say: Say) -> Status:
        with Lock(self.home, "up"):
            record = Record.load(self.home)
            if record and record.phase == "ready" and self._runs(record):
                return self._again(record)
            if record:
                say(GONE if record.phase == "ready" else "an earlier `up` did not finish: removing what it left")
                self._remove(record)
            return self._create(say)

    def down(self, say: Say) -> bool:
        with Lock(self.home, "down"):
            record = Record.load(self.home)
            if record is None:
                return False
            say("ending the embedded cluster; what it held is gone with it")
            self._remove(record)
            return True

    def status(self) -> Status:
        record = Record.load(self.home)
        facts: dict[str, object] = {"backend": self.name, "cluster": self.home.cluster}
        if record is None:
            return Status(State.ABSENT, "", facts)
        facts |= {k: getattr(record, k) for k in ("context", "http_port", "http_url", "version", "speed")}
        facts |= {"kubeconfig": str(self.home.kubeconfig), "note": NOTE}
        if record.phase != "ready":
            return Status(State.CREATING, "an `up` is at work or was interrupted", facts)
        if not self._runs(record):
            return Status(State.STOPPED, GONE, facts)
        try:
            wrong = health.complaints(open_access(self.home), record.nodes, record.http_port)
        except (ShallowDiveError, ApiException, OSError) as exc:
            return Status(State.BROKEN, exc.saw or exc.what if isinstance(exc, ShallowDiveError) else str(exc).splitlines()[0], facts)
        return Status(State.DEGRADED, "; ".join(wrong), facts) if wrong else Status(State.RUNNING, "", facts)

    def set_node(self, node: str, *, running: bool) -> None:
        self._set(f"nodes/{node}", running, f"{node} is no node of this cluster")

    def set_component(self, component: str, *, running: bool) -> None:
        self._set(f"components/{component}", running, f"{component} is no component of this cluster")

    def _set(self, path: str, running: bool, unknown: str) -> None:
        """Without a look at the marker: an API server that is switched off does not show it. The process in our record is the witness."""
        record = Record.load(self.home)
        if record is None or not self._runs(record):
            raise NotOurs(unknown, saw="no process of ours", try_this="shallowdive status")
        api = Access("owner", self.name, record.name, read_kubeconfig(self.home.kubeconfig, record.context)).connect()
        try:
            call(api, "POST", f"/shallowdive/{path}/{'start' if running else 'stop'}")
        except ApiException as exc:
            if exc.status != 404:
                raise
            raise NotOurs(unknown, saw="404 from its API", try_this="kubectl get nodes") from exc

    def _again(self, record: Record) -> Status:
        restore(self.home, self)
        try:
            access = open_access(self.home)
        except Unhealthy as exc:
            raise Unhealthy(
                "the embedded cluster runs and does not answer", saw=exc.saw, try_this="shallowdive down, then: shallowdive up"
            ) from exc
        if self.speed and self.speed != record.speed:
            call(access.connect(), "PUT", "/shallowdive/clock", {"speed": self.speed})
            record.speed = self.speed
            record.save(self.home)
        return self.status()

    def _create(self, say: Say) -> Status:
        try:
            return self._make(say)
        except PortTaken:
            if self.http_port:
                raise
            say("somebody took its port in the same moment: another one")
            return self._make(say)

    def _make(self, say: Say) -> Status:
        record = self._claim()
        try:
            with step(say, "the embedded cluster", 2):
                self._start(record)
                access = self._mark(record)
                health.until_healthy(access, record.nodes, record.http_port, within_s=START_S, every_s=0.1)
        except BaseException as exc:
            say("it did not work; removing what was made")
            self._remove(record)
            if isinstance(exc, ApiException):
                raise Unhealthy(
                    "the embedded cluster refuses what it is asked first", saw=str(exc)[:300], try_this="shallowdive up"
                ) from exc
            raise
        record.version, record.phase = health.server_version(access), "ready"
        record.save(self.home)
        return self.status()

    def _claim(self) -> Record:
        if self.http_port and not port_is_free(self.http_port):
            raise PortTaken(
                f"port {self.http_port} of this machine is in use",
                saw=f"127.0.0.1:{self.http_port} or [::1]:{self.http_port} is taken",
                try_this="leave the port out: shallowdive up",
            )
        port = self.http_port or free_port(HTTP_PORT)
        record = Record(
            name=self.home.cluster,
            backend=self.name,
            context=f"embedded-{self.home.cluster}",
            http_port=port,
            http_url=f"http://127.0.0.1:{port}",
            nodes=NODES,
            speed=self.speed or 1.0,
        )
        self.home.kubeconfig.unlink(missing_ok=True)
        record.save(self.home)
        return record

    def _start(self, record: Record) -> None:
        """Start the server and wait for its kubeconfig. What it prints goes to its log."""
        log = self.home.folder("logs") / f"embedded-{self.home.cluster}.log"
        command = [*self._command(), "--name", record.name, "--entrance-port", str(record.http_port), "--speed", str(record.speed)]
        child = process.start(command, log=log, env=os.environ | {"SHALLOWDIVE_EMBEDDED_TOKEN": secrets.token_urlsafe(24)})
        record.creator_pid = child.pid
        record.save(self.home)
        try:
            poll("the embedded cluster", lambda: self._answers(child, log), within_s=START_S, every_s=0.02)
        except WaitTimeout as exc:
            raise CreateFailed("the embedded cluster did not start in time", saw=_last(log), try_this="shallowdive up") from exc

    def _answers(self, child: Popen[bytes], log: Path) -> bool | None:
        if self.home.kubeconfig.exists():
            return True
        if child.poll() is not None:
            if IN_USE in _last(log):
                raise PortTaken("a port of the embedded cluster is in use", saw=_last(log), try_this="shallowdive up")
            raise CreateFailed(
                "the embedded cluster ended while it started", saw=f"{_last(log)}\n  all of it: {log}", try_this="shallowdive up"
            )
        return None

    def _mark(self, record: Record) -> Access:
        configuration = read_kubeconfig(self.home.kubeconfig, record.context)
        access = Access("owner", self.name, record.name, configuration, record.http_url, marker=record.marker, speed=record.speed)
        leave_marker(access.connect(), record.marker)
        return access

    def _command(self) -> list[str]:
        """How our server is called; the kubeconfig's path makes it the one of this home and name."""
        return [sys.executable, "-m", MODULE, "--kubeconfig", str(self.home.kubeconfig)]

    def _runs(self, record: Record) -> bool:
        """A process of the recorded number, and it is our server: numbers are used again by other programs."""
        return bool(record.creator_pid) and " ".join(self._command()[1:]) + " " in process.command_of(record.creator_pid) + " "

    def _remove(self, record: Record) -> None:
        """End the server, kindly and then not, and forget it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._runs(record):
                process.signal_to(record.creator_pid, number)
                with suppress(WaitTimeout):
                    poll("its end", lambda: None if self._runs(record) else True, within_s=STOP_S, every_s=0.02)
        if self._runs(record):
            raise Unhealthy(
                "the embedded cluster does not end",
                saw=f"process {record.creator_pid} is still there after SIGKILL",
                try_this="shallowdive down",
            )
        self.home.kubeconfig.unlink(missing_ok=True)
        self.home.record.unlink(missing_ok=True)
        forget(self.home)


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return "\n        ".join(lines[-5:]) or "no word in its log"
