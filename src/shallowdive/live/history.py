"""The record of a namespace: every event in the order it was seen, and the questions a judge asks of it.

It can be kept in a file (one JSON line an event), so that a restarted kernel goes on with the same record. Two kernels on one lab write
to the same file, each what it saw: reading drops what is there twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shallowdive.live.spool import Seen, Spool, seen_of
from shallowdive.live.state import ClusterState, apply_event
from shallowdive.objects import Object, uid_of

__all__ = ["History", "Seen"]


class History:
    """Append only. `versions` of an object are its states in the order they were seen."""

    def __init__(self, events: Iterable[Seen] = (), file: Path | None = None) -> None:
        self._events = Spool(file)
        self.extend(list(events))

    def __repr__(self) -> str:
        return f"History({len(self._events)} events)"

    @property
    def events(self) -> Sequence[Seen]:
        """All of them, oldest first; those held in memory are the newest."""
        return self._events

    @property
    def file(self) -> Path | None:
        return self._events.file

    def append(self, seen: Seen) -> None:
        self.extend([seen])

    def extend(self, seen: list[Seen]) -> None:
        self._events.extend(seen)

    def add(self, seen: list[Seen]) -> None:
        """Note events without a touch of the file; `flush` follows, where nobody waits."""
        self._events.add(seen)

    def flush(self) -> None:
        self._events.flush()

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
        """Continue a record; a line cut off by a crash is left out, and so is what another kernel saw, too."""
        history = cls(file=file)
        if not file.exists():
            return history
        news, place, line = News(), 0, b"\n"
        with file.open("rb") as f:
            for line in f:
                try:
                    seen = seen_of(line)
                except ValueError:
                    seen = None
                if seen is not None and news.is_new(seen):
                    history._events.hold(seen, place)
                place += len(line)
        if not line.endswith(b"\n"):  # a crash cut the last line: the next one begins on its own
            with file.open("ab") as out:
                out.write(b"\n")
        return history


class News:
    """Tells events apart from repeated ones: an object has each of its versions once, and is deleted once unless it was seen again."""

    def __init__(self) -> None:
        self._versions: set[tuple[str, str]] = set()
        self._gone: set[str] = set()

    def is_new(self, seen: Seen) -> bool:
        uid, version = uid_of(seen.object), str(seen.object["metadata"].get("resourceVersion", ""))
        if seen.type == "DELETED":
            new = uid not in self._gone
            self._gone.add(uid)
            return new
        if (uid, version) in self._versions:
            return False
        self._versions.add((uid, version))
        self._gone.discard(uid)
        return True
