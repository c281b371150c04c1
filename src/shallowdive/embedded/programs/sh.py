"""`sh` as a program: where its script comes from. Walking the script is `shell`'s."""

from __future__ import annotations

from shallowdive.embedded.programs.files import words as error_words
from shallowdive.embedded.programs.process import Exit, Process, Run
from shallowdive.embedded.programs.shell import Shell, Step
from shallowdive.embedded.programs.syntax import BadSyntax, Incomplete, parse

PROMPT, MORE = b"/ # ", b"> "


def sh(process: Process) -> Run:
    """`sh [-eux] [-c SCRIPT [NAME [ARGUMENT…]]] [FILE [ARGUMENT…]]`; without a script, what stdin says."""
    rest = process.argv[1:]
    options: dict[str, bool] = {}
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        flags = rest.pop(0)[1:]
        options |= dict.fromkeys(flags.replace("o", ""), True)
    if options.pop("c", False):
        if not rest:
            process.complain("-c requires an argument")
            return 2
        script, *more = rest
        shell = Shell(process, more[0] if more else process.argv[0], more[1:])
        shell.options = options
        return (yield from shell.to_the_end(_whole(shell, script)))
    if rest:
        try:
            script = process.container.files.read(rest[0], process.cwd).decode(errors="replace")
        except OSError as error:
            process.stderr.write(f"{process.argv[0]}: can't open '{rest[0]}': {error_words(error)}\n".encode())
            return 2
        shell = Shell(process, rest[0], rest[1:])
        shell.options = options
        return (yield from shell.to_the_end(_whole(shell, script)))
    shell = Shell(process, process.argv[0])
    shell.options = options
    return (yield from shell.to_the_end(_talk(shell)))


def _whole(shell: Shell, script: str) -> Step:
    """A script of one command becomes that command: `sh -c "sleep 9"` is `sleep` a moment later, as with the real one."""
    try:
        tree = parse(script)
    except BadSyntax as mistake:
        shell.streams.stderr.write(f"{shell.name}: syntax error: {mistake}\n".encode())
        raise Exit(2) from None
    if len(tree.chains) == 1 and not tree.chains[0][1] and len(tree.chains[0][0]) == 1:
        pipeline = tree.chains[0][0][0][1]
        if len(pipeline.commands) == 1 and not pipeline.negated:
            return (yield from shell.command(pipeline.commands[0], last=True))
    return (yield from shell.run(tree))


def _talk(shell: Shell) -> Step:
    """Read commands from stdin and run each as soon as it is complete."""
    process = shell.process
    buffer = ""
    if process.terminal:
        process.say(PROMPT)
    while data := (yield from process.read()):
        buffer += data.decode(errors="replace")
        while "\n" in buffer:
            end = buffer.rfind("\n") + 1
            try:
                tree = parse(buffer[:end])
            except Incomplete:
                break
            except BadSyntax as mistake:
                shell.streams.stderr.write(f"{shell.name}: syntax error: {mistake}\n".encode())
                if not process.terminal:
                    raise Exit(2) from None
                buffer = buffer[end:]
                continue
            buffer = buffer[end:]
            yield from shell.run(tree)
        if process.terminal:
            process.say(MORE if buffer else PROMPT)
    if buffer.strip():
        return (yield from shell.script(buffer))
    return shell.status
