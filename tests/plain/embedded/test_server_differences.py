"""The table of differences: complete rows, and the copy in the book is the one the code prints."""

from __future__ import annotations

from pathlib import Path

from shallowdive.embedded.differences import DIFFERENCES, as_markdown

BOOK = Path(__file__).parents[3] / "book"


def test_the_book_prints_the_table_as_it_is_in_the_code() -> None:
    assert (BOOK / "embedded-differences.txt").read_text() == as_markdown(), "python tools/make_differences.py"


def test_every_row_has_a_name_of_its_own_and_says_what_differs_and_why() -> None:
    assert len({d.name for d in DIFFERENCES}) == len(DIFFERENCES)
    for row in DIFFERENCES:
        assert all(row), row
        assert row.real != row.embedded
        assert not any("|" in text or "\n" in text for text in row)
