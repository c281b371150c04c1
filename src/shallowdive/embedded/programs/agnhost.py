"""`agnhost`: one program with many subcommands, of which the course uses these. The web server of the labs is `netexec`.

Left out: UDP (the port is only reserved), TLS, SCTP, and the subcommands not in SUBCOMMANDS."""

from __future__ import annotations

from collections.abc import Callable

from shallowdive.embedded import quantity
from shallowdive.embedded.network import Reply
from shallowdive.embedded.programs.netexec import HTML, Flags, answer, listen, log, netexec, query, seconds
from shallowdive.embedded.programs.process import TERM, Happening, Process, Program, Run, Wait
from shallowdive.embedded.request import Request

ALIVE_S = 10
AWAIT_S = 60


def agnhost(process: Process) -> Run:
    """`/agnhost SUBCOMMAND --flag=value …`; without a subcommand it pauses."""
    arguments = process.argv[1:] or ["pause"]
    run = SUBCOMMANDS.get(arguments[0])
    if run is None:
        process.stderr.write(f'Error: unknown command "{arguments[0]}" for "app"\n'.encode())
        return 1
    process.handlers[TERM] = lambda: process.kill(2)
    return (yield from run(process, Flags(arguments[1:])))


def serve_hostname(process: Process, flags: Flags) -> Run:
    port = int(flags.get("port", "9376"))
    stop = Happening()

    def serve(request: Request, reply: Reply) -> None:
        log(process, f"HTTP request from {request.headers.get('x-remote-address', '127.0.0.1:0')}")
        reply(answer(200, process.container.sandbox.hostname))

    process.handlers[TERM] = stop.happen
    log(process, f"Serving on port {port}.")
    listen(process, port, serve, f"listen tcp :{port}: bind: address already in use")
    yield Wait(stop)
    log(process, "Shutting down after receiving signal: terminated.")
    log(process, "Awaiting pod deletion.")
    yield Wait(seconds=AWAIT_S)
    return 0


def pause(process: Process, _: Flags) -> Run:
    def stop() -> None:
        process.container.files.write("/dev/termination-log", b'exiting because of signal "terminated"\n')
        process.kill(2)

    process.handlers[TERM] = stop
    process.say("Paused\n")
    yield Wait()
    return 0


def liveness(process: Process, _: Flags) -> Run:
    started = process.clock.now()

    def serve(request: Request, reply: Reply) -> None:
        age = process.clock.now() - started
        if request.path == "/started":
            reply(answer(200, f"{age:.9f}s"))
        elif request.path == "/redirect":
            to = query(request, "loc")
            reply(answer(302, f'<a href="{to}">Found</a>.\n\n', HTML, {"Location": to}))
        elif request.path == "/healthz":
            reply(answer(500, f"error: {age:.9f}") if age > ALIVE_S else answer(200, "ok"))
        else:
            reply(answer(404, "404 page not found\n"))

    listen(process, 8080, serve, "listen tcp :8080: bind: address already in use")
    yield Wait()
    return 0


def connect(process: Process, flags: Flags) -> Run:
    """Whether a port answers; REFUSED, TIMEOUT, DNS or nothing is said."""
    host, _, port = (flags.words or [""])[0].rpartition(":")
    addresses = process.container.sandbox.resolve(host)
    if not addresses:
        process.stderr.write(b"DNS: lookup failed\n")
        return 1
    sandbox = process.container.sandbox
    ip = sandbox.ip if addresses[0].startswith("127.") else addresses[0]
    if sandbox.network.answers(ip, int(port)):
        return 0
    if ip in sandbox.network.addresses:
        process.stderr.write(b"REFUSED\n")
        return 1
    yield Wait(seconds=seconds(flags.get("timeout", "10s")))
    process.stderr.write(b"TIMEOUT\n")
    return 1


def logs_generator(process: Process, flags: Flags) -> Run:
    """So many lines, evenly over so much time."""
    lines, duration = int(flags.get("log-lines-total", "0", "t")), seconds(flags.get("run-duration", "0s", "d"))
    for number in range(lines):
        verb = process.container.sandbox.network.random.choice(("GET", "PUT", "POST"))
        log(process, f"{number} {verb} /api/v1/namespaces/kube-system/pods/{number} {200 + number % 300}", "logs_generator.go:76")
        yield Wait(seconds=duration / lines)
    return 0


def stress(process: Process, flags: Flags) -> Run:
    """Takes memory step by step, and keeps it."""
    wanted, step = flags.get("mem-total", "0"), flags.get("mem-alloc-size", "4Ki")
    total, size = quantity.whole(wanted), quantity.whole(step)
    rest = max(seconds(flags.get("mem-alloc-sleep", "1ms")), 0.0001)
    log(
        process, f'Allocating "{wanted}" memory, in "{step}" chunks, with a {flags.get("mem-alloc-sleep", "1ms")} sleep between allocations'
    )
    steps = max(1, round(0.05 / rest))
    taken = 0
    while taken < total:
        more = min(size * steps, total - taken)
        process.container.charge(more)
        taken += more
        yield Wait(seconds=rest * steps)
    log(process, f'Allocated "{wanted}" memory')
    yield Wait()
    return 0


def entrypoint_tester(process: Process, _: Flags) -> Run:
    process.say(f"[{' '.join(process.argv)}]\n")
    return 0
    yield


SUBCOMMANDS: dict[str, Callable[[Process, Flags], Run]] = {
    "netexec": netexec, "serve-hostname": serve_hostname, "pause": pause, "liveness": liveness, "connect": connect,
    "logs-generator": logs_generator, "stress": stress, "entrypoint-tester": entrypoint_tester,
}  # fmt: skip


def pause_container(process: Process) -> Run:
    """The program of the image `pause`: does nothing, and ends well when told to."""
    process.handlers[TERM] = process.handlers[2] = lambda: process.kill(0)
    yield Wait()
    return 0


PROGRAMS: dict[str, Program] = {"/agnhost": agnhost, "/pause": pause_container}
