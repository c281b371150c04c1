"""A container's files: a tree in memory. A volume is a folder that hangs in the trees of several containers.

Left out: owners, permissions, links that can be made, sizes of disks."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from shallowdive.embedded.programs.process import Program


@dataclass(slots=True)
class File:
    """`program` is what runs when it is executed."""

    data: bytes = b""
    program: Program | None = None
    changed: float = 0.0
    size: int = 0
    """Of a program: what `ls` says."""


@dataclass(slots=True)
class Live:
    """A file that is written while it is read, as those of /proc are."""

    read: Callable[[], bytes]
    changed: float = 0.0


@dataclass(slots=True)
class Device:
    """`null`, `zero`, `random`: endless or empty."""

    name: str
    changed: float = 0.0


@dataclass(slots=True)
class Link:
    target: str
    changed: float = 0.0


@dataclass(slots=True)
class Folder:
    entries: dict[str, Node] = field(default_factory=dict)
    read_only: bool = False
    changed: float = 0.0

    def listing(self) -> dict[str, Node]:
        return self.entries


class LiveFolder(Folder):
    """A folder that is made up while it is read."""

    def __init__(self, read: Callable[[], dict[str, Node]]) -> None:
        super().__init__(read_only=True)
        self._read = read

    def listing(self) -> dict[str, Node]:
        return self._read()


Node = File | Live | Device | Link | Folder


def fail(number: int, path: str) -> NoReturn:
    raise OSError(number, os.strerror(number), path)


def words(error: OSError) -> str:
    """What a program says about it: `No such file or directory`."""
    return error.strerror or str(error)


class Files:
    """One container's view: a root, and where it is read-only. Paths may be relative to `cwd`."""

    def __init__(self, root: Folder, clock: Callable[[], float]) -> None:
        self.root, self._now = root, clock
        self._read_only: list[str] = []

    def mount(self, path: str, node: Node, read_only: bool = False) -> None:
        """Hang a volume's folder (or one of its files) into the tree, making the folders above it."""
        *above, name = parts(path)
        folder = self.root
        for part in above:
            below = folder.entries.setdefault(part, Folder(changed=self._now()))
            assert isinstance(below, Folder)
            folder = below
        folder.entries[name] = node
        if read_only:
            self._read_only.append("/" + "/".join([*above, name]))

    def find(self, path: str, cwd: str = "/", *, follow: bool = True, hops: int = 8) -> Node:
        """Raises OSError."""
        node: Node = self.root
        names = parts(path, cwd)
        for i, name in enumerate(names):
            if not isinstance(node, Folder):
                fail(errno.ENOTDIR, path)
            below = node.listing().get(name)
            if below is None:
                fail(errno.ENOENT, path)
            if isinstance(below, Link) and (follow or i < len(names) - 1):
                if not hops:
                    fail(errno.ELOOP, path)
                below = self.find(below.target, "/" + "/".join(names[:i]), hops=hops - 1)
            node = below
        return node

    def exists(self, path: str, cwd: str = "/") -> bool:
        try:
            self.find(path, cwd)
        except OSError:
            return False
        return True

    def read(self, path: str, cwd: str = "/") -> bytes:
        """Raises OSError."""
        node = self.find(path, cwd)
        if isinstance(node, File):
            return bytes(node.data)
        if isinstance(node, Live):
            return node.read()
        if isinstance(node, Folder):
            fail(errno.EISDIR, path)
        return b""

    def open_for_writing(self, path: str, cwd: str = "/", *, append: bool = False) -> File | Device:
        """The file, made or emptied. Raises OSError."""
        folder, name = self._parent(path, cwd)
        node = folder.listing().get(name)
        if isinstance(node, Link):
            return self.open_for_writing(node.target, "/" + "/".join(parts(path, cwd)[:-1]), append=append)
        if isinstance(node, Folder):
            fail(errno.EISDIR, path)
        if isinstance(node, Device):
            return node
        self._check(path, cwd, folder)
        if not isinstance(node, File):
            node = folder.entries[name] = File()
        if not append:
            node.data = b""
        node.changed = self._now()
        return node

    def write(self, path: str, data: bytes, cwd: str = "/", *, append: bool = False) -> None:
        file = self.open_for_writing(path, cwd, append=append)
        if isinstance(file, File):
            file.data += data

    def make_folder(self, path: str, cwd: str = "/") -> Folder:
        folder, name = self._parent(path, cwd)
        if name in folder.listing() or not name:
            fail(errno.EEXIST, path)
        self._check(path, cwd, folder)
        made = folder.entries[name] = Folder(changed=self._now())
        return made

    def remove(self, path: str, cwd: str = "/", *, folders: bool = False) -> None:
        folder, name = self._parent(path, cwd)
        node = folder.listing().get(name)
        if node is None:
            fail(errno.ENOENT, path)
        if isinstance(node, Folder) and not folders:
            fail(errno.EISDIR, path)
        self._check(path, cwd, folder)
        del folder.entries[name]

    def put(self, path: str, node: Node, cwd: str = "/") -> None:
        """Enter an existing node under another name. Raises OSError."""
        folder, name = self._parent(path, cwd)
        self._check(path, cwd, folder)
        folder.entries[name] = node

    def walk(self, path: str, cwd: str = "/") -> Iterator[tuple[str, Node]]:
        """A node and everything below it, with paths as a program would print them."""
        node = self.find(path, cwd)
        yield path, node
        if isinstance(node, Folder):
            for name in sorted(node.listing()):
                yield from self.walk(f"{path.rstrip('/')}/{name}", cwd)

    def _parent(self, path: str, cwd: str) -> tuple[Folder, str]:
        names = parts(path, cwd)
        folder = self.find("/" + "/".join(names[:-1]))
        if not isinstance(folder, Folder):
            fail(errno.ENOTDIR, path)
        return folder, names[-1] if names else ""

    def _check(self, path: str, cwd: str, folder: Folder) -> None:
        whole = "/" + "/".join(parts(path, cwd))
        if folder.read_only or any(whole == p or whole.startswith(p + "/") for p in self._read_only):
            fail(errno.EROFS, path)


def parts(path: str, cwd: str = "/") -> list[str]:
    """The names on the way from the root: `..` and `.` are gone."""
    found: list[str] = []
    for name in (path if path.startswith("/") else f"{cwd}/{path}").split("/"):
        if name == "..":
            found = found[:-1]
        elif name not in ("", "."):
            found.append(name)
    return found
