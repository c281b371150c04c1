"""`agnhost netexec`, the web server of the labs, and what it has in common with agnhost's other servers: flags, log lines, answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from shallowdive.embedded.clock import Clock
from shallowdive.embedded.network import CLOSED, Reply, Unreachable
from shallowdive.embedded.programs.process import TERM, Exit, Happening, Process, Run, Wait
from shallowdive.embedded.programs.streams import Text
from shallowdive.embedded.request import Request, Response

TEXT, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
BAD_CODE = "argument 'code' must be an integer{} or empty, got \"{}\"\n"
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "us": 1e-6, "ns": 1e-9}


class Flags:
    """`--name=value`, `--name value`, or `--name` alone for true; the rest is `words`."""

    def __init__(self, arguments: list[str]) -> None:
        self._values: dict[str, str] = {}
        self.words: list[str] = []
        rest = list(arguments)
        while rest:
            word = rest.pop(0)
            if not word.startswith("-"):
                self.words.append(word)
                continue
            name, given, value = word.lstrip("-").partition("=")
            if not given and rest and not rest[0].startswith("-"):
                value = rest.pop(0)
            self._values[name] = value if given or value else "true"

    def get(self, name: str, default: str = "", short: str = "") -> str:
        return self._values.get(name, self._values.get(short, default))


def log(process: Process, text: str, line: str = "log.go:244") -> None:
    """A line on stderr, as klog writes it."""
    process.stderr.write(f"{klog_time(process.clock)}       {process.pid} {line}] {text}\n".encode())


def klog_time(clock: Clock) -> str:
    stamp = clock.micro_stamp()
    return f"I{stamp[5:7]}{stamp[8:10]} {stamp[11:26]}"


def seconds(duration: str) -> float:
    """A Go duration: `10s`, `1m30s`, `300ms`; '' and 0 are none."""
    return sum(float(n) * UNITS[u] for n, u in re.findall(r"([0-9.]+)(ms|us|ns|s|m|h)", duration))


def answer(code: int, text: str = "", content_type: str = "", headers: dict[str, str] | None = None) -> Response:
    """A response as Go's server sends it: the type is guessed from the first bytes."""
    guessed = HTML if re.match(r"\s*<(!doctype html|html|head|h1|div|p|a|b|br|body|table|title|style|script)\b", text, re.I) else TEXT
    return Response(code, text.encode(), content_type or (guessed if text else ""), headers or {})


def query(request: Request, name: str) -> str:
    values = request.query.get(name)
    return values[0] if values else ""


class Netexec:
    """Answers HTTP with what one wants to know of a server: its name, its clients, an echo; and ends when it is told to."""

    def __init__(self, process: Process, port: int, override: str) -> None:
        self.process, self.port, self.override = process, port, override
        self.started = process.clock.now()
        self.stopping = False

    def __call__(self, request: Request, reply: Reply) -> None:
        path = request.path
        if self.override:
            where = urlsplit(self.override)
            path, request.query = where.path, parse_qs(where.query, keep_blank_values=True)
        page = PAGES.get(path, Netexec.root)
        made = page(self, request, reply)
        if made is not None:
            reply(made)

    def _log(self, text: str) -> None:
        log(self.process, text)

    def root(self, _request: Request, _reply: Reply) -> Response:
        self._log("GET /")
        now = self.process.clock.now()
        stamp = self.process.clock.micro_stamp().replace("T", " ").rstrip("Z")
        return answer(200, f"NOW: {stamp}000 +0000 UTC m=+{now - self.started:.9f}")

    def hostname(self, request: Request, _: Reply) -> Response:
        self._log(f"GET {request.path if request.path == '/hostName' else '/hostname'}")
        return answer(200, self.process.container.sandbox.hostname)

    def client(self, request: Request, _: Reply) -> Response:
        self._log("GET /clientip")
        return answer(200, request.headers.get("x-remote-address", "127.0.0.1:0"))

    def server_port(self, _request: Request, _reply: Reply) -> Response:
        self._log("GET /serverport")
        return answer(200, str(self.port))

    def header(self, request: Request, _: Reply) -> Response:
        self._log("GET /header")
        sent = {
            "-".join(p.capitalize() for p in n.split("-")): v for n, v in request.headers.items() if n not in ("x-remote-address", "host")
        }
        key = query(request, "key")
        if key:
            return answer(200, sent.get("-".join(p.capitalize() for p in key.split("-")), ""))
        return answer(200, json.dumps({n: [sent[n]] for n in sorted(sent)}, separators=(",", ":")))

    def environment(self, request: Request, _: Reply) -> Response:
        name = query(request, "var")
        self._log(f"GET /envvar?var={name}")
        if not name:
            return answer(400, "'var' query parameter is required\n")
        return answer(200, self.process.env.get(name, ""))

    def echo(self, request: Request, _: Reply) -> Response:
        message, code = query(request, "msg"), query(request, "code")
        self._log(f"GET /echo?msg={message}&code={code}")
        if code and not code.lstrip("+-").isdigit():
            return answer(200, BAD_CODE.format("", code))
        return answer(int(code or 200), message)

    def healthz(self, _request: Request, _reply: Reply) -> Response:
        self._log("GET /healthz")
        return answer(200)

    def readyz(self, _request: Request, _reply: Reply) -> Response:
        self._log("GET /readyz")
        return answer(503, "shutting down") if self.stopping else answer(200, "ok")

    def redirect(self, request: Request, _: Reply) -> Response:
        to, code = query(request, "location") or query(request, "msg") or "/", query(request, "code")
        self._log(f"GET /redirect?msg={query(request, 'msg')}&code={code}")
        number = int(code) if code.isdigit() else 302
        words = HTTPStatus(number).phrase if number in {s.value for s in HTTPStatus} else ""
        return answer(number, f'<a href="{to}">{words}</a>.\n\n', HTML, {"Location": to})

    def exit(self, request: Request, reply: Reply) -> Response | None:
        code, timeout, wait = (query(request, n) for n in ("code", "timeout", "wait"))
        self._log(f"GET /exit?code={code}&timeout={timeout}&wait={wait}")
        if code and not (code.isdigit() and int(code) < 128):
            return answer(200, BAD_CODE.format(" [0-127]", code))
        before, grace = seconds(wait), seconds(timeout)
        self._log(f"Will begin shutdown in {before:g}s, allowing {grace:g}s for connections to close, then will exit with {code or 0}")
        self.process.clock.after(before, lambda: self.process.kill(int(code or 0)))
        if before or grace:
            return answer(200)
        self.process.ended.then(lambda: reply(Unreachable(CLOSED)))
        self.process.kill(int(code or 0))
        return None

    def shutdown(self, _request: Request, reply: Reply) -> None:
        self._log("GET /shutdown")
        self.process.kill(0)
        reply(Unreachable(CLOSED))

    def shell(self, request: Request, reply: Reply) -> None:
        command = query(request, "shellCommand") or query(request, "cmd")
        self._log(f"GET /shell?cmd={command}")
        output = Text()
        container = self.process.container
        child = container.spawn(["/bin/sh", "-c", command], env=self.process.env, stdout=output, stderr=output, parent=self.process.pid)
        child.ended.then(lambda: self._shell_ended(child, output, reply))
        child.start()

    def _shell_ended(self, child: Process, output: Text, reply: Reply) -> None:
        said: dict[str, str] = {}
        if child.code:
            said["error"] = f"exit status {child.code}" if child.code < 128 else f"signal: {child.code - 128}"
        if output.data:
            said["output"] = bytes(output.data).decode(errors="replace")
        self._log("Output: map[" + " ".join(f"{k}:{v}" for k, v in said.items()) + "]")
        reply(answer(200, json.dumps(said, separators=(",", ":"), ensure_ascii=False)))

    def dial(self, request: Request, reply: Reply) -> Response | None:
        host, port, what = (query(request, n) for n in ("host", "port", "request"))
        tries = query(request, "tries") or "1"
        self._log(f"GET /dial?host={host}&protocol={query(request, 'protocol')}&port={port}&request={what}&tries={tries}")
        if not (host and port.isdigit() and what and tries.isdigit()):
            return answer(400, "unable to parse the parameters of the dial\n")
        _Dial(self.process, host, int(port), what, int(tries), reply).go()
        return None


