"""One container of a pod through all its runs: created, started, probed, ended, started again after a back-off.

What the pod decides (whether it is this container's turn, whether the pod ends) is `pod`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shallowdive.embedded import quantity
from shallowdive.embedded.kubelet import images
from shallowdive.embedded.kubelet.environment import Missing, command_line, environment
from shallowdive.embedded.kubelet.hooks import run_hook
from shallowdive.embedded.kubelet.life import BACKOFF_S, SEEN_S, BackOff
from shallowdive.embedded.kubelet.logs import Log
from shallowdive.embedded.kubelet.probes import Prober
from shallowdive.embedded.kubelet.rootfs import build
from shallowdive.embedded.programs.container import Container, NotExecutable
from shallowdive.embedded.programs.process import TERM
from shallowdive.embedded.programs.streams import Called

if TYPE_CHECKING:
    from shallowdive.embedded.kubelet.pod import PodLife

CANNOT_START = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: error during container init: "
)
NEVER = "1970-01-01T00:00:00Z"
TERMINATION_LOG_BYTES = 4096


class ContainerLife:
    def __init__(self, pod: PodLife, spec: dict[str, Any], kind: str) -> None:
        self.pod, self.spec, self.kind = pod, spec, kind
        """`kind` is main, init or sidecar (an init container that stays)."""
        self.name: str = spec["name"]
        waits = "PodInitializing" if pod.pod["spec"].get("initContainers") else "ContainerCreating"
        self.state: dict[str, Any] = {"waiting": {"reason": waits}}
        self.last_state: dict[str, Any] = {}
        self.restarts, self.id, self.image_id = 0, "", ""
        self.user = _user(pod.pod, spec)
        self.run: Container | None = None
        self.log: Log | None = None
        self.last_log: Log | None = None
        self.not_before = 0.0
        """When the next step may be taken, in cluster seconds since 1970."""
        self.back_off, self._pull_back_off = BackOff(), BackOff()
        self._pull_failed_at = 0.0
        self._ended_at: float | None = None
        self._probers: dict[str, Prober] = {}
        self._kill_reason = ""

    # what it is

    @property
    def running(self) -> bool:
        return self.run is not None

    @property
    def terminated(self) -> dict[str, Any] | None:
        """How the last run ended, when none is on."""
        if self.running:
            return None
        return self.state.get("terminated") or self.last_state.get("terminated")

    @property
    def is_started(self) -> bool:
        return self.running and self._passed("startup")

    @property
    def ready(self) -> bool:
        if self.kind == "init":
            return (self.state.get("terminated") or {}).get("exitCode") == 0
        return self.is_started and self._passed("readiness")

    @property
    def is_past(self) -> bool:
        """Of an init container: whether the next one may begin."""
        return self.is_started if self.kind == "sidecar" else self.ready

    def _passed(self, probe: str) -> bool:
        prober = self._probers.get(probe)
        return prober is None or prober.passes

    def wants_restart(self) -> bool:
        ended = self.terminated
        if ended is None:
            return True
        policy = self.spec.get("restartPolicy") or self.pod.pod["spec"].get("restartPolicy", "Always")
        if self.kind == "init":
            return bool(ended["exitCode"]) and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and bool(ended["exitCode"]))

    def described(self, spec: dict[str, Any]) -> None:
        """Its part of the pod's spec now. Another image is another container: a run ends for it, and no back-off of the old one counts."""
        changed, self.spec = spec["image"] != self.spec["image"], spec
        if not changed:
            return
        self.back_off, self._pull_back_off, self._pull_failed_at = BackOff(), BackOff(), 0.0
        if self.running:
            self.stop(f"Container {self.name} definition changed, will be restarted", self.pod.grace())
        elif self.wants_restart():
            self.not_before = 0.0

    # starting

    def try_start(self) -> None:
        """One try: it runs afterwards, or its state says why it does not."""
        now = self.pod.clock.now()
        if self._ended_at is not None and now < self.back_off.until(self._ended_at):
            self._wait_in_back_off(now)
            return
        try:
            image = self._image(now)
            env = environment(self.pod.store, self.pod.pod, self.spec, self.pod.ips)
        except images.Trouble as trouble:
            first_pull = trouble.reason == "ErrImagePull" and self._pull_back_off.seconds <= BACKOFF_S
            self._wait(trouble.reason, trouble.message, self.pod.delays.take("restart") if first_pull else None)
            return
        except Missing as missing:
            self.pod.event("Warning", "Failed", f"Error: {missing}", self)
            self._wait("CreateContainerConfigError", str(missing))
            return
        if self._ended_at is not None:
            self.back_off.next(self._ended_at)
        self._create(image, env)

    def _wait_in_back_off(self, now: float) -> None:
        assert self._ended_at is not None
        meta = self.pod.pod["metadata"]
        full = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
        self.pod.event("Warning", "BackOff", f"Back-off restarting failed container {self.name} in pod {full}", self)
        left = self.back_off.until(self._ended_at) - now
        words = f"back-off {self.back_off.words()} restarting failed container={self.name} pod={full}"
        self._wait("CrashLoopBackOff", words, min(left + 0.5, self.pod.delays.resync()))

    def _wait(self, reason: str, message: str, seconds: float | None = None) -> None:
        if "terminated" in self.state:
            self.last_state = {"terminated": self.state["terminated"]}
        self.state = {"waiting": {"reason": reason, "message": message}}
        self.not_before = self.pod.clock.now() + (self.pod.delays.resync() if seconds is None else seconds)

    def _image(self, now: float) -> images.Image:
        """The image; the events of looking for it. Raises Trouble."""
        name, policy = self.spec["image"], self.spec.get("imagePullPolicy", "IfNotPresent")
        try:
            image = images.find(name)
        except images.Trouble as trouble:
            self.pod.event("Warning", trouble.event, trouble.message, self)
            self.pod.event("Warning", "Failed", f"Error: {trouble.reason}", self)
            raise
        if image is not None and (policy != "Always" or self.restarts == 0 or image):
            text = f'Container image "{name}" already present on machine and can be accessed by the pod'
            if policy == "Always":
                self.pod.event("Normal", "Pulling", f'Pulling image "{name}"', self)
                text = f'Successfully pulled image "{name}" in 1ms (1ms including waiting). Image size: {image.size_bytes} bytes.'
            self.pod.event("Normal", "Pulled", text, self)
            return image
        if policy == "Never":
            text = f'Container image "{name}" is not present with pull policy of Never'
            self.pod.event("Warning", "ErrImageNeverPull", text, self)
            self.pod.event("Warning", "Failed", "Error: ErrImageNeverPull", self)
            raise images.Trouble("ErrImageNeverPull", text)
        return self._pull_fails(name, now)

    def _pull_fails(self, name: str, now: float) -> images.Image:
        why = images.unreachable(name)
        if self._pull_failed_at and now < self._pull_back_off.until(self._pull_failed_at):
            self.pod.event("Normal", "BackOff", f'Back-off pulling image "{name}"', self)
            self.pod.event("Warning", "Failed", "Error: ImagePullBackOff", self)
            raise images.Trouble("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {why}')
        self.pod.event("Normal", "Pulling", f'Pulling image "{name}"', self)
        self.pod.event("Warning", "Failed", f'Failed to pull image "{name}": {why}', self)
        self.pod.event("Warning", "Failed", "Error: ErrImagePull", self)
        self._pull_back_off.next(now)
        self._pull_failed_at = now
        raise images.Trouble("ErrImagePull", why)

    def _create(self, image: images.Image, env: dict[str, str]) -> None:
        pod = self.pod
        assert pod.sandbox is not None
        if self._ended_at is not None:
            self.restarts += 1
        if "terminated" in self.state:
            self.last_state = {"terminated": self.state["terminated"]}
        self.id, self.image_id = f"containerd://{pod.draw_id()}", image.id
        argv = command_line(self.spec, image.entrypoint, image.command, env)
        pod.event("Normal", "Created", "Container created", self)
        limit = ((self.spec.get("resources") or {}).get("limits") or {}).get("memory")
        run = Container(pod.sandbox, build(pod, self, image), env, self.user, quantity.whole(limit) if limit else pod.node.memory_bytes)
        log = Log(pod.clock)
        out, err = Called(log.writer("stdout")), Called(log.writer("stderr"))
        cwd = self.spec.get("workingDir") or "/"
        try:
            if not argv:
                raise NotExecutable("no command specified")
            process = run.spawn(argv, cwd=cwd, stdout=out, stderr=err)
        except NotExecutable as why:
            self._start_failed(CANNOT_START + str(why))
            return
        self.log, self.last_log, self.run = log, self.log, run
        self._kill_reason = ""
        self.state = {"running": {"startedAt": pod.clock.stamp()}}
        pod.event("Normal", "Started", "Container started", self)
        run.on_end = lambda code: self._ended(run, code)
        self._probers = {
            k: Prober(self, k, self.spec[f"{k}Probe"]) for k in ("startup", "readiness", "liveness") if self.spec.get(f"{k}Probe")
        }
        process.start()
        hook = (self.spec.get("lifecycle") or {}).get("postStart")
        if hook and self.run is run:
            run_hook(self, hook, lambda ok: self._post_started(run, ok))
        for prober in self._probers.values():
            prober.begin()

    def _start_failed(self, why: str) -> None:
        now = self.pod.clock.stamp()
        self.pod.event("Warning", "Failed", f"Error: {why}", self)
        ended = {"exitCode": 128, "reason": "StartError", "message": why, "startedAt": NEVER, "finishedAt": now, "containerID": self.id}
        self.state, self._ended_at = {"terminated": ended}, self.pod.clock.now()
        if self.wants_restart():
            self._wait("RunContainerError", why, self.pod.delays.take("restart"))

    def _post_started(self, run: Container, ok: bool) -> None:
        if not ok and self.run is run:
            self.pod.event("Warning", "FailedPostStartHook", "PostStartHook failed", self)
            self.stop("FailedPostStartHook", self.pod.grace())

    # ending

    def _ended(self, run: Container, code: int) -> None:
        """Process 1 is over."""
        if self.run is not run or self.log is None:
            return
        left = run.started_at + SEEN_S - self.pod.clock.now()
        if left > 0 and not self._kill_reason:
            self.pod.clock.after(left, lambda: self._ended(run, code))
            return
        for prober in self._probers.values():
            prober.end()
        self.log.close()
        clock = self.pod.clock
        reason = "OOMKilled" if run.killed_for_memory else "Completed" if code == 0 else "Error"
        ended = {
            "exitCode": code, "reason": reason, "startedAt": self.state["running"]["startedAt"], "finishedAt": clock.stamp(),
            "containerID": self.id,
        }  # fmt: skip
        message = self._last_words(run, code)
        if message:
            ended["message"] = message
        self.run, self._ended_at = None, clock.now()
        self.state = {"terminated": ended}
        self.pod.container_ended(self)

    def _last_words(self, run: Container, code: int) -> str:
        path = self.spec.get("terminationMessagePath", "/dev/termination-log")
        said = run.files.read(path) if run.files.exists(path) else b""
        if not said and code and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError" and self.log is not None:
            said = b"".join(line.text for line in list(self.log.lines(0))[-80:])
        return said[-TERMINATION_LOG_BYTES:].decode(errors="replace")

    def stop(self, why: str, grace_s: float) -> None:
        """Ask it to end: the preStop hook, SIGTERM, and SIGKILL when the grace is over. `why` is the event's message."""
        run = self.run
        if run is None:
            return
        if not self._kill_reason:
            self._kill_reason = why
            self.pod.event("Normal", "Killing", why, self)
            hook = (self.spec.get("lifecycle") or {}).get("preStop")
            if hook and grace_s > 0:
                run_hook(self, hook, lambda ok: self._pre_stopped(run, ok))
            else:
                self._terminate(run)
        self.pod.clock.after(grace_s, lambda: self.kill(run))

    def _pre_stopped(self, run: Container, ok: bool) -> None:
        if self.run is run:
            if not ok:
                self.pod.event("Warning", "FailedPreStopHook", "PreStopHook failed", self)
            self._terminate(run)

    def _terminate(self, run: Container) -> None:
        if 1 in run.processes and not self.pod.node.stopped:
            number = {"SIGINT": 2, "SIGQUIT": 3, "SIGKILL": 9}.get((self.spec.get("lifecycle") or {}).get("stopSignal", ""), TERM)
            run.processes[1].signal(number)

    def kill(self, run: Container | None) -> None:
        """End this run now."""
        if run is not None and self.run is run and 1 in run.processes:
            run.processes[1].kill(137)

    def forget_run(self) -> None:
        """The node died under it."""
        if "running" in self.state or "terminated" not in self.state:
            return
        self.state["terminated"] |= {"exitCode": 255, "reason": "Unknown"}
        self.not_before = 0.0

    def ask_again(self) -> None:
        """The startup probe passed: the other probes begin."""
        for prober in self._probers.values():
            if prober.kind != "startup":
                prober.again()

    def is_being_stopped(self) -> bool:
        return self.running and bool(self._kill_reason)


def _user(pod: dict[str, Any], spec: dict[str, Any]) -> tuple[int, int]:
    whole, own = pod["spec"].get("securityContext") or {}, spec.get("securityContext") or {}
    uid, gid = own.get("runAsUser", whole.get("runAsUser", 0)), own.get("runAsGroup", whole.get("runAsGroup", 0))
    return int(uid or 0), int(gid or 0)
