"""busybox's tools for text: cat, head, tail, grep, wc, sort, uniq, cut, tr, sed, seq, yes, tee, dd, expr, gzip."""

from __future__ import annotations

import gzip as gz
import re
from collections.abc import Callable, Generator

from shallowdive.embedded.programs.file_tools import options
from shallowdive.embedded.programs.files import Device, Folder, words
from shallowdive.embedded.programs.process import Process, Program, Run, Wait

STEP_BYTES, STEP_S = 1 << 24, 0.02
"""Endless input is taken in steps: so many bytes, then so long a rest."""
FOLLOW_S = 1.0
Data = Generator[Wait, bool, bytes]


def contents(process: Process, names: list[str], complain: str = "can't open '{name}': {why}") -> Generator[Wait, bool, tuple[bytes, int]]:
    """Of all files together, or of stdin; and the status."""
    if not names:
        return (yield from process.read_all()), 0
    data, status = b"", 0
    for name in names:
        if name == "-":
            data += yield from process.read_all()
            continue
        try:
            data += process.container.files.read(name, process.cwd)
        except OSError as error:
            process.complain(complain.format(name=name, why=words(error)))
            status = 1
    return data, status


def is_endless(process: Process, name: str) -> bool:
    files = process.container.files
    node = files.find(name, process.cwd) if files.exists(name, process.cwd) else None
    return isinstance(node, Device) and node.name in ("zero", "random", "urandom", "full")


def cat(process: Process) -> Run:
    _, names = options(process.argv[1:])
    if not names or names == ["-"]:
        while data := (yield from process.read()):
            process.say(data)
            if wait := process.stdout.drained():
                yield Wait(wait)
        return 0
    status = 0
    for name in names:
        if is_endless(process, name):
            yield from pour(process, b"\0" * 65536)
        try:
            process.say(process.container.files.read(name, process.cwd))
        except OSError as error:
            why = f"read error: {words(error)}" if isinstance(error, IsADirectoryError) else ""
            process.complain(why or f"can't open '{name}': {words(error)}")
            status = 1
    return status


def pour(process: Process, data: bytes) -> Run:
    """Write the same for ever."""
    while True:
        process.say(data)
        wait = process.stdout.drained()
        yield Wait(wait) if wait else Wait(seconds=STEP_S)


def yes(process: Process) -> Run:
    return (yield from pour(process, (" ".join(process.argv[1:] or ["y"]) + "\n").encode() * 4096))


def swallow(process: Process) -> Run:
    """Read something that has no end into memory, until there is none left."""
    while True:
        process.container.charge(STEP_BYTES)
        yield Wait(seconds=STEP_S)


def _count(text: str) -> int:
    units = {"k": 1024, "m": 1 << 20, "g": 1 << 30, "b": 512}
    return int(text[:-1]) * units[text[-1].lower()] if text[-1:].lower() in units else int(text)


def _number(arguments: list[str], letter: str) -> tuple[str, list[str]]:
    """The value of `-n 5`, `-n5` or `-5`, and the other arguments."""
    rest, value = [], ""
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if word == f"-{letter}" and queue:
            value = queue.pop(0)
        elif word.startswith(f"-{letter}") and len(word) > 2:
            value = word[2:]
        elif letter == "n" and re.fullmatch(r"-\d+", word):
            value = word[1:]
        else:
            rest.append(word)
    return value, rest


def head(process: Process) -> Run:
    amount, rest = _number(process.argv[1:], "c")
    lines, rest = _number(rest, "n")
    _, names = options(rest)
    wanted = int(lines or 10)
    if names and is_endless(process, names[0]):
        process.say(b"\0" * _count(amount or "0"))
        return 0
    if names:
        data, status = yield from contents(process, names, "{name}: {why}")
        process.say(data[: _count(amount)] if amount else b"".join(data.splitlines(keepends=True)[:wanted]))
        return status
    left = _count(amount) if amount else wanted
    while left > 0 and (data := (yield from process.read())):
        piece = data[:left] if amount else b"".join(data.splitlines(keepends=True)[:left])
        left -= len(piece) if amount else piece.count(b"\n")
        process.say(piece)
    return 0


