"""What the player of the book is given: the Python timeline, where to cover it, what happened in words, and the verdict for each answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shallowdive.errors import BadAnswer
from shallowdive.live import recording
from shallowdive.views import replay, timeline
from shallowdive.views.frame import DESK_PX, PHONE_PX
from shallowdive.views.lives import lives

LABS = Path(__file__).parents[2] / "labs"
SCENES = {
    "01-what-is-kubernetes": ("delete-all", "stop", 1.0),
    "11-pod": ("delete", "after-delete", 3.0),
    "12-deployment": ("version-2", "report-2", 8.0),
    "13-ingress": ("break-readiness", "break-namespace", 6.0),
}


def scene(lab: str, answers: tuple[int, ...] = (0, 3, 7), title: str = "Title") -> tuple[recording.Recording, replay.Scene]:
    kept = recording.read(LABS / "traces" / f"{lab}.json")
    act, until, after_s = SCENES[lab]
    return kept, replay.scene_of(kept, title, "How many?", answers, start=act, until=until, act=act, after_s=after_s, why="Because a < b.")


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    made: dict[str, Any] = json.loads(found[1])
    return made


@pytest.mark.parametrize("lab", SCENES)
def test_each_step_says_how_many_pods_the_chart_shows_as_ready(lab: str) -> None:
    kept, shown = scene(lab)
    seen = lives(recording.replay(kept, shown.until_s)[1], shown.until_s, shown.since_s)
    told = replay.steps(seen)
    assert len(told) >= 4
    assert [at for at, _ in told] == sorted(at for at, _ in told)
    for at, words in told:
        assert words.endswith(f" {seen.count(at)} ready.")


def test_a_step_names_who_came_into_which_state() -> None:
    kept, shown = scene("11-pod")
    seen = lives(recording.replay(kept, shown.until_s)[1], shown.until_s, shown.since_s)
    words = [words for _, words in replay.steps(seen)]
    assert any(re.search(r"flat: terminating\. 0 ready\.$", w) for w in words)
    assert any("flat: gone" in w or "flat: starting" in w for w in words)
    assert words[-1] == "flat: ready. 1 ready."


@pytest.mark.parametrize("width", [DESK_PX, PHONE_PX])
@pytest.mark.parametrize("lab", SCENES)
def test_the_covers_lie_where_the_timeline_has_drawn_its_lanes(lab: str, width: int) -> None:
    kept, shown = scene(lab)
    html = replay.html(kept, shown)
    view = data_of(html)["views"][width == PHONE_PX]
    svg = re.findall(r"<svg role=.*?</svg>", html, re.DOTALL)[width == PHONE_PX]
    names = [float(y) - 11 for y in re.findall(r'<text [^>]*y="([\d.]+)"[^>]*text-anchor="end" class="m"', svg)]
    born_later = [y for _, y in view["lanes"]]
    assert born_later
    assert set(born_later) <= set(names)
    assert names[-len(born_later) :] == born_later
    assert view["areas"][0][1] < view["areas"][1][0] < min(names)
    assert view["areas"][1][1] > max(names) + 11


@pytest.mark.parametrize("lab", SCENES)
def test_the_picture_has_room_for_every_answer_and_no_text_in_the_way(lab: str) -> None:
    kept, shown = scene(lab, (0, 30))
    seen = lives(recording.replay(kept, shown.until_s)[1], shown.until_s, shown.since_s)
    for width in (DESK_PX, PHONE_PX):
        picture = timeline.picture(seen, width, "facts", room_for=30)
        assert picture.problems() == []
        assert [t for _, t in picture.boxes].count("30") == 1


@pytest.mark.parametrize("lab", SCENES)
def test_what_an_answer_draws_is_there_for_each_answer_and_only_its_own(lab: str) -> None:
    kept, shown = scene(lab)
    html = replay.html(kept, shown)
    for part in ("said", "happened"):
        drawn = re.findall(rf'<g class="sd-{part}" data-answer="(\d+)">(.*?)</g>', html)
        assert [n for n, _ in drawn] == ["0", "3", "7"] * 2
        assert all("--sd-you" in shapes for _, shapes in drawn)
        assert all(("--sd-ready" in shapes) == (part == "happened") for _, shapes in drawn)


@pytest.mark.parametrize("lab", SCENES)
def test_there_is_a_verdict_for_each_answer_and_at_most_one_was_right(lab: str) -> None:
    verdicts = data_of(replay.html(*scene(lab, (0, 1, 2, 3, 4, 5))))["verdicts"]
    assert list(verdicts) == ["0", "1", "2", "3", "4", "5"]
    assert [n for n, words in verdicts.items() if words.endswith("and it was.")] == [
        n for n in verdicts if all(f"it was {n}." in words for m, words in verdicts.items() if m != n)
    ]


def test_a_figure_has_no_id_no_empty_line_and_escapes_what_it_is_given() -> None:
    html = replay.html(*scene("12-deployment", title='A "<b>" title'))
    assert " id=" not in html
    assert "\n\n" not in html
    assert "<b>&quot;" not in html
    assert "&lt;b&gt;" in html
    assert "Because a &lt; b." in html
    assert data_of(html)["title"] == 'A "<b>" title'


def test_a_cell_that_the_lab_does_not_have_is_named_with_those_it_has() -> None:
    kept = recording.read(LABS / "traces" / "12-deployment.json")
    with pytest.raises(BadAnswer, match=r"no such cell") as refused:
        replay.scene_of(kept, "T", "Q?", (1,), start="version-2", until="nowhere", act="version-2", after_s=1)
    assert "nowhere" in str(refused.value)
    assert "report-2" in str(refused.value)


@pytest.mark.parametrize("path", sorted((LABS / "solutions").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_picture_in_an_executed_solution_is_a_snapshot_and_no_widget(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    kinds = {kind for cell in code for output in cell["outputs"] for kind in output.get("data", {})}
    assert kinds <= {"text/html", "text/plain", "image/svg+xml"}
    for cell in code:
        if re.search(r"^session\.show\(", "".join(cell["source"]), re.MULTILINE):
            shown = [output["data"] for output in cell["outputs"] if "<svg" in "".join(output.get("data", {}).get("text/html", ""))]
            assert len(shown) == 1, cell["id"]
            assert "".join(shown[0]["text/plain"]).strip()
