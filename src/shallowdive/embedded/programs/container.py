"""A container: files of its own, processes of its own, a memory limit. And the sandbox: what the containers of a pod share."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from shallowdive.embedded.network import Handler, Network, Reply
from shallowdive.embedded.programs.files import File, Files, Folder, fail
from shallowdive.embedded.programs.process import KILL, Process, Program, RunQueue
from shallowdive.embedded.programs.streams import NOTHING, Reader, Writer
from shallowdive.embedded.request import Request

FIRST_INODE, FIRST_CLIENT_PORT = 20001, 32768
TIME_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Talk:
    """A connection that was: the kernel shows it for a minute (TIME_WAIT)."""

    at: float
    here: tuple[str, int]
    there: tuple[str, int]


@dataclass(slots=True)
class Sandbox:
    """One network for all containers of a pod: one address, one list of ports, one host name."""

    network: Network
    run_queue: RunQueue
    namespace: str
    hostname: str
    ip: str
    node: str
    domain: str = ""
    host_aliases: list[tuple[str, list[str]]] = field(default_factory=list)
    listening: dict[int, tuple[Process, int]] = field(default_factory=dict)
    udp: dict[int, Process] = field(default_factory=dict)
    talks: deque[Talk] = field(default_factory=lambda: deque(maxlen=64))
    _serial: int = 0

    def listen(self, process: Process, port: int, handler: Handler) -> None:
        """Raises OSError when another process of the pod has the port."""
        if port in self.listening:
            fail(errno.EADDRINUSE, str(port))
        self._serial += 1
        self.listening[port] = (process, FIRST_INODE + self._serial)
        self.network.listen(self.ip, port, handler)
        process.at_end.append(lambda: self._close(process, port))

    def _close(self, process: Process, port: int) -> None:
        if self.listening.get(port, (None, 0))[0] is process:
            del self.listening[port]
            self.network.close(self.ip, port)

    def reserve_udp(self, process: Process, port: int) -> bool:
        """Nothing is ever sent by UDP here, but a port is still one process's."""
        if port in self.udp and self.udp[port].code is None:
            return False
        self.udp[port] = process
        return True

    def send(self, ip: str, port: int, request: Request, reply: Reply) -> None:
        """Ask an address, as a program of this pod: 127.0.0.1 is the pod itself."""
        self._serial += 1
        client = FIRST_CLIENT_PORT + self._serial % 28232
        local = ip if ip.startswith("127.") else self.ip
        self.talks.append(Talk(self.run_queue.clock.now(), (local, client), (ip, port)))
        request.headers = {"x-remote-address": f"{local}:{client}", **request.headers}
        self.network.send(self.ip if ip.startswith("127.") else ip, port, request, reply)

    def recent_talks(self) -> list[Talk]:
        since = self.run_queue.clock.now() - TIME_WAIT_S
        return [t for t in self.talks if t.at >= since]

    def resolve(self, host: str) -> list[str]:
        """Addresses of a name, as the pod's resolver finds them: /etc/hosts, then the cluster's names. [] for none."""
        if host in (self.hostname, f"{self.hostname}.{self.domain}"):
            return [self.ip]
        if host == "localhost":
            return ["127.0.0.1"]
        for ip, names in self.host_aliases:
            if host in names:
                return [ip]
        return self.network.resolve(host, self.namespace)


class NotExecutable(Exception):
    """What the container runtime says when a command cannot be started."""


class Container:
    """One run of a container, from process 1 to its end."""

    def __init__(self, sandbox: Sandbox, files: Files, env: dict[str, str], user: tuple[int, int], limit: int | None) -> None:
        self.sandbox, self.files, self.env, self.user, self.limit_bytes = sandbox, files, env, user, limit
        self.run_queue = sandbox.run_queue
        self.processes: dict[int, Process] = {}
        self.used_bytes = 0
        self.killed_for_memory = False
        self.started_at = self.run_queue.clock.now()
        self.on_end: Callable[[int], None] = lambda _: None
        self._last_pid = 0

    def spawn(
        self,
        argv: list[str],
        *,
        env: dict[str, str] | None = None,
        cwd: str = "/",
        stdin: Reader = NOTHING,
        stdout: Writer = NOTHING,
        stderr: Writer = NOTHING,
        parent: int = 0,
        program: Program | None = None,
    ) -> Process:
        """A new process, not started yet. Raises NotExecutable, in the runtime's words."""
        own = dict(self.env if env is None else env)
        program = program or self.look_up(argv[0], own.get("PATH", "/bin"), cwd)
        self._last_pid += 1
        process = Process(self, self._last_pid, parent, argv, program, own, cwd, stdin, stdout, stderr)
        self.processes[process.pid] = process
        return process

    def look_up(self, name: str, path: str, cwd: str = "/") -> Program:
        if "/" not in name:
            for folder in path.split(":"):
                node = self.files.find(f"{folder}/{name}") if self.files.exists(f"{folder}/{name}") else None
                if isinstance(node, File) and node.program is not None:
                    return node.program
            raise NotExecutable(f'exec: "{name}": executable file not found in $PATH')
        try:
            node = self.files.find(name, cwd)
        except OSError:
            raise NotExecutable(f'exec: "{name}": stat {name}: no such file or directory') from None
        if isinstance(node, Folder):
            raise NotExecutable(f'exec: "{name}": is a directory')
        if isinstance(node, File) and node.program is not None:
            return node.program
        raise NotExecutable(f'exec: "{name}": permission denied')

    def ended(self, process: Process) -> None:
        """A process says that it is over. With the first one, all end."""
        self.processes.pop(process.pid, None)
        if process.pid == 1:
            for other in list(self.processes.values()):
                other.kill(128 + KILL)
            self.on_end(process.code or 0)

    def charge(self, bytes_: int) -> None:
        """A program took memory. Over the limit the kernel kills the whole container."""
        self.used_bytes += bytes_
        if self.limit_bytes is not None and self.used_bytes > self.limit_bytes:
            self.killed_for_memory = True
            for process in sorted(self.processes.values(), key=lambda p: -p.pid):
                process.kill(128 + KILL)
