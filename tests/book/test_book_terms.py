"""A term of the glossary is a link where a chapter first uses it, so that a reader who starts in the middle is not stuck."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from book_prose import glossary, name, read
from book_tree import chapter_paths

EVERYDAY = {
    "01": {"ready"}, "04": {"ready", "limit"}, "05": {"request"}, "06": {"request", "limit"}, "08": {"request", "limit"},
    "10": {"request", "limit", "status"}, "11": {"request", "limit"}, "12": {"request"}, "13": {"request", "status", "watch"},
}  # fmt: skip
"""Chapters that use such a word in its everyday sense first: a web request, a ready meal, the limit of a comparison."""
ROLE = re.compile(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`")


def body(text: str) -> str:
    """The sections between the goals and the summary; code, tables, headings and other links are blank, and lengths stay."""

    def blank(found: re.Match[str]) -> str:
        return found[0] if found[0].startswith("{term}") else re.sub(r"[^\n]", "\0", found[0])

    for pattern in (
        r"^```.*?^```$", r"\A.*?(?=^## (?!What you will))", r"^## What you now know.*", r"^(?:#|\||:\w+:|\([^\n]*\)=)[^\n]*$",
        r"\{term\}`[^`]*`|`[^`]*`", r"\[[^\]]*\]\([^)]*\)",
    ):  # fmt: skip
        text = re.sub(pattern, blank, text, flags=re.MULTILINE | re.DOTALL)
    return text


def unlinked(text: str, terms: list[str], everyday: set[str]) -> list[str]:
    """Terms whose first use is no link. A word inside a longer term is not a use of the shorter one; names keep their capitals."""
    text, found = body(text), []
    links = [(m.start(), m.end(), m[1].lower()) for m in ROLE.finditer(text)]
    for term in (t for t in terms if t not in everyday):
        longer = [m.span() for t in terms if len(t) > len(term) for m in re.finditer(re.escape(t), text, re.IGNORECASE)]
        for use in re.finditer(rf"(?<![\w{{-]){re.escape(term)}(?:s|es)?(?![\w-])", text, re.IGNORECASE if term.islower() else 0):
            link = next((to for start, end, to in links if start <= use.start() < end), None)
            if link == term.lower():
                break
            if link is None and not any(start <= use.start() < end for start, end in longer):
                found.append(f"{term}: …{text[max(0, use.start() - 40) : use.end() + 20]}…")
                break
    return found


@pytest.mark.parametrize("path", chapter_paths(), ids=name)
def test_a_term_is_a_link_where_a_chapter_first_uses_it(path: Path) -> None:
    assert unlinked(read(path), glossary(), EVERYDAY.get(path.name[:2], set())) == []


def test_a_term_without_a_link_would_be_noticed() -> None:
    text = (
        "## What you will be able to say\n\nPods.\n\n## One\n\nA `pod`. Two {term}`pods <pod>` on a node. A pod.\n\n```text\nkubelet\n```\n"
    )
    assert [f.partition(":")[0] for f in unlinked(text, ["kubelet", "node", "pod"], set())] == ["node"]
