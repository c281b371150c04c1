"""A cluster on a standing clock with its own kubelet: pods really live. What a test says of them, in few words."""

from __future__ import annotations

import json
from typing import Any

from shallowdive.embedded.cluster import Cluster, Settings
from shallowdive.embedded.kinds import EVENTS, NODES, PODS, kind_of
from shallowdive.embedded.kubelet import LogOptions
from shallowdive.embedded.registry import DeleteOptions, Who
from shallowdive.embedded.request import Request, Response
from shallowdive.embedded.store import Event, Object, clone
from tests.plain.embedded import START

ME = Who("test")
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1"
SPACE = "default"
STDOUT, STDERR, STATUS = 1, 2, 3


class Living:
    def __init__(self, workers: int = 2, seed: int = 1) -> None:
        self.cluster = Cluster(Settings(seed=seed, speed=0, workers=workers, start=START))
        self.seen: list[Event] = []
        self.cluster.store.listen(self.seen.append)
        self.advance(1)

    def advance(self, seconds: float) -> None:
        self.cluster.advance(seconds)

    def create(self, resource: str, value: Object) -> Object:
        value = clone(value)
        if kind_of(resource).namespaced:
            value["metadata"].setdefault("namespace", SPACE)
        return self.cluster.registry.create(resource, value, ME)

    def pod(self, name: str, *containers: Object, after: float = 3, labels: Object | None = None, **spec: Any) -> Object:
        """Create it, let `after` seconds pass, and look at it."""
        self.create(PODS, {"metadata": {"name": name, "labels": labels or {"app": name}}, "spec": {"containers": list(containers), **spec}})
        self.advance(after)
        return self.look(name)

    def look(self, name: str, resource: str = PODS) -> Object:
        return self.cluster.registry.get(resource, SPACE, name)

    def is_there(self, name: str) -> bool:
        return self.cluster.store.get(PODS, SPACE, name) is not None

    def delete(self, name: str, grace_s: int | None = None) -> None:
        self.cluster.registry.delete(PODS, SPACE, name, DeleteOptions(grace_s=grace_s))

    def state(self, name: str, container: int = 0) -> Object:
        return self.look(name)["status"]["containerStatuses"][container]

    def events(self, name: str, reason: str = "") -> list[tuple[str, str]]:
        """(reason, message) of what was said about an object."""
        rows = [e for e in self.cluster.store.objects(EVENTS) if e["involvedObject"]["name"] == name and reason in ("", e["reason"])]
        return [(e["reason"], e["message"]) for e in rows]

    def messages(self, name: str, reason: str) -> set[str]:
        return {message for _, message in self.events(name, reason)}

    def history(self, name: str) -> list[Object]:
        """Every version of a pod, oldest first."""
        return [e.object for e in self.seen if e.resource == PODS and e.key[1] == name]

    def node_of(self, name: str) -> str:
        return str(self.look(name)["spec"].get("nodeName", ""))

    def change_node(self, name: str, **spec: Any) -> None:
        self.cluster.registry.change(NODES, "", name, lambda n: n["spec"].update(spec), ME)

    def log(self, name: str, container: str = "", **options: Any) -> str:
        found = self.cluster.kubelet.logs(self.look(name), container, LogOptions(**options))
        assert isinstance(found, bytes)
        return found.decode()

    def get(self, ip: str, port: int, path: str) -> Any:
        """The answer, or the reason why there is none."""
        box: list[Any] = []
        where, _, rest = path.partition("?")
        query = {k: [v] for k, _, v in (pair.partition("=") for pair in rest.split("&") if pair)}
        self.cluster.network.send(ip, port, Request("GET", where, query), box.append)
        self.advance(0.1)
        return box[0] if box else None

    def ask(self, name: str, path: str, port: int = 8080) -> Any:
        return self.get(self.look(name)["status"]["podIP"], port, path)

    def talk(self, name: str, *argv: str, container: str = "", stdin: bytes | None = None, tty: bool = False) -> Any:
        channel = self.cluster.kubelet.exec(self.look(name), container, list(argv), stdin is not None, tty)
        if stdin and not isinstance(channel, Response):
            channel.receive(0, stdin)
        return channel

    def run(self, name: str, script: str, *, within: float = 30, stdin: bytes = b"", container: str = "") -> tuple[str, str, int]:
        """A line of shell in a container: stdout, stderr, exit code (-1: it has not ended)."""
        channel = self.talk(name, "sh", "-c", script, stdin=stdin, container=container)
        channel.receive(255, b"\0")
        frames: list[tuple[int, bytes]] = []
        passed = 0.0
        while (more := channel.pull()) is not None:
            frames += more
            if not more:
                if passed >= within:
                    break
                self.advance(0.25)
                passed += 0.25
        parts = {n: b"".join(d for number, d in frames if number == n) for n in (STDOUT, STDERR, STATUS)}
        verdict = json.loads(parts[STATUS]) if parts[STATUS] else None
        return parts[STDOUT].decode(), parts[STDERR].decode(), exit_code(verdict)


def exit_code(verdict: Object | None) -> int:
    if verdict is None:
        return -1
    causes = (verdict.get("details") or {}).get("causes") or []
    return int(next((c["message"] for c in causes if c.get("reason") == "ExitCode"), 0 if verdict["status"] == "Success" else -2))


def web(name: str = "web", port: int = 8080, **more: Any) -> Object:
    return {"name": name, "image": AGNHOST, "args": ["netexec", f"--http-port={port}", "--udp-port=-1"], **more}


def shell(script: str = "sleep 100000", name: str = "main", **more: Any) -> Object:
    return {"name": name, "image": BUSYBOX, "command": ["sh", "-c", script], **more}


def requests(cpu: str = "", **more: Any) -> Object:
    return {"resources": {"requests": {**({"cpu": cpu} if cpu else {}), **more}}}


READY_PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}


def conditions(pod: Any) -> dict[str, str]:
    return {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}


def waiting(living: Living, name: str, container: int = 0) -> tuple[str, str]:
    found = living.state(name, container)["state"]["waiting"]
    return found["reason"], found.get("message", "")
