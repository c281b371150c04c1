"""Read what was handed in, folders and zip archives alike, without writing a byte: names and bytes, within limits.

Nothing is unpacked to disk, so a name such as `../../x` can lead nowhere; links are not followed; sizes are counted while reading and not
believed from a header."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

MOST_ENTRIES, MOST_BYTES, MOST_DEPTH = 2_000, 50 << 20, 2
"""Of one thing that was handed in: files, bytes of all notebooks together, archives inside archives."""
WANTED = ".ipynb"
SKIPPED = ("__MACOSX", ".ipynb_checkpoints", ".git", "__pycache__")


class TooMuch(Exception):
    """A limit was reached; the words say which."""


@dataclass(slots=True)
class Room:
    """What may still be read."""

    entries: int = MOST_ENTRIES
    bytes: int = MOST_BYTES

    def take_entry(self) -> None:
        self.entries -= 1
        if self.entries < 0:
            raise TooMuch(f"more than {MOST_ENTRIES} files")

    def take_bytes(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise TooMuch(f"more than {MOST_BYTES >> 20} MiB of notebooks")


@dataclass(slots=True)
class Found:
    """Notebook files by the path that they had, and what could not be read."""

    notebooks: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read(path: Path) -> Found:
    """The notebooks in a folder, a zip archive, or the file itself. Never raises for what is in there."""
    found, room = Found(), Room()
    try:
        for name, data in _inside(path, room, found.problems):
            found.notebooks[name] = data
    except TooMuch as exc:
        found.problems.append(str(exc))
    except OSError as exc:
        found.problems.append(f"{path.name} cannot be read: {exc.strerror or exc}")
    return found


def _inside(path: Path, room: Room, problems: list[str]) -> Iterator[tuple[str, bytes]]:
    if path.is_symlink():
        problems.append(f"{path.name} is a link: not followed")
    elif path.is_dir():
        for one in sorted(path.iterdir()):
            if one.name not in SKIPPED:
                for name, data in _inside(one, room, problems):
                    yield f"{one.name}/{name}" if one.is_dir() or one.suffix.lower() == ".zip" else name, data
    elif path.is_file():
        room.take_entry()
        if path.suffix.lower() == WANTED:
            with path.open("rb") as file:
                yield path.name, _limited(file, room)
        elif path.suffix.lower() == ".zip":
            with path.open("rb") as file:
                yield from _zipped(file, path.name, room, problems, MOST_DEPTH)
    elif path.exists():
        problems.append(f"{path.name} is neither a file nor a folder")


def _zipped(file: IO[bytes], called: str, room: Room, problems: list[str], depth: int) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                room.take_entry()
                parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
                suffix = PurePosixPath(entry.filename).suffix.lower()
                if entry.is_dir() or set(parts) & set(SKIPPED) or suffix not in (WANTED, ".zip"):
                    continue
                try:
                    with archive.open(entry) as inner:
                        data = _limited(inner, room)
                except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as exc:
                    problems.append(f"{entry.filename} in {called} cannot be read: {exc}")
                    continue
                if suffix == WANTED:
                    yield entry.filename, data
                elif depth:
                    for name, inner_data in _zipped(io.BytesIO(data), entry.filename, room, problems, depth - 1):
                        yield f"{entry.filename}/{name}", inner_data
                else:
                    problems.append(f"{entry.filename} in {called} is too deep inside archives")
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError, struct.error) as exc:
        problems.append(f"{called} is no readable zip archive: {exc}")


def _limited(file: IO[bytes], room: Room) -> bytes:
    """All bytes, read in pieces, so that a small archive of a large file ends at the limit."""
    pieces = []
    while piece := file.read(1 << 16):
        room.take_bytes(len(piece))
        pieces.append(piece)
    return b"".join(pieces)
