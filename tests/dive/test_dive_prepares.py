"""What dive.py needs of the machine, when it calls pip, and what it says when pip fails."""

from __future__ import annotations

import ast
import fcntl
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dive.checkout import LOCKS, REPOSITORY, Checkout, steps

PIP = ["-m", "pip", "install"]
PACKAGES = [*PIP, "--no-compile", "--require-hashes", "-r", "requirements.lock"]
COURSE_PACKAGE = [*PIP, "--no-deps", "--no-build-isolation", "-e", "."]
STATUS = ["-m", "shallowdive", "status"]


def test_dive_parses_on_python_3_8_so_that_it_can_say_which_python_it_needs() -> None:
    ast.parse((REPOSITORY / "dive.py").read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (2, 7)])
def test_an_old_python_is_named_in_one_sentence(checkout: Checkout, version: tuple[int, int]) -> None:
    sentence = f"Kubernetes Shallow Dive needs Python 3.11 or newer, this is Python {version[0]}.{version[1]}."
    assert checkout.dive.python_problem(version) == sentence


@pytest.mark.parametrize("version", [(3, 11), (3, 14), (4, 0)])
def test_a_new_python_is_no_problem(checkout: Checkout, version: tuple[int, int]) -> None:
    assert checkout.dive.python_problem(version) == ""


