"""What `embedded.py` has the official client do, and how long each call took. The same functions for every server.

The client runs in this process and the server in its own; a time is what a learner's program would see, the client's own work included."""

from __future__ import annotations

import json
import queue
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kubernetes import client, config, watch

NAMESPACE = "bench"
POLL_S = 0.05


def api_client(kubeconfig: Path) -> client.ApiClient:
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings, persist_config=False)
    settings.no_proxy = "*"
    settings.connection_pool_maxsize = 80
    return client.ApiClient(settings)


def core(kubeconfig: Path) -> client.CoreV1Api:
    return client.CoreV1Api(api_client(kubeconfig))


def config_map(name: str, **data: str) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"app": "bench"}), data={"key": "value", **data})


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def timed(call: Callable[[], Any], times: int) -> list[float]:
    """Seconds of each call."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return took


def ensure_namespace(kubeconfig: Path) -> None:
    """It is made and never deleted: a bare API server has no controller that would end it."""
    with suppress(client.ApiException):
        core(kubeconfig).create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))


def clear(kubeconfig: Path) -> None:
    core(kubeconfig).delete_collection_namespaced_config_map(NAMESPACE)


def creates_per_second(kubeconfig: Path, count: int, threads: int) -> float:
    apis = [core(kubeconfig) for _ in range(threads)]
    for api in apis:
        api.list_namespaced_config_map(NAMESPACE, limit=1)

    def some(worker: int) -> None:
        for i in range(count // threads):
            apis[worker].create_namespaced_config_map(NAMESPACE, config_map(f"create-{threads}-{worker}-{i}"))

    workers = [threading.Thread(target=some, args=(w,)) for w in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return count // threads * threads / (time.perf_counter() - began)


def fill(kubeconfig: Path, count: int, start: int = 0) -> None:
    """Have `count` ConfigMaps there, `start` of which are already."""
    api = core(kubeconfig)
    for i in range(start, count):
        api.create_namespaced_config_map(NAMESPACE, config_map(f"filled-{i}"))


def gets(kubeconfig: Path, count: int) -> list[float]:
    api = core(kubeconfig)
    return timed(lambda: api.read_namespaced_config_map("filled-0", NAMESPACE), count + 1)[1:]


def lists(kubeconfig: Path, count: int) -> list[float]:
    api = core(kubeconfig)
    return timed(lambda: api.list_namespaced_config_map(NAMESPACE), count + 1)[1:]


@contextmanager
def watched(kubeconfig: Path, *, raw: bool) -> Iterator[queue.Queue[tuple[str, float]]]:
    """A queue of (name of the ConfigMap, when its event was read). `raw`: lines of JSON; otherwise the client's own watch."""
    api = core(kubeconfig)
    version = api.list_namespaced_config_map(NAMESPACE, limit=1).metadata.resource_version
    seen: queue.Queue[tuple[str, float]] = queue.Queue()
    if raw:
        answer = api.list_namespaced_config_map(NAMESPACE, watch=True, resource_version=version, _preload_content=False)
        ender: Callable[[], None] = answer.shutdown if hasattr(answer, "shutdown") else answer.close

        def read() -> None:
            with suppress(Exception):
                rest = b""
                for chunk in answer.stream(65536, decode_content=False):
                    now = time.perf_counter()
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        seen.put((json.loads(line)["object"]["metadata"]["name"], now))
    else:
        watcher = watch.Watch()
        ender = watcher.stop

        def read() -> None:
            with suppress(Exception):
                for event in watcher.stream(api.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=120):
                    seen.put((event["object"].metadata.name, time.perf_counter()))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    time.sleep(0.2)
    try:
        yield seen
    finally:
        ender()


def watch_latencies(kubeconfig: Path, count: int, *, raw: bool, prefix: str = "watched") -> list[float]:
    """Seconds from the start of a write to the arrival of its event, one write at a time."""
    api = core(kubeconfig)
    took = []
    with watched(kubeconfig, raw=raw) as seen:
        for i in range(count):
            name = f"{prefix}-{i}"
            began = time.perf_counter()
            api.create_namespaced_config_map(NAMESPACE, config_map(name))
            found, at = seen.get(timeout=30)
            if found != name:
                raise RuntimeError(f"the watch gave {found!r}, expected {name!r}")
            took.append(at - began)
    for i in range(count):
        api.delete_namespaced_config_map(f"{prefix}-{i}", NAMESPACE)
    return took


def deployment(name: str, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    containers = [{"name": "web", "image": "registry.k8s.io/e2e-test-images/agnhost:2.63.0", "args": ["pause"]}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}}


def workers_for(pods: int) -> int:
    """How many nodes of 110 pods each they need, with room for the cluster's own."""
    return pods // 100 + 2


def deployment_ready_s(kubeconfig: Path, name: str, replicas: int, limit_s: float) -> float:
    """Wall seconds from the creation of a Deployment until all its replicas are ready. Raises TimeoutError."""
    apps = client.AppsV1Api(api_client(kubeconfig))
    began = time.perf_counter()
    apps.create_namespaced_deployment(NAMESPACE, deployment(name, replicas))
    while True:
        ready = apps.read_namespaced_deployment_status(name, NAMESPACE).status.ready_replicas or 0
        took = time.perf_counter() - began
        if ready == replicas:
            return took
        if took > limit_s:
            raise TimeoutError(f"{ready} of {replicas} replicas ready after {took:.0f} s")
        time.sleep(POLL_S)


def remove_deployment(kubeconfig: Path, name: str, limit_s: float) -> None:
    """Delete it and wait until its pods are gone."""
    apps = client.AppsV1Api(api_client(kubeconfig))
    apps.delete_namespaced_deployment(name, NAMESPACE, propagation_policy="Background")
    deadline = time.perf_counter() + limit_s
    while core(kubeconfig).list_namespaced_pod(NAMESPACE, label_selector=f"app={name}", limit=1).items:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"pods of {name} are still there after {limit_s:.0f} s")
        time.sleep(POLL_S)


def median_ms(values: list[float]) -> float:
    return statistics.median(values) * 1000
