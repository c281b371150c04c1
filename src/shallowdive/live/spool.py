"""A long list of events in bounded memory: the newest are held, all are in a file, and the older ones are read from it when asked for.

Without a file of its own it stays in memory until it is long, and then goes on in a temporary file that is deleted with it."""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import overload

from shallowdive.objects import Object

HELD = 3000
"""So many events are held at least, twice as many at most: some 30 to 60 MB of pods. A lab makes some hundreds."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One event: wall-clock time (seconds since 1970), ADDED | MODIFIED | DELETED, kind, the object's JSON."""

    at_s: float
    type: str
    kind: str
    object: Object


class Spool(Sequence[Seen]):
    """Append only. One thread appends at a time; reading needs no lock."""

    def __init__(self, file: Path | None = None, held: int = HELD) -> None:
        self.file, self._limit = file, held
        self._out: FileIO | None = None
        self._places = array("q")
        self._newest: tuple[int, list[Seen]] = (0, [])
        """The number of the first event that is held, and the held ones. Replaced in one step."""

    def extend(self, seen: list[Seen]) -> None:
        """Events in their order, written in one piece."""
        if self.file is not None:
            self._write(seen)
        for one in seen:
            self.hold(one)

    def hold(self, seen: Seen, place: int | None = None) -> None:
        """Take an event into memory; `place` says where in the file it lies already."""
        if place is not None:
            self._places.append(place)
        first, held = self._newest
        held.append(seen)
        if len(held) > 2 * self._limit:
            if self.file is None:
                self._move_out(held)
            self._newest = first + self._limit, held[self._limit :]

    def _move_out(self, held: list[Seen]) -> None:
        number, name = tempfile.mkstemp(prefix="shallowdive-history-", suffix=".jsonl")
        os.close(number)
        self.file = Path(name)
        weakref.finalize(self, self.file.unlink, missing_ok=True)
        self._write(held)

    def _write(self, seen: list[Seen]) -> None:
        """One write, so that two kernels may append to one file. A place is known only afterwards."""
        if self._out is None and self.file is not None:
            self._out = self.file.open("ab", buffering=0)
            weakref.finalize(self, self._out.close)
        assert self._out is not None
        lines = [line_of(one) for one in seen]
        self._out.write(b"".join(lines))
        place = self._out.tell() - sum(map(len, lines))
        for line in lines:
            self._places.append(place)
            place += len(line)

    def __len__(self) -> int:
        first, held = self._newest
        return first + len(held)

    def __iter__(self) -> Iterator[Seen]:
        first, held = self._newest
        yield from self._read(range(first))
        yield from held

    @overload
    def __getitem__(self, index: int) -> Seen: ...
    @overload
    def __getitem__(self, index: slice) -> list[Seen]: ...
    def __getitem__(self, index: int | slice) -> Seen | list[Seen]:
        first, held = self._newest
        if isinstance(index, slice):
            numbers = range(first + len(held))[index]
            if not numbers or min(numbers) >= first:
                return [held[n - first] for n in numbers]
            return [held[n - first] if n >= first else next(self._read([n])) for n in numbers]
        number = range(first + len(held))[index]
        return held[number - first] if number >= first else next(self._read([number]))

    def __repr__(self) -> str:
        return f"Spool({len(self)} events)"

    def _read(self, numbers: Iterable[int]) -> Iterator[Seen]:
        if not numbers or self.file is None:
            return
        with self.file.open("rb") as f:
            for number in numbers:
                f.seek(self._places[number])
                yield seen_of(f.readline())


def line_of(seen: Seen) -> bytes:
    return json.dumps([seen.at_s, seen.type, seen.kind, seen.object], ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def seen_of(line: bytes) -> Seen:
    """ValueError for a line that a crash cut."""
    at_s, type_, kind, obj = json.loads(line.decode("utf-8", "surrogatepass"))
    return Seen(at_s, type_, kind, obj)
