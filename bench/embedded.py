"""The embedded cluster beside a real kube-apiserver with etcd: the same calls of the official client, in one run, in alternating rounds.

    python bench/embedded.py            the figures for the record: a dated line in bench/results.jsonl
    python bench/embedded.py --quick    small numbers, printed only

Both servers run on loopback all the time; which one goes first changes from round to round. `canned` is a server that answers without
thinking: the client's own share of a time. The real one speaks TLS and writes to disk, the embedded one does neither: that is its nature.
Ratios are embedded : real, of medians. The binaries come from a running kind node once and are kept in `$SHALLOWDIVE_HOME/bench`."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import load
import targets
import watchers
from machine import measured_on

from shallowdive.cluster import Home

RESULTS = Path(__file__).with_name("results.jsonl")
SPEED = 20.0
MB = 1_000_000


@dataclass(frozen=True)
class Size:
    rounds: int
    creates: int
    gets: int
    listed: int
    lists: int
    writes: int
    starts: int
    replicas: int
    pods: int
    curve: tuple[int, ...]
    watcher_writes: int


FULL = Size(rounds=7, creates=400, gets=400, listed=1000, lists=15, writes=400, starts=7,
            replicas=1000, pods=2000, curve=(100, 1000, 10_000), watcher_writes=4000)  # fmt: skip
QUICK = Size(rounds=2, creates=160, gets=100, listed=1000, lists=5, writes=100, starts=2,
             replicas=1000, pods=2000, curve=(100, 1000), watcher_writes=1000)  # fmt: skip

TARGETS: tuple[tuple[str, str, float], ...] = (
    ("creates_1_per_s", "at least", 1.5),
    ("creates_8_per_s", "at least", 1.0),
    ("get_p50_ms", "at most", 1.0),
    ("list_p50_ms", "at most", 1.0),
    ("watch_raw_p99_ms", "at most", 1.0),
    ("watch_client_p99_ms", "at most", 1.0),
)
"""What the ratio embedded : real has to be."""
LIMITS = {"start_s": 0.5, "memory_empty_mb": 120.0, "memory_pods_mb": 250.0, "replicas_ready_s": 5.0}

Figures = dict[str, float]


def calls(target: targets.Target, size: Size) -> Figures:
    """What every server can do, the canned one too."""
    at = target.kubeconfig
    found = {
        "creates_1_per_s": load.creates_per_second(at, size.creates, 1),
        "creates_8_per_s": load.creates_per_second(at, size.creates * 2, 8),
    }
    if target.name != "canned":
        load.clear(at)
        load.fill(at, size.listed)
    return found | {
        "get_p50_ms": load.median_ms(load.gets(at, size.gets)),
        "list_p50_ms": load.median_ms(load.lists(at, size.lists)),
    }


def watches(target: targets.Target, size: Size) -> Figures:
    found: Figures = {}
    for name, raw in (("raw", True), ("client", False)):
        took = load.watch_latencies(target.kubeconfig, size.writes, raw=raw)
        found[f"watch_{name}_p50_ms"] = load.median_ms(took)
        found[f"watch_{name}_p99_ms"] = load.quantile(took, 0.99) * 1000
    load.clear(target.kubeconfig)
    return found


def side_by_side(folder: Path, binaries: Path, size: Size) -> dict[str, Any]:
    """Figure → server → median and range, and the ratio."""
    rows: dict[str, list[Figures]] = {"embedded": [], "real": [], "canned": []}
    with ExitStack() as stack:
        pair = [
            stack.enter_context(targets.embedded(folder / "embedded", speed=1.0)),
            stack.enter_context(targets.api_server(folder / "real", binaries)),
        ]
        nothing = stack.enter_context(targets.canned(folder / "canned", size.listed))
        for target in pair:
            load.ensure_namespace(target.kubeconfig)
        for i in range(size.rounds):
            for target in pair if i % 2 == 0 else reversed(pair):
                rows[target.name].append(calls(target, size) | watches(target, size))
            rows["canned"].append(calls(nothing, size))
            print(f"round {i + 1} of {size.rounds}", flush=True)
    found: dict[str, Any] = {}
    for name in rows["real"][0]:
        found[name] = {server: spread([r[name] for r in of]) for server, of in rows.items() if name in of[0]}
        found[name]["ratio"] = round(found[name]["embedded"][0] / found[name]["real"][0], 3)
    return found


def spread(values: list[float]) -> list[float]:
    """Median, least, most."""
    return [round(v, 3) for v in (statistics.median(values), min(values), max(values))]


def starts(folder: Path, binaries: Path, size: Size) -> dict[str, Any]:
    found: dict[str, list[float]] = {"embedded": [], "real": []}
    for i in range(size.starts):
        with targets.embedded(folder / f"start-{i}") as target:
            load.core(target.kubeconfig).list_namespace()
            found["embedded"].append(target.start_s)
        with targets.api_server(folder / f"start-real-{i}", binaries) as target:
            found["real"].append(target.start_s)
    return {"start_s": {name: spread(values) for name, values in found.items()}}


def memory(folder: Path, binaries: Path, size: Size) -> dict[str, Any]:
    """Megabytes resident: just started, and with pods that run."""
    with targets.api_server(folder / "memory-real", binaries) as target:
        time.sleep(3)
        real = target.memory_bytes()
    with targets.embedded(folder / "memory", speed=SPEED, workers=load.workers_for(size.pods)) as target:
        time.sleep(3)
        empty = target.memory_bytes()
        load.ensure_namespace(target.kubeconfig)
        for i in range(4):
            load.deployment_ready_s(target.kubeconfig, f"memory-{i}", size.pods // 4, 120)
        time.sleep(3)
        full = target.memory_bytes()
    figures = {"memory_empty_mb": empty, "memory_pods_mb": full, "memory_real_empty_mb": real}
    return {name: round(value / MB, 1) for name, value in figures.items()} | {"memory_pods": size.pods}


def replicas(folder: Path, size: Size) -> dict[str, Any]:
    took = []
    for i in range(3):
        with targets.embedded(folder / f"replicas-{i}", speed=SPEED, workers=load.workers_for(size.replicas)) as target:
            load.ensure_namespace(target.kubeconfig)
            took.append(load.deployment_ready_s(target.kubeconfig, "many", size.replicas, 120))
    return {"replicas": size.replicas, "replicas_ready_s": spread(took)}


def curve(folder: Path, binaries: Path, size: Size) -> dict[str, Any]:
    """What a write, an event and a pod cost when so many objects are there already."""
    found: dict[str, Any] = {"objects": list(size.curve), "pods_ready_per_s": []}
    with targets.embedded(folder / "curve", speed=1.0) as ours, targets.api_server(folder / "curve-real", binaries) as real:
        for target in (ours, real):
            load.ensure_namespace(target.kubeconfig)
            lines = []
            for before, count in zip((0, *size.curve), size.curve, strict=False):
                load.fill(target.kubeconfig, count, start=before)
                latencies = load.watch_latencies(target.kubeconfig, size.writes, raw=True)
                lines.append([round(1 / statistics.median(latencies)), round(load.quantile(latencies, 0.99) * 1000, 1)])
            found[f"{target.name}_writes_per_s"] = [line[0] for line in lines]
            found[f"{target.name}_watch_p99_ms"] = [line[1] for line in lines]
    for count in size.curve:
        with targets.embedded(folder / f"curve-{count}", speed=SPEED, workers=load.workers_for(count)) as target:
            load.ensure_namespace(target.kubeconfig)
            found["pods_ready_per_s"].append(round(count / load.deployment_ready_s(target.kubeconfig, "many", count, 600)))
    return {"curve": found}


def many_watchers(folder: Path, size: Size) -> dict[str, Any]:
    with targets.embedded(folder / "watchers", speed=1.0) as target:
        load.ensure_namespace(target.kubeconfig)
        before = target.memory_bytes()
        result = watchers.run(target.kubeconfig, load.NAMESPACE, watchers=50, writes=size.watcher_writes)
        grown = target.memory_bytes() - before
    return {"watchers": {**result, "memory_grown_mb": round(grown / MB, 1)}}


def missed(found: dict[str, Any]) -> list[str]:
    words = []
    for name, sense, want in TARGETS:
        if name in found:
            ratio = found[name]["ratio"]
            if (ratio < want) if sense == "at least" else (ratio > want):
                words.append(f"{name}: {ratio} of the real one, to be {sense} {want}")
    for name, limit in LIMITS.items():
        value = found.get(name)
        value = value["embedded"] if isinstance(value, dict) else value
        value = value[0] if isinstance(value, list) else value
        if value is not None and value > limit:
            words.append(f"{name}: {value}, to be at most {limit}")
    return words


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", default="calls,start,memory,replicas,curve,watchers")
    home = Home.from_environment()
    parser.add_argument("--binaries", type=Path, default=home.root / "bench", help="folder with etcd and kube-apiserver")
    args = parser.parse_args()
    targets.end_on_terminate()
    size = QUICK if args.quick else FULL
    binaries = targets.find_binaries(args.binaries, f"{home.cluster}-control-plane")
    parts: dict[str, Callable[[Path], dict[str, Any]]] = {
        "calls": lambda folder: side_by_side(folder, binaries, size),
        "start": lambda folder: starts(folder, binaries, size),
        "memory": lambda folder: memory(folder, binaries, size),
        "replicas": lambda folder: replicas(folder, size),
        "curve": lambda folder: curve(folder, binaries, size),
        "watchers": lambda folder: many_watchers(folder, size),
    }
    found: dict[str, Any] = {}
    for name in args.parts.split(","):
        with tempfile.TemporaryDirectory(prefix="bench-embedded-") as tmp:
            part = parts[name](Path(tmp))
        found |= part
        print(json.dumps(part), flush=True)
    line = {**measured_on(), "bench": "embedded", "real": "kube-apiserver v1.37.2, etcd 3.7.0", "n": size.rounds, "speed": SPEED}
    line |= {**found, "missed": missed(found)}
    if args.quick or args.parts != parser.get_default("parts"):
        print("not written to results.jsonl: not the whole run")
    else:
        with RESULTS.open("a") as f:
            f.write(json.dumps(line) + "\n")
    print("\n".join(line["missed"]) or "every target met")
    return 1 if line["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
