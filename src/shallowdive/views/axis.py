"""A time axis, and text that looks for a free place beside it: what the pictures over time share."""

from __future__ import annotations

from dataclasses import dataclass

from shallowdive.diagrams.dot import text_width_px
from shallowdive.views.lives import Steps
from shallowdive.views.shapes import Anchor, Pic

UNITS_S = (2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)


@dataclass(frozen=True, slots=True)
class Axis:
    """Seconds to pixels. What is drawn over time ends at `now`, where that is before the end of the axis."""

    left: float
    right: float
    end: float
    known: float | None = None

    @property
    def now(self) -> float:
        return self.end if self.known is None else min(self.known, self.end)

    def __call__(self, t: float) -> float:
        return self.left + (self.right - self.left) * min(max(t, 0), self.end) / self.end

    def draw(self, p: Pic, most: int) -> None:
        """Words along the bottom, at most so many."""
        unit = next((u for u in UNITS_S if self.end / u <= most), UNITS_S[-1])
        t = 0
        while t <= self.end:
            words = f"{t} s" if self.end < 180 or unit < 60 else f"{t // 60} min"
            anchor: Anchor = "start" if t == 0 else "end" if self(t) > self.right - 20 else "middle"
            p.text(self(t), p.h - 6, words, fill="muted", anchor=anchor)
            t += unit

    def steps(self, values: Steps, y_of: dict[int, float]) -> str:
        """A path along a number over time, until now."""
        d = ""
        for i, (t, n) in enumerate(values):
            until = values[i + 1][0] if i + 1 < len(values) else max(self.now, t)
            d += f"{'L' if d else 'M'}{self(t):.1f} {y_of[n]:.1f}L{self(until):.1f} {y_of[n]:.1f}"
        return d


def where_free(p: Pic, words: str, *spots: tuple[float, float, Anchor], fill: str = "ink", bold: bool = False) -> bool:
    """Write at the first spot (x, baseline, anchor) that is inside and touches no other text and no tile; False when there is none."""
    w, taken = text_width_px(words, bold=bold), [*(box for box, _ in p.boxes), *p.tiles]
    for x, y, anchor in spots:
        left = x - {"start": 0.0, "middle": w / 2, "end": w}[anchor]
        box = (left, y - 12, left + w, y + 5)
        clear = all(b[2] <= box[0] + 1 or box[2] <= b[0] + 1 or b[3] <= box[1] + 1 or box[3] <= b[1] + 1 for b in taken)
        if clear and box[0] >= 0 and box[1] >= 0 and box[2] <= p.w and box[3] <= p.h:
            p.rect(left - 3, y - 12, w + 6, 17, "paper", r=3)
            p.text(x, y, words, fill=fill, anchor=anchor, bold=bold)
            return True
    return False
