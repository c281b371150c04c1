"""The record of a namespace: every event in the order it was seen, and the questions a judge asks of it.

It can be kept in a file (one JSON line an event), so that a restarted kernel goes on with the same record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shallowdive.live.state import ClusterState, apply_event
from shallowdive.objects import Object, uid_of


@dataclass(frozen=True, slots=True)
class Seen:
    """One event: wall-clock time (seconds since 1970), ADDED | MODIFIED | DELETED, kind, the object's JSON."""

    at_s: float
    type: str
    kind: str
    object: Object


@dataclass(slots=True)
class History:
    """Append only. `versions` of an object are its states in the order they were seen."""

    events: list[Seen] = field(default_factory=list)
    file: Path | None = None

    def append(self, seen: Seen) -> None:
        self.events.append(seen)
        if self.file:
            with self.file.open("a", encoding="utf-8") as f:
                f.write(json.dumps([seen.at_s, seen.type, seen.kind, seen.object], ensure_ascii=False) + "\n")

    def of(self, kind: str) -> list[Seen]:
        return [s for s in self.events if s.kind == kind]

    def versions(self, kind: str, uid: str) -> list[Object]:
        return [s.object for s in self.events if s.kind == kind and uid_of(s.object) == uid]

    def uids(self, kind: str) -> list[str]:
        """UIDs of every object of a kind that was ever seen, in order of first sight."""
        return list(dict.fromkeys(uid_of(s.object) for s in self.events if s.kind == kind))

    def deleted(self, kind: str) -> list[Object]:
        return [s.object for s in self.events if s.kind == kind and s.type == "DELETED"]

    def states(self) -> Iterator[tuple[float, ClusterState]]:
        """The picture after each event, from an empty one."""
        state = ClusterState()
        for s in self.events:
            state = apply_event(state, s.type, s.kind, s.object)
            yield s.at_s, state

    @classmethod
    def load(cls, file: Path) -> History:
        """Continue a record; a line cut off by a crash is left out."""
        history = cls(file=file)
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    at_s, type_, kind, obj = json.loads(line)
                except ValueError:
                    continue
                history.events.append(Seen(at_s, type_, kind, obj))
            if not file.read_bytes().endswith(b"\n"):  # a crash cut the last line: the next one begins on its own
                with file.open("a", encoding="utf-8") as f:
                    f.write("\n")
        return history
