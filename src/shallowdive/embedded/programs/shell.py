"""`sh`: walks the tree of a script. What waits in a real shell is a `yield` here, so a thousand sleeping scripts cost nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from shallowdive.embedded.programs import words
from shallowdive.embedded.programs.container import NotExecutable
from shallowdive.embedded.programs.files import Device, File
from shallowdive.embedded.programs.files import words as error_words
from shallowdive.embedded.programs.process import WORDS, Exit, Happening, Process, Run, Wait
from shallowdive.embedded.programs.streams import NOTHING, Appender, Pipe, Reader, Text, Writer
from shallowdive.embedded.programs.syntax import BadSyntax, Parser, parse
from shallowdive.embedded.programs.tree import (
    Case,
    Command,
    For,
    Function,
    Group,
    Heredoc,
    If,
    Pipeline,
    Redirect,
    Redirected,
    Sequence,
    Simple,
    Substitution,
    While,
)

REST_AFTER, REST_S = 100, 0.05
"""A script that never waits is made to rest: so many commands, then so long."""
DESCRIPTOR = re.compile(r"/proc/(?:(\d+)|self)/fd/([012])|/dev/(stdin|stdout|stderr)")
"""Files that stand for a stream of a process: `/proc/1/fd/1` is how a script writes to the container's log."""


class Leave(Exception):
    """`break`, `continue` and `return` on their way out."""

    def __init__(self, how: str, number: int) -> None:
        super().__init__(how)
        self.how, self.number = how, number


@dataclass(slots=True)
class Streams:
    """What a command reads and writes."""

    stdin: Reader
    stdout: Writer
    stderr: Writer

    def of(self, number: int) -> Any:
        return (self.stdin, self.stdout, self.stderr)[number] if number < 3 else NOTHING


Step = Generator[Wait, bool, int]
Builtin = Callable[["Shell", list[str], Streams], Step]


