"""What runs in the pod of a submission: python -m shallowdive.grading.inside HANDED_IN LIMITS

Unpacks the notebook, sets limits on itself that no later process can raise, runs nbval, and prints the beginning of nbval's report. All
of it is in the student's hands as soon as the first cell runs, so what it prints is for a reader and never a mark.

Where the kernel of the system ends one process for want of memory, nbval would wait for a notebook's kernel that is gone until its cell's
limit. So memory is looked at here, and a notebook's kernel that is gone is the end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from shallowdive.grading.nbval import COMMAND, REPORT, read_regular

REPORT_BYTES = 200_000
TOO_MUCH_MEMORY = 77
"""Exit status."""
LOOK_S, KERNEL_GONE_S = 0.5, 10


def main(handed_in: str, limits: str) -> int:
    import resource

    said = json.loads(limits)
    folder = Path(os.environ["HOME"])
    (folder / "submission.ipynb").write_bytes(gzip.decompress(Path(handed_in).read_bytes()))
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for what, most in (
        (resource.RLIMIT_NPROC, said["processes"]), (resource.RLIMIT_FSIZE, said["file_bytes"]), (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, said["open_files"]),
    ):  # fmt: skip
        resource.setrlimit(what, (most, most))
    with (folder / "output.txt").open("wb") as output:
        nbval = subprocess.Popen(COMMAND, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    status = watch(nbval, said["memory_bytes"])
    try:
        sys.stdout.buffer.write(read_regular(folder / REPORT, REPORT_BYTES))
    except OSError:
        pass  # no report: the row says nothing of its cells
    return status


def watch(nbval: subprocess.Popen[bytes], most_bytes: int) -> int:
    """Wait for its end; sooner when all processes together have too much memory, or when nbval waits for a kernel that is gone."""
    seen_s = float("inf")
    while nbval.poll() is None:
        time.sleep(LOOK_S)
        others = [p for p in psutil.process_iter() if p.pid != os.getpid()]
        if sum(map(_bytes, others)) > most_bytes:
            _kill(others)
            return TOO_MUCH_MEMORY
        if any(map(_is_kernel, others)):
            seen_s = time.monotonic()
        if time.monotonic() - seen_s > KERNEL_GONE_S:
            _kill(others)
    return 0


def _bytes(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _is_kernel(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE and "ipykernel_launcher" in process.cmdline())
    return False


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
