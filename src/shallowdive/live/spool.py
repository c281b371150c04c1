"""A long list of events in bounded memory: the newest are held, all are in a file, and the older ones are read from it when asked for.

Without a file of its own it stays in memory until it is long, and then goes on in a temporary file that is deleted with it."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import overload

from shallowdive.objects import Object

HELD = 3000
"""So many events are held at least, some twice as many at most: 20 to 40 MB of pods. A lab makes some hundreds."""
PORTION = 8
"""A temporary file takes so many events at each flush until it has caught up."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One event: wall-clock time (seconds since 1970), ADDED | MODIFIED | DELETED, kind, the object's JSON."""

    at_s: float
    type: str
    kind: str
    object: Object


class Spool(Sequence[Seen]):
    """Append only. Adding takes memory and no file; `flush` writes what is not in the file yet, and then lets go of the older ones.

    Both may be called from any thread; reading needs no lock."""

    def __init__(self, file: Path | None = None, held: int = HELD) -> None:
        self.file, self._limit = file, held
        self._is_own = file is None
        self._out: FileIO | None = None
        self._places = array("q")
        """Where in the file an event lies, for all that are written: always the first so many."""
        self._newest: tuple[int, list[Seen]] = (0, [])
        """The number of the first event that is held, and the held ones. Replaced in one step."""
        self._adding, self._writing = threading.Lock(), threading.Lock()

    def extend(self, seen: list[Seen]) -> None:
        self.add(seen)
        self.flush()

    def add(self, seen: list[Seen]) -> None:
        """Take events into memory, in their order."""
        with self._adding:
            self._newest[1].extend(seen)

    def hold(self, seen: Seen, place: int) -> None:
        """Take an event that lies in the file already, at this place."""
        self.add([seen])
        self._places.append(place)
        self._let_go()

    def flush(self) -> None:
        """Write what is not written. A file of somebody's is complete afterwards; a temporary one is begun when the list is long, and
        catches up in small portions, so that no caller pays for thousands."""
        with self._writing:
            pending = len(self) - len(self._places)
            if self._is_own:
                held = len(self._newest[1])
                pending = min(pending, max(PORTION, held - 2 * self._limit)) if held > self._limit else 0
            if pending:
                self._write(self[len(self._places) : len(self._places) + pending])
                self._let_go()

    def _let_go(self) -> None:
        with self._adding:
            first, held = self._newest
            gone = min(len(held) - self._limit, len(self._places) - first)
            if len(held) > 2 * self._limit and gone > 0:
                self._newest = first + gone, held[gone:]

    def _opened(self) -> FileIO:
        if self._out is None:
            if self.file is None:
                number, name = tempfile.mkstemp(prefix="shallowdive-history-", suffix=".jsonl")
                os.close(number)
                self.file = Path(name)
                weakref.finalize(self, self.file.unlink, missing_ok=True)
            self._out = self.file.open("ab", buffering=0)
            weakref.finalize(self, self._out.close)
        return self._out

    def _write(self, seen: list[Seen]) -> None:
        """One write, so that two kernels may append to one file. A place is known only afterwards."""
        out, lines = self._opened(), [line_of(one) for one in seen]
        out.write(b"".join(lines))
        place = out.tell() - sum(map(len, lines))
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
            older = self._read([n for n in numbers if n < first])
            return [held[n - first] if n >= first else next(older) for n in numbers]
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
