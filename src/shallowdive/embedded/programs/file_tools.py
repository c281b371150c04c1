"""busybox's tools for files and folders: ls, mkdir, rm, cp, mv, touch, ln, find, stat and the like."""

from __future__ import annotations

import base64 as b64
import hashlib
import time
from collections.abc import Callable

from shallowdive.embedded.programs.files import Device, File, Folder, Link, Live, Node, parts, words
from shallowdive.embedded.programs.process import Process

Tool = Callable[[Process, list[str]], int]


def options(arguments: list[str], valued: str = "") -> tuple[set[str], list[str]]:
    """Single letters after a dash, and the words. A letter in `valued` takes the next word: it is dropped."""
    flags: set[str] = set()
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if word == "--":
            return flags, rest + queue
        if word.startswith("-") and len(word) > 1 and not word.startswith("--"):
            flags |= set(word[1:])
            if word[-1] in valued and queue:
                queue.pop(0)
        elif not word.startswith("--"):
            rest.append(word)
    return flags, rest


def _each(process: Process, names: list[str], act: Callable[[str], None], trouble: str) -> int:
    """Do something with each; a complaint for each that fails."""
    status = 0
    for name in names:
        try:
            act(name)
        except OSError as error:
            process.complain(trouble.format(name=name, why=words(error)))
            status = 1
    return status


def size_of(node: Node) -> int:
    if isinstance(node, File):
        return len(node.data) or node.size
    return len(node.target) if isinstance(node, Link) else 4096 if isinstance(node, Folder) else 0


def _long(name: str, node: Node) -> str:
    kind = {Folder: "drwxr-xr-x", Link: "lrwxrwxrwx", Device: "crw-rw-rw-"}.get(type(node), "-rw-r--r--")
    if isinstance(node, Folder):
        kind = "drwxr-xr-x"
    if isinstance(node, File) and node.program is not None:
        kind = "-rwxr-xr-x"
    when = time.strftime("%b %e %H:%M", time.gmtime(node.changed))
    arrow = f" -> {node.target}" if isinstance(node, Link) else ""
    links = 2 if isinstance(node, Folder) else 1
    return f"{kind}    {links} root     0        {size_of(node):>9} {when} {name}{arrow}\n"


def ls(process: Process, arguments: list[str]) -> int:
    flags, names = options(arguments)
    status, files, folders = 0, list[tuple[str, Node]](), list[tuple[str, Folder]]()
    for name in names or ["."]:
        try:
            node = process.container.files.find(name, process.cwd, follow="l" not in flags or name.endswith("/"))
        except OSError as error:
            process.complain(f"{name}: {words(error)}")
            status = 1
            continue
        if isinstance(node, Folder) and "d" not in flags:
            folders.append((name, node))
        else:
            files.append((name, node))
    process.say("".join(_long(n, f) if "l" in flags else f"{n}\n" for n, f in files))
    for i, (name, folder) in enumerate(folders):
        if len(names) > 1:
            process.say(("\n" if i or files else "") + f"{name}:\n")
        _list(process, name, folder, flags)
    return status


def _list(process: Process, name: str, folder: Folder, flags: set[str]) -> None:
    rows = (
        sorted(folder.listing().items(), key=lambda row: row[1].changed if "t" in flags else 0, reverse=True)
        if "t" in flags
        else sorted(folder.listing().items())
    )
    rows = [(n, node) for n, node in rows if "a" in flags or "A" in flags or not n.startswith(".")]
    if "a" in flags:
        rows = [(".", folder), ("..", folder), *rows]
    if "r" in flags:
        rows.reverse()
    if "l" in flags:
        process.say(f"total {sum(-(-size_of(node) // 4096) * 4 for _, node in rows if not isinstance(node, (Link, Device)))}\n")
    process.say("".join(_long(n, node) if "l" in flags else f"{n}\n" for n, node in rows))
    for below, node in rows if "R" in flags else ():
        if isinstance(node, Folder):
            process.say(f"\n{name.rstrip('/')}/{below}:\n")
            _list(process, f"{name.rstrip('/')}/{below}", node, flags)