def tail(process: Process) -> Run:
    amount, rest = _number(process.argv[1:], "c")
    lines, rest = _number(rest, "n")
    flags, names = options(rest)
    if any(is_endless(process, n) for n in names):
        return (yield from swallow(process))
    data, status = yield from contents(process, names, "can't open '{name}': {why}")
    if status and names:
        if not any(process.container.files.exists(n, process.cwd) for n in names):
            process.complain("no files")
        return 1
    if amount:
        process.say(data[-_count(amount) :])
    elif lines.startswith("+"):
        process.say(b"".join(data.splitlines(keepends=True)[int(lines) - 1 :]))
    else:
        wanted = int(lines or 10)
        process.say(b"".join(data.splitlines(keepends=True)[-wanted:]) if wanted else b"")
    return (yield from _follow(process, names, len(data))) if flags & {"f", "F"} else 0


def _follow(process: Process, names: list[str], seen: int) -> Run:
    if not names or process.container.files.exists(names[0], process.cwd) is False:
        return 0
    if isinstance(process.container.files.find(names[0], process.cwd), Device):
        yield Wait()
    while True:
        yield Wait(seconds=FOLLOW_S)
        data = process.container.files.read(names[0], process.cwd) if process.container.files.exists(names[0], process.cwd) else b""
        if len(data) > seen:
            process.say(data[seen:])
        seen = len(data)


def grep(process: Process) -> Run:
    arguments = process.argv[1:]
    shapes = [arguments[i + 1] for i, w in enumerate(arguments[:-1]) if w == "-e"]
    flags, rest = options(arguments, "em")
    if not shapes:
        if not rest:
            process.complain("no pattern")
            return 2
        shapes, rest = [rest[0]], rest[1:]
    extended = "E" in flags
    shape = "|".join(re.escape(s) if "F" in flags else s if extended else _basic(s) for s in shapes)
    shape = rf"\b(?:{shape})\b" if "w" in flags else rf"^(?:{shape})$" if "x" in flags else shape
    pattern = re.compile(shape, re.IGNORECASE if "i" in flags else 0)
    found, status, sources = 0, 0, list[tuple[str, str]]()
    for name in _below(process, rest or ["."]) if flags & {"r", "R"} else rest:
        try:
            sources.append((name, process.container.files.read(name, process.cwd).decode(errors="replace")))
        except OSError as error:
            status = 2
            if "s" not in flags:
                process.complain(f"{name}: {words(error)}")
    if not rest and not flags & {"r", "R"}:
        sources.append(("", (yield from process.read_all()).decode(errors="replace")))
    named = len(sources) > 1 or bool(flags & {"r", "R", "H"})
    for name, text in sources:
        prefix = f"{name}:" if named and name and "h" not in flags else ""
        found += _grep_one(process, text, pattern, flags, prefix, name)
    return status if status and not found else int(not found)


def _below(process: Process, names: list[str]) -> list[str]:
    files = process.container.files
    return [
        path for n in names if files.exists(n, process.cwd) for path, node in files.walk(n, process.cwd) if not isinstance(node, Folder)
    ]


def _basic(shape: str) -> str:
    """A basic regular expression in Python's spelling: `\\(` groups, `(` is a bracket."""
    return re.sub(r"\\([(){}|+?])|([(){}|+?])", lambda m: m[1] or "\\" + m[2], shape)


def _grep_one(process: Process, text: str, pattern: re.Pattern[str], flags: set[str], prefix: str, name: str) -> int:
    hits = 0
    for number, line in enumerate(text.splitlines(), 1):
        if bool(pattern.search(line)) == ("v" in flags):
            continue
        hits += 1
        if flags & {"q", "c", "l"}:
            continue
        shown = [m[0] for m in pattern.finditer(line)] if "o" in flags else [line]
        process.say("".join(f"{prefix}{f'{number}:' if 'n' in flags else ''}{part}\n" for part in shown))
    if "c" in flags:
        process.say(f"{prefix}{hits}\n")
    elif "l" in flags and hits:
        process.say(f"{name}\n")
    return hits


def wc(process: Process) -> Run:
    flags, names = options(process.argv[1:])
    data, status = yield from contents(process, names)
    counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
    asked = [letter for letter in "lwc" if letter in flags] or list("lwc")
    numbers = [str(counts[letter]) if len(asked) == 1 else f"{counts[letter]:>9}" for letter in asked]
    process.say(" ".join([*numbers, *names[:1]]) + "\n")
    return status


