"""A submission as a Kubernetes Job: its program runs in a namespace of its own (restricted), what it makes lies in another (baseline).

The pod has a token for the second namespace, the notebook, and nothing else: no volume of the cluster, no right in its own namespace, no
way to a network but the API server and the entrance, where the cluster enforces NetworkPolicies. Its processes end with it, in the
kernel's own namespaces. Run on any cluster of ours, so a class outgrows a laptop by a bigger one."""

from __future__ import annotations

import base64
import gzip
import json
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.cluster import Access, Home, NamespaceClient
from shallowdive.cluster.access import TIMEOUT_S
from shallowdive.cluster.apply import apply, call
from shallowdive.cluster.backend import Say
from shallowdive.cluster.progress import step
from shallowdive.cluster.tenant import let_in
from shallowdive.errors import NotYet, Unhealthy, WaitTimeout
from shallowdive.grading import network
from shallowdive.grading.cage import OPEN_FILES, Ended
from shallowdive.grading.image import ensure
from shallowdive.grading.inside import TOO_MUCH_MEMORY
from shallowdive.grading.nbval import ENVIRONMENT
from shallowdive.lessons.place import BATCH, HOME
from shallowdive.live import poll
from shallowdive.objects import Object
from shallowdive.objects.quantities import amount, asked

ACCOUNT, JOB = "student", "submission"
TOKEN_S = 1800
START_S, GONE_S = 300, 60
"""Seconds until its pod runs (others may be before it), and until it is gone."""
CPU_REQUEST, CPU_LIMIT, MEMORY_REQUEST, MEMORY_LIMIT = "300m", "1", "384Mi", "1Gi"
PROCESSES, FILE_BYTES, MEMORY_BYTES, DISK = 256, 32 << 20, 900 << 20, "256Mi"
"""Threads count as processes; a kernel, nbval and a watcher have about 60. Memory: a little less than MEMORY_LIMIT."""
TOGETHER = {"requests.cpu": "2", "requests.memory": "2Gi", "limits.cpu": "16", "limits.memory": "8Gi", "services.loadbalancers": "0"}
"""Of all pods that a submission makes: none of them is to push out another's."""
MOST_BYTES = 900_000
"""Of a notebook, packed: what a ConfigMap takes."""
FIRST_USER, USERS = 1_000_000, 1_000_000
FOLDER, HANDED = "/home/student", "/handed"


def prepare(home: Home, access: Access, batch: str, image: str, say: Say) -> Runner:
    """The image on every node (`image` names one that a bigger cluster can pull), and what the probe found of its network."""
    if access.backend == "kind" and not image:
        image = ensure(home, access.cluster, say)
    if not image:
        raise NotYet(
            "this cluster cannot be given the image that submissions run in",
            saw=f"backend {access.backend}",
            try_this="push it to a registry that the cluster can pull from, then: shallowdive grade … --image NAME, or: --in process",
        )
    with step(say, "does this cluster isolate networks?", 15):
        isolated = network.is_enforced(access, batch)
    return Runner(access, image, batch, isolated)


