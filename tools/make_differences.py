"""Write the table of differences that the book prints: python tools/make_differences.py"""

from __future__ import annotations

from pathlib import Path

from shallowdive.embedded.differences import as_markdown

FILE = Path(__file__).parent.parent / "book" / "embedded-differences.txt"

if __name__ == "__main__":
    FILE.write_text(as_markdown(), encoding="utf-8")
