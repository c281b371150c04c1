"""The commands that a shell carries out itself, because they change it or because they are asked so often."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shallowdive.embedded.programs.conditions import BadTest, holds
from shallowdive.embedded.programs.container import NotExecutable
from shallowdive.embedded.programs.files import Folder, parts
from shallowdive.embedded.programs.process import SIGNALS, Exit, Wait
from shallowdive.embedded.programs.streams import Pipe, Text
from shallowdive.embedded.programs.syntax import parse

if TYPE_CHECKING:
    from shallowdive.embedded.programs.shell import Builtin, Shell, Step, Streams

SPECIAL_BYTES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "0": "\0"}
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|0?[0-7]{1,3}|.)")


def unescape(text: str) -> str:
    r"""`\n`, `\t`, `\x41`, `\101` as what they stand for."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "x" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        return SPECIAL_BYTES.get(code, match[0])

    return ESCAPE.sub(one, text)


def echo_text(words: list[str]) -> str:
    newline, escapes = "\n", False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        flags = words.pop(0)
        newline = "" if "n" in flags else newline
        escapes = "e" in flags or (escapes and "E" not in flags)
    text = " ".join(words)
    return (unescape(text) if escapes else text) + newline


def printf_text(words: list[str]) -> str:
    """The format, as often as there are arguments left."""
    shape, values = unescape(words[0]), list(words[1:])
    result = ""
    while True:
        before = len(values)

        def fill(match: re.Match[str]) -> str:
            kind = match[2]
            if kind == "%":
                return "%"
            value = values.pop(0) if values else ""
            if kind in "diouxXc":
                number = value if kind == "c" else int(value, 0) if re.fullmatch(r"[-+]?(0x[\da-fA-F]+|\d+)", value) else 0
                return f"%{match[1]}{'s' if kind == 'c' else kind}" % (number,)
            if kind in "eEfgG":
                return f"%{match[1]}{kind}" % float(value or 0)
            return f"%{match[1]}s" % (unescape(value) if kind == "b" else value)

        result += re.sub(r"%([-+ 0#]*\d*(?:\.\d+)?)([diouxXeEfgGscb%])", fill, shape)
        if not values or len(values) == before:
            return result


# builtins: (shell, argv, streams) → steps to a status


def echo(_: Shell, argv: list[str], io: Streams) -> Step:
    io.stdout.write(echo_text(argv[1:]).encode())
    return 0
    yield


def printf(_: Shell, argv: list[str], io: Streams) -> Step:
    io.stdout.write(printf_text(argv[1:] or [""]).encode())
    return 0
    yield


def test(shell: Shell, argv: list[str], io: Streams) -> Step:
    words = argv[1:]
    end = {"[": "]", "[[": "]]"}.get(argv[0])
    if end and (not words or words.pop() != end):
        io.stderr.write(f"{shell.name}: missing {end}\n".encode())
        return 2
    try:
        return 0 if holds(words, shell.process) else 1
    except BadTest as bad:
        io.stderr.write(f"{shell.name}: {bad}\n".encode())
        return 2
    yield


def nothing(_shell: Shell, _argv: list[str], _io: Streams) -> Step:
    return 0
    yield


def fails(_shell: Shell, _argv: list[str], _io: Streams) -> Step:
    return 1
    yield


def cd(shell: Shell, argv: list[str], io: Streams) -> Step:
    to = argv[1] if len(argv) > 1 else shell.get("HOME", "/")
    to = shell.get("OLDPWD", "/") if to == "-" else to
    process = shell.process
    try:
        found = process.container.files.find(to, process.cwd)
    except OSError:
        found = None
    if not isinstance(found, Folder):
        io.stderr.write(f"{shell.name}: cd: line 0: can't cd to {to}: No such file or directory\n".encode())
        return 2
    shell.set("OLDPWD", process.cwd)
    process.cwd = "/" + "/".join(parts(to, process.cwd))
    shell.set("PWD", process.cwd)
    return 0
    yield


def pwd(shell: Shell, _: list[str], io: Streams) -> Step:
    io.stdout.write(f"{shell.process.cwd}\n".encode())
    return 0
    yield


def export(shell: Shell, argv: list[str], io: Streams) -> Step:
    for word in argv[1:]:
        name, given, value = word.partition("=")
        if given:
            shell.set(name, value)
        shell.exported.add(name)
    if len(argv) == 1:
        io.stdout.write("".join(f"export {n}='{v}'\n" for n, v in sorted(shell.environment().items())).encode())
    return 0
    yield


