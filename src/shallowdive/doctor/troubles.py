"""What to do about each error, by its code: the words of troubles.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("troubles.yaml")


@dataclass(frozen=True, slots=True)
class Trouble:
    """`symptom` as the person sees it, `cause`, `fix`; `known` is the test in which it was seen to happen."""

    code: str
    symptom: str
    cause: str
    fix: str
    known: str

    def __str__(self) -> str:
        return f"{self.code}\n  what you see:  {self.symptom}\n  why:           {self.cause}\n  what to do:    {self.fix}"


@cache
def troubles() -> dict[str, Trouble]:
    """By code, in the order of the file: machine, cluster, waiting, programs, labs."""
    return {code: Trouble(code, **words) for code, words in yaml.safe_load(FILE.read_text(encoding="utf-8")).items()}
