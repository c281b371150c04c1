"""What a figure is: a claim, the picture that shows it, and the same as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import graphviz


@dataclass(frozen=True, slots=True)
class Figure:
    """A claim, the picture that shows it, how to read it, and the same as text."""

    slug: str
    title: str
    source: str
    draw: Callable[[bool], graphviz.Digraph]
    label: str
    read: str
    facts: str
