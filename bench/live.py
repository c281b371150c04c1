"""How fresh the live picture is, what it asks of the API server, and what it costs: every figure of one run, in one line.

Three other processes work on one server with it: a writer, a raw watch (a socket and nothing else), and a poller that lists once a second.
All note the wall clock of one machine. An event's delay is counted from when the raw watch had it."""

from __future__ import annotations

import argparse
import asyncio
import bisect
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import load
import targets
from kubernetes import client
from machine import measured_on
from watchers import connect

from shallowdive.live import LAB_KINDS, ClusterState, Follower, Seen, apply_event, wait_for
from shallowdive.views import View
from shallowdive.views.pictures import PICTURES
from shallowdive.views.view import Frame
from tests.servers import clean_environment

RESULTS = Path(__file__).with_name("results.jsonl")
OBJECTS, RATE = 40, 100
WATCHED = ("timeline", "who", "family")
"""Pictures that move while the state's delay is measured in a crowd."""
VERSION = re.compile(rb'"resourceVersion":"(\d+)"')


class Counting(client.ApiClient):
    """The official client, counting its requests."""

    asked: ClassVar[Counter[str]] = Counter()

    def call_api(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        self.asked["watch" if "watch=" in url else "list"] += 1
        return super().call_api(method, url, *args, **more)


# ── the other processes: each says "ready", begins at a sign, and prints what it noted when its time is over ──
def begin() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def write(kubeconfig: Path, seconds: float, what: str) -> list[Any]:
    core = load.core(kubeconfig)
    core.list_namespaced_config_map(load.NAMESPACE)
    begin()
    began, count = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        patch = core.patch_namespaced_config_map if what == "configmaps" else core.patch_namespaced_pod
        patch(f"filled-{count % OBJECTS}", load.NAMESPACE, {"metadata": {"annotations": {"count": str(count)}}})
        count += 1
        time.sleep(max(0.0, began + count / RATE - time.monotonic()))
    return [count]


def watch(kubeconfig: Path, seconds: float, what: str) -> list[Any]:
    """(resourceVersion, time) of every line that comes over a bare socket."""

    async def read() -> list[Any]:
        version = load.core(kubeconfig).list_namespaced_config_map(load.NAMESPACE, limit=1).metadata.resource_version
        watcher = await connect(kubeconfig, f"/api/v1/namespaces/{load.NAMESPACE}/{what}?watch=1&resourceVersion={version}")
        begin()
        seen: list[Any] = []
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                line = await asyncio.wait_for(watcher.reader.readline(), left)
            except TimeoutError:
                break
            found = VERSION.search(line)
            if found:
                seen.append([int(found[1]), time.time()])
        return seen

    return asyncio.run(read())


def poll(kubeconfig: Path, seconds: float, _: str) -> list[Any]:
    """(time, version by name) of a list once a second."""
    core, seen = load.core(kubeconfig), []
    core.list_namespaced_config_map(load.NAMESPACE)
    begin()
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        found = core.list_namespaced_config_map(load.NAMESPACE)
        seen.append([time.time(), {o.metadata.name: int(o.metadata.resource_version) for o in found.items}])
        time.sleep(max(0.0, began + len(seen) - time.monotonic()))
    return seen


ROLES = {"write": write, "watch": watch, "poll": poll}


class Other:
    def __init__(self, role: str, kubeconfig: Path, seconds: float, what: str = "configmaps") -> None:
        command = [sys.executable, __file__, "--role", role, str(kubeconfig), str(seconds), what]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment())
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the {role} process did not begin")

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def result(self) -> list[Any]:
        return json.loads(self.process.communicate(timeout=300)[0].strip().splitlines()[-1])