@dataclass(frozen=True, slots=True)
class Runner:
    """What all submissions of a batch share: the image, a label for what the batch makes, whether policies are enforced."""

    access: Access
    image: str
    batch: str
    network_isolated: bool

    @property
    def isolation(self) -> str:
        closed = "network isolated" if self.network_isolated else "network not isolated: this cluster enforces no NetworkPolicy"
        return f"a pod of its own (restricted, own user, limits); {closed}"

    def around(self) -> list[Object]:
        """Requests and limits for whoever names none, so that plain manifests are admitted and none takes a whole node; and a policy."""
        limits = {"type": "Container", "defaultRequest": {"cpu": "10m", "memory": "16Mi"}, "default": {"cpu": "1", "memory": "256Mi"}}
        limited = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "grading"}, "spec": {"limits": [limits]}}
        important = {"scopeName": "PriorityClass", "operator": "In", "values": ["system-cluster-critical", "system-node-critical"]}
        none_important = {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [important]}}
        quotas = {"grading-together": {"hard": TOGETHER}, "grading-priority": none_important}
        quota = {"apiVersion": "v1", "kind": "ResourceQuota"}
        return [limited, *(quota | {"metadata": {"name": n}, "spec": s} for n, s in quotas.items()), network.of_lab(self.access)]

    def run(self, notebook: Object, place: NamespaceClient, learner: str, limit_s: float) -> tuple[Ended, bytes]:
        """To its end or a limit; its pod is gone afterwards. Also nbval's report. Unhealthy or WaitTimeout when the cluster is at fault."""
        packed = gzip.compress(json.dumps(notebook).encode())
        if len(packed) > MOST_BYTES:
            raise ValueError(f"the notebook is too large to be handed over: {len(packed):,} bytes packed")
        with self._namespace(place.namespace) as name:
            let_in(place.api, place.namespace, ACCOUNT, name)
            handed = {"metadata": {"name": JOB}, "binaryData": {"notebook.gz": base64.b64encode(packed).decode()}}
            apply(place.api, {"apiVersion": "v1", "kind": "ConfigMap"} | handed, name)
            apply(place.api, self._job(place.namespace, learner, limit_s), name)
            began = time.monotonic()
            pod = self._until_ended(name, limit_s)
            report = self._said(name, pod)
            ended = how_ended(pod, round(time.monotonic() - began, 1))
            ended.left = self._remove(name)
            return ended, report

    @contextmanager
    def _namespace(self, lab: str) -> Iterator[str]:
        """The runner's side, named after the lab's, and gone afterwards."""
        name, api = "run-" + lab.removeprefix("lab-"), self.access.connect()
        labels = {HOME: self.access.owner, BATCH: self.batch, "pod-security.kubernetes.io/enforce": "restricted"}
        apply(api, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        try:
            quota = {"hard": {"count/pods": "2", "count/jobs.batch": "1", "requests.storage": "0"}}
            apply(api, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "grading"}, "spec": quota}, name)
            apply(api, network.of_runner(self.access), name)
            apply(api, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}, name)
            yield name
        finally:
            client.CoreV1Api(api).delete_namespace(name, _request_timeout=TIMEOUT_S)

    def _job(self, lab: str, learner: str, limit_s: float) -> Object:
        user = user_of(lab)
        limits = json.dumps({"processes": PROCESSES, "file_bytes": FILE_BYTES, "open_files": OPEN_FILES, "memory_bytes": MEMORY_BYTES})
        environment = {
            **ENVIRONMENT, "HOME": FOLDER, "TMPDIR": FOLDER, "IPYTHONDIR": f"{FOLDER}/ipython", "SHALLOWDIVE_HOME": f"{FOLDER}/home",
            "SHALLOWDIVE_SERVER": "https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)", "SHALLOWDIVE_LEARNER": learner,
            "SHALLOWDIVE_TOKEN_FILE": f"{HANDED}/token", "SHALLOWDIVE_CA_FILE": f"{HANDED}/ca.crt", "SHALLOWDIVE_NAMESPACE": lab,
            "SHALLOWDIVE_HTTP_URL": network.entrance(self.access),
        }  # fmt: skip
        container = {
            "name": "nbval",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-m", "shallowdive.grading.inside", f"{HANDED}/notebook.gz", limits],
            "env": [{"name": k, "value": v} for k, v in environment.items()],
            "workingDir": FOLDER,
            "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
            "resources": {
                "requests": {"cpu": CPU_REQUEST, "memory": MEMORY_REQUEST, "ephemeral-storage": DISK},
                "limits": {"cpu": CPU_LIMIT, "memory": MEMORY_LIMIT, "ephemeral-storage": DISK},
            },
            "volumeMounts": [{"name": "handed", "mountPath": HANDED, "readOnly": True}, {"name": "work", "mountPath": FOLDER}],
        }
        handed = [
            {"configMap": {"name": JOB}},
            {"configMap": {"name": "kube-root-ca.crt"}},
            {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_S}},
        ]
        pod = {
            "serviceAccountName": ACCOUNT,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "activeDeadlineSeconds": max(1, round(limit_s)),
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "fsGroup": user, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [
                {"name": "handed", "projected": {"defaultMode": 0o440, "sources": handed}},
                {"name": "work", "emptyDir": {"sizeLimit": DISK}},
            ],
        }  # fmt: skip
        template = {"metadata": {"labels": {"app": JOB}}, "spec": pod}
        spec = {"backoffLimit": 0, "activeDeadlineSeconds": round(limit_s) + START_S, "template": template}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": JOB}, "spec": spec}

    def _until_ended(self, namespace: str, limit_s: float) -> Object:
        last = ["no pod yet"]

        def ask() -> Object | None:
            pods = call(self.access.connect(), "GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
            if not pods:
                return None
            last[0] = in_words(pods[0])
            return pods[0] if pods[0]["status"].get("phase") in ("Succeeded", "Failed") else None

        try:
            return poll("the end of a submission's pod", ask, within_s=limit_s + START_S, every_s=0.5)
        except WaitTimeout as exc:
            raise WaitTimeout(exc.what, saw=last[0], try_this="shallowdive status") from exc

    def _said(self, namespace: str, pod: Object) -> bytes:
        """nbval's report, as the pod printed it; b'' when there is none any more."""
        core = client.CoreV1Api(self.access.connect())
        try:
            answer: Any = core.read_namespaced_pod_log(
                pod["metadata"]["name"], namespace, limit_bytes=400_000, _preload_content=False, _request_timeout=(3, 30)
            )
        except ApiException:
            return b""
        return bytes(answer.data)

    def _remove(self, namespace: str) -> int:
        """Remove the pod, and with it every process of it; how many pods are left after GONE_S: always 0."""
        api = self.access.connect()
        client.BatchV1Api(api).delete_namespaced_job(JOB, namespace, propagation_policy="Background", _request_timeout=TIMEOUT_S)
        try:
            poll("no pod", lambda: None if call(api, "GET", f"/api/v1/namespaces/{namespace}/pods")["items"] else True, within_s=GONE_S)
        except WaitTimeout:
            return len(call(api, "GET", f"/api/v1/namespaces/{namespace}/pods")["items"])
        return 0


def user_of(namespace: str) -> int:
    """A user for the pod, by its namespace: the kernel counts a user's processes over all pods of a machine."""
    return FIRST_USER + zlib.crc32(namespace.encode()) % USERS


def how_ended(pod: Object, seconds: float) -> Ended:
    """What stopped a pod. Unhealthy when it was the cluster and nothing that the student did."""
    status = pod["status"]
    rows = status.get("containerStatuses") or []
    end: Object = next((r["state"]["terminated"] for r in rows if "terminated" in (r.get("state") or {})), {})
    code = int(end.get("exitCode", -1))
    if status.get("reason") == "DeadlineExceeded":
        return Ended("time", code, seconds)
    if end.get("reason") == "OOMKilled" or code == TOO_MUCH_MEMORY:
        return Ended("memory", code, seconds)
    said = str(status.get("message", "")).lower()
    if status.get("reason") == "Evicted" and ("ephemeral" in said or "emptydir" in said) and "node was low" not in said:
        return Ended("disk", code, seconds)
    if end.get("reason") not in ("Completed", "Error"):
        raise Unhealthy("a submission's pod did not run to its end", saw=in_words(pod), try_this="shallowdive status")
    return Ended("end", code, seconds)


def in_words(pod: Object) -> str:
    """The phase of a pod and why it is in it."""
    status = pod["status"]
    waiting = [r["state"]["waiting"] for r in status.get("containerStatuses") or [] if "waiting" in (r.get("state") or {})]
    refused = [c for c in status.get("conditions") or [] if c.get("status") == "False" and c.get("message")]
    why = status.get("message") or status.get("reason") or next((w.get("message") or w.get("reason") for w in waiting), "")
    return f"{status.get('phase', 'no phase')}: {why or next((c['message'] for c in refused), 'no reason given')}"[:300]


def capacity(access: Access) -> int:
    """How many submissions this cluster can run at a time: by what its nodes have left, in processors and memory, at least 1.

    The nodes of a kind cluster are containers of one machine and each reports all of it, so it is counted once."""
    api = access.connect()
    nodes, pods = (call(api, "GET", f"/api/v1/{kind}")["items"] for kind in ("nodes", "pods"))
    return room(nodes, pods, one_machine=access.backend == "kind")


def room(nodes: list[Object], pods: list[Object], *, one_machine: bool) -> int:
    nodes = [n for n in nodes if not n["spec"].get("unschedulable")]
    open_ = [n for n in nodes if not any(t.get("effect") == "NoSchedule" for t in n["spec"].get("taints") or [])]
    cpu, memory = (float(sum(amount(n["status"]["allocatable"][what]) for n in open_)) for what in ("cpu", "memory"))
    if one_machine and open_:
        cpu, memory = cpu / len(open_), memory / len(open_)
    there = [p for p in pods if p["status"].get("phase") in ("Pending", "Running")]
    left_cpu, left_memory = cpu - sum(asked(p, "cpu") for p in there), memory - sum(asked(p, "memory") for p in there)
    return max(1, int(min(left_cpu / amount(CPU_REQUEST), left_memory / amount(MEMORY_LIMIT))))
