"""Requests that never stop, made from inside the cluster: a pod that asks a URL some ten times a second, one connection each.

One connection a request, because a kept-open one stays with the pod it first reached and notices nothing of a rollout."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.cluster.bound import NamespaceClient
from shallowdive.cluster.images import BUSYBOX
from shallowdive.live import poll
from shallowdive.objects import ROLE, Object, labels_of
from shallowdive.objects.pods import is_ready
from shallowdive.objects.traffic import Second, by_second

TRAFFIC = "traffic"
LINES = 20_000
"""Of a traffic pod's log: half an hour of requests."""
SCRIPT = """
trap 'exit 0' TERM
while true; do
  if body=$(wget -q -T 3 -O - "$URL" 2>&1); then echo "ok $body" | head -n 1; else echo "fail $body" | head -n 1; fi
  sleep 0.1
done
"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a load pod has counted so far. `first_failure` is the text of the first request that failed."""

    answered: int
    failed: int
    first_failure: str = ""
    answered_by: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The first failure in words that are the same in every run: no program, no address."""
        return re.sub(r" \([^)]*\)", "", self.first_failure).removeprefix("wget: ")

    @property
    def total(self) -> int:
        return self.answered + self.failed


def load_pod(name: str, url: str) -> Object:
    """A pod that asks `url` for ever; each answer's first line goes to its log."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {ROLE: TRAFFIC}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "traffic",
                    "image": BUSYBOX,
                    "command": ["sh", "-c", SCRIPT],
                    "env": [{"name": "URL", "value": url}],
                    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                }
            ],
        },
    }


def is_load(pod: Object) -> bool:
    """Whether a pod that says so runs the program above, and nothing else: any other could print what it likes. Who may run a program in
    it can still write to its log; no look at an object shows that."""
    containers = pod["spec"]["containers"]
    return (
        labels_of(pod).get(ROLE) == TRAFFIC
        and len(containers) == 1
        and not pod["spec"].get("initContainers")
        and not containers[0].keys() & {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}
        and (containers[0]["image"], containers[0].get("command"), containers[0].get("args")) == (BUSYBOX, ["sh", "-c", SCRIPT], None)
        and [e["name"] for e in containers[0].get("env") or []] == ["URL"]
        and all(m["mountPath"].startswith("/var/run/secrets/") for m in containers[0].get("volumeMounts") or [])
    )


def start_load(bound: NamespaceClient, name: str, url: str, *, within_s: float = 60) -> None:
    """Apply the pod (a finished one of the same name is replaced) and wait until its first answer came."""
    old = bound.state.get("Pod", name)
    if old and not is_ready(old):
        stop_load(bound, name)
    bound.apply(load_pod(name, url), manager="shallowdive-load")
    bound.wait_for(
        f"pod {name} to run", lambda now: any(is_ready(p) for p in now.all("Pod") if p["metadata"]["name"] == name), within_s=within_s
    )
    poll(
        f"the first answered request of pod {name}",
        lambda: read_load(bound, name).answered or None,
        within_s=15,
        try_this=f"kubectl logs {name}",
    )


def read_load(bound: NamespaceClient, name: str) -> Traffic:
    """Counts from the pod's log."""
    answer = bound.core.read_namespaced_pod_log(name, bound.namespace, _preload_content=False, _request_timeout=(3, 15))
    return parse(answer.data.decode("utf-8", errors="replace"))  # type: ignore[attr-defined]


def requests(core: client.CoreV1Api, namespace: str, name: str) -> list[Second]:
    """What became of the pod's requests, second by second, by the cluster's clock."""
    answer = core.read_namespaced_pod_log(
        name, namespace, timestamps=True, tail_lines=LINES, _preload_content=False, _request_timeout=(3, 10)
    )
    return by_second(answer.data.decode("utf-8", errors="replace"))  # type: ignore[attr-defined]


def parse(log: str) -> Traffic:
    ok = [line[3:].strip() for line in log.splitlines() if line.startswith("ok")]
    bad = [line[5:].strip() for line in log.splitlines() if line.startswith("fail")]
    return Traffic(len(ok), len(bad), bad[0] if bad else "", tuple(dict.fromkeys(ok)))


def stop_load(bound: NamespaceClient, name: str, within_s: float = 30) -> None:
    """Delete the pod and wait until it is gone; nothing to do when there is none."""
    try:
        bound.core.delete_namespaced_pod(name, bound.namespace, grace_period_seconds=0)
    except ApiException as exc:
        if exc.status != 404:
            raise
    end = time.monotonic() + within_s
    bound.wait_for(f"pod {name} to be gone", lambda now: now.get("Pod", name) is None, within_s=max(1, end - time.monotonic()))
