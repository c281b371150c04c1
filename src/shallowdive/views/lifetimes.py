"""How long each place lives in which a pod can write: the claim's volume, the pod's emptyDir, the container's own files. One line each,
on one time axis; where a line is cut, what was written there is gone.

Pure: a history in, a picture out. Nobody reports what is in a file: a life is read from the object that it hangs on. A prediction is
how many of the lines go on across the moment of an act, the longest lives first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shallowdive.live import History, Seen
from shallowdive.objects import Object, is_helper, name_of, uid_of
from shallowdive.objects.pods import container_statuses, long_running
from shallowdive.views.axis import Axis, where_free
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, key
from shallowdive.views.kept import Kept
from shallowdive.views.lives import SEEN_S, SHORTEST_S
from shallowdive.views.said import Said
from shallowdive.views.shapes import Pic

TOP_PX, ROW_PX, BAR_PX = 26, 54, 20
CUT_PX = 4
"""Between two lives there is at least so much paper, however short the time was."""


@dataclass(slots=True)
class Span:
    """One life: from, to; `to_s` is None while it goes on."""

    from_s: float
    to_s: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One place: what kind, its name, its lives in order, and when it only waited to begin."""

    kind: str
    name: str
    spans: tuple[Span, ...]
    waits: tuple[Span, ...] = ()

    def alive_at(self, t: float) -> int:
        """Which of its lives, counted from 1; the newest, where an old one is still going; 0 for none."""
        return max((i for i, s in enumerate(self.spans, 1) if s.from_s <= t and (s.to_s is None or t < s.to_s)), default=0)


@dataclass(slots=True)
class _Claim:
    waits: Span
    life: Span | None = None


@dataclass(slots=True)
class _Pod:
    claims: list[str]
    folder: str
    container: str
    life: Span | None = None
    runs: list[tuple[str, Span]] = field(default_factory=list)


class Places:
    """What a record says about claims (by name, then UID) and about the pods that mount one (by UID)."""

    def __init__(self) -> None:
        self.claims: dict[str, dict[str, _Claim]] = {}
        self.pods: dict[str, _Pod] = {}
        self.first = self.last = 0.0

    def step(self, s: Seen) -> None:
        if s.kind == "PersistentVolumeClaim":
            self._claim(s)
        elif s.kind == "Pod" and not is_helper(s.object):
            self._pod(s)

    def _claim(self, s: Seen) -> None:
        self.first, self.last = self.first or s.at_s, s.at_s
        known = self.claims.setdefault(name_of(s.object), {}).setdefault(uid_of(s.object), _Claim(Span(s.at_s)))
        if (s.object.get("status") or {}).get("phase") == "Bound" and known.life is None:
            known.waits.to_s, known.life = s.at_s, Span(s.at_s)
        if s.type == "DELETED":
            _end(known.life or known.waits, s.at_s)

    def _pod(self, s: Seen) -> None:
        pod = s.object
        made = self.pods.get(uid_of(pod)) or _described(pod)
        if not made.claims:
            return
        self.pods[uid_of(pod)] = made
        self.first, self.last = self.first or s.at_s, s.at_s
        if pod["spec"].get("nodeName") and made.life is None:
            made.life = Span(s.at_s)
        for status in container_statuses(pod):
            if status["name"] == made.container:
                _note_run(made.runs, status, s.at_s)
        if s.type == "DELETED":
            for span in (made.life, *(run for _, run in made.runs)):
                _end(span, s.at_s)


def _note_run(runs: list[tuple[str, Span]], status: Object, at_s: float) -> None:
    runs_now = "running" in (status.get("state") or {})
    which = f"{status.get('restartCount', 0)} {status.get('containerID', '')}"
    if runs and (not runs_now or runs[-1][0] != which):
        _end(runs[-1][1], at_s)
    if runs_now and (not runs or runs[-1][0] != which):
        runs.append((which, Span(at_s)))


def _end(span: Span | None, at_s: float) -> None:
    if span is not None and span.to_s is None:
        span.to_s = at_s


def _described(pod: Object) -> _Pod:
    """The claims that a container mounts, the first emptyDir that one mounts, and the container that mounts a claim."""
    volumes = {v["name"]: v for v in pod["spec"].get("volumes") or []}
    mounts = [(c["name"], volumes.get(m["name"], {})) for c in long_running(pod) for m in c.get("volumeMounts") or []]
    users = [(c, str(v["persistentVolumeClaim"]["claimName"])) for c, v in mounts if "persistentVolumeClaim" in v]
    folder = next((str(v["name"]) for _, v in mounts if "emptyDir" in v), "")
    return _Pod([name for _, name in users], folder, users[0][0] if users else "")


places: Kept[Places] = Kept(Places, Places.step)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """What the picture shows; seconds since 1970. What is known ends at `now_s`, the axis at `end_s`."""

    rows: tuple[Row, ...]
    began_s: float
    end_s: float
    now_s: float


def read(history: History, now_s: float | None = None, since_s: float | None = None) -> Lifetimes | None:
    """The claim that was used last (or made last) and everything beside it; None without a claim."""
    return places.look(history, lambda seen: _read(seen, now_s, since_s))


def _read(seen: Places, now_s: float | None, since_s: float | None) -> Lifetimes | None:
    if not seen.claims:
        return None
    newest = list(seen.pods.values())[-1] if seen.pods else None
    name = next((c for c in newest.claims if c in seen.claims), "") if newest else ""
    name = name or list(seen.claims)[-1]
    claims = list(seen.claims[name].values())
    users = [p for p in seen.pods.values() if name in p.claims]
    rows = [Row("claim", name, _copies(c.life for c in claims), _copies(c.waits for c in claims))]
    if folder := next((p.folder for p in reversed(users) if p.folder), ""):
        rows.append(Row("emptyDir", folder, _copies(p.life for p in users)))
    if users:
        rows.append(Row("files of container", users[-1].container, _copies(run for p in users for _, run in p.runs)))
    began = max(seen.first, since_s or 0)
    now = max(now_s or 0, seen.last + SEEN_S)
    return Lifetimes(tuple(rows), began, max(now, began + SHORTEST_S), now)


