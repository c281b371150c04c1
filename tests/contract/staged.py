"""What takes a while, as data: pods, jobs and their kin, started together at the beginning and looked at later.

A row is a name and what makes that pod special; the rest is a busybox that runs one line of shell and is killed without grace."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from shallowdive.cluster.images import AGNHOST, BUSYBOX
from tests.contract.api import Api, Json, eventually

ABSENT = AGNHOST.rsplit(":", 1)[0] + ":0.0.1-absent"
FOREVER = "sleep 100000"
UNMOVED = {"key": "example.org/out", "operator": "Exists", "effect": "NoExecute"}
"""`test_nodes` sends pods away with this taint; those of the stage stay."""


def container(script: str = FOREVER, name: str = "main", **more: Any) -> Json:
    command = {} if "command" in more or "args" in more else {"command": ["sh", "-c", script]}
    return {"name": name, "image": BUSYBOX} | command | more


def pod(*containers: Json, labels: Json | None = None, **spec: Any) -> Json:
    """A pod without a name. Python names with `_` for nothing: the fields are the API's own."""
    spec = {"terminationGracePeriodSeconds": 0, "restartPolicy": "Never", "containers": list(containers), "tolerations": [UNMOVED]} | spec
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": labels or {}}, "spec": spec}


def exec_probe(command: str, **more: Any) -> Json:
    return {"exec": {"command": ["sh", "-c", command]}, "periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 10} | more


def web(name: str = "main", port: int = 8080, **more: Any) -> Json:
    ports = [{"name": "http", "containerPort": port}]
    return {"name": name, "image": AGNHOST, "args": ["netexec", f"--http-port={port}", "--udp-port=-1"], "ports": ports} | more


def field(path: str) -> Json:
    return {"valueFrom": {"fieldRef": {"fieldPath": path}}}


def key_of(kind: str, name: str, key: str, **more: Any) -> Json:
    return {"valueFrom": {f"{kind}KeyRef": {"name": name, "key": key} | more}}


ENV = [
    {"name": "POD_NAME"} | field("metadata.name"),
    {"name": "POD_NAMESPACE"} | field("metadata.namespace"),
    {"name": "POD_IP"} | field("status.podIP"),
    {"name": "NODE_NAME"} | field("spec.nodeName"),
    {"name": "COLOUR"} | field("metadata.labels['colour']"),
    {"name": "MEMORY_MI", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    {"name": "FROM_MAP"} | key_of("configMap", "settings", "greeting"),
    {"name": "FROM_SECRET"} | key_of("secret", "pass", "word"),
    {"name": "MAYBE"} | key_of("configMap", "settings", "absent", optional=True),
    {"name": "EXPANDED", "value": "$(FROM_MAP), $(POD_NAME) $$(POD_NAME) $(UNKNOWN)"},
]
VOLUMES = [
    {"name": "settings", "configMap": {"name": "settings"}},
    {"name": "pass", "secret": {"secretName": "pass", "items": [{"key": "word", "path": "deep/word"}]}},
    {"name": "about", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    {"name": "scratch", "emptyDir": {}},
]
MOUNTS = [
    {"name": "settings", "mountPath": "/etc/settings"},
    {"name": "pass", "mountPath": "/etc/pass"},
    {"name": "about", "mountPath": "/etc/about"},
    {"name": "scratch", "mountPath": "/scratch"},
]
READ = "cat /etc/settings/greeting; echo; cat /etc/pass/deep/word; echo; cat /etc/about/labels; echo; cat /scratch/note"
TWICE = f"if [ -e /scratch/was ]; then echo second; {FOREVER}; fi; touch /scratch/was; echo first; exit 1"
LIMITS = {"resources": {"limits": {"memory": "64Mi", "cpu": "100m"}}}
FOR_EVER = {"restartPolicy": "Always"}
HOG = {"resources": {"limits": {"memory": "16Mi"}}}

PODS: dict[str, Json] = {
    "succeeds": pod(container("echo hello")),
    "fails": pod(container("echo out; echo err >&2; exit 3")),
    "crashes": pod(container("echo run; exit 1"), restartPolicy="Always"),
    "second-life": pod(
        container(TWICE, volumeMounts=[{"name": "scratch", "mountPath": "/scratch"}]),
        volumes=[{"name": "scratch", "emptyDir": {}}],
        **FOR_EVER,
    ),
    "retries": pod(container("exit 2"), restartPolicy="OnFailure"),
    "finishes-onfailure": pod(container("exit 0"), restartPolicy="OnFailure"),
    "hog": pod(container(command=["tail", "/dev/zero"], **HOG), **FOR_EVER),
    "fed": pod(container(image=AGNHOST, args=["stress", "--mem-total=8Mi", "--mem-alloc-size=4Mi", "--mem-alloc-sleep=10ms"])),
    "no-image": pod(container(image=ABSENT)),
    "mended": pod(container(image=ABSENT)),
    "changed": pod(container(), **FOR_EVER),
    "never-pulled": pod(container(image=ABSENT, imagePullPolicy="Never")),
    "bad-image-name": pod(container(image="Not A Name")),
    "no-command": pod(container(command=["/not-there"])),
    "sick": pod(container("touch /tmp/ok; sleep 2; rm /tmp/ok; " + FOREVER, livenessProbe=exec_probe("cat /tmp/ok")), **FOR_EVER),
    "not-ready": pod(container(readinessProbe=exec_probe("test -e /tmp/ready")), labels={"app": "not-ready"}, **FOR_EVER),
    "slow-start": pod(
        container("sleep 3; touch /tmp/up; " + FOREVER, startupProbe=exec_probe("test -e /tmp/up", failureThreshold=60)), **FOR_EVER
    ),
    "with-init": pod(
        container("echo app; " + FOREVER), initContainers=[container("echo first", "one"), container("echo second", "two")], **FOR_EVER
    ),
    "init-fails": pod(container("echo app"), initContainers=[container("exit 7", "one")]),
    "side-car": pod(container("sleep 1; echo app"), initContainers=[container(name="beside", restartPolicy="Always")]),
    "last-words": pod(container("printf 'the reason' > /dev/termination-log; exit 4")),
    "last-log": pod(container("echo from the log; exit 5", terminationMessagePolicy="FallbackToLogsOnError")),
    "deadline": pod(container(), activeDeadlineSeconds=2),
    "env": pod(
        container("env; hostname", env=ENV, envFrom=[{"prefix": "ALL_", "configMapRef": {"name": "settings"}}], **LIMITS),
        labels={"colour": "blue"},
    ),
    "files": pod(
        container(READ, volumeMounts=MOUNTS),
        initContainers=[container("echo noted > /scratch/note", "writer", volumeMounts=MOUNTS)],
        labels={"colour": "blue"},
        volumes=VOLUMES,
    ),
    "no-map": pod(container(env=[{"name": "A"} | key_of("configMap", "absent", "a")])),
    "no-key": pod(container(env=[{"name": "A"} | key_of("configMap", "settings", "absent")])),
    "no-volume": pod(container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=[{"name": "v", "configMap": {"name": "absent"}}]),
    "too-big": pod(container(resources={"requests": {"cpu": "1000"}})),
    "wrong-node": pod(container(), nodeSelector={"colour": "nowhere"}),
    "no-claim": pod(
        container(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "absent"}}],
    ),
    "other-scheduler": pod(container(), schedulerName="nobody"),
    "gated": pod(container(), schedulingGates=[{"name": "example.org/wait"}]),
    "talks": pod(container("for i in 1 2 3 4 5; do echo line $i; done; " + FOREVER), **FOR_EVER),
    "pair": pod(web("web"), container("echo beside; " + FOREVER, "beside"), labels={"app": "pair"}, **FOR_EVER),
    "web": pod(web(), labels={"app": "web"}, **FOR_EVER),
    "spare": pod(web(), labels={"app": "spare"}, **FOR_EVER),
    "named-host": pod(container("hostname"), hostname="alice", subdomain="family"),
    "claims": pod(
        container("echo kept > /v/f; cat /v/f; " + FOREVER, volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "first-used"}}],
        **FOR_EVER,
    ),
    "before-its-claim": pod(
        container(FOREVER, volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "asked-first"}}],
        **FOR_EVER,
    ),
}


