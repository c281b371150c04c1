#!/usr/bin/env python3
"""Kubernetes Shallow Dive, the one command.

python3 dive.py [OPTIONS]      prepare .venv, bring the cluster up (OPTIONS go to `up`), open the first lab
python3 dive.py test [ARGS]    run the tests (ARGS go to pytest)
python3 dive.py VERB [ARGS]    status, down, doctor, kubeconfig, lab, check, reset (ARGS go to the verb)

Standard library only; parses on Python 3.8, to say there which Python it needs. Its own words go to stderr: stdout is the verb's."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO, Sequence
from urllib.parse import urlsplit

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

WINDOWS = os.name == "nt"
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
SITE = VENV / ("Lib/site-packages" if WINDOWS else f"lib/python3.{sys.version_info[1]}/site-packages")
SCRATCH, LOG = VENV / "tmp", VENV / "install.log"
LEARNER, TESTER = "requirements.lock", "requirements-test.lock"
WHOLE_RUN = ("-n", "2", "--dist", "loadscope")  # what acts on the kind cluster is one lane, the rest is beside it: conftest.py
DIVE = f"{'py' if WINDOWS else Path(sys.executable or 'python3').name} dive.py"
SET = "set" if WINDOWS else "export"
PIP_SETTINGS = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_PROGRESS_BAR": "off", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
NOT_PREPARED, INTERRUPTED = 6, 130
VERB_LIMIT_S, TEST_LIMIT_S = 3600.0, 6 * 3600.0
PROXY_HOST = urlsplit(os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY") or "").hostname or "none"
PROXY = f"ProxyError|Tunnel connection failed|407 Proxy|host='{re.escape(PROXY_HOST)}'"  # pip 26 names the host and not its role
NETWORK = "to resolve|name resolution|getaddrinfo|nodename nor|NewConnection|unreachable|[Tt]imed? ?out|Connection ?([Rr]eset|[Rr]efused)"
# Looked for in this order: above the error that ended it, pip leaves warnings about the network from its retries.
CAUSES = [
    ("DO NOT MATCH THE HASHES", "a download is not the file the lock names", f"{PYTHON} -m pip cache purge"),
    ("No space left on device|Errno 28|not enough space", "the disk is full (.venv takes about 0.6 GB)", "df -h ."),
    ("CERTIFICATE_VERIFY_FAILED|SSLError", "this machine does not trust the package index's certificate", f"{SET} PIP_CERT=COMPANY-CA.pem"),
    (PROXY, "the proxy refuses pip", f"{SET} HTTPS_PROXY=http://PROXY-HOST:PORT"),
    (NETWORK, "no network: the package index cannot be reached", DIVE),
    ("Permission denied|Errno 13|WinError (5|32)", "a file of .venv belongs to another user or is in use", f"rm -rf .venv && {DIVE}"),
    ("No matching distribution", "the package index has no such package for this machine", f"{PYTHON} -m pip config list"),
]


class Stop(Exception):
    """One cause, what was seen, one next command."""

    def __init__(self, what: str, seen: str, next_command: str, last_lines: Sequence[str] = ()) -> None:
        super().__init__("\n".join([*(f"  | {line[:300]}" for line in last_lines), what, f"  seen: {seen}", f"  next: {next_command}"]))


class Step:
    """A named step: one updating line on a terminal, elsewhere a line every 15 s; at its end the seconds it took."""

    def __init__(self, name: str) -> None:
        self.name, self.begin, self.said_at = name, time.monotonic(), time.monotonic()

    def show(self, text: str) -> None:
        now = time.monotonic()
        line = f"{self.name}: {text} ({now - self.begin:.0f} s)"
        if sys.stderr.isatty():
            print("\r" + line[: width()].ljust(width()), end="", file=sys.stderr, flush=True)
        elif now - self.said_at >= 15:
            self.said_at = now
            print(line, file=sys.stderr, flush=True)

    def __enter__(self) -> Step:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if sys.stderr.isatty():
            print("\r" + " " * width(), end="\r", file=sys.stderr)
        if kind is None:
            print(f"{self.name}: {time.monotonic() - self.begin:.1f} s", file=sys.stderr, flush=True)


def width() -> int:
    return shutil.get_terminal_size().columns - 1


def python_problem(version: tuple[int, ...]) -> str:
    """One sentence, '' when this Python will do."""
    return "" if version >= (3, 11) else "Kubernetes Shallow Dive needs Python 3.11 or newer, this is Python {}.{}.".format(*version)


def check_machine() -> None:
    """What an installation needs of this machine, before the first side effect."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as exc:
        fix = f"sudo apt install python3.{sys.version_info[1]}-venv" if shutil.which("apt") else "https://www.python.org/downloads/"
        raise Stop("This Python cannot make virtual environments: a part of it is not installed.", str(exc), fix) from exc
    if not os.access(str(ROOT), os.W_OK):
        raise Stop("The folder of the course cannot be written.", str(ROOT), f"ls -ld {shlex.quote(str(ROOT))}")


