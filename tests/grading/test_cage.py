"""Programs that do not want to end, that hide, that eat, that read: each is stopped, and nothing of it is alive afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest

from shallowdive.grading.cage import Ended, Spec, bubblewrap, isolation, own_user
from tests.servers import clean_environment

USER = own_user()
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the cage needs Linux")


def start(tmp_path: Path, code: str, **limits: Any) -> subprocess.Popen[str]:
    folder = tmp_path / "work"
    folder.mkdir(mode=0o700)
    (folder / "program.py").write_text(code, encoding="utf-8")
    if USER:
        tmp_path.chmod(0o711)
        for path in (folder, folder / "program.py"):
            os.chown(path, USER, USER)
    spec = Spec(
        [sys.executable, "program.py"], str(folder), {"PATH": "/usr/bin:/bin", "TAG": str(tmp_path), "PYTHONUTF8": "1"}, user=USER, **limits
    )
    (tmp_path / "spec.json").write_text(json.dumps(asdict(spec)), encoding="utf-8")
    command = [sys.executable, "-m", "shallowdive.grading.cage", str(tmp_path / "spec.json")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment())


def ended(cage: subprocess.Popen[str], within_s: float = 40) -> Ended:
    assert cage.stdout is not None
    end = time.monotonic() + within_s
    while cage.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    assert cage.poll() == 0
    said = cage.stdout.read()
    cage.stdout.close()
    cage.stdin.close()  # type: ignore[union-attr]
    return Ended(**json.loads(said))


def alive(tmp_path: Path) -> list[str]:
    """Command lines of what still has this test's mark in its environment."""
    found = []
    for p in psutil.process_iter():
        try:
            if p.environ().get("TAG") == str(tmp_path) and p.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(p.cmdline()))
        except psutil.Error:
            continue
    return found


ESCAPE = """
import os, subprocess, sys, time
for n in range(3):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(300)
    os._exit(0)
print("done")
"""


def test_a_program_ends_and_its_output_is_kept(tmp_path: Path) -> None:
    found = ended(start(tmp_path, "print('é✓'); raise SystemExit(3)"))
    assert (found.why, found.status, found.left) == ("end", 3, 0)
    assert (tmp_path / "work" / "output.txt").read_text(encoding="utf-8").strip() == "é✓"


def test_children_in_sessions_of_their_own_and_orphans_do_not_outlive_it(tmp_path: Path) -> None:
    found = ended(start(tmp_path, ESCAPE))
    assert (found.why, found.left) == ("end", 0)
    assert alive(tmp_path) == []


def test_an_endless_loop_ends_at_the_limit(tmp_path: Path) -> None:
    found = ended(start(tmp_path, ESCAPE + "\nimport signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True: pass", limit_s=2))
    assert (found.why, found.left) == ("time", 0)
    assert found.seconds < 2 + 5
    assert alive(tmp_path) == []


@pytest.mark.parametrize("code", ["x = []\nwhile True: x.append(bytearray(1 << 20))", "b = bytearray(8 << 30)"])
def test_memory_is_limited(tmp_path: Path, code: str) -> None:
    found = ended(start(tmp_path, code, memory_bytes=200 << 20, limit_s=30))
    assert found.why == "memory" or found.status == 1, "killed, or told so by the system: MemoryError"
    assert found.most_bytes < 1 << 30
    assert alive(tmp_path) == []


def test_many_processes_are_stopped(tmp_path: Path) -> None:
    code = "import subprocess, sys\nwhile True: subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])"
    found = ended(start(tmp_path, code, processes=10, limit_s=30))
    assert found.why == "processes" or found.status == 1
    assert alive(tmp_path) == []


def test_a_flood_of_output_ends_with_the_file(tmp_path: Path) -> None:
    found = ended(start(tmp_path, "while True: print('x' * 10_000)", file_bytes=1 << 20, limit_s=30))
    assert found.status != 0
    assert (tmp_path / "work" / "output.txt").stat().st_size <= 1 << 20


