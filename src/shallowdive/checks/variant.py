"""What is drawn for one student: the same for the same name on every machine, in every Python, for ever.

Pure. A lot is the SHA-256 of the lab, the student and what is asked; nothing of it is secret, and the order of asking does not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def lot(*of: object) -> int:
    return int(hashlib.sha256("/".join(map(str, of)).encode()).hexdigest(), 16)


def one_of(choices: Sequence[T], *of: object) -> T:
    """One of these, by lot."""
    return choices[lot(*of) % len(choices)]


def in_order(choices: Sequence[T], *of: object) -> list[T]:
    """All of these, in the order of their lots; equal ones would share a lot."""
    return sorted(choices, key=lambda choice: lot(*of, choice))
