"""The official client bound to one namespace, with the few things a lab and its judge do over and over.

`core`, `apps`, `networking`, `discovery`, `rbac` are the official API objects; nothing here hides them."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

from kubernetes import client
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL

from shallowdive.cluster.access import Access
from shallowdive.cluster.apply import apply
from shallowdive.errors import ClusterError, NoCluster, WaitTimeout
from shallowdive.live import LAB_KINDS, ClusterState, Follower, History, wait_for
from shallowdive.objects import Object

EXEC_BYTES = 1 << 20
LEAST_PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: `status` 0 means that nobody answered, and `text` says how it failed."""

    status: int
    text: str


class NamespaceClient:
    """One namespace of one cluster: the official API objects, a follower, and apply / exec / get / wait_for."""

    def __init__(self, access: Access, namespace: str, history: History | None = None) -> None:
        self.access, self.namespace, self.http_url = access, namespace, access.http_url
        self.api = access.connect()
        self.core, self.apps = client.CoreV1Api(self.api), client.AppsV1Api(self.api)
        self.networking, self.discovery = client.NetworkingV1Api(self.api), client.DiscoveryV1Api(self.api)
        self.follower = Follower(access.connect(pool=16), namespace, (*LAB_KINDS, "PersistentVolumeClaim"), history)
        if history:
            for _, self.follower.state in history.states():
                pass  # the picture at the end of the record: the first list then adds only what changed since

    @property
    def state(self) -> ClusterState:
        return self.follower.state

    @property
    def history(self) -> History:
        return self.follower.history

    def apply(self, *bodies: Any, manager: str = "shallowdive-learner") -> list[Object]:
        """Server-side apply of dictionaries or client models; the same call again changes nothing."""
        return [apply(self.api, body, self.namespace, manager) for body in bodies]

    def wait_for(
        self, what: str, until: Callable[[ClusterState], object], *, within_s: float = 60, usually_s: float = 0, look_at: str = ""
    ) -> ClusterState:
        """Wait for a state of the namespace. The limit is the cluster's seconds: on one that runs faster it is reached sooner, yet never
        before LEAST_PATIENCE_S of ours, since this machine is no faster for it."""
        within_s = max(within_s / self.access.speed, min(within_s, LEAST_PATIENCE_S))
        return wait_for(self.follower, what, until, within_s=within_s, usually_s=usually_s, look_at=look_at)

    def exec(self, pod: str, command: Sequence[str], *, container: str = "", within_s: float = 20) -> str:
        """Run a program in a container; its stdout, at most 1 MiB.

        WaitTimeout when it does not end; RuntimeError when it fails, or its container does not run; ClusterError when the link ends and
        does not say how the program ended."""
        core = client.CoreV1Api(self.access.connect(pool=1))  # exec swaps a method of its client while it runs
        where = {"container": container} if container else {}
        try:
            link = stream(
                core.connect_get_namespaced_pod_exec, pod, self.namespace, command=list(command), stdout=True, stderr=True, stdin=False,
                tty=False, _preload_content=False, _request_timeout=(3, within_s), **where,
            )  # fmt: skip
        except client.ApiException as exc:
            if "container not found" in str(exc.reason):  # the kubelet's words, in an answer 500: no fault of the cluster
                raise RuntimeError(f"{container or 'the container'} of pod {pod} does not run, so nothing can run in it") from exc
            refused = re.match(r"Handshake status (\d+)", str(exc.reason))
            raise client.ApiException(int(refused[1]) if refused else exc.status, exc.reason) from exc
        # client 37 reads on in `update` while anything is there: a program that writes faster than we read would hold us for ever
        link._frames_immediately_available = lambda: False  # so each `update` takes one frame
        out, err, end = "", "", time.monotonic() + within_s
        try:
            while link.is_open() and time.monotonic() < end and len(out) < EXEC_BYTES:
                link.update(timeout=0.5)
                out += link.read_stdout(timeout=0) if link.peek_stdout() else ""
                err += link.read_stderr(timeout=0) if link.peek_stderr() else ""
            if link.is_open() and len(out) < EXEC_BYTES:
                raise WaitTimeout(
                    f"{command[0]} in pod {pod} did not end in {within_s:g} s", saw=(out + err)[-200:] or "no output", try_this=""
                )
            verdict = json.loads(link.read_channel(ERROR_CHANNEL) or "{}")
        finally:
            link.close()
        if not verdict and len(out) < EXEC_BYTES:
            raise ClusterError(
                f"the link to {command[0]} in pod {pod} broke off", saw=f"{len(out)} characters and no exit status", try_this="run it again"
            )
        if verdict.get("status") == "Failure":
            raise RuntimeError(f"{' '.join(command)}: {err.strip() or verdict.get('message', 'failed')}")
        return out

    def get(self, path: str, host: str, *, within_s: float = 5) -> Reply:
        """Ask the Ingress entrance from outside the cluster, as `curl -H "Host: HOST" URL/PATH` does."""
        if not self.http_url:
            raise NoCluster(
                "no entrance from outside is known for this cluster", saw="http_url is empty", try_this="ask for SHALLOWDIVE_HTTP_URL"
            )
        where = urlparse(self.http_url)
        link = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=within_s)
        try:
            link.request("GET", path, headers={"Host": host})
            answer = link.getresponse()
            return Reply(answer.status, answer.read(1 << 20).decode("utf-8", errors="replace"))
        except (OSError, http.client.HTTPException) as exc:
            return Reply(0, f"{type(exc).__name__}: {exc}")
        finally:
            link.close()

    def curl(self, path: str, host: str) -> str:
        """The command line that asks the same as `get`."""
        return f'curl -H "Host: {host}" {self.http_url}{path}'

    def close(self) -> None:
        self.follower.stop()
