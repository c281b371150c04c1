"""Kubernetes' quantities ("250m", "64Mi", "2") as exact numbers, and what a pod asks for. Pure."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from shallowdive.objects import Object

FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i|)")
SUFFIXES = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1)}
SUFFIXES |= {s: Fraction(1000 ** (i + 1)) for i, s in enumerate("kMGTPE")}
SUFFIXES |= {f"{s}i": Fraction(1024 ** (i + 1)) for i, s in enumerate("KMGTPE")}


def is_amount(text: str) -> bool:
    return FORM.fullmatch(text) is not None


def amount(quantity: object) -> Fraction:
    """ValueError for a text that is no quantity."""
    return _amount(str(quantity))


@lru_cache(maxsize=1024)
def _amount(text: str) -> Fraction:
    """A thousand pods ask for the same few amounts."""
    found = FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    number, suffix = found.groups()
    return Fraction(number) * SUFFIXES[suffix] if suffix in SUFFIXES else Fraction(f"{number}{suffix}")


def asked(pod: Object, resource: str) -> Fraction:
    """What the scheduler keeps free for a pod: its containers together, or its greediest init container where that is more."""
    spec = pod["spec"]

    def of(container: Object) -> Fraction:
        resources = container.get("resources") or {}
        found = (resources.get("requests") or {}).get(resource, (resources.get("limits") or {}).get(resource, 0))
        return amount(found)

    side = [c for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"]
    once = [c for c in spec.get("initContainers") or [] if c.get("restartPolicy") != "Always"]
    together = sum((of(c) for c in [*spec["containers"], *side]), Fraction(0))
    return max([together, *(of(c) for c in once)]) + amount((spec.get("overhead") or {}).get(resource, 0))
