"""The kind backend: three node containers on this machine, our marker and an ingress controller in them.

`up` is a list of named steps over one record. Whatever interrupted the last one, the record tells the next one what is ours."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from kubernetes.client.exceptions import ApiException

from shallowdive import process
from shallowdive.cluster import health, images, ingress, kindconfig
from shallowdive.cluster.access import Access, leave_marker, open_access, read_kubeconfig
from shallowdive.cluster.backend import COMPONENTS, Say, State, Status
from shallowdive.cluster.home import Home, Lock, Record
from shallowdive.cluster.nodes import (
    NodeContainer,
    image_is_local,
    node_containers,
    set_static_pod,
    start_containers,
    stop_containers,
)
from shallowdive.cluster.outage import forget, restore
from shallowdive.cluster.progress import step
from shallowdive.cluster.tools import find_kind, need_kind, version_of
from shallowdive.errors import ClusterError, CreateFailed, NotOurs, PortTaken, ProgramFailed, ShallowDiveError, Unhealthy, WaitTimeout
from shallowdive.facts import Engine, free_port, look_at_machine, port_is_free
from shallowdive.live import poll

CREATE_LIMIT_S = 600
HTTP_PORT, HTTPS_PORT = 8080, 8443
INOTIFY_INSTANCES, INOTIFY_WATCHES = 512, 524288
"""What kind's known issues ask for; Debian's default of 128 instances is used up by the seventh node or so."""
INOTIFY_FIX = f"sudo sysctl fs.inotify.max_user_instances={INOTIFY_INSTANCES} fs.inotify.max_user_watches={INOTIFY_WATCHES}"
SETTLE_S = 3
"""Seconds without a new container after its creator was killed."""


@dataclass(slots=True)
class KindBackend:
    """`image` '' means: the local one there is, else kind's pinned default. Ports 0 mean: 8080 and 8443, or any free ones."""

    home: Home
    engine: Engine
    image: str = ""
    http_port: int = 0
    https_port: int = 0
    workers: int = kindconfig.WORKERS
    name: str = field(default="kind", init=False)

    def up(self, say: Say) -> Status:
        with Lock(self.home, "up"):
            record, nodes = Record.load(self.home), node_containers(self.home.cluster)
            if nodes and record is None:
                raise NotOurs(
                    f"a kind cluster named {self.home.cluster} exists and is not ours",
                    saw=f"containers {', '.join(n.name for n in nodes)} without a record of ours",
                    try_this="shallowdive up --name another-name",
                )
            if record and record.phase == "ready" and nodes:
                return self._again(record, nodes, say)
            if record:
                say("an earlier `up` did not finish: removing what it left")
                self._remove(record, say)
            return self._create(say)

    def down(self, say: Say) -> bool:
        with Lock(self.home, "down"):
            record, nodes = Record.load(self.home), node_containers(self.home.cluster)
            if record is None:
                if nodes:
                    raise NotOurs(
                        f"a kind cluster named {self.home.cluster} exists and is not ours",
                        saw="no record of ours",
                        try_this="shallowdive status",
                    )
                return False
            self._remove(record, say)
            return True

    def status(self) -> Status:
        record, nodes = Record.load(self.home), node_containers(self.home.cluster)
        facts = self._facts(record, nodes)
        if record is None:
            return (
                Status(State.FOREIGN, "a kind cluster of this name exists and is not ours", facts)
                if nodes
                else Status(State.ABSENT, "", facts)
            )
        if record.phase != "ready":
            return Status(State.CREATING, "an `up` is at work or was interrupted", facts)
        if not nodes:
            return Status(State.BROKEN, "its containers are gone", facts)
        stopped = [n.name for n in nodes if not n.running]
        if stopped:
            return Status(State.STOPPED, f"stopped: {', '.join(stopped)}", facts)
        try:
            wrong = health.complaints(open_access(self.home), record.nodes, record.http_port)
        except (ShallowDiveError, ApiException, OSError) as exc:
            return Status(State.BROKEN, exc.saw or exc.what if isinstance(exc, ShallowDiveError) else str(exc).splitlines()[0], facts)
        return Status(State.DEGRADED, "; ".join(wrong), facts) if wrong else Status(State.RUNNING, "", facts)

    def set_node(self, node: str, *, running: bool) -> None:
        mine = [n.name for n in node_containers(self.home.cluster)] if Record.load(self.home) else []
        if node not in mine:
            raise NotOurs(f"{node} is no node of this cluster", saw=", ".join(mine) or "no nodes", try_this="kubectl get nodes")
        (start_containers if running else stop_containers)([node])

    def set_component(self, component: str, *, running: bool) -> None:
        node = f"{self.home.cluster}-control-plane"
        mine = [n.name for n in node_containers(self.home.cluster)] if Record.load(self.home) else []
        if node not in mine or component not in COMPONENTS:
            raise NotOurs(f"{component} is no component of this cluster", saw=", ".join(mine) or "no nodes", try_this="shallowdive status")
        set_static_pod(node, component, running=running)

    # ── the steps ────────────────────────────────────────────────────────────────────────────────────────────
    def _create(self, say: Say) -> Status:
        kind = need_kind(self.home, say)
        record = self.claim(kind)
        try:
            with step(say, f"{record.nodes} nodes from {record.image or 'the pinned image'}", 30):
                self._kind_create(kind, record)
            self.finish(record, say)
        except BaseException as exc:
            say("it did not work; removing what was made")
            self._remove(record, say)
            if isinstance(exc, ProgramFailed):
                raise self._create_failed(exc) from exc
            raise
        return self.status()

    def claim(self, kind: Path) -> Record:
        """Choose ports and image, and write down that the cluster about to be made is ours."""
        http, https = self._port(self.http_port, HTTP_PORT), self._port(self.https_port, HTTPS_PORT)
        record = Record(
            name=self.home.cluster,
            backend=self.name,
            context=f"kind-{self.home.cluster}",
            http_port=http,
            https_port=https,
            http_url=f"http://127.0.0.1:{http}",
            image=self.image or self._local_image(),
            kind_version=".".join(map(str, version_of(kind))),
            nodes=1 + self.workers,
        )
        for old in (self.home.kubeconfig, self.home.kubeconfig.with_name(self.home.kubeconfig.name + ".lock")):
            old.unlink(missing_ok=True)  # left by a killed `kind create`; under our lock nobody else uses them
        record.save(self.home)
        return record

    def config(self, record: Record) -> str:
        return kindconfig.render(
            cgroup_version=self.engine.cgroup_version, http_port=record.http_port, https_port=record.https_port, workers=self.workers
        )

    def finish(self, record: Record, say: Say) -> Access:
        """From bare nodes to a cluster of ours: marker, ingress controller, everything Ready, and the record says `ready`."""
        self.home.kubeconfig.chmod(0o600)
        configuration = read_kubeconfig(self.home.kubeconfig, record.context)
        access = Access("owner", self.name, record.name, configuration, record.http_url, image=record.image, marker=record.marker)
        api = access.connect()
        with step(say, "marker and ingress controller", 10):
            leave_marker(api, record.marker)
            ingress.install(api)
            health.until_healthy(access, record.nodes, record.http_port, within_s=180)
        record.version = health.server_version(access)
        record.phase = "ready"
        record.save(self.home)
        return access

    def _again(self, record: Record, nodes: list[NodeContainer], say: Say) -> Status:
        stopped = [n.name for n in nodes if not n.running]
        if stopped:
            with step(say, f"starting {len(stopped)} stopped nodes", 20):
                start_containers(stopped)
        if restore(self.home, self):
            say("a lab had switched something off: it is on again")
        try:
            access = self._open_when_up(60) if stopped else open_access(self.home)
            health.until_healthy(access, record.nodes, record.http_port, within_s=120 if stopped else 30)
        except WaitTimeout as exc:
            raise Unhealthy(
                f"cluster {record.name} runs but does not work",
                saw=exc.saw,
                try_this="make it anew (its objects are lost): shallowdive down, then: shallowdive up",
            ) from exc
        return self.status()

    def _open_when_up(self, within_s: float) -> Access:
        """The API server of containers that we started answers late, and its first answers are 403 (its roles are not loaded yet)."""
        last = [""]

        def ask() -> Access | None:
            try:
                return open_access(self.home)
            except (Unhealthy, NotOurs) as exc:
                last[0] = exc.saw
                return None

        try:
            return poll("the API server", ask, within_s=within_s, every_s=1)
        except WaitTimeout as exc:
            raise WaitTimeout(exc.what, saw=last[0], try_this=exc.try_this) from exc

    def _kind_create(self, kind: Path, record: Record) -> None:
        args = [str(kind), "create", "cluster", "--name", record.name, "--kubeconfig", str(self.home.kubeconfig), "--config", "-"]
        if record.image:
            args += ["--image", record.image]

        def remember(pid: int) -> None:
            record.creator_pid = pid
            record.save(self.home)

        ended = process.run(args, limit_s=CREATE_LIMIT_S, stdin=self.config(record), on_start=remember)
        if ended.status:
            raise process.failed(args, ended)

    def _create_failed(self, exc: ProgramFailed) -> ClusterError:
        log = self.home.folder("logs") / f"create-{self.home.cluster}-{time.strftime('%Y%m%d-%H%M%S')}.log"
        log.write_text(exc.stdout + exc.stderr, encoding="utf-8")
        low = exc.stderr.lower()
        if "port is already allocated" in low or "address already in use" in low:
            return PortTaken("a port was taken while the cluster was made", saw=exc.saw, try_this="shallowdive up")
        if "failed to pull image" in low or "toomanyrequests" in low:
            limited = "toomanyrequests" in low
            return CreateFailed(
                "the node image could not be pulled: "
                + ("the registry's limit for this network is reached" if limited else "no answer from the registry"),
                saw=exc.saw,
                try_this="with an image that this machine has (docker images): shallowdive up --node-image IMAGE",
            )
        last = "\n        ".join(line for line in exc.stderr.strip().splitlines()[-20:])
        machine = look_at_machine()
        low_limits = 0 < machine.inotify_instances < INOTIFY_INSTANCES and ("init-p" in low or "is not running" in low or "log line" in low)
        return CreateFailed(
            "kind could not create the cluster" + (": a node's init ended, as it does at the inotify limit" if low_limits else ""),
            saw=f"{last}\n  all of it: {log}",
            try_this=f"{INOTIFY_FIX}, then: shallowdive up" if low_limits else "shallowdive doctor",
        )

    def _remove(self, record: Record, say: Say) -> None:
        """Only what the record claims: its creator if that still runs, its containers, its files."""
        killed = bool(record.creator_pid) and f"create cluster --name {record.name} " in process.command_of(record.creator_pid)
        if killed:
            process.kill_tree(record.creator_pid)
        if killed or node_containers(record.name):
            with step(say, "removing the nodes", 5):
                self._remove_containers(find_kind(self.home) or need_kind(self.home, say), record, quiet_s=SETTLE_S if killed else 0)
        self.home.kubeconfig.unlink(missing_ok=True)
        self.home.record.unlink(missing_ok=True)
        forget(self.home)

    def _remove_containers(self, kind: Path, record: Record, quiet_s: float) -> None:
        """Until none is left, and none has appeared for `quiet_s`: the engine still finishes what a killed creator asked it for."""
        seen_at, last = time.monotonic(), ""

        def ask() -> bool | None:
            nonlocal seen_at, last
            left = node_containers(record.name)
            if left:
                seen_at, last = time.monotonic(), ", ".join(n.name for n in left)
                process.run([kind, "delete", "cluster", "--name", record.name, "--kubeconfig", self.home.kubeconfig], limit_s=120)
                return None
            return True if time.monotonic() - seen_at >= quiet_s else None

        try:
            poll("the node containers to be gone", ask, within_s=180)
        except WaitTimeout as exc:
            raise Unhealthy("node containers could not be removed", saw=last, try_this="shallowdive down") from exc

    def _port(self, asked: int, preferred: int) -> int:
        if asked and not port_is_free(asked):
            raise PortTaken(
                f"port {asked} of this machine is in use",
                saw=f"127.0.0.1:{asked} or [::1]:{asked} is taken",
                try_this="leave the port out: shallowdive up",
            )
        return asked or free_port(preferred)

    def _local_image(self) -> str:
        """A node image this machine already has ('' lets kind pull its pinned default)."""
        return next((i for i in (images.KIND_DEFAULT_NODE, *images.LOCAL_NODES) if image_is_local(i)), "")

    def _facts(self, record: Record | None, nodes: list[NodeContainer]) -> dict[str, object]:
        containers = [{"name": n.name, "running": n.running} for n in nodes]
        base: dict[str, object] = {"backend": self.name, "cluster": self.home.cluster, "containers": containers}
        if record is None:
            return base
        keep = ("context", "http_port", "https_port", "http_url", "image", "kind_version", "version")
        return base | {k: getattr(record, k) for k in keep} | {"kubeconfig": str(self.home.kubeconfig)}
