"""A lab that was run once, kept in a file: every watch event, when which cell began, what became of the requests.

Read back it is the same ClusterState and History as live ones, so pictures, explanations and the observing half of a check cannot tell.
Kept small by three things: what nobody reads is left out (`reduced`), an object is written as what differs from its last version (a new
one: from a similar one), and long words that occur twice stand in one list. Making a recording is `tools/labs.py`'s job."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shallowdive.errors import BadAnswer
from shallowdive.live.history import History, Seen
from shallowdive.live.state import ClusterState, apply_event
from shallowdive.objects import Object, uid_of
from shallowdive.objects.traffic import Second

FORMAT = 1
SIGN = {"ADDED": "+", "MODIFIED": "~", "DELETED": "-"}
LEFT_OUT = {
    "managedFields": {"apiVersion", "fieldsType", "fieldsV1", "operation", "time"},
    "containerStatuses": (of_container := {"containerID", "imageID", "allocatedResources", "resources", "user", "volumeMounts"}),
    "initContainerStatuses": of_container,
    "terminated": {"containerID"},
    "conditions": {"observedGeneration", "lastProbeTime", "lastUpdateTime"},
    "status": {"hostIP", "hostIPs", "podIPs", "resources", "allocatedResources"},
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration", "kubernetes.io/description"},
    "data": {"ca.crt"},
    "projected": {"sources", "defaultMode"},
    "": {"reportingComponent", "reportingInstance"},
}
"""Field: what no picture, rule or check reads in it ('': in the object itself)."""
SHARED = 8
"""Words of this length or more are shared when they occur twice."""
WHOLE = "="
"""Key of a mapping that takes the place of a list."""
LOOK_BACK = 24
"""A new object is written as what differs from the most similar of so many of its kind."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell of the lab began: when (seconds since 1970), its name, the heading it stands under."""

    at_s: float
    cell: str
    heading: str


@dataclass(frozen=True, slots=True)
class Recording:
    """`made` says on what and when: date, kubernetes, node_image, kind, shallowdive. `traffic`: counted requests by traffic pod."""

    lab: str
    namespace: str
    made: dict[str, str]
    events: list[Seen]
    marks: list[Mark] = field(default_factory=list)
    traffic: dict[str, list[Second]] = field(default_factory=dict)

    @property
    def began_s(self) -> int:
        return int(min([s.at_s for s in self.events] + [m.at_s for m in self.marks], default=0))

    def mark(self, cell: str) -> Mark:
        """The first time that this cell began."""
        found = next((m for m in self.marks if m.cell == cell), None)
        if found is None:
            raise BadAnswer(
                f"the recording of {self.lab} has no such cell", saw=cell, try_this=f"one of: {', '.join(m.cell for m in self.marks)}"
            )
        return found


def replay(recording: Recording, until_s: float | None = None) -> tuple[ClusterState, History]:
    """The picture and the record as they were at a moment (seconds since 1970); None: at the end."""
    state, history = ClusterState(), History()
    for seen in recording.events:
        if until_s is not None and seen.at_s > until_s:
            break
        state = apply_event(state, seen.type, seen.kind, seen.object)
        history.append(seen)
    return state, history


def reduced(value: Any, of: str = "") -> Any:
    """The object without what nobody reads, and without nulls: they say no more than a field that is not there."""
    if isinstance(value, dict):
        return {k: reduced(v, k) for k, v in sorted(value.items()) if v is not None and k not in LEFT_OUT.get(of, ())}
    return [reduced(v, of) for v in value] if isinstance(value, list) else value


def write(recording: Recording, file: Path) -> None:
    """One line an event, so that two recordings of a lab can be compared."""
    began = recording.began_s
    lines = list(_packed(recording.events, began))
    shared = _shared(lines)
    place = {word: f"@{i}" for i, word in enumerate(shared)}
    packed = [_map_words(line, lambda w: place.get(w) or ("@" + w if w.startswith("@") else w)) for line in lines]
    head = {
        "format": FORMAT,
        "lab": recording.lab,
        "made": recording.made,
        "namespace": recording.namespace,
        "began_s": began,
        "marks": [[round(m.at_s - began, 3), m.cell, m.heading] for m in recording.marks],
        "traffic": {name: [[s.at_s - began, s.answered, s.failed] for s in counts] for name, counts in recording.traffic.items()},
        "words": shared,
    }
    rows = [f"{_text(k)}: {_text(v)}" for k, v in head.items()]
    body = ",\n".join(map(_text, packed))
    file.write_text("{" + ",\n".join(rows) + ',\n"events": [\n' + body + "\n]}\n", encoding="utf-8")


