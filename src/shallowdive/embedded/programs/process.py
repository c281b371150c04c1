"""A process is a coroutine with a number, streams and signals. `Scheduler` of Linux, in forty lines: `RunQueue`."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, NamedTuple

from shallowdive.embedded.clock import Clock, Timer
from shallowdive.embedded.programs.streams import NOTHING, Reader, Writer

if TYPE_CHECKING:
    from shallowdive.embedded.programs.container import Container

log = logging.getLogger(__name__)

INT, KILL, TERM = 2, 9, 15
SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "CHLD": 17}
HARMLESS = (17, 18, 28)
"""Signals that do nothing unless they are asked for."""
WORDS = {9: "Killed", 15: "Terminated", 13: "Broken pipe", 1: "Hangup"}


class Happening:
    """Something to wait for. It happens once."""

    __slots__ = ("_waiting", "happened")

    def __init__(self) -> None:
        self.happened = False
        self._waiting: list[Callable[[], None]] = []

    def then(self, call: Callable[[], None]) -> None:
        if self.happened:
            call()
        else:
            self._waiting.append(call)

    def happen(self) -> None:
        self.happened = True
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()


class Wait(NamedTuple):
    """What a program yields: until something happened, or seconds have passed, whichever is first. It is sent True if it happened."""

    on: Happening | None = None
    seconds: float | None = None


Run = Generator[Wait, bool, int]
Program = Callable[["Process"], Run]


class Exit(Exception):
    """The process ends with this code, from wherever it is."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class RunQueue:
    """Who runs next. A process runs until it waits; whom it wakes comes after it, so no program runs inside another."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._ready: deque[tuple[Process, int, bool]] = deque()
        self._running = False

    def wake(self, process: Process, turn: int, happened: bool) -> None:
        self._ready.append((process, turn, happened))
        if self._running:
            return
        self._running = True
        try:
            while self._ready:
                following, number, yes = self._ready.popleft()
                following.resume(number, yes)
        finally:
            self._running = False


class Process:
    def __init__(
        self,
        container: Container,
        pid: int,
        parent: int,
        argv: list[str],
        program: Program,
        env: dict[str, str],
        cwd: str = "/",
        stdin: Reader = NOTHING,
        stdout: Writer = NOTHING,
        stderr: Writer = NOTHING,
    ) -> None:
        self.container, self.pid, self.parent, self.argv, self.env, self.cwd = container, pid, parent, argv, env, cwd
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.clock = container.run_queue.clock
        self.code: int | None = None
        self.ended = Happening()
        self.handlers: dict[int, Callable[[], None]] = {}
        """What to do on a signal; without an entry a signal ends the process, except process 1."""
        self.at_end: list[Callable[[], None]] = []
        self._run: Run = program(self)
        self._turn = 0
        self._timer: Timer | None = None
        self._started = self._inside = False
        self.terminal = False
        """Whether a person sits at stdin and stdout."""

    @property
    def comm(self) -> str:
        return self.argv[0].rsplit("/", 1)[-1][:15]

    def start(self) -> Process:
        self.container.run_queue.wake(self, self._turn, True)
        return self

    def resume(self, turn: int, happened: bool) -> None:
        """Go on until the next wait. A wake-up that comes too late, from an earlier wait, has another turn's number."""
        if turn != self._turn or self.code is not None:
            return
        self._turn += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._inside = True
        try:
            wait = self._run.send(happened) if self._started else next(self._run)
        except StopIteration as end:
            self._end(end.value)
        except Exit as end:
            self._end(end.code)
        except BrokenPipeError:
            self._end(128 + SIGNALS["PIPE"])
        except Exception:
            log.exception("program %s failed", self.argv)
            self._end(139)
        else:
            self._started = True
            self._park(wait)
        finally:
            self._inside = False

    def _park(self, wait: Wait) -> None:
        if self.code is not None:
            self._run.close()
            return
        turn, queue = self._turn, self.container.run_queue
        if wait.seconds is not None:
            self._timer = self.clock.after(wait.seconds, lambda: queue.wake(self, turn, False))
        if wait.on is not None:
            wait.on.then(lambda: queue.wake(self, turn, True))

    def signal(self, number: int) -> None:
        if self.code is not None:
            return
        if number == KILL:
            self.kill(128 + KILL)
        elif number in self.handlers:
            self.handlers[number]()
        elif self.pid != 1 and number not in HARMLESS:
            self.kill(128 + number)

    def kill(self, code: int) -> None:
        """End it now, whatever it does."""
        if self.code is None:
            if not self._inside:
                self._run.close()
            self._end(code)

    def _end(self, code: int | None) -> None:
        if self.code is not None:
            return
        self.code = (code or 0) & 0xFF
        if self._timer is not None:
            self._timer.cancel()
        for call in self.at_end:
            call()
        self.container.ended(self)
        self.ended.happen()

    # for programs

    def say(self, text: str | bytes) -> None:
        self.stdout.write(text.encode() if isinstance(text, str) else text)

    def complain(self, text: str) -> None:
        """A line on stderr, with the program's name before it."""
        self.stderr.write(f"{self.comm}: {text}\n".encode())

    def sleep(self, seconds: float) -> Generator[Wait, bool, None]:
        yield Wait(seconds=seconds)

    def read(self) -> Generator[Wait, bool, bytes]:
        """What stdin has, waiting for it; b'' at its end."""
        while (data := self.stdin.take()) is None:
            yield Wait(self.stdin.more())
        return data

    def read_all(self) -> Generator[Wait, bool, bytes]:
        parts = []
        while data := (yield from self.read()):
            parts.append(data)
        return b"".join(parts)