def over_lines(change: Callable[[Process, set[str], list[str]], list[str]]) -> Program:
    """A tool that reads all lines and prints others."""

    def program(process: Process) -> Run:
        flags, names = options(process.argv[1:], "kt")
        data, status = yield from contents(process, names)
        process.say("".join(f"{line}\n" for line in change(process, flags, data.decode(errors="replace").splitlines())))
        return status

    return program


def _sort(_: Process, flags: set[str], lines: list[str]) -> list[str]:
    lines = list(dict.fromkeys(lines)) if "u" in flags else lines

    def number(line: str) -> float:
        found = re.match(r"\s*-?\d+(\.\d+)?", line)
        return float(found[0]) if found else 0.0

    return sorted(lines, key=(lambda line: (number(line), line)) if "n" in flags else None, reverse="r" in flags)


def _uniq(_: Process, flags: set[str], lines: list[str]) -> list[str]:
    counted: list[list[object]] = []
    for line in lines:
        if counted and counted[-1][1] == line:
            counted[-1][0] = int(str(counted[-1][0])) + 1
        else:
            counted.append([1, line])
    rows = [row for row in counted if row[0] != 1] if "d" in flags else counted
    return [f"{n:>7} {line}" if "c" in flags else str(line) for n, line in rows]


def _rev(_: Process, _flags: set[str], lines: list[str]) -> list[str]:
    return [line[::-1] for line in lines]


def _tac(_: Process, _flags: set[str], lines: list[str]) -> list[str]:
    return lines[::-1]


def cut(process: Process) -> Run:
    between, rest = _number(process.argv[1:], "d")
    fields, rest = _number(rest, "f")
    characters, rest = _number(rest, "c")
    data, status = yield from contents(process, options(rest)[1])

    def wanted(count: int) -> list[int]:
        found: list[int] = []
        for piece in (fields or characters).split(","):
            first, dash, last = piece.partition("-")
            found += range(int(first or 1) - 1, min(int(last or count), count) if dash else min(int(first), count))
        return found

    for line in data.decode(errors="replace").splitlines():
        pieces = list(line) if characters else line.split(between or "\t")
        shown = (
            line if len(pieces) == 1 and fields else ("" if characters else between or "\t").join(pieces[i] for i in wanted(len(pieces)))
        )
        process.say(f"{shown}\n")
    return status


def tr(process: Process) -> Run:
    from shallowdive.embedded.programs.shell_builtins import unescape

    flags, sets = options(process.argv[1:])
    data = (yield from process.read_all()).decode(errors="replace")
    classes = {"[:upper:]": "A-Z", "[:lower:]": "a-z", "[:digit:]": "0-9", "[:space:]": " \t\n\r", "[:alnum:]": "A-Za-z0-9"}

    def letters(text: str) -> str:
        for name, meant in classes.items():
            text = text.replace(name, meant)
        return re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), unescape(text))

    first = letters(sets[0]) if sets else ""
    if "d" in flags:
        keep = (lambda c: c in first) if "c" in flags else (lambda c: c not in first)
        data = "".join(filter(keep, data))
    elif len(sets) > 1:
        second = letters(sets[1])
        data = data.translate({ord(c): second[min(i, len(second) - 1)] for i, c in enumerate(first)})
    if "s" in flags:
        data = re.sub(rf"([{re.escape(letters(sets[-1]))}])\1+", r"\1", data)
    process.say(data)
    return 0


def sed(process: Process) -> Run:
    """`s/…/…/[g]`, `/…/d`, `Np` and `$p` with -n, `Nd`; -i writes the file."""
    arguments = process.argv[1:]
    scripts = [arguments[i + 1] for i, w in enumerate(arguments[:-1]) if w == "-e"]
    flags, rest = options(arguments, "e")
    if not scripts:
        scripts, rest = [rest[0]], rest[1:]
    data, status = yield from contents(process, rest)
    lines = data.decode(errors="replace").splitlines()
    result: list[str] = []
    for number, line in enumerate(lines, 1):
        kept, shown = line, "n" not in flags
        for script in ";".join(scripts).split(";") if "s" not in scripts[0][:1] else scripts:
            kept, shown = _sed_one(process, script.strip(), kept, shown, number, len(lines), "E" in flags or "r" in flags, result)
        if shown:
            result.append(kept)
    text = "".join(f"{line}\n" for line in result)
    if "i" in flags:
        for name in rest:
            process.container.files.write(name, text.encode(), process.cwd)
    else:
        process.say(text)
    return status


