"""The states and refusals that were captured on kind, and what each has to be explained by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shallowdive.explain import Explanation, explain, explain_refusal
from shallowdive.live import ClusterState
from shallowdive.live.state import key_of

STATES = Path(__file__).with_name("states")


@dataclass(frozen=True, eq=False)
class Captured:
    name: str
    expect: tuple[str, ...]
    data: dict[str, Any]

    @property
    def group(self) -> str:
        return self.name.partition("-")[0]

    def state(self, *without: str) -> ClusterState:
        kinds = {k: MappingProxyType({key_of(o): o for o in found}) for k, found in self.data["objects"].items() if k not in without}
        return ClusterState(MappingProxyType(kinds))

    @cache  # noqa: B019 - as many as there are files
    def explained(self, *without: str) -> Explanation:
        """What we say of it; `without` names kinds that nobody looked at."""
        if "body" in self.data:
            return explain_refusal(self.data["body"], self.data["sent"])
        return explain(self.state(*without), **self.data["explain"], now=self.data["taken_at"])


@cache
def captured() -> list[Captured]:
    files = sorted(STATES.glob("G*.json"))
    return [Captured(d["name"], tuple(d["expect"]), d) for d in (json.loads(f.read_text(encoding="utf-8")) for f in files)]
