"""/proc: processes and sockets as files, written while they are read. Each container sees its own processes and the pod's sockets."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from shallowdive.embedded.programs.container import Container, Sandbox
from shallowdive.embedded.programs.files import Folder, Link, Live, LiveFolder, Node
from shallowdive.embedded.programs.process import Process

HEAD_4 = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
HEAD_6 = (
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid"
    "  timeout inode"
)
LISTEN, TIME_WAIT = "0A", "06"
ANY_6 = "0" * 32


def proc(running: Callable[[], Container | None]) -> Folder:
    """`running` gives the container whose files these are, once it runs."""

    def listing() -> dict[str, Node]:
        run = running()
        if run is None:
            return {}
        found: dict[str, Node] = {str(p.pid): _process(p) for p in run.processes.values()}
        net: dict[str, Node] = {"tcp": Live(lambda: tcp4(run.sandbox).encode()), "tcp6": Live(lambda: tcp6(run.sandbox).encode())}
        found["net"] = LiveFolder(lambda: net)
        found["uptime"] = Live(lambda: f"{run.run_queue.clock.now() - run.started_at:.2f} 0.00\n".encode())
        found["loadavg"] = Live(lambda: b"0.00 0.00 0.00 1/1 1\n")
        return found

    return LiveFolder(listing)


def _process(process: Process) -> Folder:
    sandbox = process.container.sandbox

    def descriptors() -> dict[str, Node]:
        found: dict[str, Node] = {"0": Link("/dev/null"), "1": Link("pipe:[1]"), "2": Link("pipe:[2]")}
        mine = [inode for owner, inode in sandbox.listening.values() if owner is process]
        return found | {str(number): Link(f"socket:[{inode}]") for number, inode in enumerate(mine, 3)}

    status = f"Name:\t{process.comm}\nState:\tS (sleeping)\nPid:\t{process.pid}\nPPid:\t{process.parent}\n"
    entries: dict[str, Node] = {
        "comm": Live(lambda: f"{process.comm}\n".encode()),
        "cmdline": Live(lambda: b"".join(word.encode() + b"\0" for word in process.argv)),
        "environ": Live(lambda: b"".join(f"{k}={v}".encode() + b"\0" for k, v in process.env.items())),
        "status": Live(status.encode),
        "stat": Live(lambda: _stat(process).encode()),
        "cwd": Link(process.cwd),
        "fd": LiveFolder(descriptors),
    }
    return LiveFolder(lambda: entries)


def _stat(process: Process) -> str:
    """52 fields; nothing here takes time of a processor, so the counts of it are 0."""
    head = [str(process.pid), f"({process.comm})", "S", str(process.parent)]
    return " ".join([*head, *["0"] * (52 - len(head))]) + "\n"


def tcp4(sandbox: Sandbox) -> str:
    """Connections that were made from here, over for less than a minute."""
    rows = [_row(i, _word(t.here), _word(t.there), TIME_WAIT, 0) for i, t in enumerate(sandbox.recent_talks())]
    return "\n".join([HEAD_4, *rows]) + "\n"


def tcp6(sandbox: Sandbox) -> str:
    """The ports on which the pod's programs listen."""
    rows = [
        _row(i, f"{ANY_6}:{port:04X}", f"{ANY_6}:0000", LISTEN, inode) for i, (port, (_, inode)) in enumerate(sandbox.listening.items())
    ]
    return "\n".join([HEAD_6, *rows]) + "\n"


def _word(end: tuple[str, int]) -> str:
    """An address and port as the kernel prints them: the four bytes backwards."""
    return f"{ipaddress.IPv4Address(end[0]).packed[::-1].hex().upper()}:{end[1]:04X}"


def _row(number: int, here: str, there: str, state: str, inode: int) -> str:
    return (
        f"{number:4}: {here} {there} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0000000000000000 100 0 0 10 0"
    )