# ── what is measured ─────────────────────────────────────────────────────────────────────────────────────────
def freshness(
    kubeconfig: Path, seconds: float, what: str = "configmaps", kinds: Iterable[str] = ("ConfigMap",), picture: str = ""
) -> dict[str, Any]:
    """Delays behind the raw watch, of the picture and of the poller, at RATE events a second. Every request that the follower sent is
    counted, its start included, against the lists of the poller (its first one is not). `picture`: a view that moves in this process."""
    Counting.asked.clear()
    like = Counting(load.api_client(kubeconfig).configuration)
    shown: dict[int, float] = {}
    over = threading.Event()
    with Follower(like, load.NAMESPACE, kinds) as follower, Pauses() as pauses:
        view = moving(View(picture, follower)) if picture else None

        def look() -> None:
            """As a view does: sleep until something changed, then look."""
            state, known = follower.state, len(follower.history.events)
            while not over.is_set():
                with follower.changed:
                    follower.changed.wait_for(lambda then=state: follower.state is not then or over.is_set(), timeout=1)
                now, state = time.time(), follower.state
                events = follower.history.events[known:]
                known += len(events)
                shown.update((int(s.object["metadata"]["resourceVersion"]), now) for s in events)

        looker = threading.Thread(target=look, daemon=True)
        looker.start()
        roles = ("watch", "write") if what == "pods" else ("watch", "poll", "write")
        others = {role: Other(role, kubeconfig, seconds + (3 if role != "write" else 0), what) for role in roles}
        began = time.process_time()
        for other in others.values():
            other.go()
        result = {role: other.result() for role, other in others.items()}
        cpu = time.process_time() - began
        over.set()
        looker.join()
        redraws = close(view) if view else 0
        events = [s for s in follower.history.events if int(s.object["metadata"]["resourceVersion"]) in shown]
    raw = result["watch"]
    behind = [shown[v] - at for v, at in raw if v in shown]
    found = {
        "what": what, "view": picture, "seconds": seconds, "events": len(raw), "events_per_s": round(len(raw) / seconds, 1),
        "written": result["write"][0], "missing": sum(v not in shown for v, _ in raw), "state_ms_p50": ms(behind, 0.5),
        "state_ms_p99": ms(behind, 0.99), "state_ms_worst": ms(behind, 1.0), "collector_ms_worst": round(pauses.worst_s * 1000, 1),
        "cpu_share": round(cpu / seconds, 3), "requests": dict(Counting.asked), "redraws_per_s": round(redraws / (seconds + 3), 1),
    }  # fmt: skip
    return {**found, **against(raw, result["poll"], events, behind)} if "poll" in result else found


def against(raw: list[Any], polled: list[Any], events: list[Seen], behind: list[float]) -> dict[str, Any]:
    """The poller's delays behind the raw watch, and its requests."""
    name_of = {int(s.object["metadata"]["resourceVersion"]): s.object["metadata"]["name"] for s in events}
    times, poll_behind = [at for at, _ in polled], []
    for version, at in raw:
        for t, versions in polled[bisect.bisect_left(times, at) :]:
            if version in name_of and versions[name_of[version]] >= version:
                poll_behind.append(t - at)
                break
    return {
        "poller_ms_p50": ms(poll_behind, 0.5), "poller_requests": len(polled),
        "fresher": round(load.quantile(poll_behind, 0.5) / max(load.quantile(behind, 0.5), 1e-4), 1),
        "fewer_requests": round(len(polled) / max(sum(Counting.asked.values()), 1), 1),
    }  # fmt: skip


class Pauses:
    """The longest time that Python's collector took at once: nothing else runs meanwhile."""

    worst_s = _began = 0.0

    def __enter__(self) -> Pauses:
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "stop":
            self.worst_s = max(self.worst_s, now - self._began)
        self._began = now


def ms(values: list[float], share: float) -> float:
    return round(load.quantile(values, share) * 1000, 2)


def fold_us(objects: int, events: int = 20_000) -> float:
    """Microseconds of folding one event when so many objects are there."""
    pods = [{"metadata": {"name": f"p-{i}", "namespace": "d", "uid": str(i)}} for i in range(objects)]
    state = ClusterState()
    for pod in pods:
        state = apply_event(state, "ADDED", "Pod", pod)
    began = time.perf_counter()
    for i in range(events):
        state = apply_event(state, "MODIFIED", "Pod", pods[i % objects])
    return round((time.perf_counter() - began) / events * 1e6, 2)


