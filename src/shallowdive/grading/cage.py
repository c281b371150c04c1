"""Run one program of a stranger with limits, and leave nothing of it alive: python -m shallowdive.grading.cage SPEC

This process stands between the grader and the program. It adopts whatever the program leaves behind (Linux: a child subreaper), looks at
the whole tree twice a second, and kills all of it at the end, at a limit, or when the grader is gone (its end of our standard input
closes, also after `kill -9`). It writes one line of JSON: `Ended`.

With bubblewrap the program sees a machine of its own: no process but its own, the system and this Python for reading, its working folder
for writing, no home, no results, no other submission. As root it is a user of its own in there, too. The network is the grader's in any
case. Without bubblewrap there are limits only, and the program has the rights of whoever grades: `isolation` says which it is."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import psutil

LOOK_S, GONE_S = 0.5, 5.0
PR_SET_CHILD_SUBREAPER = 36
FIRST_USER, MOST_USERS = 61_000, 500
TAKEN: list[int] = []
"""Locks on the users of this process; the system drops them when it ends."""
BOX = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--new-session")
SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ssl", "/etc/hosts", "/etc/resolv.conf",
    "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/fonts",
)  # fmt: skip
"""What of the system a program sees, for reading."""
OPEN_FILES, CORE_BYTES = 1024, 0


@dataclass(slots=True)
class Spec:
    """What to run and within what. `user` 0: as whoever runs the cage. Memory is of the whole tree, in bytes."""

    command: list[str]
    folder: str
    env: dict[str, str] = field(default_factory=dict)
    user: int = 0
    limit_s: float = 600
    memory_bytes: int = 2 << 30
    processes: int = 64
    file_bytes: int = 32 << 20
    folder_bytes: int = 256 << 20
    folder_files: int = 20_000


@dataclass(slots=True)
class Ended:
    """`why`: end, time, memory, processes, disk, or grader (it went away). `left` are processes that could not be killed: always 0."""

    why: str
    status: int
    seconds: float
    most_bytes: int = 0
    most_processes: int = 0
    left: int = 0


@cache
def bubblewrap() -> str:
    """The path of a bubblewrap that works here; '' without one."""
    found = shutil.which("bwrap") if sys.platform.startswith("linux") else None
    if not found:
        return ""
    try:
        tried = subprocess.run([found, *BOX, "--ro-bind", "/", "/", "true"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if tried.returncode else found


def isolation() -> str:
    """What keeps a stranger's program apart here, in words for a report."""
    if not sys.platform.startswith("linux"):
        return "limits only: this system cannot adopt what a program leaves behind"
    if not bubblewrap():
        return "limits only: without bubblewrap (apt install bubblewrap) a program has the rights of whoever grades"
    return "bubblewrap, limits" + (", a user of its own" if os.geteuid() == 0 else "") + "; the network is not isolated"


def own_user() -> int:
    """A user that nobody has and no other batch of this machine uses, for as long as this process lives; 0 where none can be given.

    The cage kills everything of its user, so two of one number would end each other's programs."""
    if not bubblewrap() or os.geteuid() != 0:
        return 0
    import fcntl

    for user in range(FIRST_USER, FIRST_USER + MOST_USERS):
        path = Path(tempfile.gettempdir()) / f"shallowdive-user-{user}.lock"
        try:
            lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        TAKEN.append(lock)
        return user
    return 0


