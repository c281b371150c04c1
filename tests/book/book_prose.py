"""What a reader reads in a page of the book or in the words of a lab: its sentences, its terms, without code and markup."""

from __future__ import annotations

import re
from pathlib import Path

from book_tree import ROOT, toc_pages

PAGES = [ROOT / f"{page}.md" for page in toc_pages() if not page.startswith("labs/solutions/")]
LABS = sorted((ROOT / "labs" / "src").glob("*.md"))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return path.name


def prose(text: str) -> str:
    """What is read as sentences: no front matter, code, tables, options or headings; the bodies of directives stay."""
    text = re.sub(r"\A---\n.*?^---$|^\+\+\+[^\n]*$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^```(?!\{exercise|\{solution|\{glossary)[^\n]+\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(?:```.*|:\w+:.*|\|.*|#.*|\([\w-]+\)=)$", "", text, flags=re.MULTILINE)
    text = unlink(re.sub(r"\{(?!term)\w+\}`([^`]+)`", r"\1", text))
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


def unlink(text: str) -> str:
    """The words of the glossary's links, as they are shown."""
    return re.sub(r"\{term\}`([^`<]*?)(?: <[^`]*>)?`", r"\1", text)


def sentences(text: str) -> list[str]:
    blocks = re.split(r"\n\s*\n|\n(?=(?:[-*]|\d+\.) )|\\\n", prose(text))
    found = [s for block in blocks for s in re.split(r"(?<=[.!?:])[*\"]*\s+(?=[*\"`(A-Z0-9])", " ".join(block.split()))]
    return [s for s in found if len(s.split()) > 1]


def bold_terms(text: str) -> list[str]:
    return [m.split("<")[-1].strip(" >") for m in re.findall(r"\*\*\{term\}`([^`]+)`\*\*", text)]


def glossary() -> list[str]:
    body = re.search(r"```\{glossary\}\n(.*?)```", read(ROOT / "book" / "glossary.md"), re.DOTALL)
    assert body
    return [line for line in body[1].splitlines() if line and not line.startswith(" ")]
