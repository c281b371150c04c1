"""The report on the judges in the book is the one that the suite gives."""

from __future__ import annotations

import sys
from pathlib import Path

from shallowdive.checks import LABS

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))


def test_the_books_report_is_fresh_and_an_untouched_notebook_never_passes() -> None:
    import grader_report

    made = grader_report.report()
    assert grader_report.FILE.read_text(encoding="utf-8") == made, "python tools/grader_report.py"
    assert made.count("not passed |") == len(LABS)
    for lab in LABS.values():
        assert grader_report.nothing_done(grader_report.cases_of(lab)).red, lab.id
