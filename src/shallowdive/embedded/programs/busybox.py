"""busybox: the tools of a container's shell, one short function each, with busybox's own complaints.

What is here is what the labs and the usual examples of Kubernetes use. What is not here is `not found`, and most options are not here."""

from __future__ import annotations

import time
from collections.abc import Callable

from shallowdive.embedded.programs.conditions import BadTest, holds
from shallowdive.embedded.programs.container import NotExecutable
from shallowdive.embedded.programs.file_tools import TOOLS as FILE_TOOLS
from shallowdive.embedded.programs.process import Process, Program, Run, Wait
from shallowdive.embedded.programs.sh import sh
from shallowdive.embedded.programs.shell_builtins import echo_text, printf_text, signal_number
from shallowdive.embedded.programs.text_tools import TOOLS as TEXT_TOOLS
from shallowdive.embedded.programs.web_tools import TOOLS as WEB_TOOLS

KERNEL = "6.18.44"
DURATION = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def simple(run: Callable[[Process, list[str]], int]) -> Program:
    """A tool that never waits."""

    def program(process: Process) -> Run:
        return run(process, process.argv[1:])
        yield

    return program


def _test(process: Process, words: list[str]) -> int:
    if process.comm == "[" and words[-1:] != ["]"]:
        process.complain("missing ]")
        return 2
    try:
        return 0 if holds(words[:-1] if process.comm == "[" else words, process) else 1
    except BadTest as bad:
        process.complain(str(bad))
        return 2


def _echo(process: Process, words: list[str]) -> int:
    process.say(echo_text(list(words)))
    return 0


def _printf(process: Process, words: list[str]) -> int:
    process.say(printf_text(words or [""]))
    return 0


def sleep(process: Process) -> Run:
    total = 0.0
    for word in process.argv[1:]:
        number, unit = (word[:-1], DURATION[word[-1]]) if word[-1:] in DURATION else (word, 1)
        if word == "infinity":
            yield Wait()
        try:
            total += float(number) * unit
        except ValueError:
            process.complain(f"invalid number '{word}'")
            return 1
    yield Wait(seconds=total)
    return 0


def timeout(process: Process) -> Run:
    words = process.argv[1:]
    number = 15
    while words and words[0].startswith("-"):
        option = words.pop(0)
        number = (signal_number(words.pop(0) if option == "-s" else option[2:]) or 15) if option.startswith("-s") else number
    limit = float(words[0][:-1]) * DURATION[words[0][-1]] if words[0][-1] in DURATION else float(words[0])
    try:
        child = _spawn(process, words[1:])
    except NotExecutable:
        process.complain(f"can't execute '{words[1]}': No such file or directory")
        return 127
    child.start()
    if child.code is None and not (yield Wait(child.ended, limit)):
        child.signal(number)
        if child.code is None:
            yield Wait(child.ended)
    return child.code or 0


def _spawn(process: Process, argv: list[str], **more: object) -> Process:
    streams = {"stdin": process.stdin, "stdout": process.stdout, "stderr": process.stderr, **more}
    return process.container.spawn(argv, env=process.env, cwd=process.cwd, parent=process.pid, **streams)  # type: ignore[arg-type]


def xargs(process: Process) -> Run:
    data = yield from process.read_all()
    words = process.argv[1:]
    each = 0
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option.startswith("-n"):
            each = int(option[2:] or words.pop(0))
    items = data.decode(errors="replace").split()
    status = 0
    for i in range(0, max(len(items), 1), each or max(len(items), 1)):
        child = _spawn(process, [*(words or ["echo"]), *items[i : i + each if each else None]])
        child.start()
        if child.code is None:
            yield Wait(child.ended)
        status = 123 if child.code else status
    return status


def env(process: Process) -> Run:
    words, more = process.argv[1:], dict(process.env)
    if words[:1] == ["-i"]:
        words, more = words[1:], {}
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        more[name] = value
    if not words:
        process.say("".join(f"{n}={v}\n" for n, v in more.items()))
        return 0
    try:
        child = process.container.spawn(
            words, env=more, cwd=process.cwd, stdin=process.stdin, stdout=process.stdout, stderr=process.stderr, parent=process.pid
        )
    except NotExecutable:
        process.complain(f"can't execute '{words[0]}': No such file or directory")
        return 127
    child.start()
    if child.code is None:
        yield Wait(child.ended)
    return child.code or 0


def _printenv(process: Process, words: list[str]) -> int:
    if not words:
        process.say("".join(f"{n}={v}\n" for n, v in process.env.items()))
        return 0
    process.say("".join(f"{process.env[w]}\n" for w in words if w in process.env))
    return 0 if all(w in process.env for w in words) else 1


def _hostname(process: Process, words: list[str]) -> int:
    sandbox = process.container.sandbox
    if words[:1] == ["-i"]:
        process.say(f"{sandbox.ip}\n")
    elif words[:1] == ["-f"] and sandbox.domain:
        process.say(f"{sandbox.hostname}.{sandbox.domain}\n")
    else:
        process.say(f"{sandbox.hostname}\n")
    return 0