def _sed_one(
    process: Process, script: str, line: str, shown: bool, number: int, count: int, extended: bool, result: list[str]
) -> tuple[str, bool]:
    where = re.match(r"(?:(\d+)|(\$)|/((?:[^/\\]|\\.)*)/)?\s*(.*)", script, re.DOTALL)
    assert where is not None
    if (where[1] and int(where[1]) != number) or (where[2] and number != count):
        return line, shown
    if where[3] is not None and not re.search(where[3] if extended else _basic(where[3]), line):
        return line, shown
    action = where[4]
    if action[:1] == "s" and len(action) > 2:
        mark = re.escape(action[1])
        match = re.fullmatch(rf"s{mark}((?:[^{mark}\\]|\\.)*){mark}((?:[^{mark}\\]|\\.)*){mark}([gi]*)", action, re.DOTALL)
        if match:
            shape = match[1] if extended else _basic(match[1])
            new = re.sub(r"(?<!\\)&", r"\\g<0>", match[2])
            return re.sub(shape, new, line, count=0 if "g" in match[3] else 1), shown
    elif action == "d":
        return line, False
    elif action == "p":
        result.append(line)
        return line, shown
    process.complain(f"unsupported command {action[:1]}")
    return line, shown


def seq(process: Process) -> Run:
    numbers = [float(w) if "." in w else int(w) for w in process.argv[1:] if not w.startswith("-s")]
    first, step, last = {1: (1, 1, numbers[0]), 2: (numbers[0], 1, numbers[-1])}.get(len(numbers), tuple(numbers))
    value = first
    while (value <= last) if step > 0 else (value >= last):
        process.say(f"{value}\n")
        value += step
    return 0
    yield


def tee(process: Process) -> Run:
    flags, names = options(process.argv[1:])
    data = yield from process.read_all()
    for name in names:
        process.container.files.write(name, data, process.cwd, append="a" in flags)
    process.say(data)
    return 0


def dd(process: Process) -> Run:
    given = dict(w.partition("=")[::2] for w in process.argv[1:])
    block, count = _count(given.get("bs", "512")), int(given["count"]) if "count" in given else None
    name = given.get("if", "")
    process.container.charge(block)
    yield Wait(seconds=0)
    if name and is_endless(process, name):
        if count is None:
            return (yield from swallow(process))
        data = b"\0" * min(block * count, 1 << 26)
    else:
        data, status = yield from contents(process, [name] if name else [])
        if status:
            return status
        data = data[: block * count] if count is not None else data
    if given.get("of", ""):
        process.container.files.write(given["of"], data, process.cwd)
    else:
        process.say(data)
    process.container.charge(-block)
    records = f"{len(data) // block}+{int(bool(len(data) % block))} records"
    process.stderr.write(f"{records} in\n{records} out\n".encode())
    return 0


def expr(process: Process) -> Run:
    from shallowdive.embedded.programs import words as expansion
    from shallowdive.embedded.programs.shell import Shell

    arguments = process.argv[1:]
    if len(arguments) == 3 and arguments[1] in ("=", "!=") and not all(a.lstrip("-").isdigit() for a in (arguments[0], arguments[2])):
        result = str(int((arguments[0] == arguments[2]) == (arguments[1] == "=")))
    else:
        try:
            text = " ".join("==" if a == "=" else a for a in arguments)
            result = str(expansion.calculate(Shell(process), text))
        except expansion.Problem:
            process.complain("syntax error")
            return 2
    process.say(f"{result}\n")
    return int(result in ("", "0"))
    yield


def gzip(process: Process) -> Run:
    data = yield from process.read_all()
    process.say(gz.decompress(data) if process.comm in ("gunzip", "zcat") or "-d" in process.argv else gz.compress(data, mtime=0))
    return 0


TOOLS: dict[str, Program] = {
    "cat": cat, "yes": yes, "head": head, "tail": tail, "grep": grep, "wc": wc, "sort": over_lines(_sort), "uniq": over_lines(_uniq),
    "rev": over_lines(_rev), "tac": over_lines(_tac), "cut": cut, "tr": tr, "sed": sed, "seq": seq, "tee": tee, "dd": dd, "expr": expr,
    "gzip": gzip, "gunzip": gzip, "zcat": gzip,
}  # fmt: skip
