"""The tries of a container, true to scale: a wait is as long as it was, and a prediction stands where its wait began."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from shallowdive.live import History, Seen
from shallowdive.views import life, tries
from shallowdive.views.frame import DESK_PX, PHONE_PX
from shallowdive.views.said import Said
from shallowdive.views.tries import Try, moment, waits
from tests.plain.views import generated
from tests.plain.views.captured import MARKS, until

Body = dict[str, Any]
BEGAN = 1_000_000_000


def stamp(s: float) -> str:
    return datetime.fromtimestamp(BEGAN + s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def over(began: float, ended: float, code: int = 1, reason: str = "Error") -> Body:
    return {
        "exitCode": code, "reason": reason, "startedAt": stamp(began), "finishedAt": stamp(ended), "containerID": f"c{ended}",
    }  # fmt: skip


def record(*statuses: tuple[float, Body, Body]) -> History:
    """(seconds, state, lastState) of one container, one event each."""
    history = History()
    for n, (at, state, last) in enumerate(statuses):
        status = {"containerStatuses": [{"name": "main", "state": state, "lastState": last, "restartCount": n}]}
        history.append(Seen(at, "MODIFIED", "Pod", {"metadata": {"name": "mole", "uid": "u"}, "spec": {}, "status": status}))
    return history


def doubling() -> History:
    """Ran 2 s each time: again at once, after 10 s, after 20 s; now it waits."""
    ends = [over(0, 2), over(3, 5), over(15, 17), over(37, 39)]
    told: list[tuple[float, Body, Body]] = []
    for before, end in zip([None, *ends], ends, strict=False):
        last = {"terminated": before} if before else {}
        told += [(float(len(told)), {"running": {"startedAt": end["startedAt"]}}, last), (len(told) + 0.5, {"terminated": end}, last)]
    return record(*told, (50.0, {"waiting": {"reason": "CrashLoopBackOff"}}, {"terminated": ends[-1]}))


def boxes(svg: str) -> list[float]:
    """Widths of the waits: the dashed ones."""
    return [float(w) for w in re.findall(r'<rect [^>]*?width="([\d.]+)"[^>]*stroke-dasharray="3 3"', svg)]


def test_each_try_is_told_once_and_the_pause_at_once_is_no_wait() -> None:
    seen = life.read(doubling())
    assert seen is not None
    assert [(t.began_s - BEGAN, (t.ended_s or 0) - BEGAN) for t in seen.tries] == [(0, 2), (3, 5), (15, 17), (37, 39)]
    assert [b - a for a, b, _ in waits(seen.tries)] == [10, 20]
    assert life.in_words(seen).endswith("Waits before another try, in order: 10 s, 20 s.")


def test_the_second_wait_is_drawn_twice_as_long_as_the_first() -> None:
    first, second, *_ = boxes(life.draw(doubling()).desk)
    assert second == pytest.approx(2 * first, rel=0.2)


def test_a_timer_is_told_and_drawn_as_it_was_set_and_not_as_late_as_somebody_looked() -> None:
    told = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=main pod=mole"}}
    late = record((0, {"terminated": over(1, 2)}, {}), (12, told, over(1, 2)), (17, {"running": {"startedAt": stamp(17)}}, over(1, 2)))
    seen = life.read(late)
    assert seen is not None
    assert tries.in_words(seen.tries) == " Waits before another try, in order: 15 s (timer 10 s)."
    made = life.draw(late)
    assert ">timer 10 s</text>" in made.desk
    filled = float(re.search(r'width="([\d.]+)"[^>]*fill="var\(--sd-wait-tint', made.desk).group(1))  # type: ignore[union-attr]
    assert filled / boxes(made.desk)[0] == pytest.approx(10 / 15, abs=0.05)


def test_an_end_that_was_seen_only_afterwards_is_a_try_too() -> None:
    seen = life.read(record((0, {"running": {"startedAt": stamp(20)}}, {"terminated": over(1, 9)})))
    assert seen is not None
    assert [t.end for t in seen.tries] == ["Error, exit code 1", ""]
    assert [b - a for a, b, _ in waits(seen.tries)] == [11]


def test_what_could_not_be_started_took_no_time() -> None:
    never = over(0, 4, 128, "StartError") | {"startedAt": "1970-01-01T00:00:00Z"}
    assert tries.ended_try(never, "x", 1.0) == Try(BEGAN + 4, BEGAN + 4, "x", False, 1.0)
    assert [moment(nothing) for nothing in ("0001-01-01T00:00:00Z", None, "", "soon")] == [0.0] * 4


def test_a_prediction_begins_where_the_second_wait_began_and_is_as_long_as_was_said() -> None:
    made = life.draw(doubling(), said=Said(10, 0.0, 0.0))
    assert made.read.endswith("You said 10 s for the second wait; it was 20 s.")
    left, right = map(float, re.search(r'<path d="M([\d.]+) [^"]*H([\d.]+)"[^>]*--sd-you', made.desk).groups())  # type: ignore[union-attr]
    assert right - left == pytest.approx(boxes(made.desk)[0], abs=14), "the first wait took what was said of the second"
    assert ">you: 10 s</text>" in made.desk
    assert "--sd-you" not in life.draw(doubling()).desk


def test_before_the_second_wait_is_over_nothing_is_compared() -> None:
    made = life.draw(until("end"), "crash", now_s=MARKS["end"], said=Said(40, 0.0, 0.0))
    assert made.read.endswith("You said 40 s for the second wait; that one is not over yet.")
    assert "you: 40 s" not in made.desk


def test_a_good_end_is_followed_by_a_wait_as_a_bad_one_is_and_is_not_red() -> None:
    def drawn(code: int) -> str:
        return life.draw(record((0, {"running": {"startedAt": stamp(20)}}, {"terminated": over(1, 9, code, "Completed")}))).desk

    assert boxes(drawn(0)) == boxes(drawn(1))
    assert 'fill="var(--sd-fail,' not in drawn(0)
    assert 'fill="var(--sd-fail,' in drawn(1)


def test_before_the_first_end_there_is_no_bar() -> None:
    seen = life.read(record((0, {"running": {"startedAt": stamp(1)}}, {})))
    assert seen is not None
    assert tries.height_px(seen.tries, None) == 0


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("attempts", [1, 2, 7, 40])
def test_no_word_overlaps_or_leaves_it_however_long_and_however_often(seed: int, attempts: int) -> None:
    said = Said(random.Random(seed).choice([0, 10, 20, 400]), 0.0, 0.0)
    seen = life.read(generated.containers(seed, attempts))
    assert seen is not None
    for w in (DESK_PX, PHONE_PX):
        assert life.picture(seen, w, "x", 3000.0 * seed, said).problems() == []
        assert life.picture(seen, w, "x", 3000.0 * seed).problems() == []
