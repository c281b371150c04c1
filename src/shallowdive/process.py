"""Programs are started here and nowhere else: a time limit, the whole tree killed at its end, an error with the command to paste.

Output is read as UTF-8 whatever the machine's locale is. stderr is never parsed as data."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shallowdive.errors import ProgramFailed


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: exit status and everything it printed."""

    status: int
    stdout: str
    stderr: str


def run(
    args: Sequence[str | Path],
    *,
    limit_s: float,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    on_start: Callable[[int], None] | None = None,
) -> Ended:
    """Run to its end, at most `limit_s` seconds; then the process group is killed and ProgramFailed raised.

    `on_line` sees each line of stderr as it comes, `on_start` the process id. A status other than 0 is not an error here."""
    command = [str(a) for a in args]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            start_new_session=True,
        )
    except OSError as exc:
        raise ProgramFailed(f"{command[0]} cannot be started", saw=str(exc), try_this=f"run it by hand: {shlex.join(command)}") from exc
    out: list[str] = []
    err: list[str] = []
    readers = [
        threading.Thread(target=_pump, args=(process.stdout, out, None), daemon=True),
        threading.Thread(target=_pump, args=(process.stderr, err, on_line), daemon=True),
    ]
    if on_start:
        on_start(process.pid)
    try:
        for reader in readers:
            reader.start()
        assert process.stdin is not None
        try:
            process.stdin.write(stdin.encode())
            process.stdin.close()
        except BrokenPipeError:
            pass  # it did not want its input; its exit status says the rest
        status = process.wait(timeout=limit_s)
    except BaseException as exc:
        kill_tree(process.pid)
        process.wait(timeout=10)
        if isinstance(exc, subprocess.TimeoutExpired):
            raise failed(command, Ended(-1, "".join(out), "".join(err)), f"no end after {limit_s:g} s") from exc
        raise
    for reader in readers:  # a grandchild may keep the pipe open: what was printed by now is the output
        reader.join(timeout=2)
    return Ended(status, "".join(out), "".join(err))


def must(args: Sequence[str | Path], *, limit_s: float, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Run and return stdout; any other exit status than 0 is ProgramFailed."""
    ended = run(args, limit_s=limit_s, env=env, stdin=stdin)
    if ended.status:
        raise failed([str(a) for a in args], ended)
    return ended.stdout


def failed(command: Sequence[str], ended: Ended, why: str = "") -> ProgramFailed:
    """The error for a program that ended badly: its last lines and the command to paste."""
    last = " / ".join((ended.stderr.strip() or ended.stdout.strip()).splitlines()[-3:])
    return ProgramFailed(
        f"{Path(command[0]).name} {why or f'ended with status {ended.status}'}",
        saw=last or "no output",
        try_this=f"run it by hand: {shlex.join(command)}",
        stdout=ended.stdout,
        stderr=ended.stderr,
    )


def start(args: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program that goes on without us, with no terminal; what it prints goes to `log`. Raises ProgramFailed."""
    command = [str(a) for a in args]
    try:
        with log.open("wb") as out:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(env) if env is not None else None,
                start_new_session=True,
            )
    except OSError as exc:
        raise ProgramFailed(f"{command[0]} cannot be started", saw=str(exc), try_this=f"run it by hand: {shlex.join(command)}") from exc
    _going_on.append(child)
    return child


_going_on: list[subprocess.Popen[bytes]] = []
"""Kept, so that Python reaps those that end before we do."""


def kill_tree(pid: int) -> None:
    """Kill the process group that `run` made for this program."""
    try:
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # already gone


def signal_to(pid: int, number: signal.Signals) -> None:
    """Send a signal to one process; nothing to do when it has gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def command_of(pid: int) -> str:
    """The command line of a running process, '' when there is none."""
    for child in _going_on:
        child.poll()
    if sys.platform == "linux":  # a small image has no ps
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    try:
        return run(["ps", "-p", str(pid), "-o", "command="], limit_s=5).stdout.strip()
    except ProgramFailed:
        return ""


def _pump(pipe: object, into: list[str], on_line: Callable[[str], None] | None) -> None:
    for raw in iter(pipe.readline, b""):  # type: ignore[attr-defined]
        line = raw.decode("utf-8", errors="replace")
        into.append(line)
        if on_line:
            on_line(line.rstrip())