def unset(shell: Shell, argv: list[str], _: Streams) -> Step:
    for name in argv[1:]:
        shell.variables.pop(name, None)
        shell.exported.discard(name)
        shell.functions.pop(name, None)
    return 0
    yield


def set_(shell: Shell, argv: list[str], io: Streams) -> Step:
    words = argv[1:]
    if not words:
        io.stdout.write("".join(f"{n}='{v}'\n" for n, v in sorted(shell.variables.items())).encode())
    while words and words[0][:1] in "-+" and len(words[0]) > 1:
        flags = words.pop(0)
        if flags == "--":
            shell.arguments = words
            return 0
        if flags[1:] == "o":
            shell.options[words.pop(0) if words else ""] = flags[0] == "-"
            continue
        for letter in flags[1:]:
            shell.options[letter] = flags[0] == "-"
    if words:
        shell.arguments = words
    return 0
    yield


def shift(shell: Shell, argv: list[str], _: Streams) -> Step:
    by = int(argv[1]) if len(argv) > 1 else 1
    if by > len(shell.arguments):
        return 1
    shell.arguments = shell.arguments[by:]
    return 0
    yield


def exit_(shell: Shell, argv: list[str], io: Streams) -> Step:
    if len(argv) > 1 and not re.fullmatch(r"\d+", argv[1]):
        io.stderr.write(f"{shell.name}: exit: line 0: Illegal number: {argv[1]}\n".encode())
        raise Exit(2)
    raise Exit(int(argv[1]) if len(argv) > 1 else shell.status)
    yield


def leave(shell: Shell, argv: list[str], _: Streams) -> Step:
    """`break`, `continue`, `return`."""
    from shallowdive.embedded.programs.shell import Leave

    default = shell.status if argv[0] == "return" else 1
    raise Leave(argv[0], int(argv[1]) if len(argv) > 1 else default)
    yield


def trap(shell: Shell, argv: list[str], io: Streams) -> Step:
    words = argv[1:]
    if not words:
        names = {0: "EXIT", **{n: s for s, n in SIGNALS.items()}}
        io.stdout.write("".join(f"trap -- '{s}' {names.get(n, n)}\n" for n, s in sorted(shell.traps.items())).encode())
        return 0
    script: str | None = words.pop(0) if len(words) > 1 else None
    for word in words:
        number = signal_number(word)
        if number is None:
            io.stderr.write(f"{shell.name}: trap: line 0: {word}: invalid signal specification\n".encode())
            return 1
        shell.trap(number, None if script == "-" else script)
    return 0
    yield


def signal_number(word: str) -> int | None:
    name = word.upper().removeprefix("SIG")
    if name == "EXIT":
        return 0
    return int(word) if word.isdigit() else SIGNALS.get(name)


def exec_(shell: Shell, argv: list[str], io: Streams) -> Step:
    if len(argv) == 1:
        shell.streams = io
        return 0
    env = shell.environment()
    try:
        program = shell.process.container.look_up(argv[1], env.get("PATH", ""), shell.process.cwd)
    except NotExecutable:
        io.stderr.write(f"{shell.name}: exec: line 0: {argv[1]}: not found\n".encode())
        raise Exit(127) from None
    return (yield from shell.become(argv[1:], program, env, io))


def eval_(shell: Shell, argv: list[str], _: Streams) -> Step:
    return (yield from shell.script(" ".join(argv[1:])))


def source(shell: Shell, argv: list[str], io: Streams) -> Step:
    try:
        text = shell.process.container.files.read(argv[1], shell.process.cwd).decode(errors="replace")
    except OSError:
        io.stderr.write(f"{shell.name}: .: line 0: can't open '{argv[1]}': No such file or directory\n".encode())
        raise Exit(2) from None
    return (yield from shell.run(parse(text)))