def test_a_python_without_ensurepip_gets_the_command_that_installs_it(bare_checkout: Checkout, tmp_path: Path) -> None:
    without = tmp_path / "without"
    without.mkdir()
    (without / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    (without / "apt").write_text("#!/bin/sh\n")
    (without / "apt").chmod(0o755)
    bare_checkout.environment = {"PYTHONPATH": str(without), "PATH": f"{without}{os.pathsep}{os.environ['PATH']}"}
    ended = bare_checkout.run()
    assert ended.returncode == 6
    what, seen, command = ended.stderr.splitlines()
    assert what == "This Python cannot make virtual environments: a part of it is not installed."
    assert "ensurepip" in seen
    assert command.startswith("  next: sudo apt install python3.")
    assert not (bare_checkout.root / ".venv").exists()


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_made(checkout: Checkout) -> None:
    dive = checkout.dive
    dive.ROOT = checkout.root / "a folder that is gone"
    with pytest.raises(dive.Stop, match=r"The folder of the course cannot be written\.\n  seen: .*gone\n  next: ls -ld '.*gone'"):
        dive.check_machine()


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_file_is_installed_once(checkout: Checkout, changed: str) -> None:
    (checkout.root / changed).write_text("# another\n")
    ended = checkout.run("status")
    assert steps(ended) == ["packages", "course package"]
    checkout.run("status")
    assert checkout.calls() == [PACKAGES, COURSE_PACKAGE, STATUS, STATUS]


def break_its_python(checkout: Checkout) -> None:
    python = checkout.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to(checkout.root / "python-of-before-the-upgrade")


def install_it_for_another_folder(checkout: Checkout) -> None:
    for stamp in (checkout.root / ".venv").glob("*.stamp"):
        stamp.write_text(stamp.read_text().replace(str(checkout.root), "/where/it/was"))


def install_it_for_another_python(checkout: Checkout) -> None:
    for stamp in (checkout.root / ".venv").glob("*.stamp"):
        stamp.write_text(stamp.read_text().replace("Python 3.", "Python 2."))


def remove_its_stamps(checkout: Checkout) -> None:
    for stamp in (checkout.root / ".venv").glob("*.stamp"):
        stamp.unlink()


@pytest.mark.parametrize("damage", [break_its_python, install_it_for_another_folder, install_it_for_another_python, remove_its_stamps])
def test_an_environment_that_cannot_be_trusted_is_made_anew(checkout: Checkout, damage: Callable[[Checkout], None]) -> None:
    damage(checkout)
    dive = checkout.dive
    made: list[str] = []
    dive.make_venv = lambda: made.append("anew")
    dive.watch = lambda *_: None
    dive.prepare("requirements.lock")
    assert made == ["anew"]


def test_the_testers_lock_serves_the_learner_too(checkout: Checkout) -> None:
    (checkout.root / "pyproject.toml").write_text("# another\n")
    checkout.run("test")
    checkout.run("status")
    whole_run = ["-m", "pytest", "-n", "2", "--dist", "loadscope"]
    assert checkout.calls() == [[*PACKAGES[:-1], "requirements-test.lock"], COURSE_PACKAGE, whole_run, STATUS]


@pytest.mark.parametrize("failing", ["--require-hashes", "-e ."])
def test_after_a_failed_installation_no_stamp_is_left_and_no_verb_is_started(checkout: Checkout, failing: str) -> None:
    (checkout.root / "requirements.lock").write_text("# another\n")
    checkout.answers = {failing: {"say": "ERROR: metadata-generation-failed\n", "code": 1}}
    assert checkout.run("status").returncode == 6
    assert checkout.stamps() == []
    assert STATUS not in checkout.calls()


def test_the_stamp_stays_away_when_ctrl_c_ends_the_installation(checkout: Checkout) -> None:
    (checkout.root / "requirements.lock").write_text("# another\n")
    checkout.answers = {"--require-hashes": {}}
    code, out, err = checkout.interrupt("status")
    assert (code, out) == (130, "")
    assert err.startswith("Interrupted. To go on: ")
    assert err.count("\n") == 1
    assert checkout.stamps() == []


def test_a_folder_named_venv_that_is_something_else_is_left_alone(bare_checkout: Checkout) -> None:
    notes = bare_checkout.root / ".venv/notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    ended = bare_checkout.run()
    assert ended.returncode == 6
    assert ended.stderr.startswith("The place of the virtual environment is taken.\n")
    assert "  next: mv .venv " in ended.stderr
    assert notes.read_text() == "mine"


def test_a_second_dive_does_not_disturb_the_one_that_prepares(checkout: Checkout) -> None:
    (checkout.root / "requirements.lock").write_text("# another\n")
    with (checkout.root / "dive.py").open("rb") as first:
        fcntl.flock(first, fcntl.LOCK_SH)
        ended = checkout.run("status")
    assert ended.returncode == 6
    assert ended.stderr.startswith("Another dive.py is preparing this folder.\n")
    assert (checkout.calls(), checkout.stamps()) == ([], sorted(f"{lock}.stamp" for lock in LOCKS))


RETRYING = "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError('{}')'"
REFUSED = RETRYING.format("[Errno 111] Connection refused")
REFUSED_BY_PIP_26 = RETRYING.format("HTTPSConnection(host='proxy.example', port=3128): [Errno 111] Connection refused")
NO_NAME_BY_PIP_26 = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NameResolutionError(\"Failed to resolve 'index.invalid'\")'"
)
NO_NAME = RETRYING.format("[Errno -3] Temporary failure in name resolution")
FAILURES = [
    (NO_NAME + "\nERROR: No matching distribution found for anyio==4.16.0", "no network: the package index cannot be reached", "dive.py"),
    (NO_NAME_BY_PIP_26, "no network: the package index cannot be reached", "dive.py"),
    (REFUSED_BY_PIP_26, "the proxy refuses pip", "HTTPS_PROXY="),
    ("pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool: Read timed out.", "no network", "dive.py"),
    (f"WARNING: 'ProxyError('Cannot connect to proxy.', {REFUSED})'", "the proxy refuses pip", "HTTPS_PROXY="),
    (
        "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))",
        "does not trust the package index's certificate",
        "PIP_CERT=",
    ),
    (
        f"{REFUSED}\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    anyio==4.16.0:",
        "a download is not the file the lock names",
        "-m pip cache purge",
    ),
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full", "df -h ."),
    ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "another user", "rm -rf .venv && "),
    ("ERROR: No matching distribution found for anyio==4.16.0", "no such package for this machine", "-m pip config list"),
]


