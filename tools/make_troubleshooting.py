"""Write the book's list of errors from the table behind `shallowdive explain`: python tools/make_troubleshooting.py"""

from __future__ import annotations

from pathlib import Path

from shallowdive.doctor.troubles import troubles

FILE = Path(__file__).parent.parent / "book" / "troubleshooting.txt"
GROUPS = {"E": "The machine", "C": "The cluster", "W": "Waiting", "P": "Programs", "L": "A cell of a lab", "K": "The check"}


def text() -> str:
    lines: list[str] = []
    group = ""
    for trouble in troubles().values():
        letter = trouble.code[3]
        if letter != group:
            group = letter
            lines += [f"## {GROUPS[letter]}", ""]
        lines += [
            f"({trouble.code.lower()})=", f"### {trouble.code}", "", trouble.symptom, "", f"**Why.** {trouble.cause}", "",
            f"**What to do.** {trouble.fix}", "", f"How we know: `{trouble.known}` makes it happen.", "",
        ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