def mkdir(process: Process, arguments: list[str]) -> int:
    flags, names = options(arguments, "m")
    files = process.container.files

    def make(name: str) -> None:
        above = parts(name, process.cwd)
        for i in range(1, len(above) if "p" in flags else 0):
            if not files.exists("/" + "/".join(above[:i])):
                files.make_folder("/" + "/".join(above[:i]))
        if "p" not in flags or not files.exists(name, process.cwd):
            files.make_folder(name, process.cwd)

    return _each(process, names, make, "can't create directory '{name}': {why}")


def rm(process: Process, arguments: list[str]) -> int:
    flags, names = options(arguments)
    files, deep = process.container.files, bool(flags & {"r", "R"})
    names = [n for n in names if "f" not in flags or _is_there(process, n)]
    return _each(process, names, lambda n: files.remove(n, process.cwd, folders=deep), "can't remove '{name}': {why}")


def _is_there(process: Process, name: str) -> bool:
    try:
        process.container.files.find(name, process.cwd, follow=False)
    except OSError:
        return False
    return True


def rmdir(process: Process, arguments: list[str]) -> int:
    _, names = options(arguments)

    def remove(name: str) -> None:
        node = process.container.files.find(name, process.cwd)
        if not isinstance(node, Folder):
            raise NotADirectoryError(20, "Not a directory")
        if node.listing():
            raise OSError(39, "Directory not empty")
        process.container.files.remove(name, process.cwd, folders=True)

    return _each(process, names, remove, "'{name}': {why}")


def touch(process: Process, arguments: list[str]) -> int:
    flags, names = options(arguments, "dt")
    files = process.container.files

    def one(name: str) -> None:
        if files.exists(name, process.cwd):
            files.find(name, process.cwd).changed = process.clock.now()
        elif "c" not in flags:
            files.open_for_writing(name, process.cwd, append=True)

    return _each(process, names, one, "{name}: {why}")


def _target(process: Process, source: str, to: str) -> str:
    files = process.container.files
    inside = files.exists(to, process.cwd) and isinstance(files.find(to, process.cwd), Folder)
    return f"{to.rstrip('/')}/{source.rstrip('/').rsplit('/', 1)[-1]}" if inside else to


def _copy(node: Node, now: float) -> Node:
    if isinstance(node, Folder):
        return Folder({n: _copy(below, now) for n, below in node.listing().items()}, changed=now)
    if isinstance(node, Live):
        return File(node.read(), changed=now)
    return File(bytes(node.data), node.program, now, node.size) if isinstance(node, File) else node


def _merge(source: Folder, into: Node, now: float) -> None:
    """A folder that is there keeps what it has, and stays the same folder: it may be a volume."""
    if not isinstance(into, Folder):
        raise NotADirectoryError(20, "Not a directory")
    for name, below in source.listing().items():
        there = into.entries.get(name)
        if isinstance(below, Folder) and isinstance(there, Folder):
            _merge(below, there, now)
        else:
            into.entries[name] = _copy(below, now)


def cp(process: Process, arguments: list[str]) -> int:
    flags, names = options(arguments)
    if len(names) < 2:
        process.complain("missing file operand")
        return 1
    *sources, to = names

    def one(name: str) -> None:
        node = process.container.files.find(name, process.cwd)
        if isinstance(node, Folder) and not flags & {"r", "R", "a"}:
            raise IsADirectoryError(21, "omitting directory")
        target = _target(process, name, to)
        if isinstance(node, (File, Live)):
            process.container.files.write(target, process.container.files.read(name, process.cwd), process.cwd)
        elif isinstance(node, Folder) and process.container.files.exists(target, process.cwd):
            _merge(node, process.container.files.find(target, process.cwd), process.clock.now())
        else:
            process.container.files.put(target, _copy(node, process.clock.now()), process.cwd)

    return _each(process, sources, one, "can't stat '{name}': {why}")