@pytest.mark.parametrize(
    "code",
    [
        "import itertools\nfor n in itertools.count():\n    open(f'p{n}', 'wb').write(b'x' * (1 << 20))",
        "import itertools\nfor n in itertools.count():\n    open(f'e{n}', 'w').close()",
        "import itertools, os\nfor n in itertools.count():\n    os.mkdir('d'); os.chdir('d'); open('x', 'wb').write(b'x' * (1 << 20))",
    ],
    ids=["bytes", "files", "folders"],
)
def test_what_it_writes_is_limited_in_all(tmp_path: Path, code: str) -> None:
    end = ended(start(tmp_path, code, limit_s=30, folder_bytes=64 << 20, folder_files=5_000))
    assert (end.why, end.left) == ("disk", 0)
    assert alive(tmp_path) == []


def test_when_the_grader_is_killed_the_program_goes_too(tmp_path: Path) -> None:
    cage = start(tmp_path, ESCAPE + "\ntime.sleep(300)")
    end = time.monotonic() + 20
    while len(alive(tmp_path)) < 5 and time.monotonic() < end:
        time.sleep(0.1)
    assert len(alive(tmp_path)) >= 5
    cage.stdin.close()  # type: ignore[union-attr]  # what the system does with a killed grader's end
    cage.wait(15)
    assert alive(tmp_path) == []
    assert json.loads(cage.stdout.read())["why"] == "grader"  # type: ignore[union-attr]
    cage.stdout.close()  # type: ignore[union-attr]


@pytest.mark.skipif(not bubblewrap(), reason="needs bubblewrap: apt install bubblewrap")
def test_the_program_sees_neither_homes_nor_results_nor_other_processes_and_writes_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "marks.csv").write_text("ada,100\n")
    code = f"""
import os
print(os.getuid(), os.getgroups(), sorted(int(p) for p in os.listdir("/proc") if p.isdigit())[-1] < 100)
mine = {str(tmp_path)!r}
for act in (
    lambda: open(mine + "/marks.csv").read(), lambda: open(mine + "/spec.json").read(),
    lambda: open(mine + "/new", "w").close(), lambda: open("/usr/new", "w"), lambda: open("/etc/shadow").read(),
    lambda: os.listdir(os.path.expanduser("~root/.shallowdive")), lambda: os.kill({os.getpid()}, 0),
    lambda: open("/proc/sys/kernel/core_pattern", "w"), lambda: os.setuid(0 if os.getuid() else 1),
):
    try:
        act(); print("could")
    except (OSError, AttributeError) as exc:
        print("could not")
print(open("/proc/self/status").read().split("CapEff:")[1].split()[0])
"""
    found = ended(start(tmp_path, code))
    said = (tmp_path / "work" / "output.txt").read_text().splitlines()
    assert found.status == 0, said
    who = f"{USER} []" if USER else f"{os.getuid()} "
    assert said[0].startswith(who)
    assert said[0].endswith("True"), "it sees processes of others"
    assert said[1:3] + said[4:-1] == ["could not"] * 8, "and what it writes beside its folder, if it can, is in a memory of its own"
    assert not (tmp_path / "new").exists()
    assert int(said[-1], 16) == 0
    assert isolation().startswith("bubblewrap")


@pytest.mark.skipif(not USER, reason="a user of its own needs root and bubblewrap")
def test_two_batches_on_one_machine_have_different_users() -> None:
    """Seen: a second batch took the first one's numbers, and each killed what the other ran."""
    other = subprocess.run(
        [sys.executable, "-c", "from shallowdive.grading.cage import own_user; print(own_user(), own_user())"],
        capture_output=True, text=True, timeout=60, env=clean_environment(), check=True,
    )  # fmt: skip
    users = [int(u) for u in other.stdout.split()]
    assert len({*users, USER}) == 3
    assert own_user() in users, "they are free again when their process has ended"