class Shell:
    def __init__(self, process: Process, name: str = "sh", arguments: list[str] | None = None) -> None:
        self.process, self.name, self.arguments = process, name, arguments or []
        self.variables: dict[str, str] = dict(process.env)
        self.exported = set(process.env)
        self.functions: dict[str, Command] = {}
        self.options: dict[str, bool] = {}
        self.status = 0
        self.traps: dict[int, str] = {}
        """Scripts by signal; 0 is the end of the shell."""
        self.pending: list[int] = []
        self.poke = Happening()
        self.background: dict[int, Process] = {}
        self.last_background = 0
        self.streams = Streams(process.stdin, process.stdout, process.stderr)
        self._steps = self._tested = 0
        self.set("PWD", process.cwd)
        self.set("SHLVL", str(int(self.get("SHLVL", "0") or 0) + 1))
        self.exported |= {"PWD", "SHLVL"}

    # variables

    def value(self, name: str) -> str | None:
        if name.isdigit():
            return self.name if name == "0" else self.arguments[int(name) - 1] if int(name) <= len(self.arguments) else None
        special = {
            "?": self.status, "$": self.process.pid, "#": len(self.arguments), "!": self.last_background or "",
            "PPID": self.process.parent, "-": "".join(o for o, on in self.options.items() if on), "@": " ".join(self.arguments),
            "*": " ".join(self.arguments),
        }  # fmt: skip
        if name in special:
            return str(special[name])
        if name == "RANDOM":
            return str(self.process.container.sandbox.network.random.randrange(32768))
        return self.variables.get(name)

    def get(self, name: str, default: str = "") -> str:
        found = self.value(name)
        return default if found is None else found

    def set(self, name: str, value: str) -> None:
        self.variables[name] = value

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in self.variables.items() if name in self.exported}

    # running

    def run(self, tree: Sequence) -> Step:
        for chain, apart in tree.chains:
            if apart:
                node = Group(Sequence(((chain, False),)))
                child = self.fork(node, Streams(NOTHING, self.streams.stdout, self.streams.stderr))
                self.background[child.pid] = child
                self.last_background = child.pid
                self.status = 0
            else:
                yield from self._chain(chain)
        return self.status

    def _chain(self, chain: tuple[tuple[str, Pipeline], ...]) -> Step:
        for i, (operator, pipeline) in enumerate(chain):
            if (operator == "&&" and self.status) or (operator == "||" and not self.status):
                continue
            last = i == len(chain) - 1
            self._tested += not last or pipeline.negated
            try:
                status = yield from self._pipeline(pipeline)
            finally:
                self._tested -= not last or pipeline.negated
            self.status = int(not status) if pipeline.negated else status
            if self.status and self.options.get("e") and last and not self._tested and not pipeline.negated:
                raise Exit(self.status)
        return self.status

    def _pipeline(self, pipeline: Pipeline) -> Step:
        if len(pipeline.commands) == 1:
            return (yield from self.command(pipeline.commands[0]))
        children: list[Process] = []
        source: Reader = self.streams.stdin
        for i, node in enumerate(pipeline.commands):
            last = i == len(pipeline.commands) - 1
            pipe = Pipe()
            streams = Streams(source, self.streams.stdout if last else pipe, self.streams.stderr)
            child = self.fork(node, streams, start=False)
            if not last:
                child.at_end.append(pipe.close)
            if isinstance(source, Pipe) and i:
                child.at_end.append(source.stop_reading)
            source = pipe
            children.append(child)
        for child in children:
            child.start()
        for child in children:
            yield from self.wait_for(child)
        failed = [c.code for c in children if c.code] if self.options.get("pipefail") else []
        return (failed[-1] if failed else children[-1].code) or 0

    def wait_for(self, child: Process) -> Step:
        """A child in the foreground: traps wait until it has ended."""
        if child.code is None:
            yield Wait(child.ended)
        code = child.code or 0
        if code > 128 and code - 128 in WORDS and code - 128 != 13 and child.parent == self.process.pid:
            self.streams.stderr.write(f"{WORDS[code - 128]}\n".encode())
        return code

    def fork(self, node: Command, streams: Streams, start: bool = True) -> Process:
        """A child shell that runs one command: its variables are a copy."""

        def program(process: Process) -> Run:
            shell = Shell(process, self.name, list(self.arguments))
            shell.variables, shell.exported, shell.functions = dict(self.variables), set(self.exported), dict(self.functions)
            shell.options, shell.status = dict(self.options), self.status
            shell.variables["$$"] = self.get("$$", str(self.process.pid))
            return (yield from shell.to_the_end(shell.command(node, last=True)))

        child = self.process.container.spawn(
            list(self.process.argv), env=self.environment(), cwd=self.process.cwd, stdin=streams.stdin, stdout=streams.stdout,
            stderr=streams.stderr, parent=self.process.pid, program=program,
        )  # fmt: skip
        return child.start() if start else child

    def output_of(self, body: Sequence) -> Generator[Wait, bool, str]:
        """What a script prints, without the newlines at its end."""
        output = Text()
        child = self.fork(Group(body), Streams(self.streams.stdin, output, self.streams.stderr))
        self.status = yield from self.wait_for(child)
        return bytes(output.data).decode(errors="replace").rstrip("\n")

    def command(self, node: Command, last: bool = False) -> Step:
        """`last`: nothing comes after it, so a program may take the shell's place."""
        self._steps += 1
        if self._steps % REST_AFTER == 0:
            yield Wait(seconds=REST_S)
        if self.pending:
            yield from self.run_traps()
        try:
            return (yield from self._command(node, last))
        except words.Problem as problem:
            self.streams.stderr.write(f"{self.name}: {problem}\n".encode())
            raise Exit(2) from None

    def _command(self, node: Command, last: bool) -> Step:
        match node:
            case Simple():
                return (yield from self._simple(node, last))
            case Redirected():
                return (yield from self._redirected(node))
            case Group(body=body, apart=True):
                return (yield from self.wait_for(self.fork(Group(body), self.streams)))
            case Group(body=body):
                return (yield from self.run(body))
            case If():
                return (yield from self._if(node))
            case While():
                return (yield from self._while(node))
            case For():
                return (yield from self._for(node))
            case Case():
                return (yield from self._case(node))
            case Function():
                self.functions[node.name] = node.body
                return 0

    def _test(self, tree: Sequence) -> Step:
        """A condition: a command that fails in it does not end a shell with -e."""
        self._tested += 1
        try:
            return (yield from self.run(tree))
        finally:
            self._tested -= 1

    def _if(self, node: If) -> Step:
        for condition, body in node.branches:
            if not (yield from self._test(condition)):
                return (yield from self.run(body))
        return (yield from self.run(node.otherwise)) if node.otherwise else 0

    def _while(self, node: While) -> Step:
        status = 0
        while bool((yield from self._test(node.condition))) == node.until:
            try:
                status = yield from self.run(node.body)
            except Leave as leave:
                if not self._goes_on(leave):
                    break
        return status

    def _for(self, node: For) -> Step:
        values = list(self.arguments) if node.words is None else (yield from words.fields(self, node.words))
        status = 0
        for value in values:
            self.set(node.name, value)
            try:
                status = yield from self.run(node.body)
            except Leave as leave:
                if not self._goes_on(leave):
                    break
        return status

    @staticmethod
    def _goes_on(leave: Leave) -> bool:
        """Whether the loop that caught it goes on; an outer loop's `break` is passed on."""
        if leave.how == "return":
            raise leave
        if leave.number > 1:
            raise Leave(leave.how, leave.number - 1)
        return leave.how == "continue"

    def _case(self, node: Case) -> Step:
        value = yield from words.text(self, node.word)
        for patterns, body in node.branches:
            for shape in patterns:
                if words.matches(value, (yield from words.pattern(self, shape))):
                    return (yield from self.run(body)) if body.chains else 0
        return 0

    # simple commands

    def _simple(self, node: Simple, last: bool) -> Step:
        argv = yield from words.fields(self, node.words)
        given: dict[str, str] = {}
        for name, word in node.assignments:
            given[name] = yield from words.text(self, word)
        before, opened = self.streams, list[Writer]()
        try:
            streams, opened = yield from self._redirect(node.redirects)
        except OSError:
            return 1
        try:
            if self.options.get("x") and (argv or given):
                line = " ".join([*(f"{n}={v}" for n, v in given.items()), *argv])
                before.stderr.write(f"+ {line}\n".encode())
            if not argv:
                self.variables |= given
                substituted = any(isinstance(p, Substitution) for _, w in node.assignments for p in w)
                return self.status if substituted else 0
            return (yield from self._execute(argv, given, streams, last and not node.redirects))
        finally:
            if argv[:1] != ["exec"] or len(argv) > 1:
                for stream in opened:
                    stream.close()

    def _execute(self, argv: list[str], given: dict[str, str], streams: Streams, last: bool) -> Step:
        from shallowdive.embedded.programs.shell_builtins import BUILTINS

        if argv[0] in self.functions:
            return (yield from self._call(argv, given, streams))
        if argv[0] in BUILTINS:
            kept, self.variables = self.variables, self.variables | given
            status = yield from BUILTINS[argv[0]](self, argv, streams)
            if given and argv[0] not in ("exec", ":", ".", "eval", "export"):
                for name in given:
                    if name in kept:
                        self.variables[name] = kept[name]
                    else:
                        self.variables.pop(name, None)
            return status
        env = self.environment() | given
        try:
            program = self.process.container.look_up(argv[0], env.get("PATH", ""), self.process.cwd)
        except NotExecutable as why:
            return (yield from self._not_a_program(argv, env, streams, str(why)))
        if last and not self.traps:
            return (yield from self.become(argv, program, env, streams))
        child = self.process.container.spawn(
            argv, env=env, cwd=self.process.cwd, stdin=streams.stdin, stdout=streams.stdout, stderr=streams.stderr,
            parent=self.process.pid, program=program,
        )  # fmt: skip
        return (yield from self.wait_for(child.start()))

    def _not_a_program(self, argv: list[str], env: dict[str, str], streams: Streams, why: str) -> Step:
        files, name = self.process.container.files, argv[0]
        if "/" in name and why.endswith("permission denied"):
            text = files.read(name, self.process.cwd)
            if text.startswith(b"#!"):
                program = self.process.container.look_up("sh", env.get("PATH", ""))
                child = self.process.container.spawn(
                    ["sh", *argv], env=env, cwd=self.process.cwd, stdin=streams.stdin, stdout=streams.stdout, stderr=streams.stderr,
                    parent=self.process.pid, program=program,
                )  # fmt: skip
                return (yield from self.wait_for(child.start()))
        word, code = (
            ("not found", 127)
            if why.endswith(("$PATH", "directory")) and not why.endswith("is a directory")
            else ("Permission denied", 126)
        )
        streams.stderr.write(f"{self.name}: {name}: {word}\n".encode())
        return code

    def become(self, argv: list[str], program: Callable[[Process], Run], env: dict[str, str], streams: Streams) -> Step:
        """`exec`: the process goes on as another program."""
        process = self.process
        process.argv, process.env, process.handlers = argv, env, {}
        process.stdin, process.stdout, process.stderr = streams.stdin, streams.stdout, streams.stderr
        raise Exit((yield from program(process)))

    def _call(self, argv: list[str], given: dict[str, str], streams: Streams) -> Step:
        before, arguments = self.streams, self.arguments
        self.streams, self.arguments = streams, argv[1:]
        self.variables |= given
        try:
            return (yield from self.command(self.functions[argv[0]]))
        except Leave as leave:
            if leave.how != "return":
                raise
            return leave.number
        finally:
            self.streams, self.arguments = before, arguments

    # redirection

    def _redirected(self, node: Redirected) -> Step:
        before = self.streams
        try:
            streams, opened = yield from self._redirect(node.redirects)
        except OSError:
            return 1
        self.streams = streams
        try:
            return (yield from self._command(node.command, False))
        finally:
            self.streams = before
            for stream in opened:
                stream.close()

    def _redirect(self, redirects: tuple[Redirect, ...]) -> Generator[Wait, bool, tuple[Streams, list[Writer]]]:
        """The streams after all redirections; what was opened for them. Raises OSError, after having said so."""
        streams, opened = replace(self.streams), list[Writer]()
        for row in redirects:
            if isinstance(row.target, Heredoc):
                streams.stdin = Text((yield from words.text(self, row.target.word)).encode())
                continue
            target = yield from words.text(self, row.target)
            if row.operator in (">&", "<&"):
                stream = NOTHING if target == "-" else streams.of(int(target)) if target.isdigit() else self._open_to_write(target, ">")
            elif row.operator == "<":
                stream = self._open_to_read(target)
            else:
                stream = self._open_to_write(target, row.operator)
                if isinstance(stream, Appender):
                    opened.append(stream)
            if row.descriptor == 0:
                streams.stdin = stream
            elif row.descriptor == 1:
                streams.stdout = stream
            elif row.descriptor == 2:
                streams.stderr = stream
        return streams, opened

    def _open_to_read(self, path: str) -> Reader:
        try:
            return open_reader(self.process, path)
        except OSError as error:
            why = "no such file" if isinstance(error, FileNotFoundError) else error_words(error)
            self.streams.stderr.write(f"{self.name}: can't open {path}: {why}\n".encode())
            raise

    def _open_to_write(self, path: str, operator: str) -> Any:
        known = DESCRIPTOR.fullmatch(path)
        if known:
            whose = self.process.container.processes.get(int(known[1] or 0))
            number = int(known[2]) if known[2] else ("stdin", "stdout", "stderr").index(known[3])
            return (whose.stdin, whose.stdout, whose.stderr)[number] if whose else self.streams.of(number)
        try:
            node = self.process.container.files.open_for_writing(path, self.process.cwd, append=operator == ">>")
        except OSError as error:
            why = "nonexistent directory" if isinstance(error, FileNotFoundError) else error_words(error)
            self.streams.stderr.write(f"{self.name}: can't create {path}: {why}\n".encode())
            raise
        return Appender(node) if isinstance(node, File) else NOTHING

    # signals and the end

    def trap(self, number: int, script: str | None) -> None:
        """Have a script run on a signal; '' ignores it, None makes it usual again."""
        if script is None:
            self.traps.pop(number, None)
            self.process.handlers.pop(number, None)
            return
        self.traps[number] = script
        if number and script:
            self.process.handlers[number] = lambda: self._caught(number)
        elif number:
            self.process.handlers[number] = lambda: None

    def _caught(self, number: int) -> None:
        self.pending.append(number)
        poke, self.poke = self.poke, Happening()
        poke.happen()

    def run_traps(self) -> Step:
        while self.pending:
            status = self.status
            yield from self.run(parse(self.traps.get(self.pending.pop(0), "")))
            self.status = status
        return self.status

    def to_the_end(self, steps: Step) -> Step:
        """Run the steps, then the trap for the end; give the exit code."""
        try:
            self.status = yield from steps
            if self.pending:
                yield from self.run_traps()
        except Exit as end:
            self.status = end.code
        except Leave as leave:
            self.status = leave.number if leave.how == "return" else self.status
        script = self.traps.pop(0, "")
        if script:
            code = self.status
            try:
                yield from self.run(parse(script))
            except Exit as end:
                return end.code
            return code
        return self.status

    def script(self, text: str) -> Step:
        """A whole script. A line with a mistake ends the shell, after the lines before it were run."""
        parser = Parser(text)
        try:
            tree = parse(text)
        except BadSyntax as mistake:
            del parser
            self.streams.stderr.write(f"{self.name}: syntax error: {mistake}\n".encode())
            raise Exit(2) from None
        return (yield from self.run(tree))


def open_reader(process: Process, path: str) -> Reader:
    """Raises OSError."""
    files = process.container.files
    node = files.find(path, process.cwd)
    if isinstance(node, Device):
        return NOTHING
    return Text(files.read(path, process.cwd))
