"""Pods counted one by one: those that got what they asked for, then those that wait, and how many the learner had said.

Pure. A square each; the prediction is a violet line after as many squares as were said."""

from __future__ import annotations

from dataclasses import dataclass

from shallowdive.views.axis import where_free
from shallowdive.views.said import Said
from shallowdive.views.shapes import Pic, tile

SIDE_PX, GAP_PX, LEAST_PX = 16, 4, 5
TOP_PX, FOOT_PX = 24, 8


@dataclass(frozen=True, slots=True)
class Tally:
    """States of those that have a node, and of those that have none."""

    placed: list[str]
    waiting: list[str]

    def in_words(self, said: Said) -> str:
        n = len(self.placed)
        return f"You said that {said.value} get a node" + (", and so many did." if n == said.value else f"; {n} did.")

    def height_px(self, room: float) -> float:
        return TOP_PX + min(SIDE_PX, self._pitch(room)) + FOOT_PX

    def _pitch(self, room: float) -> float:
        return max(LEAST_PX, min(SIDE_PX + GAP_PX, room / max(len(self.placed) + len(self.waiting), 1)))

    def draw(self, p: Pic, said: Said, x: float, y: float, room: float) -> None:
        """From `x` on, below `y`; as many squares as there is room for."""
        pitch = self._pitch(room)
        side = max(LEAST_PX - 1, pitch - GAP_PX) if pitch < SIDE_PX + GAP_PX else SIDE_PX
        most = int(room / pitch)
        for i, state in enumerate([*self.placed, *self.waiting][:most]):
            tile(p, x + i * pitch, y + TOP_PX, side, state)
        at = x + min(said.value, most) * pitch - (pitch - side) / 2
        p.line(at, y + TOP_PX - 5, at, y + TOP_PX + side + 5, "you", 2.5, "5 3")
        words = f"you: {said.value} get a node"
        where_free(
            p, words, (at, y + TOP_PX - 10, "middle"), (at, y + TOP_PX - 10, "start"), (at, y + TOP_PX - 10, "end"), fill="you", bold=True
        )