class _Dial:
    """Some requests to another server, one after the other, and one answer about all of them."""

    def __init__(self, process: Process, host: str, port: int, what: str, tries: int, reply: Reply) -> None:
        self.process, self.host, self.port, self.left, self.reply = process, host, port, tries, reply
        self.path, _, rest = what.partition("?")
        self.query = parse_qs(rest, keep_blank_values=True)
        self.responses: list[str] = []
        self.errors: list[str] = []

    def go(self) -> None:
        addresses = self.process.container.sandbox.resolve(self.host)
        if not addresses:
            self.heard(Unreachable(f"lookup {self.host}: no such host"))
            return
        request = Request("GET", "/" + self.path.lstrip("/"), self.query, {"user-agent": "Go-http-client/1.1"})
        self.process.container.sandbox.send(addresses[0], self.port, request, self.heard)

    def heard(self, made: Response | Unreachable) -> None:
        if isinstance(made, Response):
            self.responses.append(made.body.decode(errors="replace"))
        else:
            self.errors.append(f'Get "http://{self.host}:{self.port}/{self.path}": {made.why}')
        self.left -= 1
        if self.left > 0:
            self.go()
            return
        said = {k: v for k, v in (("errors", self.errors), ("responses", self.responses)) if v}
        self.reply(answer(417 if isinstance(made, Unreachable) else 200, json.dumps(said, separators=(",", ":"))))


PAGES: dict[str, Callable[[Netexec, Request, Reply], Response | None]] = {
    "/hostname": Netexec.hostname, "/hostName": Netexec.hostname, "/clientip": Netexec.client, "/serverport": Netexec.server_port,
    "/header": Netexec.header, "/envvar": Netexec.environment, "/echo": Netexec.echo, "/healthz": Netexec.healthz,
    "/readyz": Netexec.readyz, "/redirect": Netexec.redirect, "/exit": Netexec.exit, "/shutdown": Netexec.shutdown,
    "/shell": Netexec.shell, "/dial": Netexec.dial,
}  # fmt: skip


def netexec(process: Process, flags: Flags) -> Run:
    port, udp = int(flags.get("http-port", "8080")), int(flags.get("udp-port", "8081"))
    server = Netexec(process, port, flags.get("http-override"))
    ended = Happening()
    delay = float(flags.get("delay-shutdown", "0"))

    def stop() -> None:
        server.stopping = True
        process.clock.after(delay, ended.happen)

    process.handlers[TERM] = stop
    listen(process, port, server, f"listen tcp :{port}: bind: address already in use")
    log(process, f"Started HTTP server on port {port}")
    if udp >= 0:
        reserved = process.container.sandbox.reserve_udp(process, udp)
        if not reserved:
            log(
                process, f"Error occurred: failed to create listener for UDP address :{udp}:listen udp :{udp}: bind: address already in use"
            )
            return 1
        log(process, f"Started UDP server on port  {udp}")
    yield Wait(ended)
    return 0


def listen(process: Process, port: int, handler: Callable[[Request, Reply], None], complaint: str) -> None:
    try:
        process.container.sandbox.listen(process, port, handler)
    except OSError:
        log(process, complaint)
        raise Exit(1) from None
