"""busybox's tools for the network: wget, nslookup, nc, ping and the little web server httpd."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from shallowdive.embedded.network import DNS_ADDRESS, REFUSED, Answer, Reply, Unreachable
from shallowdive.embedded.programs.file_tools import options
from shallowdive.embedded.programs.files import Folder, Live, words
from shallowdive.embedded.programs.process import Happening, Process, Program, Run, Wait
from shallowdive.embedded.request import Request, Response

WAIT_S = 900.0
"""How long wget waits for an answer when it is not told."""
NO_ROUTE_S = 130.0
MOST_REDIRECTS = 5
TYPES = {
    "html": "text/html",
    "htm": "text/html",
    "txt": "text/plain",
    "json": "application/json",
    "css": "text/css",
    "js": "application/javascript",
}
NOT_FOUND = (
    "<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD>\n<BODY><H1>404 Not Found</H1>\nThe requested URL was not found\n</BODY></HTML>\n"
)
PHRASES = {s.value: s.phrase for s in HTTPStatus}


class _Asked:
    """wget's arguments."""

    def __init__(self, arguments: list[str]) -> None:
        self.flags: set[str] = set()
        self.urls: list[str] = []
        self.headers: dict[str, str] = {}
        self.output, self.body = "", b""
        self.method, self.limit = "GET", WAIT_S
        queue = list(arguments)
        while queue:
            word = queue.pop(0)
            if word.startswith("--"):
                self._long(word[2:], queue)
            elif word.startswith("-") and len(word) > 1:
                self._short(word[1:], queue)
            else:
                self.urls.append(word)

    def _long(self, word: str, queue: list[str]) -> None:
        name, given, value = word.partition("=")
        if name in ("header", "post-data", "timeout", "user-agent", "tries", "output-document") and not given and queue:
            value = queue.pop(0)
        if name == "header":
            key, _, text = value.partition(":")
            self.headers[key.strip().lower()] = text.strip()
        elif name == "post-data":
            self.method, self.body = "POST", value.encode()
        elif name == "timeout":
            self.limit = float(value)
        elif name == "spider":
            self.flags.add("spider")
        elif name == "output-document":
            self.output = value
        elif name in ("quiet", "server-response"):
            self.flags.add(name[0] if name == "quiet" else "S")
        elif name == "user-agent":
            self.headers["user-agent"] = value

    def _short(self, letters: str, queue: list[str]) -> None:
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "OTUPYt":
                value = letters or (queue.pop(0) if queue else "")
                if letter == "O":
                    self.output = value
                elif letter == "T":
                    self.limit = float(value)
                elif letter == "U":
                    self.headers["user-agent"] = value
                return
            self.flags.add(letter)


def wget(process: Process) -> Run:
    asked = _Asked(process.argv[1:])
    if not asked.urls:
        process.complain("missing URL")
        return 1
    url = asked.urls[0]
    for _ in range(MOST_REDIRECTS):
        url = url if "://" in url else f"http://{url}"
        if url.startswith("https://"):
            process.complain("note: TLS certificate validation not implemented")
            return 1
        answer = yield from _get(process, asked, url)
        if isinstance(answer, int):
            return answer
        if answer.code in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
            to, where = answer.headers["Location"], urlsplit(url)
            url = to if "://" in to else f"{where.scheme}://{where.netloc}{to}"
            continue
        return _take(process, asked, url, answer)
    process.complain("too many redirections")
    return 1


def _get(process: Process, asked: _Asked, url: str) -> Generator[Wait, bool, Response | int]:
    """The answer, or the exit code after a complaint."""
    where = urlsplit(url)
    host, port = where.hostname or "", where.port or 80
    found = process.container.sandbox.resolve(host)
    if not found:
        process.complain(f"bad address '{where.netloc if where.port else host}'")
        return 1
    ip = found[0]
    if "q" not in asked.flags:
        process.stderr.write(f"Connecting to {where.netloc} ({ip}:{port})\n".encode())
    headers = {"host": where.netloc, "user-agent": "Wget", "connection": "close", **asked.headers}
    request = Request(asked.method, where.path or "/", parse_qs(where.query, keep_blank_values=True), headers, asked.body)
    answer = yield from ask(process, ip, port, request, asked.limit)
    if answer is None:
        process.complain("download timed out")
        return 1
    if isinstance(answer, Unreachable):
        process.complain(f"can't connect to remote host ({ip}): Connection refused" if answer.why == REFUSED else "error getting response")
        return 1
    return answer


