"""The build is strict, complete, and needs nothing but Python."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

from book_tree import ROOT, Built, build, toc_pages

LOADS = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "object": ("data",),
    "embed": ("src",),
}
LINKS_THAT_LOAD = {"stylesheet", "preload", "prefetch", "preconnect", "dns-prefetch", "icon", "shortcut icon", "modulepreload", "manifest"}
REPLAY = ":title: T\n:from: a\n:to: b\n:question: Q?\n:answers: 1, 2\n:after: 3"
ELSEWHERE = re.compile(r"^\s*(?:https?:)?//")


class Loaded(HTMLParser):
    """Addresses that a browser asks for when it opens the page, not those that a reader may click."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        names = LOADS.get(tag, ())
        if tag == "link" and (found.get("rel") or "") in LINKS_THAT_LOAD:
            names = ("href",)
        self.addresses += [found[name] or "" for name in names if name in found]


def loaded_by(html: str) -> list[str]:
    parser = Loaded()
    parser.feed(html)
    return parser.addresses


def test_the_strict_build_writes_a_page_for_every_entry_of_the_table_of_contents(book: Built) -> None:
    missing = [page for page in ["index", *toc_pages()] if not (book.html / f"{page}.html").is_file()]
    assert missing == []
    assert "WARNING" not in book.output


def test_no_page_is_empty_and_every_page_has_its_title(book: Built) -> None:
    """A build that ends well and publishes nothing has happened to others: each page has its heading, and words below it."""
    thin = {}
    for page in toc_pages():
        source = ROOT / f"{page}.md"
        text = source.read_text(encoding="utf-8") if source.exists() else cells_of(ROOT / f"{page}.ipynb")
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        assert title, page
        article = re.search(r"<article[^>]*>(.*?)</article>", (book.html / f"{page}.html").read_text(encoding="utf-8"), re.DOTALL)
        words = re.sub(r"<[^>]+>", " ", article[1]).split() if article else []
        if len(words) < 120 or not set(re.findall(r"\w+", title[1])) <= set(re.findall(r"\w+", " ".join(words[:40]))):
            thin[page] = (title[1], len(words), words[:12])
    assert thin == {}


def cells_of(notebook: Path) -> str:
    return "\n".join(
        "".join(c["source"]) for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "markdown"
    )


def test_the_start_page_leads_to_the_landing_page(book: Built) -> None:
    assert "book/index.html" in (book.html / "index.html").read_text(encoding="utf-8")


def test_nothing_outside_the_table_of_contents_becomes_a_page(book: Built) -> None:
    pages = {str(path.relative_to(book.html).with_suffix("")) for path in book.html.rglob("*.html") if "_static" not in path.parts}
    assert pages - set(toc_pages()) == {"index", "genindex", "search"}


def test_no_page_and_no_style_sheet_loads_anything_from_another_host(book: Built) -> None:
    found = {}
    for path in book.html.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        addresses = loaded_by(html)
        assert addresses or path.name == "index.html" or "_static" in path.parts, f"{path} loads nothing at all: is it a page?"
        if outside := [a for a in addresses if ELSEWHERE.match(a)]:
            found[path.name] = outside
    for path in book.html.rglob("*.css"):
        if outside := re.findall(r"(?:url\(|@import )\s*['\"]?((?:https?:)?//[^'\")]+)", path.read_text(encoding="utf-8")):
            found[path.name] = outside
    assert found == {}


def test_a_script_from_another_host_would_be_noticed() -> None:
    html = '<link rel="stylesheet" href="//cdn.example/x.css"><script src="https://cdn.example/x.js"></script><a href="https://k8s.io">docs</a>'
    assert [a for a in loaded_by(html) if ELSEWHERE.match(a)] == ["//cdn.example/x.css", "https://cdn.example/x.js"]


def test_the_book_uses_the_colours_of_the_package(book: Built) -> None:
    assert (book.html / "_static" / "tokens.css").read_bytes() == (ROOT / "src" / "shallowdive" / "views" / "tokens.css").read_bytes()
    page = (book.html / "book" / "11-pod.html").read_text(encoding="utf-8")
    assert re.search(r'href="\.\./_static/tokens\.css', page)


def test_a_reference_to_nothing_fails_the_build(tmp_path: Path) -> None:
    source, nothing = tmp_path / "source", tmp_path / "nothing"
    (source / "book").mkdir(parents=True)
    nothing.mkdir()
    shutil.copytree(ROOT / "book" / "_ext", source / "book" / "_ext")
    shutil.copy(ROOT / "_config.yml", source)
    (source / "_toc.yml").write_text("format: jb-book\nroot: book/index\n", encoding="utf-8")
    wrong = [
        "[nowhere](no-such-page.md)",
        "{term}`no such term`",
        "```{include} figures/no-such-figure.html\n```",
        "```{solution} no-such-question\n```",
        f"```{{replay}} no-such-trace.json\n{REPLAY}\n```",
    ]
    (source / "book" / "index.md").write_text("\n\n".join(["# Title", *wrong]), encoding="utf-8")
    built = build(source, tmp_path, nothing)
    assert built.status != 0
    complaints = ["no-such-page.md", "no such term", "no-such-figure", "no-such-question", "no-such-trace.json"]
    assert [c for c in complaints if not re.search(f"WARNING.*{c}|ERROR.*{c}|CRITICAL.*{c}", built.output)] == []
