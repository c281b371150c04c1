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
BREATH_S = 3
"""So much of what was before is open."""
SPEEDS = (0.5, 1, 2, 4, 8)
HEAD_PX, AXIS_PX = 18, 24
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
    return Scene(title, at[start] - BREATH_S, at[until], at[act], question, answers, after_s, why)


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
    keys = (key("M1 9H25", "wanted", "ink") if seen.wanted else "") + key("M1 9H25", "your prediction", "you", "5 4").replace(
        "<span", '<span class="sd-mine"'
    )
    states = sorted({s for p in seen.pods for _, _, s in p.spans(seen.now)})
    read = "Each lane is one pod; a new lane is a new pod. At the dashed line something was done."
    frame = framed(
        scene.title,
        f"recorded on {recording.made['backend']}, Kubernetes {recording.made['kubernetes']}, {recording.made['date']}",
        Drawn(pictures[0][0].svg(), pictures[1][0].svg(), facts, states, keys, read),
        cause=_controls(recording, scene, seen.end),
    )
    told = "".join(f"<li>{at:g} s: {escape(words)}</li>" for at, words in steps(seen))
    safe = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return (
        frame.replace('<figure class="sd">', '<figure class="sd sd-replay">', 1)
        .replace("</p></details>", f"</p><ol>{told}</ol></details>", 1)
        .replace("</figure>", f'<script type="application/json">{safe}</script></figure>')
    )


def steps(seen: Lives) -> list[tuple[float, str]]:
    """What happened, moment by moment, in words: the second, who came into which state, how many are ready then."""
    happened: list[tuple[float, str, str]] = [(t, "", f"{n} wanted") for t, n in seen.wanted if t > 0]
    for pod in seen.pods:
        name = timeline.short_name(pod.name, DESK_PX)
        happened += [(at, name, STATE[state][0]) for at, _, state in pod.spans(seen.now) if at > 0]
        happened += [(pod.gone, name, "gone")] if pod.gone is not None and pod.gone < seen.end else []
    groups: list[list[tuple[float, str, str]]] = []
    for change in sorted(happened):
        if not groups or change[0] - groups[-1][0][0] > TOGETHER_S:
            groups.append([])
        groups[-1].append(change)
    return [_step(group, seen) for group in groups]


def _step(group: list[tuple[float, str, str]], seen: Lives) -> tuple[float, str]:
    """Of a pod that went through two states in one step only the later one is told."""
    at, last = group[-1][0], {name: word for _, name, word in group}
    by_word: dict[str, list[str]] = {}
    for name, word in last.items():
        by_word.setdefault(word, []).append(name)
    told = "; ".join(word if names == [""] else f"{', '.join(names)}: {word}" for word, names in by_word.items())
    wanted = f"{seen.wanted_at(at)} wanted, " if seen.wanted else ""
    return round(at, 2), f"{told}. {wanted}{seen.count(at)} ready."


def _picture(seen: Lives, scene: Scene, w: float, facts: str) -> tuple[Pic, dict[str, object]]:
    """The timeline of the whole, what is drawn over it for each answer, and where the player finds what it has to cover."""
    most = max(scene.answers)
    p = timeline.picture(seen, w, facts, room_for=most)
    left, right, top, lane, gap = timeline.measures(w, len(seen.pods))
    x = Axis(left, right, seen.end)
    act, moment = (x(t - seen.began_s) for t in (scene.act_s, scene.act_s + scene.after_s))
    p.line(act, HEAD_PX, act, p.h - AXIS_PX, "edge", 1, "2 3")
    known = [t for t in p.out if ">wanted " in t][: 1 if seen.wanted and seen.wanted[0][0] <= scene.act_s - seen.began_s else 0]
    p.out = [*(t for t in p.out if t not in known), '<g class="sd-cover"></g>', *known]  # a word is whole or not there
    over = Pic(w, p.h, "")
    over.line(moment, HEAD_PX, moment, p.h - AXIS_PX, "you", 1, "2 3")
    over.path(f"M{moment - 7:.1f} 76v-9h14v9zm3 -9v-4a4 4 0 0 1 8 0v4", "you_tint", "you", 2)
    p.out.append(f'<g class="sd-asked">{"".join(over.out)}</g>')
    plain = set(p.out)
    for n in scene.answers:
        for part, now in (("said", scene.act_s - seen.began_s), ("happened", seen.end)):
            drawn = timeline.picture(seen, w, facts, Said(n, scene.act_s, scene.after_s), now, most)
            p.out.append(f'<g class="sd-{part}" data-answer="{n}">{"".join(o for o in drawn.out if o not in plain)}</g>')
    lanes = [[round(pod.steps[0][0], 2), top + i * (lane + gap)] for i, pod in enumerate(seen.pods) if pod.steps[0][0] > 0]
    areas = [[HEAD_PX, top - 32], [top - 8, p.h - AXIS_PX]]
    return p, {"left": left, "right": right, "areas": areas, "lane": lane + gap, "lanes": lanes}


def _controls(recording: Recording, scene: Scene, end_s: float) -> str:
    """The question, then the bar; both are hidden until there is a script. What the answer means stands under them."""
    name = f"{recording.lab} {scene.act_s}"
    choices = "".join(f'<label><input type="radio" name="{name}" value="{n}"><span>{n}</span></label>' for n in scene.answers)
    gate = (
        f'<fieldset class="sd-gate" hidden><legend>{escape(scene.question)}</legend>{choices}'
        '<button type="button" class="sd-commit" disabled>Predict and play</button></fieldset>'
    )
    buttons = "".join(f'<button type="button" data-do="{do}" aria-label="{LABELS[do]}">{_icon(d)}</button>' for do, d in ICONS.items())
    speeds = "".join(f'<option value="{n:g}"{" selected" if n == 1 else ""}>{n:g} ×</option>' for n in SPEEDS)
    bar = (
        f'<div class="sd-bar" role="group" aria-label="Replay" hidden>{buttons}'
        f'<input type="range" min="0" max="{end_s:g}" step="0.1" value="0" aria-label="Moment">'
        f'<span class="sd-clock"></span><select aria-label="Speed">{speeds}</select></div>'
    )
    why = f" {escape(scene.why)}" if scene.why else ""
    return f'{gate}{bar}<div class="sd-now"></div><div class="sd-verdict"><b></b>{why}</div><div class="sd-told" role="status"></div>'


def _icon(d: str) -> str:
    return (
        f'<svg aria-hidden="true" width="20" height="20" viewBox="0 0 20 20"><path d="{d}" fill="none" stroke="{colour("ink")}" '
        'stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/></svg>'
    )
