"""`python -m shallowdive.cluster.guard`: watches over what a lab has switched off (see `outage`), and ends when nothing is off.

It restores when the holder of the lock is gone, however it went, or when its time is over."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from shallowdive.cluster.backend import Backend, Say
from shallowdive.cluster.home import Home
from shallowdive.cluster.life import backend_for
from shallowdive.cluster.outage import WATCHING, Outage, restore, take
from shallowdive.errors import ShallowDiveError

LOOK_EVERY_S, AGAIN_S = 0.5, 5
GIVE_UP_S = 1800
"""An engine that is off cannot start a node; `up` does, when it is there again."""


def guard(home: Home, backend: Backend, say: Say) -> None:
    say(WATCHING)
    while (outage := Outage.load(home)) is not None:
        if time.time() > outage.until_s + GIVE_UP_S:
            say("giving up; the record is left for `up`")
            return
        if time.time() > outage.until_s or take(home):
            say(f"switching on: {', '.join(map(str, outage.parts))}")
            try:
                restore(home, backend)
            except ShallowDiveError as exc:  # the record is left, and looked at again
                say(str(exc))
                time.sleep(AGAIN_S)
        time.sleep(LOOK_EVERY_S)
    say("nothing is off")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--cluster", required=True)
    args = parser.parse_args()
    home = Home(args.root, args.cluster)
    guard(home, backend_for(home), lambda line: print(line, flush=True))  # noqa: T201 - its log


if __name__ == "__main__":
    main()
