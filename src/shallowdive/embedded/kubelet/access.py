"""What the API server asks a node: a container's log, a program to be run in it, its output from now on.

Channels are numbered as in the protocol `v5.channel.k8s.io`: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 the size of the terminal,
255 closes the channel that it names."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from shallowdive.embedded.kubelet.container import ContainerLife
from shallowdive.embedded.kubelet.logs import Log, LogOptions, LogStream
from shallowdive.embedded.programs.container import Container, NotExecutable
from shallowdive.embedded.programs.process import Process
from shallowdive.embedded.programs.streams import NOTHING, Called, Pipe
from shallowdive.embedded.request import Channel, Response, Stream
from shallowdive.embedded.status import bad_request
from shallowdive.embedded.store import Object

if TYPE_CHECKING:
    from shallowdive.embedded.kubelet import Kubelet

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
SUCCESS = {"metadata": {}, "status": "Success"}
PULLING = ("ErrImagePull", "ImagePullBackOff")


def container_name(pod: Object, name: str) -> str:
    """The container that is meant. Raises ApiError 400."""
    spec, pod_name = pod["spec"], pod["metadata"]["name"]
    names = [c["name"] for c in spec["containers"]]
    inits = [c["name"] for c in spec.get("initContainers") or ()]
    others = [c["name"] for c in spec.get("ephemeralContainers") or ()]
    if not name:
        if len(names) == 1:
            return str(names[0])
        more = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
        raise bad_request(f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(names)}]{more}")
    if name not in names + inits + others:
        raise bad_request(f"container {name} is not valid for pod {pod_name}")
    return name


def logs(kubelet: Kubelet, pod: Object, container: str, options: LogOptions) -> bytes | Stream:
    name = container_name(pod, container)
    life = _life(kubelet, pod, name)
    if life is None:
        return b""
    log = _log(life, pod["metadata"]["name"], options.previous)
    if log is None:
        return b""
    stream = LogStream(log, options)
    return stream if options.follow else stream.read()


def _life(kubelet: Kubelet, pod: Object, name: str) -> ContainerLife | None:
    life = kubelet.lives.get((pod["metadata"]["namespace"], pod["metadata"]["name"]))
    if life is None or life.uid != pod["metadata"]["uid"]:
        return None
    return next((c for c in life.containers if c.name == name), None)


def _log(life: ContainerLife, pod: str, previous: bool) -> Log | None:
    if previous:
        if "terminated" not in life.last_state:
            raise bad_request(f'previous terminated container "{life.name}" in pod "{pod}" not found')
        return life.last_log if life.running or "terminated" in life.state else life.log
    waiting = life.state.get("waiting")
    if waiting and "terminated" not in life.last_state:
        why = "trying and failing to pull image" if waiting["reason"] in PULLING else waiting["reason"]
        raise bad_request(f'container "{life.name}" in pod "{pod}" is waiting to start: {why}')
    return life.log


def execute(kubelet: Kubelet, pod: Object, container: str, argv: list[str], stdin: bool, tty: bool) -> Channel | Response:
    found = _running(kubelet, pod, container)
    if isinstance(found, Response):
        return found
    return Session(found, argv, stdin=stdin, tty=tty, id_=f"{kubelet.cluster.random.getrandbits(256):064x}")


def attach(kubelet: Kubelet, pod: Object, container: str) -> Channel | Response:
    found = _running(kubelet, pod, container)
    if isinstance(found, Response):
        return found
    life = _life(kubelet, pod, container_name(pod, container))
    assert life is not None
    assert life.log is not None
    return Attached(life.log)


def _running(kubelet: Kubelet, pod: Object, container: str) -> Container | Response:
    name = container_name(pod, container)
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    life = _life(kubelet, pod, name)
    if life is None or life.run is None:
        return Response(500, f'container not found ("{name}")'.encode(), "text/plain; charset=utf-8")
    return life.run


class Frames:
    """What is to be sent to the client; the transport sets `wake`."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        self._frames: deque[tuple[int, bytes]] = deque()
        self._over = False

    def send(self, channel: int, data: bytes) -> None:
        self._frames.append((channel, data))
        self.wake()

    def end(self, status: dict[str, Any]) -> None:
        self._over = True
        self.send(ERROR, orjson.dumps(status))

    def pull(self) -> list[tuple[int, bytes]] | None:
        frames = list(self._frames)
        self._frames.clear()
        return frames if frames or not self._over else None


class Session(Frames):
    """A program run for a client. It goes on when the client leaves; only its input ends."""

    def __init__(self, run: Container, argv: list[str], *, stdin: bool, tty: bool, id_: str) -> None:
        super().__init__()
        self._tty = tty
        self._input = Pipe() if stdin else None
        out = Called(self._out)
        err = out if tty else Called(lambda data: self.send(STDERR, data))
        try:
            env = {**run.env, **({"TERM": "xterm"} if tty else {})}
            self._process = run.spawn(argv, env=env, stdin=self._input or NOTHING, stdout=out, stderr=err)
        except NotExecutable as why:
            self.end(_not_started(f'failed to start exec "{id_}": OCI runtime exec failed: exec failed: {CANNOT}{why}'))
            return
        self._process.terminal = tty
        self._process.ended.then(lambda: self.end(_verdict(self._process)))
        self._process.start()

    def _out(self, data: bytes) -> None:
        self.send(STDOUT, data.replace(b"\n", b"\r\n") if self._tty else data)

    def receive(self, channel: int, data: bytes) -> None:
        if self._input is None:
            return
        if (channel == CLOSE and data[:1] == bytes([STDIN])) or (channel == STDIN and not data):
            self._input.close()
        elif channel == STDIN and not self._tty:
            self._input.write(data)
        elif channel == STDIN:
            self._typed(data)

    def _typed(self, data: bytes) -> None:
        """What a person types is shown; ctrl-D ends the input, ctrl-C the program."""
        if b"\x03" in data:
            self._process.signal(2)
        text = data.replace(b"\r", b"\n")
        ends = text.endswith(b"\x04")
        text = text.replace(b"\x03", b"").replace(b"\x04", b"")
        if text and self._input is not None:
            self._out(text)
            self._input.write(text)
        if ends and self._input is not None:
            self._input.close()

    def close(self) -> None:
        if self._input is not None:
            self._input.close()


class Attached(Frames):
    """The output of a container's process 1, from now on."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log, self._next = log, log.end
        log.listen(self._more)

    def _more(self) -> None:
        for line in self._log.lines(self._next):
            self.send(STDOUT if line.stream == "stdout" else STDERR, line.text)
        self._next = self._log.end
        if self._log.closed and not self._over:
            self.end(SUCCESS)

    def receive(self, channel: int, data: bytes) -> None: ...

    def close(self) -> None:
        self._log.ignore(self._more)


CANNOT = "unable to start container process: "


def _verdict(process: Process) -> dict[str, Any]:
    if process.code == 0:
        return SUCCESS
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: command terminated with exit code {process.code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(process.code)}]},
    }


def _not_started(why: str) -> dict[str, Any]:
    inner = f"Internal error occurred: error executing command in container: failed to exec in container: {why}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {inner}",
        "reason": "InternalError",
        "details": {"causes": [{"message": inner}]},
        "code": 500,
    }