def crowd(kubeconfig: Path, pods: int, seconds: float, idle_s: float) -> dict[str, Any]:
    """A namespace of many pods: what nothing costs, without a picture and with each, and how late the state is while a picture moves.
    What a redraw costs is `redraw.py`'s."""
    like = Counting(load.api_client(kubeconfig).configuration)
    with Follower(like, load.NAMESPACE, LAB_KINDS) as follower:
        began = time.perf_counter()
        load.deployment_ready_s(kubeconfig, "crowd", pods, 300)
        wait_for(follower, "every pod", lambda s: len(s.ready_pods()) == pods, within_s=60)
        ready_s = time.perf_counter() - began
        time.sleep(5)
        Counting.asked.clear()
        alone = idle(idle_s)
        asked = sum(Counting.asked.values())
        watched = {name: idle(idle_s / 5, moving(View(name, follower))) for name in PICTURES}
        events = len(follower.history.events)
    core = load.core(kubeconfig)
    for i in range(OBJECTS):
        container = client.V1Container(name="web", image="registry.k8s.io/e2e-test-images/agnhost:2.63.0", args=["pause"])
        meta = client.V1ObjectMeta(name=f"filled-{i}")
        core.create_namespaced_pod(load.NAMESPACE, client.V1Pod(metadata=meta, spec=client.V1PodSpec(containers=[container])))
    time.sleep(5)
    return {
        "pods": pods, "events": events, "ready_s": round(ready_s, 1), "kinds": len(LAB_KINDS), "idle": alone, "idle_with_view": watched,
        "idle_requests_per_minute": round(asked / idle_s * 60, 1),
        "with_view": [freshness(kubeconfig, seconds, "pods", LAB_KINDS, picture) for picture in ("", *WATCHED)],
    }  # fmt: skip


def moving(view: View) -> View:
    """A view whose thread runs, and whose widget is seen by nobody; it counts its redraws."""
    import ipywidgets

    frame = view.frame

    def counted() -> Frame:
        view.redraws += 1  # type: ignore[attr-defined]
        return frame()

    view._widget, view.redraws = ipywidgets.HTML(), 0  # type: ignore[attr-defined]
    view.frame = counted  # type: ignore[method-assign]
    view._redraw()
    view._start()
    return view


def close(view: View) -> int:
    """End it; how often it was drawn since it was shown."""
    view.close()
    return int(view.redraws) - 1  # type: ignore[attr-defined]


def idle(seconds: float, view: View | None = None) -> dict[str, Any]:
    """The share of a processor that this process takes while nothing happens, in slices, and how often the view is drawn."""
    slices, each_s = [], seconds / 6
    for _ in range(6):
        began = time.process_time()
        time.sleep(each_s)
        slices.append((time.process_time() - began) / each_s)
    redraws = {"redraws": close(view)} if view else {}
    return {
        "slices": 6,
        "slice_s": each_s,
        "cpu_share_p50": round(load.quantile(slices, 0.5), 4),
        "worst": round(max(slices), 4),
        **redraws,
    }


def import_s() -> dict[str, float]:
    """The best of five starts of Python, with the package and without."""
    best = {}
    for what in ("import shallowdive", "import shallowdive.live", "pass"):
        runs = [(time.perf_counter(), subprocess.run([sys.executable, "-c", what], check=True), time.perf_counter()) for _ in range(5)]
        best[what] = round(min(end - began for began, _, end in runs), 3)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", choices=list(ROLES))
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--kubeconfig", type=Path, help="of a running cluster; without it an embedded one is started")
    parser.add_argument("--dry", action="store_true", help="print the line, and do not keep it")
    parser.add_argument("rest", nargs="*")
    args = parser.parse_args()
    if args.role:
        print(json.dumps(ROLES[args.role](Path(args.rest[0]), float(args.rest[1]), args.rest[2])))
        return 0
    found: dict[str, Any] = {
        "bench": "live",
        "load_average": round(os.getloadavg()[0], 1),
        "fold_us": {n: fold_us(n) for n in (100, 10_000)},
    }
    found["import_s"] = import_s()
    # at the real speed: a faster cluster's watches end before their time, and the link asks more often than it would
    workers = load.workers_for(args.pods)
    with tempfile.TemporaryDirectory() as tmp, targets.embedded(Path(tmp), speed=1, workers=workers) as target:
        kubeconfig = args.kubeconfig or target.kubeconfig
        load.ensure_namespace(kubeconfig)
        load.fill(kubeconfig, OBJECTS)
        found["freshness"] = freshness(kubeconfig, args.seconds)
        if args.pods:
            load.ensure_namespace(target.kubeconfig)
            found["crowd"] = crowd(target.kubeconfig, args.pods, args.seconds / 2, args.idle)
    line = {**measured_on(), **found, "load_average_at_end": round(os.getloadavg()[0], 1)}
    print(json.dumps(line, indent=1))
    if not args.dry:
        with RESULTS.open("a") as f:
            f.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
