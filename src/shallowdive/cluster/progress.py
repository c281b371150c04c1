"""Named steps with the seconds they took and what is usual."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shallowdive.cluster.backend import Say


@contextmanager
def step(say: Say, name: str, usually_s: float) -> Iterator[None]:
    """Announces a step, then its end: `✓ nodes 24.1 s (usually 25 s)`. A failure is left to the caller's error."""
    say(f"… {name} (usually {usually_s:g} s)")
    began = time.monotonic()
    yield
    say(f"✓ {name}: {time.monotonic() - began:.1f} s")
