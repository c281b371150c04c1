"""A checkout in miniature: the real dive.py, a lock, and a .venv whose Python writes down how it was called and answers as told."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-test.lock")

ANSWERING_PYTHON = """#!{python} -S
import json, os, signal, sys
call = " ".join(sys.argv[1:])
with open({calls!r}, "a") as calls:
    calls.write(json.dumps({{"argv": sys.argv[1:], "PYTHONPATH": os.environ.get("PYTHONPATH")}}) + "\\n")
with open({answers!r}) as file:
    answer = next((a for part, a in json.load(file).items() if part in call), {{}})
print(answer.get("say", ""), end="", flush=True)
if "wait" in answer:
    if "on_interrupt" in answer:
        def ended(*_):
            print(answer["on_interrupt"]["say"], flush=True)
            os._exit(answer["on_interrupt"]["code"])
        signal.signal(signal.SIGINT, ended)
    with open(answer["wait"], "w") as held_open:
        held_open.write("started\\n")
        held_open.flush()
        signal.pause()
if "signal" in answer:
    os.kill(os.getpid(), answer["signal"])
sys.exit(answer.get("code", 0))
"""


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("dive_under_test", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def steps(ended: subprocess.CompletedProcess[str]) -> list[str]:
    """The steps that were named, in their order; on a slow machine a step says more than once where it is."""
    return list(dict.fromkeys(line.split(":")[0] for line in ended.stderr.splitlines()))


@dataclass
class Checkout:
    """`answers`: for the first key found in a call's arguments, what .venv's Python says, and how it ends."""

    root: Path
    answers: dict[str, dict[str, object]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def dive(self) -> ModuleType:
        return load(self.root / "dive.py")

    def command(self, *arguments: str) -> dict[str, object]:
        (self.root / "answers.json").write_text(json.dumps(self.answers))
        return {
            "args": [sys.executable, "dive.py", *arguments],
            "cwd": self.root,
            "env": {**os.environ, **self.environment},
            "text": True,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(**self.command(*arguments), capture_output=True, stdin=subprocess.DEVNULL, timeout=120)

    def calls(self) -> list[list[str]]:
        file = self.root / "calls"
        return [json.loads(line)["argv"] for line in file.read_text().splitlines()] if file.exists() else []

    def stamps(self) -> list[str]:
        return sorted(p.name for p in (self.root / ".venv").glob("*.stamp"))

    def give_python_that_answers(self) -> None:
        binary = self.root / ".venv/bin/python"
        binary.parent.mkdir(parents=True)
        text = ANSWERING_PYTHON.format(python=sys.executable, calls=str(self.root / "calls"), answers=str(self.root / "answers.json"))
        binary.write_text(text)
        binary.chmod(0o755)
        (self.root / ".venv/pyvenv.cfg").write_text("")
        for lock in LOCKS:
            (self.root / f".venv/{lock}.stamp").write_text(self.dive.stamp_text(lock))

    def interrupt(self, *arguments: str) -> tuple[int, str, str]:
        """Run; when the answering Python says it started, send Ctrl-C to the whole group as a terminal does. Its end closes the pipe."""
        fifo = self.root / "started"
        os.mkfifo(fifo)
        for answer in self.answers.values():
            answer["wait"] = str(fifo)
        dive = subprocess.Popen(**self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        with fifo.open() as started:
            assert started.readline() == "started\n"
            os.killpg(dive.pid, signal.SIGINT)
            out, err = dive.communicate(timeout=30)
            assert started.read() == "", "the program that was started outlived dive.py"
        return dive.returncode, out, err
