"""What Python's collector goes through while it stops every thread, links too.

The client library alone is 50,000 objects that live as long as the process: each full collection looks through them for 20 to 90 ms, in
which no event is taken. So what is loaded when the first follower starts is set aside, once. It is freed as before when nobody refers to
it; only a circle of objects among it would stay."""

from __future__ import annotations

import gc
import threading

_once = threading.Lock()


def set_aside() -> bool:
    """Whether this call was the first, and did it."""
    first = _once.acquire(blocking=False)
    if first:
        gc.collect()
        gc.freeze()
    return first