def _date(process: Process, words: list[str]) -> int:
    now = process.clock.now()
    shape = next((w[1:] for w in words if w.startswith("+")), "%a %b %e %H:%M:%S UTC %Y")
    shape = shape.replace("%s", str(int(now))).replace("%N", f"{int(now % 1 * 1e9):09d}").replace("%Z", "UTC").replace("%z", "+0000")
    if any(w.startswith(("-I", "--iso")) for w in words):
        shape = "%Y-%m-%dT%H:%M:%S+00:00" if any("s" in w for w in words) else "%Y-%m-%d"
    process.say(time.strftime(shape, time.gmtime(now)) + "\n")
    return 0


def _id(process: Process, words: list[str]) -> int:
    uid, gid = process.container.user
    if words:
        process.say(f"{gid if 'g' in words[0] else 'root' if 'n' in words[0] and not uid else uid}\n")
        return 0
    process.say(f"uid={uid}{'(root)' if not uid else ''} gid={gid} groups={gid}\n")
    return 0


def _whoami(process: Process, _: list[str]) -> int:
    uid = process.container.user[0]
    if uid:
        process.complain(f"unknown uid {uid}")
        return 1
    process.say("root\n")
    return 0


def _uname(process: Process, words: list[str]) -> int:
    rows = {"s": "Linux", "n": process.container.sandbox.hostname, "r": KERNEL, "v": "#1 SMP", "m": "x86_64"}
    asked = "".join(w[1:] for w in words) or "s"
    shown = [*rows.values(), "GNU/Linux"] if "a" in asked else [v for k, v in rows.items() if k in asked]
    process.say(" ".join(shown) + "\n")
    return 0


def _uptime(process: Process, _: list[str]) -> int:
    minutes = int((process.clock.now() - process.container.started_at) // 60)
    clock = time.strftime("%H:%M:%S", time.gmtime(process.clock.now()))
    process.say(f" {clock} up {minutes} min,  0 users,  load average: 0.00, 0.00, 0.00\n")
    return 0


def _ps(process: Process, _: list[str]) -> int:
    user = "root" if not process.container.user[0] else str(process.container.user[0])
    rows = sorted(process.container.processes.values(), key=lambda p: p.pid)
    process.say("PID   USER     COMMAND\n" + "".join(f"{p.pid:5} {user:8} {' '.join(p.argv)}\n" for p in rows))
    return 0


def _kill(process: Process, words: list[str]) -> int:
    number = (signal_number(words.pop(0)[1:]) or 0) if words and words[0].startswith("-") else 15
    status = 0
    for word in words:
        if word.isdigit() and (target := process.container.processes.get(int(word))):
            if number and not (target.pid == 1 and number == 9):
                target.signal(number)
        else:
            process.complain(f"can't kill pid {word}: No such process")
            status = 1
    return status


def _killall(process: Process, words: list[str]) -> int:
    number = (signal_number(words.pop(0)[1:]) or 15) if words and words[0].startswith("-") else 15
    status = 0
    for word in words:
        targets = [p for p in list(process.container.processes.values()) if p.comm == word and p is not process]
        for target in targets:
            if target.pid != 1 or number != 9:
                target.signal(number)
        if not targets:
            process.complain(f"{word}: no process killed")
            status = 1
    return status


def _which(process: Process, words: list[str]) -> int:
    status = 0
    for word in words:
        folders = process.env.get("PATH", "").split(":")
        found = next((f"{f}/{word}" for f in folders if process.container.files.exists(f"{f}/{word}")), "")
        process.say(f"{found}\n" if found else "")
        status = status if found else 1
    return status


def _nproc(process: Process, _: list[str]) -> int:
    process.say("2\n")
    return 0


def _free(process: Process, words: list[str]) -> int:
    total, used = process.container.limit_bytes or 0, process.container.used_bytes
    by = 1024 * 1024 if words[:1] == ["-m"] else 1024
    names = "".join(f"{n:>12}" for n in ("total", "used", "free", "shared", "buff/cache", "available"))
    process.say(
        f"    {names[4:]}\nMem:{total // by:>11}{used // by:>12}{(total - used) // by:>12}{0:>12}{0:>12}{(total - used) // by:>12}\n"
    )
    return 0


def nothing(code: int) -> Program:
    return simple(lambda _process, _words: code)


def busybox(process: Process) -> Run:
    """`busybox TOOL …` runs the tool."""
    words = process.argv[1:]
    if not words:
        process.say("BusyBox v1.37.0 multi-call binary.\n\nCurrently defined functions:\n\t" + ", ".join(sorted(APPLETS)) + "\n")
        return 0
    if words[0] not in APPLETS:
        process.stderr.write(f"{words[0]}: applet not found\n".encode())
        return 127
    process.argv = words
    return (yield from APPLETS[words[0]](process))


APPLETS: dict[str, Program] = {
    "sh": sh, "ash": sh, "busybox": busybox, "true": nothing(0), "false": nothing(1), "test": simple(_test), "[": simple(_test),
    "echo": simple(_echo), "printf": simple(_printf), "sleep": sleep, "timeout": timeout, "xargs": xargs, "env": env,
    "printenv": simple(_printenv), "hostname": simple(_hostname), "date": simple(_date), "id": simple(_id), "whoami": simple(_whoami),
    "uname": simple(_uname), "uptime": simple(_uptime), "ps": simple(_ps), "kill": simple(_kill), "killall": simple(_killall),
    "which": simple(_which), "nproc": simple(_nproc), "free": simple(_free), "sync": nothing(0), "clear": nothing(0),
    **{name: simple(run) for name, run in FILE_TOOLS.items()}, **TEXT_TOOLS, **WEB_TOOLS,
}  # fmt: skip
