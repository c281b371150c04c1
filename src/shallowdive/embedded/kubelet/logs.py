"""What containers wrote, line by line with its time, and a reader that can follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from shallowdive.embedded.clock import Clock, parse

KEEP_BYTES = 1 << 20
"""Of each run of a container the end is kept, at most this much."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """As `PodLogOptions`. `since_time` is cluster seconds since 1970; `stream` is All, Stdout or Stderr."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since_seconds: int | None = None
    since_time: float | None = None
    stream: str = "All"


class Line(NamedTuple):
    at: str
    stream: str
    text: bytes


class Log:
    """The log of one run of a container. Numbers of lines only grow, also when old lines are dropped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: list[Line] = []
        self._dropped = self._size = 0
        self._open: dict[str, bytes] = {}
        self.closed = False
        self._listeners: list[Callable[[], None]] = []

    def writer(self, stream: str) -> Callable[[bytes], None]:
        def write(data: bytes) -> None:
            *whole, rest = (self._open.pop(stream, b"") + data).split(b"\n")
            self._open[stream] = rest
            if whole:
                self._add(stream, [line + b"\n" for line in whole])

        return write

    def _add(self, stream: str, lines: list[bytes]) -> None:
        at = self._clock.micro_stamp()[:-1] + "000Z"
        self._lines += [Line(at, stream, text) for text in lines]
        self._size += sum(map(len, lines))
        while self._size > KEEP_BYTES and len(self._lines) > 1:
            half = len(self._lines) // 2
            self._size -= sum(len(line.text) for line in self._lines[:half])
            self._dropped += half
            del self._lines[:half]
        self._tell()

    def close(self) -> None:
        """The container ended: what it wrote without a line's end is a line now."""
        for stream, rest in self._open.items():
            if rest:
                self._add(stream, [rest])
        self._open.clear()
        self.closed = True
        self._tell()

    def _tell(self) -> None:
        for call in list(self._listeners):
            call()

    def listen(self, call: Callable[[], None]) -> None:
        self._listeners.append(call)

    def ignore(self, call: Callable[[], None]) -> None:
        if call in self._listeners:
            self._listeners.remove(call)

    @property
    def end(self) -> int:
        return self._dropped + len(self._lines)

    def lines(self, start: int) -> Iterator[Line]:
        yield from self._lines[max(start - self._dropped, 0) :]

    def first_wanted(self, options: LogOptions) -> int:
        """The number of the first line that these options ask for."""
        start = self._dropped
        since = options.since_time
        if options.since_seconds is not None:
            since = self._clock.now() - options.since_seconds
        if since is not None:
            start += sum(parse(line.at[:26] + "+00:00") < since for line in self._lines)
        if options.tail_lines is not None:
            wanted = [i for i, line in enumerate(self._lines, self._dropped) if options.stream in ("All", line.stream)]
            start = max(start, wanted[-options.tail_lines] if 0 < options.tail_lines <= len(wanted) else start)
            if options.tail_lines == 0:
                start = self.end
        return start


class LogStream:
    """Reads a log from a line on, in the options' way; followed, it goes on until the container ends."""

    code = 200
    content_type = "text/plain"

    def __init__(self, log: Log, options: LogOptions) -> None:
        self._log, self._options = log, options
        self._next = log.first_wanted(options)
        self._left = options.limit_bytes
        self.wake: Callable[[], None] = lambda: None
        log.listen(self._more)

    def _more(self) -> None:
        self.wake()

    def pull(self) -> bytes | None:
        data = b"".join(
            (line.at.encode() + b" " if self._options.timestamps else b"") + line.text
            for line in self._log.lines(self._next)
            if self._options.stream in ("All", line.stream)
        )
        self._next = self._log.end
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if data:
            return data
        return None if self._log.closed or self._left == 0 or not self._options.follow else b""

    def close(self) -> None:
        self._log.ignore(self._more)

    def read(self) -> bytes:
        """All there is now."""
        data = self.pull() or b""
        self.close()
        return data
