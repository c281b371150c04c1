"""Notebooks and archives with something broken in them: read and merged, or said to be unreadable, and nothing else.

python -m tests.grading.mutated --count 10000 --seed 7       the peak of memory, and how many still held a notebook of the lab"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from shallowdive.grading.merge import merge
from shallowdive.grading.submissions import find
from tests.grading.handed_in import LAB, given, solved, text, zipped


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A few bytes flipped, cut, doubled or replaced by what a parser trips over."""
    made = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(made) or 1)
        what = dice.randrange(5)
        if what == 0 and made:
            made[at % len(made)] ^= 1 << dice.randrange(8)
        elif what == 1:
            del made[at : at + dice.randrange(1, 400)]
        elif what == 2:
            made[at:at] = made[at : at + dice.randrange(1, 400)]
        elif what == 3:
            made[at:at] = dice.choice([b"null", b"{}", b"[]", b'"', b"\\u0000", b"\xff", b"1e999", b"NaN", b"PK\x05\x06", b"\x00" * 30])
        else:
            made[at : at + 4] = dice.randbytes(4)
    return bytes(made)


def try_mutated(folder: Path, lab: str, count: int, seed: int) -> int:
    """Read and merge `count` mutated notebooks and archives; returns how many still held a notebook of the lab."""
    dice, good = random.Random(seed), 0
    whole = text(solved(lab))
    ours, archived = given(lab), zipped({"a/x.ipynb": whole, "b.zip": zipped({"y.ipynb": whole})})
    for i in range(count):
        name, data = ("x.ipynb", whole) if i % 2 else ("x.zip", archived)
        (folder / name).write_bytes(mutated(data, dice))
        (row,) = find(folder, lab)
        assert row.notebook or row.problem
        if row.notebook:
            good += 1
            merge(ours, row.notebook)
        (folder / name).unlink()
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        good = try_mutated(Path(folder), LAB, args.count, args.seed)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    took_s = time.monotonic() - began
    print(f"{args.count} inputs, seed {args.seed}: {good} held a notebook, none raised; {most} MiB, {took_s:.0f} s")  # noqa: T201 - a tool
    return 0


if __name__ == "__main__":
    sys.exit(main())
