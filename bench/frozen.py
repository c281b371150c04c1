"""A control plane that stands still: when a picture says that it is old, when its links connect again, and when it is right again.

python bench/frozen.py --times 3 --seconds 40      on the course's own kind cluster, whose control-plane container is paused

A line in bench/results.jsonl. `badge_s` and `reconnect_s` count from the pause, `right_s` from its end: an object made then is shown."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from machine import measured_on

from shallowdive.checks import LABS
from shallowdive.cluster import Home, NamespaceClient, open_access
from shallowdive.cluster.home import Record
from shallowdive.lessons.place import drop_namespace, make_namespace
from shallowdive.live import wait_for

RESULTS = Path(__file__).with_name("results.jsonl")
WITHIN_S = 60


def docker(verb: str, container: str) -> None:
    subprocess.run(["docker", verb, container], check=True, capture_output=True, timeout=30)


def once(place: NamespaceClient, container: str, seconds: float, at: int) -> dict[str, float | None]:
    follower, found = place.follower, dict[str, float | None](badge_s=None, reconnect_s=None)
    docker("pause", container)
    began = time.monotonic()
    try:
        while (passed := time.monotonic() - began) < seconds:
            if found["badge_s"] is None and follower.is_stale():
                found["badge_s"] = round(passed, 1)
            if found["reconnect_s"] is None and follower.errors:
                found["reconnect_s"] = round(passed, 1)
            time.sleep(0.05)
    finally:
        docker("unpause", container)
    began, name = time.monotonic(), f"after-{at}"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": "y"}}
    while True:
        try:
            place.apply(body)
            break
        except Exception:
            if time.monotonic() - began > WITHIN_S:
                raise
            time.sleep(0.1)
    made = time.monotonic() - began
    wait_for(follower, "the picture to be right again", lambda now: now.get("ConfigMap", name), within_s=WITHIN_S)
    while follower.is_stale() or follower.errors:
        if time.monotonic() - began > WITHIN_S:
            raise RuntimeError(f"still {follower.silent_s():.0f} s old: {follower.errors}")
        time.sleep(0.05)
    return {**found, "answers_s": round(made, 1), "right_s": round(time.monotonic() - began, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=40)
    args = parser.parse_args()
    home = Home.from_environment()
    record = Record.load(home)
    if record is None or record.backend != "kind":
        print("needs the course's own kind cluster: shallowdive up")
        return 2
    access = open_access(home)
    place = NamespaceClient(access, make_namespace(access, LABS["12-deployment"], "frozen"))
    try:
        place.follower.start()
        rows = []
        for at in range(args.times):
            time.sleep(5)
            rows.append(once(place, f"{home.cluster}-control-plane", args.seconds, at))
            print(rows[-1], flush=True)
    finally:
        place.close()
        drop_namespace(access, place.namespace)
    line = {**measured_on(), "bench": "frozen", "seconds": args.seconds, "times": len(rows), "rows": rows}
    with RESULTS.open("a") as f:
        f.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
