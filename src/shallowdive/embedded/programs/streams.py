"""What processes read from and write to: pipes, files, devices, the container's log."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shallowdive.embedded.programs.files import File
    from shallowdive.embedded.programs.process import Happening

ROOM = 65536
"""Bytes a pipe holds before a writer should wait."""


class Writer(Protocol):
    def write(self, data: bytes) -> None:
        """Raises BrokenPipeError when nobody reads any more."""

    def close(self) -> None: ...
    def drained(self) -> Happening | None:
        """None when there is room for more; else what a writer of much should wait for."""


class Reader(Protocol):
    def take(self) -> bytes | None:
        """What there is; None for nothing yet, b'' for the end."""

    def more(self) -> Happening: ...


class Nothing:
    """/dev/null, in both directions."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def drained(self) -> None:
        return None

    def take(self) -> bytes:
        return b""

    def more(self) -> Happening:
        raise AssertionError("nothing never makes a reader wait")


NOTHING = Nothing()


class Pipe:
    """Bytes from one process to another. It counts who may still write: with the last one its end is reached."""

    def __init__(self, writers: int = 1) -> None:
        self._parts: list[bytes] = []
        self._size, self._writers, self._reading = 0, writers, True
        self._more: Happening | None = None
        self._room: Happening | None = None

    def write(self, data: bytes) -> None:
        if not self._reading:
            raise BrokenPipeError
        if data:
            self._parts.append(data)
            self._size += len(data)
            self._tell()

    def _tell(self) -> None:
        if self._more is not None:
            more, self._more = self._more, None
            more.happen()

    def close(self) -> None:
        self._writers -= 1
        if self._writers <= 0:
            self._tell()

    def stop_reading(self) -> None:
        self._reading = False
        self._make_room()

    def _make_room(self) -> None:
        if self._room is not None:
            room, self._room = self._room, None
            room.happen()

    def drained(self) -> Happening | None:
        from shallowdive.embedded.programs.process import Happening

        if self._size < ROOM or not self._reading:
            return None
        self._room = self._room or Happening()
        return self._room

    def take(self) -> bytes | None:
        if not self._parts:
            return b"" if self._writers <= 0 else None
        data = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._make_room()
        return data

    def give_back(self, data: bytes) -> None:
        """Put back what was taken too much: a line was wanted."""
        if data:
            self._parts.insert(0, data)
            self._size += len(data)

    def more(self) -> Happening:
        from shallowdive.embedded.programs.process import Happening

        self._more = self._more or Happening()
        return self._more


class Text:
    """A reader of bytes that are all there; a writer that keeps them."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self._done = False

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None: ...
    def drained(self) -> None:
        return None

    def take(self) -> bytes:
        data, self.data = bytes(self.data), bytearray()
        return data

    def give_back(self, data: bytes) -> None:
        self.data[:0] = data

    def more(self) -> Happening:
        raise AssertionError("a text never makes a reader wait")


class Called:
    """A writer that hands everything on: to the container's log, or to a client."""

    def __init__(self, call: Callable[[bytes], None]) -> None:
        self._call = call

    def write(self, data: bytes) -> None:
        self._call(data)

    def close(self) -> None: ...
    def drained(self) -> None:
        return None


class Appender:
    """Writes at the end of a file."""

    def __init__(self, file: File) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        self._file.data += data

    def close(self) -> None: ...
    def drained(self) -> None:
        return None
