"""Probes: a question put to a container again and again, and what follows from the answers.

A startup probe holds the others back; readiness decides whether the pod gets requests; liveness has the container restarted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shallowdive.embedded.clock import Timer
from shallowdive.embedded.network import Answer, Unreachable
from shallowdive.embedded.programs.container import NotExecutable
from shallowdive.embedded.programs.streams import Text
from shallowdive.embedded.request import Request

if TYPE_CHECKING:
    from shallowdive.embedded.kubelet.container import ContainerLife

OUTPUT_BYTES = 10 * 1024
EXEC_FAILED = "rpc error: code = Unknown desc = failed to exec in container: failed to start exec"
Outcome = tuple[str, str]
"""(success, failure or unknown; what was seen)."""


class Prober:
    def __init__(self, life: ContainerLife, kind: str, probe: dict[str, Any]) -> None:
        self._life, self.kind, self._probe = life, kind, probe
        self.passes = kind == "liveness"
        self._run = life.run
        self._in_a_row, self._last = 0, ""
        self._timer: Timer | None = None
        self._asked = 0
        self._is_asking = self._missed = False
        """One question at a time: a turn that is missed meanwhile comes right after."""

    def begin(self) -> None:
        delay = self._probe.get("initialDelaySeconds") or 0
        if delay:
            self._timer = self._life.pod.clock.after(delay, self._ask)
        else:
            self._ask()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._asked += 1

    def _ask(self) -> None:
        life = self._life
        if life.run is not self._run or self._run is None:
            return
        period = self._probe.get("periodSeconds", 10)
        self._timer = life.pod.clock.after(period, self._ask)
        if self._is_asking:
            self._missed = True
            return
        if life.pod.node.stopped or (self.kind != "startup" and not life.is_started):
            return
        if self.kind == "startup" and self.passes:
            self.end()
            return
        self._asked += 1
        self._is_asking, number = True, self._asked
        limit = self._probe.get("timeoutSeconds", 1)
        late = life.pod.clock.after(limit, lambda: self._late(number, limit))

        def answer(outcome: Outcome) -> None:
            late.cancel()
            self._heard(number, outcome)

        self._put(answer)

    def _put(self, answer: Callable[[Outcome], None]) -> None:
        if self._probe.get("exec"):
            self._execute(list(self._probe["exec"]["command"]), answer)
        elif self._probe.get("httpGet"):
            self._get(self._probe["httpGet"], answer)
        else:
            where = self._probe.get("tcpSocket") or self._probe.get("grpc") or {}
            ip, port = where.get("host") or self._ip, port_of(self._life, where["port"])
            network = self._life.pod.network
            if network.answers(ip, port):
                answer(("success", ""))
            elif ip in network.addresses:
                answer(("failure", f"dial tcp {ip}:{port}: connect: connection refused"))

    @property
    def _ip(self) -> str:
        assert self._run is not None
        return self._run.sandbox.ip

    def _get(self, where: dict[str, Any], answer: Callable[[Outcome], None]) -> None:
        ip, port = where.get("host") or self._ip, port_of(self._life, where["port"])
        url = self._url(where)

        def heard(response: Answer) -> None:
            if isinstance(response, Unreachable):
                how = f"dial tcp {ip}:{port}: connect: {response.why}" if response.why == "connection refused" else response.why
                answer(("failure", f'Get "{url}": {how}'))
            elif 200 <= response.code < 400:
                answer(("success", ""))
            else:
                answer(("failure", f"HTTP probe failed with statuscode: {response.code}"))

        self._life.pod.network.send(ip, port, http_request(where), heard)

    def _url(self, where: dict[str, Any]) -> str:
        ip, port = where.get("host") or self._ip, port_of(self._life, where["port"])
        return f"{where.get('scheme', 'HTTP').lower()}://{ip}:{port}{where.get('path', '/')}"

    def _execute(self, argv: list[str], answer: Callable[[Outcome], None]) -> None:
        assert self._run is not None
        output = Text()
        try:
            process = self._run.spawn(argv, stdout=output, stderr=output)
        except NotExecutable as why:
            id_ = self._life.pod.draw_id()
            text = f'{EXEC_FAILED} "{id_}": OCI runtime exec failed: exec failed: unable to start container process: {why}'
            answer(("unknown", text))
            return
        self._process = process

        def ended() -> None:
            said = bytes(output.data[:OUTPUT_BYTES]).decode(errors="replace")
            answer(("success" if process.code == 0 else "failure", said))

        process.ended.then(ended)
        process.start()

    def _late(self, number: int, limit: int) -> None:
        """No answer in time."""
        self._heard(number, ("failure", self._too_late(limit)))
        if self._probe.get("exec"):
            self._process.kill(137)

    def _too_late(self, limit: int) -> str:
        if self._probe.get("exec"):
            return f'command timed out: "{" ".join(self._probe["exec"]["command"])}" timed out after {limit}s'
        if self._probe.get("httpGet"):
            url = self._url(self._probe["httpGet"])
            return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        where = self._probe.get("tcpSocket") or {}
        return f"dial tcp {where.get('host') or self._ip}:{port_of(self._life, where['port'])}: i/o timeout"

    def _heard(self, number: int, outcome: Outcome) -> None:
        """An answer, unless another came first or the run is over."""
        life = self._life
        if number != self._asked or life.run is not self._run:
            return
        self._asked += 1
        self._is_asking = False
        self._judge(*outcome)
        if self._missed:
            self._missed = False
            life.pod.clock.after(0, self.again)

    def _judge(self, result: str, text: str) -> None:
        if result == "unknown":
            self._unhealthy(f"{self.kind.capitalize()} probe errored and resulted in unknown state: {text}")
            return
        if result == "failure":
            self._unhealthy(f"{self.kind.capitalize()} probe failed: {text}")
        self._in_a_row = self._in_a_row + 1 if result == self._last else 1
        self._last = result
        needed = self._probe.get("successThreshold", 1) if result == "success" else self._probe.get("failureThreshold", 3)
        if self._in_a_row >= needed:
            self._decide(result == "success")

    def _decide(self, passes: bool) -> None:
        life = self._life
        changed = self.passes != passes
        self.passes = passes
        if not passes and self.kind != "readiness":
            self._in_a_row = 0
            grace = self._probe.get("terminationGracePeriodSeconds")
            life.stop(f"Container {life.name} failed {self.kind} probe, will be restarted", life.pod.grace() if grace is None else grace)
        if changed:
            if self.kind == "startup":
                life.ask_again()
            life.pod.soon()

    def again(self) -> None:
        """Ask now instead of at the next turn."""
        if self._timer is not None:
            self._timer.cancel()
        self._ask()

    def _unhealthy(self, text: str) -> None:
        self._life.pod.event("Warning", "Unhealthy", text, self._life)


def http_request(where: dict[str, Any]) -> Request:
    """The request that a probe or a hook sends."""
    path, _, rest = where.get("path", "/").partition("?")
    query: dict[str, list[str]] = {}
    for pair in filter(None, rest.split("&")):
        name, _, value = pair.partition("=")
        query.setdefault(name, []).append(value.replace("+", " "))
    headers = {"user-agent": "kube-probe/1.37", "accept": "*/*", "connection": "close"}
    headers |= {h["name"].lower(): h["value"] for h in where.get("httpHeaders") or ()}
    return Request("GET", path, query, headers)


def port_of(life: ContainerLife, port: int | str) -> int:
    """A number, or the number that the container gives a name to."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    return next((p["containerPort"] for p in life.spec.get("ports") or () if p.get("name") == port), 0)