def read(file: Path) -> Recording:
    """BadAnswer when the file is no recording, or one of another format."""
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
        if body["format"] != FORMAT:
            raise BadAnswer(
                f"{file.name} has another format", saw=f"format {body['format']}", try_this=f"record it again (format {FORMAT})"
            )
        began, words = body["began_s"], body["words"]
        lines = [_map_words(line, lambda w: _word(w, words)) for line in body["events"]]
        return Recording(
            body["lab"],
            body["namespace"],
            body["made"],
            list(_unpacked(lines, began)),
            [Mark(round(began + t, 3), cell, heading) for t, cell, heading in body["marks"]],
            {name: [Second(began + t, ok, failed) for t, ok, failed in counts] for name, counts in body["traffic"].items()},
        )
    except (KeyError, TypeError, ValueError, IndexError) as exc:
        raise BadAnswer(f"{file.name} is no recording", saw=f"{type(exc).__name__}: {exc}", try_this="tools/labs.py writes one") from exc


# ── events as differences: [seconds, sign, kind, number of the object, what differs, for a new one: from which number] ────
def _packed(events: Iterable[Seen], began_s: int) -> Iterable[list[Any]]:
    number: dict[str, int] = {}
    firsts: list[tuple[str, Object]] = []
    last: list[Object] = []
    for s in events:
        obj, uid = reduced(s.object), uid_of(s.object)
        at = number.setdefault(uid, len(number))
        head = [round(s.at_s - began_s, 3), SIGN[s.type], s.kind, at]
        if at < len(last):
            yield [*head, difference(last[at], obj)]
            last[at] = obj
            continue
        like = [i for i, (kind, _) in enumerate(firsts) if kind == s.kind][-LOOK_BACK:]
        ways = [[*head, difference(firsts[i][1], obj), i] for i in like] or [[*head, obj, -1]]
        yield min(ways, key=lambda way: len(_text(way)))
        firsts.append((s.kind, obj))
        last.append(obj)


def _unpacked(lines: Iterable[list[Any]], began_s: int) -> Iterable[Seen]:
    types = {sign: name for name, sign in SIGN.items()}
    firsts: list[Object] = []
    last: list[Object] = []
    for t, sign, kind, at, delta, *like in lines:
        if like:
            obj = with_difference(firsts[like[0]], delta) if like[0] >= 0 else delta
            firsts.append(obj)
            last.append(obj)
        else:
            last[at] = obj = with_difference(last[at], delta)
        yield Seen(round(began_s + t, 3), types[sign], kind, obj)


def difference(old: Any, new: Any) -> Any:
    """What makes `new` of `old`, both without nulls. A mapping: changed keys, null where one is gone. A list that did not get shorter:
    a mapping from places to what differs there. Anything else: the new value."""
    if isinstance(old, dict) and isinstance(new, dict):
        changed = {k: difference(old[k], v) if k in old else v for k, v in new.items() if k not in old or old[k] != v}
        return {**changed, **{k: None for k in old if k not in new}}
    if isinstance(old, list) and isinstance(new, list) and 0 < len(old) <= len(new):
        return {str(i): difference(old[i], v) if i < len(old) else v for i, v in enumerate(new) if i >= len(old) or old[i] != v}
    return {WHOLE: new} if isinstance(old, list) and isinstance(new, dict) else new


def with_difference(old: Any, delta: Any) -> Any:
    if isinstance(old, dict) and isinstance(delta, dict):
        kept = {k: v for k, v in old.items() if delta.get(k, v) is not None}
        return {**kept, **{k: with_difference(old[k], v) if k in old else v for k, v in delta.items() if v is not None}}
    if isinstance(old, list) and isinstance(delta, dict):
        if WHOLE in delta:
            return delta[WHOLE]
        made = list(old)
        for place, v in delta.items():
            if int(place) < len(old):
                made[int(place)] = with_difference(old[int(place)], v)
            else:
                made.append(v)
        return made
    return delta


# ── long words that occur twice, written once ────────────────────────────────────────────────────────────────────
def _shared(lines: Iterable[Any]) -> list[str]:
    count: Counter[str] = Counter()

    def note(word: str) -> str:
        count[word] += 1
        return word

    for line in lines:
        _map_words(line, note)
    return [w for w, n in count.most_common() if n > 1 and len(w) >= SHARED]


def _map_words(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(k): _map_words(v, change) for k, v in value.items()}
    return [_map_words(v, change) for v in value] if isinstance(value, list) else value


def _word(word: str, words: list[str]) -> str:
    """`@7` is the eighth shared word, `@@7` stands for `@7` itself."""
    if word.startswith("@@"):
        return word[1:]
    return words[int(word[1:])] if re.fullmatch(r"@\d+", word) else word


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