def mv(process: Process, arguments: list[str]) -> int:
    _, names = options(arguments)
    if len(names) < 2:
        process.complain("missing file operand")
        return 1
    *sources, to = names

    def one(name: str) -> None:
        files = process.container.files
        node = files.find(name, process.cwd, follow=False)
        files.put(_target(process, name, to), node, process.cwd)
        files.remove(name, process.cwd, folders=True)

    return _each(process, sources, one, "can't rename '{name}': {why}")


def ln(process: Process, arguments: list[str]) -> int:
    flags, names = options(arguments)
    if len(names) != 2 or "s" not in flags:
        process.complain("only `ln -s TARGET NAME` is known here")
        return 1
    target = _target(process, names[0], names[1])
    return _each(
        process, [target], lambda n: process.container.files.put(n, Link(names[0], process.clock.now()), process.cwd), "{name}: {why}"
    )


def readlink(process: Process, arguments: list[str]) -> int:
    _, names = options(arguments)
    for name in names:
        node = process.container.files.find(name, process.cwd, follow=False) if _is_there(process, name) else None
        if not isinstance(node, Link):
            return 1
        process.say(f"{node.target}\n")
    return 0


def find(process: Process, arguments: list[str]) -> int:
    """`find [FOLDER…] [-name PATTERN] [-type f|d]`."""
    from shallowdive.embedded.programs.words import matches

    start = [w for i, w in enumerate(arguments) if not w.startswith("-") and (i == 0 or not arguments[i - 1].startswith("-"))]
    shape = arguments[arguments.index("-name") + 1] if "-name" in arguments else "*"
    kind = arguments[arguments.index("-type") + 1] if "-type" in arguments else ""
    status = 0
    for folder in start or ["."]:
        try:
            for path, node in process.container.files.walk(folder, process.cwd):
                right_kind = not kind or isinstance(node, Folder) == (kind == "d")
                if right_kind and matches(path.rsplit("/", 1)[-1], shape):
                    process.say(f"{path}\n")
        except OSError as error:
            process.complain(f"{folder}: {words(error)}")
            status = 1
    return status


def _hash(name: str) -> Tool:
    def tool(process: Process, arguments: list[str]) -> int:
        def one(path: str) -> None:
            data = process.container.files.read(path, process.cwd)
            process.say(f"{hashlib.new(name, data).hexdigest()}  {path}\n")

        return _each(process, options(arguments)[1], one, "can't open '{name}': {why}")

    return tool


def base64(process: Process, arguments: list[str]) -> int:
    flags, names = options(arguments)
    data = b"".join(process.container.files.read(n, process.cwd) for n in names) if names else (process.stdin.take() or b"")
    process.say(b64.b64decode(data) if "d" in flags else b64.encodebytes(data))
    return 0


def pwd(process: Process, _: list[str]) -> int:
    process.say(f"{process.cwd}\n")
    return 0


def basename(process: Process, arguments: list[str]) -> int:
    name = arguments[0].rstrip("/").rsplit("/", 1)[-1]
    process.say(f"{name.removesuffix(arguments[1]) if len(arguments) > 1 else name}\n")
    return 0


def dirname(process: Process, arguments: list[str]) -> int:
    above, slash, _ = arguments[0].rstrip("/").rpartition("/")
    process.say(f"{above or ('/' if slash else '.')}\n")
    return 0


def accept(_process: Process, _arguments: list[str]) -> int:
    """chmod, chown: there are no owners and permissions here, so there is nothing to change."""
    return 0


TOOLS: dict[str, Tool] = {
    "ls": ls, "mkdir": mkdir, "rm": rm, "rmdir": rmdir, "touch": touch, "cp": cp, "mv": mv, "ln": ln, "readlink": readlink,
    "find": find, "md5sum": _hash("md5"), "sha256sum": _hash("sha256"), "base64": base64, "pwd": pwd, "basename": basename,
    "dirname": dirname, "chmod": accept, "chown": accept,
}  # fmt: skip
