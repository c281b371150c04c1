"""The embedded cluster as a process, for tests and benchmarks: started, waited for, ended with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START_S, STOP_S = 60, 15


def clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "KUBECONFIG" and not k.lower().endswith("_proxy")}


@contextmanager
def embedded_process(folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs while the block does, on free ports; `folder` gets its `kubeconfig` and `log`. Raises RuntimeError when it does not start."""
    command = [sys.executable, "-m", "shallowdive.embedded", "--kubeconfig", str(folder / "kubeconfig"), "--while-stdin", *options]
    process = start(command, folder / "log")
    try:
        wait_for_file(folder / "kubeconfig", process, folder / "log")
        yield process
    finally:
        stop(process)


def start(command: list[str], log: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """In a process group of its own. Its stdin is a pipe that closes with this process."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env=env or clean_environment(), start_new_session=True
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End its group, kindly and then not."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)


def wait_for_file(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.005)