def ask(process: Process, ip: str, port: int, request: Request, limit: float) -> Generator[Wait, bool, Answer | None]:
    """Send and wait for the answer; None when none came in time."""
    come = Happening()
    box: list[Answer] = []

    def heard(answer: Answer) -> None:
        if isinstance(answer, Unreachable) and answer.why.endswith("timeout"):
            return
        box.append(answer)
        come.happen()

    process.container.sandbox.send(ip, port, request, heard)
    if not box:
        yield Wait(come, min(limit, WAIT_S))
    return box[0] if box else None


def _take(process: Process, asked: _Asked, url: str, answer: Response) -> int:
    phrase = PHRASES.get(answer.code, "")
    if "S" in asked.flags:
        when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(process.clock.now()))
        rows = [f"HTTP/1.1 {answer.code} {phrase}", f"Date: {when}", f"Content-Length: {len(answer.body)}"]
        rows += [f"Content-Type: {answer.content_type}"] if answer.body else []
        process.stderr.write("".join(f"  {row}\n" for row in (*rows, "Connection: close", "")).encode())
    if answer.code >= 400:
        process.complain(f"server returned error: HTTP/1.1 {answer.code} {phrase}")
        return 1
    if "spider" in asked.flags:
        if "q" not in asked.flags:
            process.stderr.write(b"remote file exists\n")
        return 0
    name = asked.output or urlsplit(url).path.rsplit("/", 1)[-1] or "index.html"
    quiet = "q" in asked.flags
    if name == "-":
        if not quiet:
            process.stderr.write(b"writing to stdout\n")
        process.say(answer.body)
        if not quiet:
            process.stderr.write(b"written to stdout\n")
        return 0
    if not asked.output and process.container.files.exists(name, process.cwd):
        process.complain(f"can't open '{name}': File exists")
        return 1
    if not quiet:
        process.stderr.write(f"saving to '{name}'\n".encode())
    try:
        process.container.files.write(name, answer.body, process.cwd)
    except OSError as error:
        process.complain(f"can't open '{name}': {words(error)}")
        return 1
    if not quiet:
        process.stderr.write(f"'{name}' saved\n".encode())
    return 0


def nslookup(process: Process) -> Run:
    """Asks each name of the search list for A and AAAA, as busybox does: a short name brings NXDOMAIN beside the answer."""
    _, names = options([w for w in process.argv[1:] if not w.startswith("-type") and not w.startswith("-q")])
    if not names:
        process.complain("missing argument")
        return 1
    name, sandbox = names[0], process.container.sandbox
    process.say(f"Server:\t\t{DNS_ADDRESS}\nAddress:\t{DNS_ADDRESS}:53\n\n")
    suffixes = [""] if "." in name else [f".{sandbox.namespace}.svc.cluster.local", ".svc.cluster.local", ".cluster.local"]
    failed = False
    for suffix in suffixes:
        full = name.rstrip(".") + suffix
        found = sandbox.network.look_up(full)
        missing = f"** server can't find {full}: NXDOMAIN\n\n"
        process.say("".join(f"Name:\t{full}\nAddress: {ip}\n" for ip in found) + "\n\n" if found else missing * 2)
        failed |= not found
    return int(failed)
    yield