def read(shell: Shell, argv: list[str], io: Streams) -> Step:
    """One line of stdin, cut into variables."""
    names = [w for w in argv[1:] if not w.startswith("-")] or ["REPLY"]
    raw = any(w.startswith("-") and "r" in w for w in argv[1:])
    line, ended = b"", False
    while not ended:
        data = io.stdin.take()
        if data is None:
            yield Wait(io.stdin.more())
            continue
        head, found, rest = data.partition(b"\n")
        line += head
        ended = bool(found)
        if isinstance(io.stdin, (Pipe, Text)):
            io.stdin.give_back(rest)
        if not data:
            break
    text = line.decode(errors="replace")
    text = text if raw else re.sub(r"\\(.)", r"\1", text)
    blanks = shell.get("IFS", " \t\n")
    values = re.split(f"[{re.escape(blanks)}]+", text.strip(blanks), maxsplit=len(names) - 1) if blanks else [text]
    for i, name in enumerate(names):
        shell.set(name, values[i] if i < len(values) else "")
    return 0 if ended else 1


def wait(shell: Shell, argv: list[str], _: Streams) -> Step:
    """For children in the background; a trapped signal ends the waiting."""
    asked = [shell.background[int(w)] for w in argv[1:] if w.isdigit() and int(w) in shell.background]
    if len(argv) > 1 and not asked:
        return 127
    status = 0
    for child in asked or list(shell.background.values()):
        while child.code is None:
            poke = shell.poke
            child.ended.then(poke.happen)
            yield Wait(poke)
            if shell.poke.happened:
                shell.poke = type(poke)()
            if shell.pending:
                number = shell.pending[0]
                yield from shell.run_traps()
                return 128 + number
        status = child.code
        shell.background.pop(child.pid, None)
    return status if asked else 0


def kill(shell: Shell, argv: list[str], io: Streams) -> Step:
    words, number = argv[1:], 15
    if words[:1] == ["-l"]:
        io.stdout.write((" ".join(SIGNALS) + "\n").encode())
        return 0
    if words[:1] == ["-s"]:
        words = [f"-{words[1]}", *words[2:]]
    if words and words[0].startswith("-") and words[0] != "--":
        found = signal_number(words.pop(0)[1:])
        number = 0 if found is None else found
    status = 0
    for word in words:
        pid = word.removeprefix("%")
        process = shell.process.container.processes.get(int(pid)) if pid.isdigit() else None
        if process is None:
            io.stderr.write(f"{shell.name}: can't kill pid {word}: No such process\n".encode())
            status = 1
        elif process is shell.process and number in (2, 9, 15) and number not in process.handlers and process.pid != 1:
            raise Exit(128 + number)
        elif number and not (process.pid == 1 and number == 9):
            process.signal(number)
    if shell.pending:
        yield from shell.run_traps()
    return status


def command(shell: Shell, argv: list[str], io: Streams) -> Step:
    """`command -v NAME` says what would run; `type` is its cousin."""
    names = [w for w in argv[1:] if not w.startswith("-")]
    if argv[0] == "command" and not any(w in ("-v", "-V") for w in argv[1:]):
        return (yield from shell._execute(names, {}, io, False))
    status = 0
    for name in names:
        found = name if name in BUILTINS or name in shell.functions else _where(shell, name)
        if argv[0] == "type":
            word = "is a shell builtin" if name in BUILTINS else "is a function" if name in shell.functions else f"is {found}"
            io.stdout.write((f"{name} {word}\n" if found else f"{name}: not found\n").encode())
        elif found:
            io.stdout.write(f"{found}\n".encode())
        status = status if found else 127
    return status


def _where(shell: Shell, name: str) -> str:
    for folder in shell.get("PATH").split(":"):
        if shell.process.container.files.exists(f"{folder}/{name}"):
            return f"{folder}/{name}"
    return ""


def local(shell: Shell, argv: list[str], _: Streams) -> Step:
    """Left out: that a local variable ends with its function."""
    for word in argv[1:]:
        name, _given, value = word.partition("=")
        shell.set(name, value)
    return 0
    yield


BUILTINS: dict[str, Builtin] = {
    "echo": echo, "printf": printf, "test": test, "[": test, "[[": test,
    ":": nothing, "true": nothing, "false": fails, "cd": cd, "pwd": pwd,
    "export": export, "readonly": export, "unset": unset, "set": set_, "shift": shift, "exit": exit_, "break": leave, "continue": leave,
    "return": leave, "trap": trap, "exec": exec_, "eval": eval_, ".": source, "source": source, "read": read, "wait": wait, "kill": kill,
    "command": command, "type": command, "local": local, "umask": nothing, "ulimit": nothing,
}  # fmt: skip