def job(script: str, **spec: Any) -> Json:
    return {"spec": {"template": {"spec": pod(container(script))["spec"]}} | spec}


JOBS: dict[str, Json] = {
    "two-of-two": job("echo done", completions=2, parallelism=1),
    "gives-up": job("exit 1", backoffLimit=1, template={"spec": pod(container("exit 1"))["spec"]}),
    "gone-soon": job("true", ttlSecondsAfterFinished=1),
    "suspended": job("true", suspend=True),
    "indexed": job("echo $JOB_COMPLETION_INDEX", completions=2, parallelism=2, completionMode="Indexed"),
    "too-slow": job(FOREVER, activeDeadlineSeconds=1),
}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
SERVICES: dict[str, Json] = {
    "web": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    "not-ready": {"selector": {"app": "not-ready"}, "ports": [{"port": 80}]},
    "blind": {"ports": [{"port": 80}]},
    "headless": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}


ENGINE_ACCIDENT = "error setting cgroup config for procHooks process: unable to freeze"
"""A busy machine with cgroup v1 sometimes cannot start a process; that pod says nothing about Kubernetes and is made again."""


class Stage:
    """The namespace in which all of it lives. It is filled in the background; whoever looks first waits for the end of that."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self._core, self.batch = f"/api/v1/namespaces/{namespace}", f"/apis/batch/v1/namespaces/{namespace}"
        self.refused: dict[str, Any] = {}
        self._watch = api.watch(f"{self._core}/pods")
        self._history: dict[str, list[Json]] = {}
        self._filled = ThreadPoolExecutor(1).submit(self._fill)

    def _fill(self) -> None:
        eventually(lambda: self.api.get(f"{self._core}/serviceaccounts/default").code == 200, what="a default service account")
        self._make(f"{self._core}/configmaps", "settings", {"data": {"greeting": "good day"}})
        self._make(f"{self._core}/secrets", "pass", {"stringData": {"word": "open"}})
        for name in ("first-used", "never-used"):
            self._make(f"{self._core}/persistentvolumeclaims", name, {"spec": CLAIM})
        for name, service in SERVICES.items():
            self._make(f"{self._core}/services", name, {"spec": service})
        cron = {"schedule": "* * * * *", "jobTemplate": job("echo tick")}
        self._make(f"{self.batch}/cronjobs", "each-minute", {"spec": cron})
        for name, made in PODS.items():
            self._make(f"{self._core}/pods", name, made)
        for name, made in JOBS.items():
            self._make(f"{self.batch}/jobs", name, made)
        self._make(f"{self._core}/persistentvolumeclaims", "asked-first", {"spec": CLAIM})

    def _make(self, path: str, name: str, body: Json) -> None:
        answer = self.api.post(path, body | {"metadata": body.get("metadata", {}) | {"name": name}})
        if answer.code != 201:
            self.refused[name] = answer.body

    @property
    def core(self) -> str:
        self._filled.result(120)
        return self._core

    def pod(self, name: str) -> Json:
        answer = self.api.get(f"{self.core}/pods/{name}")
        assert answer.code == 200, self.refused.get(name, answer.body)
        seen: Json = answer.body
        if ENGINE_ACCIDENT in str(seen["status"]):
            self.api.delete(f"{self.core}/pods/{name}", gracePeriodSeconds=0)
            self._make(f"{self.core}/pods", name, PODS[name])
        return seen

    def when(self, name: str, wanted: Callable[[Json], Any], limit_s: float = 90) -> Json:
        """The pod, once `wanted` is true of it."""

        def look() -> Json | None:
            seen = self.pod(name)
            try:
                return seen if wanted(seen) else None
            except (KeyError, IndexError):  # a status not written yet
                return None

        try:
            found: Json = eventually(look, limit_s)
        except AssertionError:
            raise AssertionError(f"pod {name} is not as wanted after {limit_s} s: {self.pod(name)['status']}") from None
        return found

    def once(self, name: str, wanted: Callable[[Json], Any], limit_s: float = 90) -> Json:
        """The pod as it was when `wanted` was true of it for the first time since the beginning: for states that come and go."""

        def look() -> Json | None:
            while not self._watch.lines.empty():
                event = self._watch.next()
                self._history.setdefault(event["object"]["metadata"]["name"], []).append(event["object"])
            for seen in self._history.get(name, []):
                with suppress(KeyError, IndexError):  # a status not written yet
                    if wanted(seen):
                        return seen
            return None

        found: Json = eventually(look, limit_s, f"pod {name} once as wanted")
        return found

    def running(self, name: str) -> Json:
        return self.when(name, lambda p: p["status"]["phase"] == "Running" and all(c["ready"] for c in p["status"]["containerStatuses"]))

    def ended(self, name: str) -> Json:
        return self.when(name, lambda p: p["status"]["phase"] in ("Succeeded", "Failed"))

    def log(self, name: str, **query: Any) -> str:
        answer = self.api.get(f"{self.core}/pods/{name}/log", **query)
        assert answer.code == 200, answer.body
        return str(answer.body)

    def events(self, name: str) -> list[Json]:
        found = self.api.seen(f"{self.core}/events", fieldSelector=f"involvedObject.name={name}")["items"]
        return sorted(found, key=lambda e: str(e["metadata"]["name"]))  # the name ends with the moment of the first of its kind

    def reasons(self, name: str) -> list[str]:
        return [e["reason"] for e in self.events(name)]


def state(seen: Json, container: int = 0, which: str = "containerStatuses", when: str = "state") -> Json:
    """The one state of a container, as {"waiting": …} or its kin."""
    found: Json = seen["status"][which][container][when]
    return found


def condition(seen: Json, kind: str) -> Json:
    found: Json = next(c for c in seen["status"]["conditions"] if c["type"] == kind)
    return found