def _copies(spans: Iterable[Span | None]) -> tuple[Span, ...]:
    return tuple(Span(s.from_s, s.to_s) for s in spans if s is not None)


def draw(history: History, now_s: float | None = None, *, since_s: float | None = None, said: Said | None = None) -> Drawn:
    """`since_s`: the left edge. `said`: so many of the lines go on across the moment at which the act began."""
    seen = read(history, now_s, since_s)
    if seen is None:
        return Drawn("", "", "There is no claim in your namespace. Run the cell that makes one; it appears here by itself.", empty=True)
    facts = in_words(seen) + (f" {said_in_words(seen, said)}" if said else "")
    keys = key("M1 9H25", "goes on", "ready") + key("M1 9H25", "is over", "wait")
    keys += key("M1 9H25", "Pending", "wait", "3 3") if any(r.waits for r in seen.rows) else ""
    keys += key("M1 9H25", "your prediction", "you", "5 4") if said else ""
    read_ = "Where a line is cut, what was written there is gone."
    if said:
        read_ = f"{said_in_words(seen, said)} A ring: you said that this line goes on. {read_}"
    desk, phone = (picture(seen, w, facts, said).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(desk, phone, facts, keys=keys, read=read_)


def in_words(seen: Lifetimes) -> str:
    return " ".join(f"{row.kind[0].upper()}{row.kind[1:]} {row.name}: {_lives(row)}." for row in seen.rows)


def _lives(row: Row) -> str:
    if not row.spans:
        return "not there yet"
    count = "1 life" if len(row.spans) == 1 else f"{len(row.spans)} lives"
    return f"{count} so far, {'one goes on' if row.spans[-1].to_s is None else 'all over'}"


def went_on(seen: Lifetimes, moment_s: float) -> int:
    """How many lines that were there at this moment are still in the same life at the end."""
    return sum(1 for row in seen.rows if row.alive_at(moment_s) and row.alive_at(moment_s) == row.alive_at(seen.now_s))


def said_in_words(seen: Lifetimes, said: Said) -> str:
    was = went_on(seen, said.since_s)
    verb, it = ("goes", "it") if said.value == 1 else ("go", "they")
    return f"You said that {said.value} of {len(seen.rows)} {verb} on" + (f", and {it} did." if was == said.value else f"; {was} did.")


def picture(seen: Lifetimes, w: float, label: str, said: Said | None = None) -> Pic:
    top = TOP_PX if said else 2
    p = Pic(w, top + ROW_PX * len(seen.rows) + 26, label)
    x = Axis(2, w - 8, seen.end_s - seen.began_s, seen.now_s - seen.began_s)
    for i, row in enumerate(seen.rows):
        _row(p, row, x, seen.began_s, top + i * ROW_PX)
    if said:
        _said(p, said, x(said.since_s - seen.began_s), len(seen.rows))
    x.draw(p, 3 if w < 400 else 6)
    return p


def _said(p: Pic, said: Said, at: float, rows: int) -> None:
    """The moment on each bar, and a ring on those that were to go on."""
    for i in range(rows):
        middle = TOP_PX + i * ROW_PX + 18 + BAR_PX / 2
        p.line(at, middle - 16, at, middle + 16, "you", 2, "5 3")
        if i < said.value:
            p.circle(at, middle, 7, "paper", "you", 2.5)
    words, y = f"you: {said.value} {'goes' if said.value == 1 else 'go'} on", TOP_PX - 10.0
    where_free(p, words, (at, y, "middle"), (at - 2, y, "start"), (at + 2, y, "end"), fill="you", bold=True)


def _row(p: Pic, row: Row, x: Axis, began_s: float, y: float) -> None:
    p.text(2, y + 12, f"{row.kind} {row.name}", bold=True, room=p.w - 140)
    p.text(p.w - 8, y + 12, _lives(row).partition(",")[0], fill="muted", anchor="end")
    top = y + 18
    p.line(x.left, top + BAR_PX / 2, x.right, top + BAR_PX / 2, "hair", 1)
    for span in row.waits:
        a, b = _edges(span, x, began_s)
        if b - a > 2:
            p.rect(a, top, b - a, BAR_PX, "paper", "wait", 3, 1.5, "3 3")
    for i, span in enumerate(row.spans, 1):
        following = row.spans[i] if i < len(row.spans) else None
        if span.to_s is not None and span.to_s <= began_s:
            continue
        a, b = _edges(span, x, began_s)
        if following is not None:  # the next one may begin before this one has quite gone
            b = min(b, x(following.from_s - began_s))
        over = span.to_s is not None or following is not None
        fill, stroke = ("wait_tint", "wait") if over else ("ready_tint", "ready")
        b -= CUT_PX if over else 0
        p.rect(a, top, max(2.0, b - a), BAR_PX, fill, stroke, 3)
        if len(row.spans) > 1 and b - a > 18:
            p.text((a + b) / 2, top + BAR_PX / 2 + 4, str(i), fill="muted" if over else "ink", anchor="middle")


def _edges(span: Span, x: Axis, began_s: float) -> tuple[float, float]:
    return x(span.from_s - began_s), x(x.now) if span.to_s is None else x(span.to_s - began_s)