@pytest.mark.parametrize("said, cause, command", FAILURES)
def test_a_known_failure_of_pip_is_one_cause_what_was_seen_and_one_command(checkout: Checkout, said: str, cause: str, command: str) -> None:
    (checkout.root / "requirements.lock").write_text("# another\n")
    checkout.environment = {"https_proxy": "http://user:secret@proxy.example:3128"}
    checkout.answers = {"--require-hashes": {"say": f"{said}\n", "code": 1}}
    ended = checkout.run("status")
    assert ended.returncode == 6
    *last_lines, what, seen, next_command = ended.stderr.splitlines()
    assert last_lines[-1].startswith("  | ")
    assert last_lines[-1][4:].strip() in said
    assert what.startswith("packages: ")
    assert cause in what
    assert seen.startswith("  seen: ")
    assert seen[8:] in said
    assert next_command.startswith("  next: ")
    assert command in next_command


def test_an_unknown_failure_of_pip_shows_its_last_lines_and_the_command_to_repeat_by_hand(checkout: Checkout) -> None:
    (checkout.root / "requirements.lock").write_text("# another\n")
    checkout.answers = {"--require-hashes": {"say": "".join(f"line {i}\n" for i in range(9)) + "ERROR: unheard of\n", "code": 2}}
    lines = checkout.run("status").stderr.splitlines()
    assert lines[:5] == ["  | line 5", "  | line 6", "  | line 7", "  | line 8", "  | ERROR: unheard of"]
    assert lines[5:7] == ["packages: failed.", "  seen: ERROR: unheard of"]
    assert lines[7].endswith(" -m pip install --no-compile --require-hashes -r requirements.lock")


@pytest.mark.parametrize("limits, seen", [({"silence_s": 0.3}, "no sign of work for 0.3 s"), ({"limit_s": 0.3}, "no end after 0.3 s")])
def test_pip_without_a_sign_of_work_or_without_an_end_is_stopped(checkout: Checkout, limits: dict[str, float], seen: str) -> None:
    dive = checkout.dive
    fifo, never = checkout.root / "held_open_by_a_program_of_pip", checkout.root / "never"
    os.mkfifo(fifo)
    os.mkfifo(never)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(dive.Stop, match=rf"packages: failed\.\n  seen: {seen}\n  next: sh -c "):
        dive.watch(dive.Step("packages"), ["sh", "-c", f"exec 3> {fifo}; cat {never}; exit"], **limits)
    os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    readable, _, _ = select.select([reader], [], [], 10)
    assert readable, "a program that was started is still running"
    os.close(reader)


def test_a_folder_that_pip_removes_while_it_is_looked_at_is_no_error(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    dive = checkout.dive
    (dive.SCRATCH / "pip-unpack-1").mkdir(parents=True)
    (dive.SCRATCH / "a.whl").write_bytes(b"12345")
    scandir = os.scandir

    def removing(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "pip-unpack-1":
            Path(path).rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", removing)
    assert dive.activity() == 5
    assert not (dive.SCRATCH / "pip-unpack-1").exists()


def test_progress_counts_without_the_packages_of_other_machines(checkout: Checkout) -> None:
    said = ["Ignoring appnope: markers", "Collecting anyio==4.16.0 (from -r x (line 1))", "  Downloading anyio-4.16.0-py3-none-any.whl"]
    assert checkout.dive.progress(said, 3) == "downloading 1 of 2: anyio"
    assert checkout.dive.progress([*said, "Requirement already satisfied: idna==3.1 in x"], 3) == "downloading 2 of 2: idna"


def test_progress_names_the_package_that_is_being_unpacked(checkout: Checkout) -> None:
    dive = checkout.dive
    for name in ("a-1", "b-1"):
        (dive.SITE / f"{name}.dist-info").mkdir(parents=True)
    assert dive.progress(["Installing collected packages: a, b, c"], 9) == "installing 2 of 3: b"


def test_no_progress_is_claimed_before_pip_speaks(checkout: Checkout) -> None:
    assert checkout.dive.progress([], 9) == "..."