def nc(process: Process) -> Run:
    """`nc [-w S] HOST PORT`: sends an HTTP request that comes on stdin and prints the answer; `-l` is not here."""
    flags, rest = options(process.argv[1:], "wi")
    unknown = next((letter for letter in flags if letter not in "wi"), "")
    if unknown or len(rest) != 2:
        process.complain(f"invalid option -- '{unknown}'" if unknown else "usage: nc [-w S] HOST PORT")
        return 1
    found = process.container.sandbox.resolve(rest[0])
    if not found:
        process.complain(f"bad address '{rest[0]}'")
        return 1
    text = (yield from process.read_all()).decode(errors="replace")
    line = re.match(r"([A-Z]+) (\S+) HTTP/1\.[01]", text)
    if line is None:
        open_ = process.container.sandbox.network.answers(
            process.container.sandbox.ip if found[0].startswith("127.") else found[0], int(rest[1])
        )
        if not open_:
            process.complain(f"can't connect to remote host ({found[0]}): Connection refused")
        return int(not open_)
    where = urlsplit(line[2])
    head, _, body = text.partition("\r\n\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (row.partition(":") for row in head.splitlines()[1:]) if k}
    request = Request(line[1], where.path, parse_qs(where.query, keep_blank_values=True), headers, body.encode())
    answer = yield from ask(process, found[0], int(rest[1]), request, WAIT_S)
    if not isinstance(answer, Response):
        if answer is not None and answer.why == REFUSED:
            process.complain(f"can't connect to remote host ({found[0]}): Connection refused")
        return 1
    rows = [f"HTTP/1.0 {answer.code} {PHRASES.get(answer.code, '')}", f"Content-Length: {len(answer.body)}"]
    rows += [f"Content-Type: {answer.content_type}"] if answer.body else []
    process.say("\r\n".join([*rows, "", ""]).encode() + answer.body)
    return 0


def ping(process: Process) -> Run:
    """Answers come from pod addresses that exist; a service's address is silent, as on the real one."""
    _, rest = options(process.argv[1:], "cwWi")
    arguments = process.argv[1:]
    count = int(arguments[arguments.index("-c") + 1]) if "-c" in arguments else 0
    found = process.container.sandbox.resolve(rest[0]) if rest else []
    if not found:
        process.complain(f"bad address '{rest[0] if rest else ''}'")
        return 1
    ip = found[0]
    alive = ip.startswith("127.") or ip in process.container.sandbox.network.addresses
    process.say(f"PING {rest[0]} ({ip}): 56 data bytes\n")
    sent = 0
    while not count or sent < count:
        if alive:
            process.say(f"64 bytes from {ip}: seq={sent} ttl=64 time=0.100 ms\n")
        sent += 1
        yield Wait(seconds=1 if alive or sent < count else 10)
    back = sent if alive else 0
    lost = 100 - 100 * back // max(sent, 1)
    process.say(f"\n--- {rest[0]} ping statistics ---\n{sent} packets transmitted, {back} packets received, {lost}% packet loss\n")
    return int(not alive)


def httpd(process: Process) -> Run:
    """`httpd [-f] [-v] [-p PORT] [-h FOLDER]`: files over HTTP. Without -f it goes to the background."""
    arguments = process.argv[1:]
    given = {arguments[i]: arguments[i + 1] for i in range(len(arguments) - 1) if arguments[i] in ("-p", "-h", "-c", "-u")}
    port, folder = int(given.get("-p", "80").rpartition(":")[2]), given.get("-h", process.cwd)
    files = process.container.files
    if not files.exists(folder, process.cwd):
        process.complain(f"can't change directory to '{folder}': No such file or directory")
        return 1

    def serve(request: Request, reply: Reply) -> None:
        answer = _file(process, folder, request.path)
        if any(a.startswith("-") and "v" in a for a in arguments):
            process.stderr.write(
                f"[::ffff:{request.headers.get('x-remote-address', '').replace(':', ']:')}: response:{answer.code}\n".encode()
            )
        reply(answer)

    foreground = any(a.startswith("-f") or a in ("-vf", "-fv") for a in arguments)
    server = process
    if not foreground:

        def rest(_: Process) -> Run:
            yield Wait()
            return 0

        server = process.container.spawn(process.argv, env=process.env, cwd=process.cwd, parent=1, program=rest)
    try:
        process.container.sandbox.listen(server, port, serve)
    except OSError:
        process.complain("bind: Address already in use")
        return 1
    if not foreground:
        server.start()
        return 0
    yield Wait()
    return 0


def _file(process: Process, folder: str, path: str) -> Response:
    files = process.container.files
    name = f"{folder.rstrip('/')}/{path.strip('/')}".rstrip("/") or "/"
    if files.exists(name, process.cwd) and isinstance(files.find(name, process.cwd), Folder):
        name += "/index.html"
    if not files.exists(name, process.cwd) or ".." in path:
        return Response(404, NOT_FOUND.encode(), "text/html")
    node = files.find(name, process.cwd)
    data = node.read() if isinstance(node, Live) else files.read(name, process.cwd)
    return Response(200, data, TYPES.get(name.rpartition(".")[2], "application/octet-stream"))


TOOLS: dict[str, Program] = {"wget": wget, "nslookup": nslookup, "nc": nc, "ping": ping, "httpd": httpd}
