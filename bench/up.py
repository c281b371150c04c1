"""How long `up` takes beside a bare `kind create cluster` with the same image and configuration, plus Traefik's time to ready.

    python bench/up.py --pairs 7        paired, alternating which goes first; prints a line a run and the ratio of medians

Bare: `kind create cluster`, then `kubectl apply` of the same manifest, until the entrance answers. Ours: `python -m shallowdive up` as a
learner types it, then a second `up`, then `down` twice. Nothing but clusters named shallowdive-bench-* is touched."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import measured_on

from shallowdive.cluster import Home
from shallowdive.cluster.ingress import MANIFEST, answers
from shallowdive.cluster.kind import KindBackend
from shallowdive.cluster.tools import need_kind
from shallowdive.facts import look_at_engine


def run(*args: str, env: dict[str, str] | None = None, stdin: str = "") -> None:
    subprocess.run(args, env=env, input=stdin, text=True, timeout=600, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def bare(folder: Path) -> float:
    """Seconds from nothing to an answering entrance, without us."""
    home = Home(folder / "bare", "shallowdive-bench-bare")
    backend = KindBackend(home, look_at_engine())
    kind = need_kind(home, print)
    record = backend.claim(kind)
    kubectl = shutil.which("kubectl", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "kubectl"
    image = ["--image", record.image] if record.image else []
    began = time.monotonic()
    run(
        str(kind),
        "create",
        "cluster",
        "--name",
        home.cluster,
        "--kubeconfig",
        str(home.kubeconfig),
        "--config",
        "-",
        *image,
        stdin=backend.config(record),
    )
    run(kubectl, "--kubeconfig", str(home.kubeconfig), "create", "namespace", "shallowdive-system")
    run(kubectl, "--kubeconfig", str(home.kubeconfig), "apply", "-f", str(MANIFEST))
    while not answers(record.http_port):
        time.sleep(0.1)
    took = time.monotonic() - began
    run(str(kind), "delete", "cluster", "--name", home.cluster, "--kubeconfig", str(home.kubeconfig))
    shutil.rmtree(home.root)
    return took


def ours(folder: Path) -> tuple[float, float]:
    """Seconds of the first and of the second `up`; then `down` twice, both of which must exit 0."""
    env = {**os.environ, "SHALLOWDIVE_HOME": str(folder / "ours"), "SHALLOWDIVE_CLUSTER": "shallowdive-bench-ours"}
    took = []
    for _ in range(2):
        began = time.monotonic()
        run(sys.executable, "-m", "shallowdive", "up", env=env)
        took.append(time.monotonic() - began)
    for _ in range(2):
        run(sys.executable, "-m", "shallowdive", "down", env=env)
    return took[0], took[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    pairs = parser.parse_args().pairs
    rows: list[tuple[float, float, float]] = []
    for i in range(pairs):
        with tempfile.TemporaryDirectory() as tmp:
            folder = Path(tmp)
            if i % 2:
                first, second = ours(folder)
                b = bare(folder)
            else:
                b = bare(folder)
                first, second = ours(folder)
        rows.append((b, first, second))
        print(f"pair {i + 1}: bare {b:.1f} s, up {first:.1f} s, second up {second:.2f} s", flush=True)
    ratio = statistics.median(r[1] for r in rows) / statistics.median(r[0] for r in rows)
    rng = random.Random(1)
    boots = sorted(
        statistics.median(r[1] for r in sample) / statistics.median(r[0] for r in sample)
        for sample in (rng.choices(rows, k=len(rows)) for _ in range(5000))
    )
    print(
        json.dumps(
            {
                **measured_on(),
                "bench": "up",
                "pairs": pairs,
                "bare_median_s": round(statistics.median(r[0] for r in rows), 1),
                "up_median_s": round(statistics.median(r[1] for r in rows), 1),
                "ratio_of_medians": round(ratio, 3),
                "interval_95": [round(boots[125], 3), round(boots[4874], 3)],
                "second_up_median_s": round(statistics.median(r[2] for r in rows), 2),
                "second_up_worst_s": round(max(r[2] for r in rows), 2),
            }
        )
    )


if __name__ == "__main__":
    main()
