"""What one redraw of each picture costs, with a thousand pods and a long record: the first one, and those after ten further events each.

The processor's time decides, because other programs share the machine: of this process, and of the layout program that it starts."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import load
import records
from machine import measured_on

from shallowdive.live import ClusterState, Follower, History, Seen, apply_event
from shallowdive.live.collector import spare
from shallowdive.objects.route import Asked, Route, Stop, Trace
from shallowdive.views import View, hops
from shallowdive.views.frame import framed
from shallowdive.views.pictures import PICTURES
from tests.plain.views import generated

RESULTS = Path(__file__).with_name("results.jsonl")
NEWS = 10
PARTS = (0.5, 1.0)
"""How much of the record is there at the last redraw: in the middle of the rush, and at its end."""


class Told:
    """Stands for a follower: it is told the events of a record, one by one."""

    def __init__(self, events: list[Seen]) -> None:
        self.state, self.history, self.namespace = ClusterState(), History(), load.NAMESPACE
        self.changed = threading.Condition()
        self.tell(events)

    def tell(self, events: list[Seen]) -> None:
        for s in events:
            self.state = apply_event(self.state, s.type, s.kind, s.object)
            spare(s.object)  # as a link does
        self.history.extend(events)

    def silent_s(self) -> float:
        return 0.0

    def is_stale(self) -> bool:
        return False


def used() -> tuple[float, float]:
    """Seconds of the processor: of this process, and of the programs that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time(), children.ru_utime + children.ru_stime


def cost(redraw: Callable[[], object]) -> tuple[float, float, float]:
    """Milliseconds of one redraw: processor here, processor of the layout program, wall."""
    before, began = used(), time.perf_counter()
    redraw()
    wall, after = time.perf_counter() - began, used()
    return (after[0] - before[0]) * 1000, (after[1] - before[1]) * 1000, wall * 1000


def measure(events: list[Seen], picture: str, part: float, times: int) -> dict[str, Any]:
    """`times` redraws, each after NEWS further events; the clock of the picture is the record's."""
    end = int(len(events) * part)
    told = Told(events[: end - times * NEWS])
    view = View(picture, cast(Follower, told), backend="bench")
    first = cost(view.frame)
    rest = []
    for i in range(times):
        told.tell(events[end - (times - i) * NEWS : end - (times - i - 1) * NEWS])
        rest.append(cost(view.frame))
    size = round(len(view.frame().html) / 1000)
    return {"first_cpu_ms": round(first[0]), "first_wall_ms": round(first[2]), **summed(rest), "kilobytes": size}


def other_states(count: int, times: int) -> dict[str, Any]:
    """Pictures of what the records have not: a disk for each pod, fourteen nodes, a request to one of so many pods."""
    found: dict[str, Any] = {}
    for picture, state in (("chain", generated.claims(1, count)), ("bins", generated.nodes(1, 14, count))):
        told = Told([])
        told.namespace = "d"
        for kind, objects in state.by_kind.items():
            for obj in objects.values():
                told.state = apply_event(told.state, "ADDED", kind, {"kind": kind, **obj})
        view = View(picture, cast(Follower, told), backend="bench")
        found[picture] = summed([cost(view.frame) for _ in range(times)])
    stops = tuple(Stop(f"web-{i:05x}", "ready", 8080) for i in range(count))
    route, ok = Route("h", "/", "i", "traefik", "/", "web", "80", True, "app=web", "8080", stops), Asked(200, "200")
    trace = Trace(route, (ok,) * count, ok, ok)
    found["hops"] = summed([cost(lambda: framed("t", "s", hops.draw(trace))) for _ in range(times)])
    return found


def summed(costs: list[tuple[float, float, float]]) -> dict[str, float]:
    cpu, child, wall = (list(column) for column in zip(*costs, strict=True))
    return {
        "cpu_ms": round(statistics.median(cpu), 1), "cpu_ms_worst": round(max(cpu), 1),
        "layout_cpu_ms": round(statistics.median(child), 1), "wall_ms_p50": round(statistics.median(wall), 1),
        "wall_ms_worst": round(max(wall), 1),
    }  # fmt: skip


def made(name: str, pods: int, keep: Path | None) -> list[Seen]:
    """A record; `keep`: a folder in which it is kept between runs of this bench."""
    file = keep / f"{name}-{pods}.pickle" if keep else None
    if file and file.exists():
        return cast(list[Seen], pickle.loads(file.read_bytes()))
    events = records.crowd(pods) if name == "crowd" else records.labs(pods)
    if file:
        file.write_bytes(pickle.dumps(events))
    return events


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--pictures", nargs="*", default=list(PICTURES))
    parser.add_argument("--keep", type=Path, help="a folder for the records")
    parser.add_argument("--dry", action="store_true", help="print the line, and do not keep it")
    args = parser.parse_args()
    found: dict[str, Any] = {"bench": "redraw", "load_average": round(os.getloadavg()[0], 1), "times": args.times}
    for name in ("crowd", "labs"):
        events = made(name, args.pods, args.keep)
        pods = len({s.object["metadata"]["uid"] for s in events if s.kind == "Pod"})
        found[name] = {"events": len(events), "pods": pods}
        for picture in args.pictures:
            found[name][picture] = {f"at {part:.0%}": measure(events, picture, part, args.times) for part in PARTS}
            print(name, picture, json.dumps(found[name][picture]), flush=True)
    found["others"] = other_states(args.pods, args.times)
    print("others", json.dumps(found["others"]), flush=True)
    found["load_average_at_end"] = round(os.getloadavg()[0], 1)
    if not args.dry:
        with RESULTS.open("a") as f:
            f.write(json.dumps({**measured_on(), **found}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