def boxed(spec: Spec) -> list[str]:
    """The command inside bubblewrap; as it is where there is none."""
    bwrap = bubblewrap()
    if not bwrap:
        return spec.command
    ours = {os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, Path(__file__).parents[2])} | {sys.prefix, sys.base_prefix}
    ways = dict.fromkeys(str(parent) for path in (*sorted(ours), spec.folder) for parent in list(Path(path).parents)[-2::-1])
    open_ways = [option for way in ways for option in ("--perms", "0755", "--dir", way)]
    seen = [option for path in (*SYSTEM, *sorted(ours)) for option in ("--ro-bind-try", path, path)]
    own = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", *open_ways, *seen, "--bind", spec.folder, spec.folder]
    if not spec.user:
        return [bwrap, *BOX, "--cap-drop", "ALL", *own, "--chdir", spec.folder, "--", *spec.command]
    become = ["setpriv", f"--reuid={spec.user}", f"--regid={spec.user}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    rights = ["--cap-drop", "ALL", *(o for right in ("SETUID", "SETGID", "SETPCAP") for o in ("--cap-add", f"CAP_{right}"))]
    return [
        bwrap,
        *BOX,
        *rights,
        *own,
        "--",
        *become,
        "--inh-caps=-all",
        "env",
        "-C",
        spec.folder,
        *spec.command,
    ]  # the folder is closed to all but this user


def run(spec: Spec) -> Ended:
    """Run to the end or to a limit; afterwards nothing of it is alive."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    ended = Ended("end", -1, 0)
    log = Path(spec.folder) / "output.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            boxed(spec), cwd=spec.folder, env=spec.env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=lambda: _limit(spec),
        )  # fmt: skip
    try:
        while process.poll() is None:
            if _grader_is_gone():
                ended.why = "grader"
                break
            tree = _tree(spec.user)
            ended.most_processes = max(ended.most_processes, len(tree))
            ended.most_bytes = max(ended.most_bytes, sum(_bytes(p) for p in tree))
            if why := _too_much(spec, ended, time.monotonic() - began):
                ended.why = why
                break
    finally:
        ended.left = _kill_all(spec.user)
        process.poll()
    ended.status = process.returncode if process.returncode is not None else -9
    ended.seconds = round(time.monotonic() - began, 1)
    return ended


def _too_much(spec: Spec, seen: Ended, seconds: float) -> str:
    if seconds > spec.limit_s:
        return "time"
    if seen.most_bytes > spec.memory_bytes:
        return "memory"
    if seen.most_processes > spec.processes:
        return "processes"
    return "disk" if _is_full(spec) else ""


def _is_full(spec: Spec) -> bool:
    """Whether the program has written more than it may, or so many files that counting them ends. Links are not followed."""
    total = count = 0
    folders = [spec.folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if count > spec.folder_files or total > spec.folder_bytes:
                        return True
        except OSError:
            continue  # gone meanwhile, or a name that is too long: those are counted where they begin
    return False


def _grader_is_gone() -> bool:
    """Waits a moment for the end of our standard input. Nothing is ever written to it."""
    readable, _, _ = select.select([sys.stdin], [], [], LOOK_S)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1)


def _limit(spec: Spec) -> None:
    import resource

    for what, most in (
        (resource.RLIMIT_CPU, int(spec.limit_s) + 1), (resource.RLIMIT_FSIZE, spec.file_bytes), (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, CORE_BYTES), (resource.RLIMIT_AS, 2 * spec.memory_bytes),
    ):  # fmt: skip
        resource.setrlimit(what, (most, most))
    if spec.user:  # counts all processes of the user, so only where the user is this program's alone
        resource.setrlimit(resource.RLIMIT_NPROC, (4 * spec.processes, 4 * spec.processes))  # threads count too


def _tree(user: int) -> list[psutil.Process]:
    """Everything that descends from us, and everything of the program's own user."""
    found = {p.pid: p for p in psutil.Process().children(recursive=True)}
    if user:
        for p in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if p.uids().real == user:
                    found[p.pid] = p
    return list(found.values())


def _bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _kill_all(user: int) -> int:
    """Kill until nobody is left, at most GONE_S; returns how many still are."""
    end = time.monotonic() + GONE_S
    while True:
        alive = [p for p in _tree(user) if _is_alive(p)]
        if not alive or time.monotonic() > end:
            return len(alive)
        for p in alive:
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                p.send_signal(signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


def _is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


if __name__ == "__main__":
    spec = Spec(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    print(json.dumps(asdict(run(spec))), flush=True)  # noqa: T201 - its answer to the grader
