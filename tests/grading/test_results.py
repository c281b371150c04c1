"""Marks in the formats of schools: no formula, no script, no control character comes out of what a student wrote."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from shallowdive.checks import CheckResult
from shallowdive.grading.results import CSP, as_csv, as_gradescope, as_junit, class_page, harmless, student_page, write
from shallowdive.grading.row import Row

EVIL = '=HYPERLINK("http://x","y")<script>alert(1)</script>\x00\x1b[31m\ud800&"\''


def row(student: str = "ada", *met: bool, note: str = "") -> Row:
    made = Row(student, "12-deployment", 1, "graded", notes=[note] if note else [], seconds=12.3, cluster="kind", isolation="limits")
    results = [CheckResult(f"c{i}", ok, f"want {note}", f"got {note}", "" if ok else f"look {note}") for i, ok in enumerate(met)]
    made.judged(results, frozenset({"c0"}))
    return made


def review(student: str = "bob", why: str = "unreadable") -> Row:
    made = row(student, True, True)
    made.for_review(why)
    return made


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\r=1", "\n@x"])
def test_what_a_spreadsheet_would_calculate_is_text(text: str) -> None:
    assert harmless(text).startswith("'")


def test_a_table_has_a_mark_for_each_criterion_and_none_where_nobody_judged() -> None:
    table = list(csv.reader(io.StringIO(as_csv([row("ada", True, True, False), review()]))))
    assert table == [
        ["student", "state", "points", "of", "c0", "c1", "c2", "why", "notes"],
        ["ada", "graded", "1", "2", "1", "1", "0", "", ""],
        ["bob", "needs review", "", "", "", "", "", "unreadable", ""],
    ]


def test_review_is_an_error_and_no_failure_in_junit() -> None:
    suites = list(ET.fromstring(as_junit([row("ada", True, True, False), review()])))
    assert [(s.get("name"), s.get("tests"), s.get("failures"), s.get("errors")) for s in suites] == [
        ("ada", "3", "1", "0"),
        ("bob", "1", "0", "1"),
    ]
    assert suites[1].find("testcase/failure") is None


def test_gradescope_gets_scores_of_what_carries_points_and_no_score_where_nobody_judged() -> None:
    good = as_gradescope(row("ada", True, True, False))
    assert good["score"] == 1
    assert [(t["score"], t["max_score"], t["status"]) for t in good["tests"]] == [(0, 0, "passed"), (1, 1, "passed"), (0, 1, "failed")]  # type: ignore[attr-defined]
    assert "score" not in as_gradescope(review())


def test_nothing_that_a_student_wrote_is_a_tag_a_formula_or_a_control_character(tmp_path: Path) -> None:
    rows = [row(EVIL, True, False, note=EVIL), review(EVIL + "2", why=EVIL)]
    rows[0].cells = [EVIL]
    written = write(rows, tmp_path / "out")
    assert all(p.resolve().is_relative_to((tmp_path / "out").resolve()) for p in written)
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert "\x00" not in text
        assert "\x1b" not in text
        if path.suffix == ".html":
            tags = Tags(text).found
            assert "script" not in {t for t, _ in tags}
            assert not any(name.startswith("on") for _, attrs in tags for name in attrs)
            assert ("meta", {"http-equiv": "Content-Security-Policy", "content": CSP}) in tags
        elif path.suffix == ".json":
            json.loads(text)
        elif path.suffix == ".xml":
            ET.fromstring(text)
        else:
            assert all(not cell.startswith("=") for line in csv.reader(io.StringIO(text)) for cell in line)


def test_pages_say_points_what_was_missed_and_where_to_look() -> None:
    page = student_page(row("ada", True, True, False, note="n"))
    assert "<strong>1 of 2</strong>" in page
    assert "no points: the notebook meets it as it is handed out" in page
    assert "look n" in page
    overview = class_page([row("ada", True, True, False), row("cy", True, True, True), review()], {"ada": "1", "bob": "2", "cy": "3"})
    assert "1 full, 1 in part, 1 need review" in overview
    assert "<td>c2</td><td>1 of 2</td>" in overview
