"""Long series against a server with faults: random runs, opening and closing, half an hour of events.

python bench/live_series.py               1,000 runs, 500 cycles, 30 minutes; a series that was stopped goes on where it was
python bench/live_series.py --runs 200    a part of it

A dated line a batch in bench/live_series.jsonl. `code` names the sources that were tried: other code begins a series of its own."""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from machine import ROOT, measured_on
from targets import resident_bytes

sys.path.append(str(ROOT))
from shallowdive.errors import WaitTimeout
from shallowdive.live import Follower, wait_for
from tests.plain.live.faulty import FaultyServer
from tests.plain.live.random_runs import FAULTS, QUICK, WITHIN_S, one_run, shown, wait_until, what_is_wrong, write
from tests.plain.live.test_links import sockets

LOG = Path(__file__).with_suffix(".jsonl")
BATCH, AT_A_TIME = 50, 6
EVENTS_PER_S = 50
SLICE_S = 60


def code() -> str:
    sources = sorted((ROOT / "src" / "shallowdive" / "live").glob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in sources if f.stem != "recording")).hexdigest()[:12]


CODE = code()


def done(part: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in LOG.read_text().splitlines()] if LOG.exists() else []
    return [line for line in lines if line["part"] == part and line["code"] == CODE]


def note(part: str, **found: Any) -> None:
    line = {**measured_on(), "bench": "live_series", "code": CODE, "part": part, **found}
    with LOG.open("a") as f:
        f.write(json.dumps(line) + "\n")
    print(part, json.dumps(found)[:300], flush=True)


def runs(count: int) -> None:
    """Batches of random runs: how many ended otherwise than the server, and how long after the link's return the slowest was right."""
    known = {line["first"] for line in done("runs")}
    for first in range(0, count, BATCH):
        if first in known:
            continue
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            batch = list(pool.map(one_run, range(first, first + BATCH)))
        took = sorted(run.took_s for run in batch)
        wrong = [[run.seed, run.steps, run.wrong] for run in batch if run.wrong]
        slow = sum(t > WITHIN_S for t in took)
        events = sum(run.events for run in batch)
        note(
            "runs",
            first=first,
            runs=BATCH,
            wrong=wrong,
            slow=slow,
            median_s=round(took[BATCH // 2], 3),
            worst_s=round(took[-1], 3),
            events=events,
        )


def cycles(count: int) -> None:
    """Open and close: threads, sockets and memory before and after."""
    if done("cycles"):
        return
    server = FaultyServer()
    for i in range(200):
        server.put(f"c-{i}", text="x" * 500)

    def some(number: int) -> dict[str, int]:
        for _ in range(number):
            Follower(server.api(), "d", ["ConfigMap"], pace=QUICK).start().stop()
        wait_until(lambda: not server.open)
        gc.collect()
        return {"threads": threading.active_count(), "sockets": sockets(), "bytes": resident_bytes(os.getpid())}

    before = some(30)
    after = some(count)
    server.close()
    note("cycles", cycles=count, before=before, after=after, grown_mb=round((after["bytes"] - before["bytes"]) / 1e6, 2))


def steady(minutes: int) -> None:
    """Events at a steady rate with a fault now and then; at the end of each minute the picture has to be the truth."""
    minutes -= sum(line["minutes"] for line in done("steady"))
    if minutes <= 0:
        return
    server, rng = FaultyServer(7), random.Random(7)
    names = [f"c-{i}" for i in range(300)]
    with Follower(server.api(), "d", ["ConfigMap"], pace=QUICK) as follower:
        wrong, worst_s, began, megabytes, written = [], 0.0, time.monotonic(), [], 0
        for minute in range(minutes):
            until = time.monotonic() + SLICE_S - 2
            while time.monotonic() < until:
                (server.delete if rng.random() < 0.2 else server.put)(rng.choice(names))
                written += 1
                if rng.random() < 0.1 / EVENTS_PER_S:
                    FAULTS[rng.choice(list(FAULTS))](server, rng)
                elif rng.random() < 0.5 / EVENTS_PER_S:
                    server.well()
                time.sleep(max(0.0, began + written / EVENTS_PER_S - time.monotonic()))
            server.well()
            write(server, rng, names)
            at = time.monotonic()
            with suppress(WaitTimeout):
                wait_for(follower, "the truth", lambda s: shown(s) == server.truth(), within_s=WITHIN_S)
            worst_s = max(worst_s, time.monotonic() - at)
            if shown(follower.state) != server.truth():
                wrong.append(minute)
            gc.collect()
            server.compact()
            server.log[:] = server.log[-100:]
            megabytes.append(round(resident_bytes(os.getpid()) / 1e6, 1))
            print(f"minute {minute + 1}: {len(follower.history.events)} events, {megabytes[-1]} MB", flush=True)
        record = what_is_wrong(follower, server)
        events = len(follower.history.events)
    server.close()
    note(
        "steady",
        minutes=minutes,
        written=written,
        events=events,
        wrong=wrong,
        record=record,
        worst_s=round(worst_s, 2),
        megabytes=megabytes,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--minutes", type=int, default=30)
    args = parser.parse_args()
    if args.runs:
        runs(args.runs)
        batches = done("runs")
        print(
            f"{sum(b['runs'] for b in batches)} runs, {sum(len(b['wrong']) for b in batches)} wrong, {sum(b['slow'] for b in batches)} slow"
        )
    if args.cycles:
        cycles(args.cycles)
    if args.minutes:
        steady(args.minutes)
    return 1 if any(b["wrong"] or b.get("slow") for b in done("runs") + done("steady")) else 0


if __name__ == "__main__":
    sys.exit(main())
