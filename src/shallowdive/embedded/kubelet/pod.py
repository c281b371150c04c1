"""One pod on one node, from the moment it is bound until it is gone. Level-triggered: `sync` looks at what is and takes the next step.

What a step takes is in `life`, how it looks from outside in `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shallowdive.embedded.kinds import PODS
from shallowdive.embedded.kubelet.container import ContainerLife
from shallowdive.embedded.kubelet.environment import hostname
from shallowdive.embedded.kubelet.life import MOUNT_MOST_S, MOUNT_S
from shallowdive.embedded.kubelet.rootfs import hosts
from shallowdive.embedded.kubelet.status import status_of
from shallowdive.embedded.kubelet.volumes import FailedMount, Volumes
from shallowdive.embedded.network import DOMAIN
from shallowdive.embedded.programs.container import Sandbox
from shallowdive.embedded.programs.files import File
from shallowdive.embedded.registry import DeleteOptions, Who
from shallowdive.embedded.store import Object

if TYPE_CHECKING:
    from shallowdive.embedded.kubelet import Kubelet
    from shallowdive.embedded.kubelet.nodes import Node

WHO = Who("kubelet")
DEADLINE = "Pod was active on the node longer than the specified deadline"
SIDECAR_GRACE_S = 2.0


class PodLife:
    def __init__(self, kubelet: Kubelet, node: Node, pod: Object) -> None:
        self.kubelet, self.node, self.pod = kubelet, node, pod
        self.store, self.clock, self.network, self.delays = kubelet.store, kubelet.clock, kubelet.cluster.network, kubelet.delays
        self.key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        self.uid: str = pod["metadata"]["uid"]
        spec = pod["spec"]
        kinds = {True: "sidecar", False: "init"}
        self.inits = [ContainerLife(self, c, kinds[c.get("restartPolicy") == "Always"]) for c in spec.get("initContainers") or ()]
        self.mains = [ContainerLife(self, c, "main") for c in spec["containers"]]
        self.start_time = ""
        self.outcome = self.reason = self.message = ""
        """Succeeded or Failed as soon as that is certain; the phase says so when everything has ended."""
        self.target: dict[str, str] = {}
        self.rejected = self.initialized = self.torn_down = False
        self.sandbox: Sandbox | None = None
        self.had_sandbox = False
        self.ips: dict[str, str] = {}
        self.volumes = Volumes(kubelet.cluster, kubelet.shelf, self.ips)
        self._step, self._step_at = "", 0.0
        self._mount_wait = MOUNT_S
        self._mains_due = False
        self._grace_used: float | None = None
        self._hosts: File | None = None

    # helpers for its containers

    def event(self, type_: str, reason: str, message: str, container: ContainerLife | None = None) -> None:
        path = ""
        if container is not None:
            path = f"spec.{'containers' if container.kind == 'main' else 'initContainers'}{{{container.name}}}"
        self.kubelet.cluster.recorder.event(self.pod, type_, reason, message, "kubelet", host=self.node.name, field_path=path)

    def draw_id(self) -> str:
        return f"{self.kubelet.cluster.random.getrandbits(256):064x}"

    def grace(self) -> float:
        return float(self.pod["spec"].get("terminationGracePeriodSeconds", 30))

    def soon(self) -> None:
        """Something of this pod has changed: look at it next."""
        self.kubelet.again(self.key)

    def hosts_file(self) -> File:
        """/etc/hosts: one file for all containers of the pod."""
        if self._hosts is None:
            sandbox = self.sandbox
            assert sandbox is not None
            names = [f"{sandbox.hostname}.{sandbox.domain}", sandbox.hostname] if sandbox.domain else [sandbox.hostname]
            self._hosts = File(hosts(sandbox.ip, names, sandbox.host_aliases).encode(), changed=self.clock.now())
        return self._hosts

    @property
    def containers(self) -> list[ContainerLife]:
        return self.inits + self.mains

    @property
    def shown_ip(self) -> str:
        """The pod's address, once a container has been tried to start: the kubelet tells it no earlier."""
        tried = any("reason" not in c.state.get("waiting", {}) or c.state["waiting"]["reason"] not in FIRST_WORDS for c in self.containers)
        return self.ips.get("status.podIP", "") if tried else ""

    # steps

    def sync(self, pod: Object) -> None:
        if pod["metadata"].get("labels") != self.pod["metadata"].get("labels") and self.sandbox is not None:
            self.kubelet.refresh_later(self)
        self.pod = pod
        for container, spec in zip(self.containers, [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]], strict=True):
            container.described(spec)
        if "deletionTimestamp" in pod["metadata"]:
            self._wind_down(float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))
        elif self.outcome:
            self._wind_down(self.grace())
        else:
            self._go_on()
        self.report()
        if self.torn_down and "deletionTimestamp" in pod["metadata"]:
            self.kubelet.registry.delete(PODS, *self.key, DeleteOptions(grace_s=0, uid=self.uid), WHO)

    def _go_on(self) -> None:
        if not self.start_time:
            if not self._after("admit"):
                return
            self.start_time = self.clock.stamp()
            refusal = self.node.refuses(self.pod)
            if refusal:
                self._reject(*refusal)
                return
        if self.sandbox is None and not (self._after("sandbox") and self._set_up()):
            return
        self._check_deadline()
        if not self.outcome:
            self._run_containers()
            self._look_for_the_end()
        if self.outcome:
            self.soon()

    def _after(self, step: str) -> bool:
        """Whether the time that a step takes has passed since it was first asked for."""
        now = self.clock.now()
        if self._step != step:
            self._step, self._step_at = step, now + self.delays.take(step)
        if now >= self._step_at:
            return True
        self.kubelet.again(self.key, self._step_at - now)
        return False

    def _reject(self, reason: str, message: str) -> None:
        self.event("Warning", reason, message)
        self.rejected = self.torn_down = True
        self.outcome, self.reason, self.message = "Failed", reason, f"Pod was rejected: {message}"

    def _set_up(self) -> bool:
        """Volumes, then the sandbox."""
        try:
            self.ips |= {"status.hostIP": self.node.ip, "status.hostIPs": self.node.ip}
            self.volumes.set_up(self.pod)
        except FailedMount as why:
            self.event("Warning", "FailedMount", str(why))
            self._step_at = self.clock.now() + self._mount_wait
            self.kubelet.again(self.key, self._mount_wait)
            self._mount_wait = min(self._mount_wait * 2, MOUNT_MOST_S)
            return False
        ip = self.node.ip if self.pod["spec"].get("hostNetwork") else self.node.give_address()
        spec = self.pod["spec"]
        domain = f"{spec['subdomain']}.{self.key[0]}.svc.{DOMAIN}" if spec.get("subdomain") else ""
        host = self.node.name if spec.get("hostNetwork") else hostname(self.pod)
        aliases = [(row["ip"], row.get("hostnames") or []) for row in spec.get("hostAliases") or ()]
        self.sandbox = Sandbox(self.network, self.kubelet.run_queue, self.key[0], host, ip, self.node.name, domain, aliases)
        self.network.addresses.add(ip)
        self.ips |= {"status.podIP": ip, "status.podIPs": ip}
        self.had_sandbox = True
        return True

    def _check_deadline(self) -> None:
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        if limit is None:
            return
        left = self.kubelet.parse(self.start_time) + limit - self.clock.now()
        if left > 0:
            self.kubelet.again(self.key, left)
            return
        self.event("Normal", "DeadlineExceeded", DEADLINE)
        self.outcome, self.reason, self.message = "Failed", "DeadlineExceeded", DEADLINE

    def _run_containers(self) -> None:
        for container in self.inits:
            if container.is_past or (self.initialized and (container.kind == "init" or container.running)):
                continue
            if container.running or not container.wants_restart():
                return
            self._start_when_due([container])
            if not self.initialized and not container.is_past:
                return
        self.initialized = True
        self._start_when_due([c for c in self.mains if not c.running and c.wants_restart()])

    def _start_when_due(self, waiting: list[ContainerLife]) -> None:
        """Start those whose time has come; the others are asked for again. Those that begin together start together."""
        now = self.clock.now()
        fresh = [c for c in waiting if not c.not_before]
        due = now + self.delays.take("create") * len(fresh)
        for container in fresh:
            container.not_before = due
        for container in waiting:
            if container.not_before <= now:
                container.try_start()
            if not container.running and container.wants_restart():
                self.kubelet.again(self.key, max(container.not_before - self.clock.now(), 0.01))

    def container_ended(self, container: ContainerLife) -> None:
        """A container's process 1 is over: that is noticed soon, and what follows comes after that."""
        if self.node.stopped:
            return
        notice = self.delays.take("notice")
        container.not_before = self.clock.now() + notice + self.delays.take("restart")
        self.kubelet.again(self.key, notice)

    def _look_for_the_end(self) -> None:
        """Whether the pod has done what it was for."""
        for init in self.inits:
            if not init.running and init.terminated and init.kind == "init" and init.terminated["exitCode"] and not init.wants_restart():
                self.outcome = "Failed"
        if not self.initialized or any(c.running or c.wants_restart() for c in self.mains):
            return
        ends = [c.terminated for c in self.mains]
        self.outcome = "Succeeded" if all(e and e["exitCode"] == 0 for e in ends) else "Failed"

    # ending

    def _wind_down(self, grace_s: float) -> None:
        """Stop the containers, side-cars last, then give back what the pod had."""
        shorter = self._grace_used is None or grace_s < self._grace_used
        for stage in (self.mains + [c for c in self.inits if c.kind == "init"], self.inits[::-1]):
            running = [c for c in stage if c.running]
            for container in running:
                if shorter or not container.is_being_stopped():
                    own = grace_s if stage[0].kind == "main" else max(SIDECAR_GRACE_S, 0.0)
                    container.stop(f"Stopping container {container.name}", own if grace_s else 0.0)
            self._grace_used = grace_s
            if any(c.running for c in running):
                return
        if not self.torn_down and self._after("teardown"):
            self._tear_down()

    def _tear_down(self) -> None:
        self._leave_network()
        self.torn_down = True
        if not self.outcome and self.start_time:
            ends = [c.terminated for c in self.mains]
            self.outcome = "Succeeded" if all(e and e["exitCode"] == 0 for e in ends) else "Failed"

    def _leave_network(self) -> None:
        if self.sandbox is not None:
            if self.sandbox.ip != self.node.ip:
                self.network.addresses.discard(self.sandbox.ip)
                self.node.take_address_back(self.sandbox.ip)
            self.sandbox = None

    def vanish(self) -> None:
        """The pod's object is gone: nothing of it stays."""
        for container in self.containers:
            container.kill(container.run)
        self._leave_network()
        self.torn_down = True

    def node_died(self) -> None:
        """All processes of the node are gone at once, and nobody is there to tell it."""
        for container in self.containers:
            container.kill(container.run)
        self._leave_network()

    def node_came_back(self) -> None:
        """A new sandbox is made, and what ran before is started again. Nobody knows how it ended."""
        if not self.had_sandbox or self.torn_down:
            return
        self.event("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
        self.initialized, self._step, self._hosts = False, "", None
        for container in self.containers:
            container.forget_run()

    # how it looks

    def phase(self) -> str:
        if self.torn_down and self.outcome:
            return self.outcome
        if not self.initialized:
            return "Pending"
        waiting = [c for c in self.mains if "waiting" in c.state and "terminated" not in c.last_state]
        return "Pending" if waiting else "Running"

    def report(self) -> None:
        """Write the status, if it differs from the stored one."""
        if not self.start_time or self.node.stopped:
            return
        stored = self.store.get(PODS, *self.key)
        if stored is None or stored["metadata"]["uid"] != self.uid:
            return
        status = status_of(self, stored["status"], self.clock.stamp())
        if status != stored["status"]:
            value = {**stored, "metadata": dict(stored["metadata"]), "status": status}
            self.pod = self.kubelet.registry.update(PODS, value, WHO, subresource="status")


FIRST_WORDS: tuple[Any, ...] = ("ContainerCreating", "PodInitializing")
