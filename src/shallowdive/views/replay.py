"""A piece of a recording as HTML that the book's player moves (book/_static/replay.js): the timeline of the whole, drawn here, which the
player covers from the moment on at which it stands.

So what moves in the book is what a notebook draws, and without a script the picture and its text are there. Everything that depends on
the reader's prediction is drawn here for each answer, and hidden; no moment is computed twice, once in Python and once in a script."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape

from shallowdive.live.recording import Recording, replay
from shallowdive.views import said as prediction
from shallowdive.views import timeline
from shallowdive.views.axis import Axis
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, framed, key
from shallowdive.views.lives import Lives, lives
from shallowdive.views.said import Said
from shallowdive.views.shapes import STATE, Pic, colour

TOGETHER_S = 0.25
"""Changes so close to each other are one step."""
SPEEDS = (0.5, 1, 2, 4, 8)
AXIS_PX = 24
ICONS = {"back": "M13 4L6 10L13 16M4 4V16", "play": "M5 3L16 10L5 17Z", "next": "M7 4L14 10L7 16M16 4V16"}
LABELS = {"back": "Event before", "play": "Play", "next": "Next event"}


@dataclass(frozen=True, slots=True)
class Scene:
    """Which piece, and what the reader must say first: how many pods are ready `after_s` after the act. Moments are seconds since 1970."""

    title: str
    since_s: float
    until_s: float
    act_s: float
    question: str
    answers: tuple[int, ...]
    after_s: float
    why: str = ""


def scene_of(
    recording: Recording,
    title: str,
    question: str,
    answers: tuple[int, ...],
    *,
    start: str,
    until: str,
    act: str,
    after_s: float,
    why: str = "",
) -> Scene:
    """A scene between the beginnings of cells, with a breath before the first one."""
    at = {cell: recording.mark(cell).at_s for cell in (start, until, act)}
    return Scene(title, at[start] - 1, at[until], at[act], question, answers, after_s, why)


def html(recording: Recording, scene: Scene) -> str:
    """One figure. No id in it: a page may have several."""
    _, history = replay(recording, scene.until_s)
    seen = lives(history, scene.until_s, scene.since_s)
    moment = scene.act_s + scene.after_s - seen.began_s
    facts = timeline.in_words(seen)
    pictures = [_picture(seen, scene, w, facts) for w in (DESK_PX, PHONE_PX)]
    data = {
        "title": scene.title,
        "end": round(seen.end, 2),
        "act": round(scene.act_s - seen.began_s, 2),
        "moment": round(moment, 2),
        "steps": steps(seen),
        "verdicts": {n: prediction.in_words(seen, Said(n, scene.act_s, scene.after_s), seen.end) for n in scene.answers},
        "views": [view for _, view in pictures],
    }
    keys = (key("M1 9H25", "wanted", "ink") if seen.wanted else "") + key("M1 9H25", "your prediction", "you", "5 4")
    states = sorted({s for p in seen.pods for _, _, s in p.spans(seen.end)})
    read = "Each lane is one pod; a new lane is a new pod."
    frame = framed(
        scene.title,
        f"recorded on {recording.made['backend']}, {recording.made['kubernetes']}, {recording.made['date']}",
        Drawn(pictures[0][0].svg(), pictures[1][0].svg(), facts, states, keys, read),
        cause=_controls(recording, scene, data["end"]),
    )
    told = "".join(f"<li>{at:g} s: {escape(words)}</li>" for at, words in steps(seen))
    script = f'<script type="application/json">{json.dumps(data, ensure_ascii=False).replace("</", "<\\/")}</script>'
    return (
        frame.replace('<figure class="sd">', '<figure class="sd sd-replay">', 1)
        .replace("</p></details>", f"</p><ol>{told}</ol></details>", 1)
        .replace("</figure>", f"{script}</figure>")
    )


def steps(seen: Lives) -> list[tuple[float, str]]:
    """What happened, moment by moment, in words: the second, who came into which state, how many are ready then."""
    happened: list[tuple[float, str, str]] = [(t, "", f"{n} wanted") for t, n in seen.wanted if t > 0]
    for pod in seen.pods:
        name = timeline.short_name(pod.name, DESK_PX)
        happened += [(at, name, STATE[state][0]) for at, _, state in pod.spans(seen.end) if at > 0]
        happened += [(pod.gone, name, "gone")] if pod.gone is not None and pod.gone < seen.end else []
    made: list[tuple[float, list[tuple[str, str]]]] = []
    for at, name, word in sorted(happened):
        if not made or at - made[-1][0] > TOGETHER_S:
            made.append((at, []))
        made[-1][1].append((name, word))
    told = []
    for at, changes in made:
        last = dict(changes)  # of a pod that went through two states in one step only the second is told
        names = {word: [n for n, w in last.items() if w == word] for _, word in changes}
        words = [f"{', '.join(n)}: {word}" if any(n) else word for word, n in names.items() if n]
        shown = min((t for t, _ in made if t > at), default=seen.end + 1) - 0.01
        told.append(
            (
                round(max(at + TOGETHER_S, at) if at + TOGETHER_S < shown else shown, 2),
                f"{'; '.join(words)}. {seen.count(min(shown, at + TOGETHER_S))} ready.",
            )
        )
    return told