def child_environment() -> dict[str, str]:
    """Ours, with .venv first on the PATH and without what leads its Python to packages outside it."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")}
    return {**env, "VIRTUAL_ENV": str(VENV), "PATH": f"{PYTHON.parent}{os.pathsep}{env.get('PATH', os.defpath)}"}


def identity() -> str:
    """A virtual environment works for one Python in one folder."""
    return f"Python 3.{sys.version_info[1]} in {ROOT}\n"


def stamp_text(lock: str) -> str:
    return identity() + hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in (lock, "pyproject.toml"))).hexdigest()


def read_stamp(lock: str) -> str:
    file = VENV / f"{lock}.stamp"
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def hold(me: BinaryIO) -> None:
    """Two at once would delete each other's half-made .venv. The system frees the lock when the file is closed or we die."""
    try:
        if fcntl is not None:
            fcntl.flock(me, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if isinstance(exc, BlockingIOError):  # any other: a file system without locks
            raise Stop("Another dive.py is preparing this folder.", "its lock is held", f"wait for its end, then: {DIVE}") from exc


def prepare(lock: str) -> None:
    """Make .venv hold what the lock names; nothing to do when its stamp says so. The stamp is written last."""
    if PYTHON.exists() and read_stamp(lock) == stamp_text(lock):
        return
    check_machine()
    with Path(__file__).open("rb") as me:
        hold(me)
        if not (PYTHON.exists() and any(read_stamp(name).startswith(identity()) for name in (LEARNER, TESTER))):
            make_venv()
        for stamp in VENV.glob("*.stamp"):
            stamp.unlink()
        names = len(re.findall(r"^\S+==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        pip = [str(PYTHON), "-m", "pip", "install"]
        with Step("packages") as step:  # --no-compile: 29 s instead of 41; what is used compiles at its first import, in 5
            watch(step, [*pip, "--no-compile", "--require-hashes", "-r", lock], names)
        with Step("course package") as step:
            watch(step, [*pip, "--no-deps", "--no-build-isolation", "-e", "."])
        shutil.rmtree(SCRATCH, ignore_errors=True)
        for name in {lock, LEARNER}:  # the tester's lock holds all of the learner's
            (VENV / "new").write_text(stamp_text(name), encoding="utf-8")
            (VENV / "new").replace(VENV / f"{name}.stamp")


def make_venv() -> None:
    ours = (VENV / "pyvenv.cfg").exists() or all(p.is_dir() or p == LOG for p in VENV.glob("**/*"))
    if VENV.is_symlink() or not ours:
        raise Stop("The place of the virtual environment is taken.", f"{VENV} is something else", f"mv .venv venv-of-before && {DIVE}")
    with Step("virtual environment .venv") as step:
        if VENV.exists():
            shutil.rmtree(VENV)
        watch(step, [getattr(sys, "_base_executable", "") or sys.executable, "-m", "venv", str(VENV)])


def progress(said: Sequence[str], names: int) -> str:
    """What pip is at, from its own lines. While it unpacks it prints nothing: the unpacked packages are counted."""
    order = next((line.split(": ", 1)[1].split(", ") for line in said if line.startswith("Installing collected packages: ")), [])
    if order:
        at = min(max(installed(), 1), len(order))
        return f"installing {at} of {len(order)}: {order[at - 1]}"
    seen = [line.split("==")[0].split()[-1] for line in said if line.startswith(("Collecting ", "Requirement already ")) and "==" in line]
    names -= sum(line.startswith("Ignoring ") for line in said)
    return f"downloading {len(seen)} of {names}: {seen[-1]}" if seen else "..."


def installed() -> int:
    return sum(1 for _ in SITE.glob("*.dist-info"))


def activity() -> int:
    """Changes while pip works, also in its silent stretches: bytes downloaded, packages unpacked."""
    total = installed()
    for folder, _, files in os.walk(str(SCRATCH)):  # Path.rglob fails when pip removes a folder under it
        with contextlib.suppress(OSError):
            total += sum(Path(folder, name).stat().st_size for name in files)
    return total


def watch(step: Step, argv: list[str], names: int = 0, limit_s: float = 1200, silence_s: float = 180) -> None:
    """Run to the end, at most `limit_s` and at most `silence_s` without a sign of work. What it says goes to LOG."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    env = {**child_environment(), **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(SCRATCH)), **PIP_SETTINGS}
    with LOG.open("wb") as log:  # its own process group: pip starts programs too, and all of them have to end
        child = subprocess.Popen(argv, cwd=str(ROOT), env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    begin = heard = time.monotonic()
    before, why = -1, ""
    try:
        while child.poll() is None and not why:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=0.2)
            said = log_lines()
            step.show(progress(said, names))
            now, sign = time.monotonic(), len(said) + activity()
            if sign != before:
                before, heard = sign, now
            why = f"no sign of work for {silence_s:g} s" if now - heard > silence_s else ""
            why = f"no end after {limit_s:g} s" if now - begin > limit_s else why
    finally:
        if child.poll() is None:
            child.kill() if WINDOWS else os.killpg(child.pid, signal.SIGKILL)
        child.wait(timeout=10)
    if child.returncode or why:
        raise explain(step.name, log_lines(), why, shlex.join(argv))


def log_lines() -> list[str]:
    return LOG.read_text(encoding="utf-8", errors="replace").splitlines()


def explain(step: str, said: list[str], why: str, command: str) -> Stop:
    """The last lines, the cause where the text names a known one, one next command."""
    for pattern, cause, fix in CAUSES:
        for line in said:
            if re.search(pattern, line):
                return Stop(f"{step}: {cause}.", why or line.strip()[:400], fix, said[-5:])
    return Stop(f"{step}: failed.", why or (said or ["no output"])[-1], command, said[-5:])


def hand_over(module: str, *arguments: str) -> int:
    """Run a module of .venv in our place. Ctrl-C reaches it from the terminal: it cleans up, and we wait for that.

    Everything has a time limit but JupyterLab: it is open as long as the learner works."""
    limit_s = None if arguments[:1] == ("lab",) and "--headless" not in arguments else TEST_LIMIT_S if module == "pytest" else VERB_LIMIT_S
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    child = subprocess.Popen([str(PYTHON), "-m", module, *arguments], cwd=str(ROOT), env=child_environment())
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        code = child.wait(timeout=limit_s)
    except subprocess.TimeoutExpired as exc:
        child.terminate()
        raise Stop(f"{' '.join(arguments)} was stopped.", f"no end after {limit_s:g} s", f"{DIVE} doctor") from exc
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed and module != "pytest" and code != INTERRUPTED and (code or arguments[0] != "lab"):
        raise KeyboardInterrupt
    return code if code >= 0 else 128 - code


def starts(python: str) -> bool:
    """Being on the PATH is not enough: a version manager leaves names there that only print an error."""
    return bool(shutil.which(python)) and not subprocess.run([python, "-c", ""], stderr=subprocess.DEVNULL, timeout=10).returncode


def main(arguments: list[str]) -> int:
    if python_problem(sys.version_info[:2]):
        newer = next((name for name in (f"python3.{minor}" for minor in range(20, 10, -1)) if starts(name)), "")
        raise Stop(
            python_problem(sys.version_info[:2]), sys.executable, f"{newer} dive.py" if newer else "https://www.python.org/downloads/"
        )
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if arguments[:1] == ["test"]:
        prepare(TESTER)
        return hand_over("pytest", *(arguments[1:] or WHOLE_RUN))
    prepare(LEARNER)
    if arguments and not arguments[0].startswith("-"):
        return hand_over("shallowdive", *arguments)
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--name", action="append", default=[])
    lab = [f"--name={name}" for name in options.parse_known_args(arguments)[0].name]
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        lab.append("--headless")
    return hand_over("shallowdive", "up", *arguments) or hand_over("shallowdive", "lab", *lab)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        print(stop, file=sys.stderr)
        sys.exit(NOT_PREPARED)
    except OSError as exc:
        print(explain("this machine", [str(exc)], "", f"ls -la {shlex.quote(str(ROOT))}"), file=sys.stderr)
        sys.exit(NOT_PREPARED)
    except KeyboardInterrupt:
        print(f"Interrupted. To go on: {DIVE}", file=sys.stderr)
        sys.exit(INTERRUPTED)
