"""The hop tracer: a request's stations from the client to the pods, what each answered when it was asked, and the first broken hop.

Pure: a `Trace` in, a picture out. Red marks one hop. What lies behind it is grey: the request never came there."""

from __future__ import annotations

from shallowdive.diagrams.dot import text_width_px
from shallowdive.objects.route import HOPS, Trace
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn, framed, key
from shallowdive.views.shapes import Box, Pic
from shallowdive.views.stations import hop, ingress, pod, service, stations, you
from shallowdive.views.timeline import short_name

MOST_PODS = 3
POD_H, POD_GAP = 44, 6
DESK_BOX, PHONE_BOX = (106, 78), (224, 78)


def claim(trace: Trace) -> str:
    """The title: a claim."""
    path = trace.route.path
    return f"GET {path}: every hop answers" if trace.answered else f"GET {path} dies at {HOPS[trace.broken_hop or 0]}"


def draw(trace: Trace, *, verdict: bool = True, said: str = "") -> Drawn:
    """Without `verdict` no hop is judged: the answers are there to be read. `said` is the hop that the learner predicted."""
    facts = in_words(trace, verdict=verdict) + (f" You said: {said}." if said in HOPS else "")
    states = sorted({s.state for s in trace.route.stops[:MOST_PODS]})
    keys = key("M1 9H25", "your prediction", "you", "5 4") if said in HOPS else ""
    read = "Every part was asked by itself. The first hop that fails is the broken one." if verdict else "Every part was asked by itself."
    desk, phone = (picture(trace, w, facts, verdict=verdict, said=said).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(desk, phone, facts, states, keys, read, question(trace, verdict=verdict))


def question(trace: Trace, *, verdict: bool) -> str:
    """What to look for. It never says more than the picture does."""
    if not verdict:
        return "which is the first part whose neighbour answers, while it does not?"
    return (
        "which of these could be gone without a user noticing?"
        if trace.answered
        else "which object has the field that ends the request here?"
    )


def in_words(trace: Trace, *, verdict: bool = True) -> str:
    r = trace.route
    parts = [f"GET {r.path} from outside: {trace.entrance.words}."]
    if r.ingress:
        parts.append(f"Ingress {r.ingress} (class {r.ingress_class or 'none'}) sends {r.rule} to Service {r.service}.")
    if r.service_exists:
        parts.append(
            f"Service {r.service} selects {r.selector or 'nothing'}, sends to port {r.target_port}, asked directly: {trace.service.words}."
        )
    for stop, asked in zip(r.stops, trace.pods, strict=False):
        whose = "" if stop.selected else ", selected by no Service"
        parts.append(f"Pod {stop.pod} is {_state_words(stop.state)}{whose}; asked directly on port {stop.port}: {asked.words}.")
    if verdict and not trace.answered:
        parts.append(f"The broken hop is {HOPS[trace.broken_hop or 0]}. {' '.join(explain(trace))}")
    return " ".join(parts)


def explain(trace: Trace) -> tuple[str, str]:
    """What is broken, and what the other answers say about it."""
    r, good = trace.route, sum(a.ok for a in trace.pods)
    ports = sorted({s.port for s, a in zip(r.stops, trace.pods, strict=False) if a.ok})
    inside = f"Asked directly on {ports[0]}, the pods answer." if ports else "No pod could be asked directly."
    words = {
        "rule": ("No Ingress rule fits this host and path.", "The entrance knows no way for it."),
        "controller": (f"No controller acts on class {r.ingress_class or 'none'}.", "The Service answers. The Ingress is a record."),
        "namespace": (f"The Ingress names Service {r.service}.", "There is none here, and it looks only at home."),
        "label": (
            f"The Service selects {r.selector or 'nothing'}.",
            f"No pod has that label. {inside}" if good else "No pod has that label.",
        ),
        "readiness": (f"{len(r.endpoints)} pods selected, none is ready.", f"They run. {inside}" if good else "Not ready is not asked."),
        "targetPort": (f"The Service sends to port {r.target_port}.", f"Nobody listens there. {inside}"),
        "program": ("The pods themselves do not answer.", "Look into a pod: its log, its port, its path."),
        "": ("Every hop answers.", f"{len(r.ready)} ready pods take turns." if len(r.ready) != 1 else "One ready pod answers."),
    }
    return words[trace.fault]


def picture(trace: Trace, w: float, label: str, *, verdict: bool = True, said: str = "") -> Pic:
    phone = w < 400
    shown = trace.route.stops[:MOST_PODS]
    pods_h = max(len(shown), 1) * (POD_H + POD_GAP) - POD_GAP + (18 if len(trace.route.stops) > MOST_PODS else 0)
    top = 4 if phone else max(26, (pods_h - DESK_BOX[1]) / 2 + 8)
    boxes = stations(w, 4, DESK_BOX, PHONE_BOX, top)
    tail = boxes[3][1] + pods_h if phone else top + DESK_BOX[1] / 2 + max(pods_h / 2, DESK_BOX[1] / 2)
    p = Pic(w, tail + ((80 if phone else 64) if verdict else 24), label)
    _stations(p, trace, boxes, phone)
    x, y, bw, bh = boxes[3]
    end: Box = (x, y, bw, bh) if phone else (x, y + bh / 2 - pods_h / 2, bw, pods_h)
    _pods(p, trace, end, phone)
    _arrows(p, trace, [*boxes[:3], end], verdict=verdict, said=said)
    if verdict:
        _verdict(p, trace, tail, phone)
    return p


def _stations(p: Pic, trace: Trace, boxes: list[Box], phone: bool) -> None:
    r = trace.route
    you(p, boxes[0], f"GET {r.path}", f"got {trace.entrance.words}")
    ingress(
        p,
        boxes[1],
        r.ingress or "none fits",
        *((f"{r.rule} → {r.service}", f"class {r.ingress_class or 'none'}") if r.ingress else ()),
        there=bool(r.ingress),
    )
    sub = f"{r.service_port} → {r.target_port}" if r.service_exists else "not in here"
    service(p, boxes[2], r.service or "unknown", sub, there=r.service_exists)
    if r.service_exists:
        x, y, w, h = boxes[2]
        if phone:
            beside = (("asked:", False), (trace.service.words, False), (r.selector, True))
            for i, (words, mono) in enumerate(beside):
                p.text(x + w + 8, y + 24 + i * 18, words, fill="muted", room=p.w - x - w - 10, mono=mono)
        else:
            p.text(x + w / 2, y + h + 18, r.selector, fill="muted", anchor="middle", mono=True, room=w + 40)
            p.text(x + w / 2, y - 8, f"asked: {trace.service.words}", fill="muted", anchor="middle", room=w + 50)


def _pods(p: Pic, trace: Trace, at: Box, phone: bool) -> None:
    x, y, w, _ = at
    stops = trace.route.stops
    if not stops:
        p.rect(x, y, w, POD_H, "paper", "wait", r=8, dash="3 3")
        p.text(x + w / 2, y + POD_H / 2 + 4, "pods: not asked", fill="muted", anchor="middle", room=w - 8)
        return
    for i, (stop, asked) in enumerate(zip(stops[:MOST_PODS], trace.pods, strict=False)):
        words = f"{stop.port}: {asked.words}" if stop.port else asked.words
        name = f"…-{short_name(stop.pod, 50)}" if short_name(stop.pod, 50) != stop.pod else stop.pod
        pod(p, (x, y + i * (POD_H + POD_GAP), w, POD_H), stop.state, name, f"asked on {words}" if phone else words)
    if len(stops) > MOST_PODS:
        p.text(x + w / 2, y + MOST_PODS * (POD_H + POD_GAP) + 10, f"and {len(stops) - MOST_PODS} more", fill="muted", anchor="middle")


def _arrows(p: Pic, trace: Trace, boxes: list[Box], *, verdict: bool, said: str) -> None:
    """Green up to the broken hop, red there, grey and dashed behind it; all grey where nothing is judged."""
    broken = trace.broken_hop if verdict else None
    passed = ("rule fits", "found", trace.service.words)
    for i in range(3):
        token, words = "ready", passed[i]
        if not verdict:
            token, words = "edge", ""
        elif broken is not None and i == broken:
            token, words = "fail", _broken_words(trace)
        elif broken is not None and i > broken:
            token, words = "wait", ""
        middle = hop(p, boxes[i], boxes[i + 1], words, token)
        if said == HOPS[i]:
            _you_said(p, middle, boxes[i][0] == boxes[i + 1][0], hit=verdict and i == broken)


def _broken_words(trace: Trace) -> str:
    words = {
        "namespace": "missing",
        "label": "0 pods",
        "readiness": "0 ready",
        "rule": trace.entrance.words,
        "controller": trace.entrance.words,
    }
    return words.get(trace.fault, "refused" if trace.service.words == "refused" else "no")


def _you_said(p: Pic, middle: tuple[float, float], column: bool, *, hit: bool) -> None:
    """The prediction: violet, hollow, with a ring round the cross where it came true."""
    x, y = middle
    if hit:
        p.circle(x, y, 12, "none", "you", 2)
    if column:
        p.line(x - 22, y, x - 14, y, "you", 2.5, "5 4")
        p.circle(x - 28, y, 5, "paper", "you", 2)
        p.text(x - 38, y + 4, "you said", fill="you", anchor="end", bold=True)
    else:
        p.line(x, y - 22, x, y - 14, "you", 2.5, "5 4")
        p.circle(x, y - 28, 5, "paper", "you", 2)
        p.text(x, y - 38, "you", fill="you", anchor="middle", bold=True)


def _verdict(p: Pic, trace: Trace, y: float, phone: bool) -> None:
    broken, why = explain(trace)
    colour = "ready" if trace.answered else "fail"
    p.text(2, y + 30, broken if phone or trace.answered else f"Broken here: {broken}", size=13, fill=colour, bold=True, room=p.w - 4)
    for i, line in enumerate(_wrapped(why, p.w - 4)[:2]):
        p.text(2, y + 52 + i * 17, line, fill="muted", room=p.w - 4)


def _wrapped(words: str, room_px: float) -> list[str]:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width_px(longer) <= room_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def html(trace: Trace, title: str, backend: str, *, verdict: bool = True, said: str = "") -> tuple[str, str, str]:
    """Title, frame and text twin, ready to be shown."""
    title = title or (claim(trace) if verdict else f"GET {trace.route.path}: what each part answered")
    drawn = draw(trace, verdict=verdict, said=said)
    return title, framed(title, f"asked now, {backend}", drawn), drawn.facts


def _state_words(state: str) -> str:
    return "running, not ready" if state == "notready" else state
