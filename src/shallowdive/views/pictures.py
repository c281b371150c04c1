"""Which pictures there are: a row each, with its usual title, the question beside it, and what its control offers.

A further view is a module with a pure `draw`, and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shallowdive.diagrams import family
from shallowdive.diagrams.dot import render, size_px
from shallowdive.errors import BadAnswer
from shallowdive.live import ClusterState, History
from shallowdive.objects import is_helper, name_of
from shallowdive.objects.pods import container_statuses
from shallowdive.objects.traffic import Second
from shallowdive.views import bins, chain, keepers, life, lifetimes, lights, machines, orders, rollout, timeline, who, xray
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn
from shallowdive.views.said import Said

LONG_S, BEFORE_S = 90, 15
"""A record longer than this is drawn from a little before its cell ran."""
AS_IT_FITS, THIS_CELL, EVERYTHING = "as it fits", "since this cell", "everything"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a picture is drawn from: the state, the record, the moment, the moment its cell ran, and what belongs to this view alone."""

    state: ClusterState
    history: History
    namespace: str
    now_s: float
    since_s: float
    chosen: str = ""
    said: Said | None = None
    traffic: list[Second] | None = None

    @property
    def left_edge(self) -> float | None:
        """Where the time axis begins; None: with the record."""
        first = self.history.events[0].at_s if self.history.events else self.now_s
        start = self.said.since_s if self.said else self.since_s
        recent = self.chosen == THIS_CELL or (self.chosen != EVERYTHING and self.now_s - first > LONG_S)
        return start - BEFORE_S if recent else None


@dataclass(frozen=True, slots=True)
class Picture:
    """`choices` fill the control beside the picture, the first is the default; without them there is only the question.

    `kinds` are followed for this picture alone."""

    draw: Callable[[Sight], Drawn]
    title: str
    ask: str
    choices: Callable[[Sight], list[str]] | None = None
    kinds: tuple[str, ...] = ()


def picture_of(name: str) -> Picture:
    if name not in PICTURES:
        raise BadAnswer("there is no such picture", saw=name, try_this=f"one of: {', '.join(PICTURES)}")
    return PICTURES[name]


def _family(seen: Sight) -> Drawn:
    tree = family.read(seen.state)
    facts = family.in_words(tree)
    if not seen.state.all("Pod") and not seen.state.all("ReplicaSet"):
        return Drawn("", "", facts, empty=True)
    desk, phone = (render(family.family_dot(tree, narrow=narrow), label=facts) for narrow in (False, True))
    read = "A solid line: owns. A dashed line goes round what is selected by label. Paper is a record; a rounded box runs."
    return Drawn(_room(desk, DESK_PX), _room(phone, PHONE_PX), facts, family.states_in(tree), read=read)


def _room(svg: str, width_px: float) -> str:
    """A tree that is wider than its place scrolls (with the keyboard, too); it is never shrunk."""
    wide = size_px(svg)[0] > width_px
    return f'<div class="sd-scroll" tabindex="0" role="group" aria-label="wide picture, scrolls">{svg}</div>' if wide else svg


def _pods(seen: Sight) -> list[str]:
    return ["the newest", *(name_of(p) for p in seen.state.all("Pod") if not is_helper(p))]


def _containers(seen: Sight) -> list[str]:
    pods = [p for p in seen.state.all("Pod") if not is_helper(p)]
    return ["the busiest", *(f"{name_of(p)} / {c['name']}" for p in pods for c in container_statuses(p))]


def _span(_seen: Sight) -> list[str]:
    return [AS_IT_FITS, THIS_CELL, EVERYTHING]


def _life(seen: Sight) -> Drawn:
    pod, _, container = seen.chosen.partition(" / ")
    return life.draw(seen.history, pod, container, seen.now_s, seen.said)


PICTURES: dict[str, Picture] = {
    "timeline": Picture(
        lambda s: timeline.draw(s.history, s.now_s, since_s=s.left_edge, said=s.said),
        "Desired against actual",
        "where does the green area leave the black line, and which lane begins there?",
        _span,
    ),
    "keepers": Picture(
        lambda s: keepers.draw(s.history, s.now_s, since_s=s.left_edge, said=s.said),
        "Who keeps them alive?",
        "which gap closed, and who had to be there for that?",
        _span,
    ),
    "rollout": Picture(
        lambda s: rollout.draw(s.history, s.traffic, s.now_s, since_s=s.left_edge, said=s.said),
        "One version takes the place of another",
        "is there a moment at which fewer pods are solid than are wanted?",
        _span,
    ),
    "family": Picture(_family, "Who owns whom", "whose number decides how many pods there are?"),
    "xray": Picture(
        lambda s: xray.draw(s.state, s.chosen),
        "Inside a pod",
        "what would be left if one of the containers were started again?",
        _pods,
    ),
    "who": Picture(lambda s: who.draw(s.history), "Who did that?", "which part would have to be off for a new pod to stay Pending?"),
    "life": Picture(_life, "The states of a container", "which way was gone most often, and what stood at its beginning?", _containers),
    "bins": Picture(
        lambda s: bins.draw(s.state, s.namespace, "memory" if s.chosen == "memory" else "cpu", s.said),
        "Nodes as bins",
        "how large may the next pod be?",
        lambda _: ["cpu", "memory"],
        ("Node",),
    ),
    "orders": Picture(
        lambda s: orders.draw(s.state, s.history),
        "In any order",
        "which rows differ on the left, and which on the right?",
    ),
    "machines": Picture(
        lambda s: machines.draw(s.state, s.namespace),
        "The machines of the cluster",
        "where would a program run if you asked for one more?",
        kinds=("Node",),
    ),
    "chain": Picture(
        lambda s: chain.draw(s.state),
        "From pod to disk",
        "which of these is still there when the pod is gone?",
        kinds=("PersistentVolumeClaim", "PersistentVolume"),
    ),
    "lights": Picture(
        lambda s: lights.draw(s.history, s.now_s, since_s=s.left_edge, said=s.said),
        "Who is where",
        "which lines end where the node was lost, and which only wait?",
        _span,
    ),
    "lifetimes": Picture(
        lambda s: lifetimes.draw(s.history, s.now_s, since_s=s.left_edge, said=s.said),
        "Three places to write, three lifetimes",
        "which lines are cut where something was ended, and which one never is?",
        _span,
    ),
}
