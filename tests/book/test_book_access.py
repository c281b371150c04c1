"""A page can be read by ear, used by keyboard alone and printed; it is small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from book_tree import ROOT, Built, build, chapter_paths, toc_pages
from by_ear import THEMES_OWN, serious
from playwright.sync_api import Browser
from test_book_browser import BAD_WORDS, DESK, PHONE, visit

pytestmark = pytest.mark.browser

PAPER = 718
"""Width of A4 without its margins, in CSS pixels."""
MOST_BYTES = 600_000
CHAPTERS = [f"book/{path.stem}" for path in chapter_paths()]


def test_grey_on_grey_and_a_picture_without_words_would_be_noticed(tmp_path: Path, chromium: Browser) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<html lang='en'><title>t</title><main><p style='color: #999; background: #aaa'>Pale words.</p><img src='data:,'></main></html>"
    )
    seen = visit(chromium, bad.as_uri(), DESK, "light")
    try:
        assert {"color-contrast", "image-alt"} <= set(serious(seen.page))
    finally:
        seen.page.close()


FOCUS = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect();
  const all = [...document.querySelectorAll('*')];
  return {at: all.indexOf(e), words: (e.textContent || e.getAttribute('aria-label') || '').trim().slice(0, 40), tag: e.tagName,
          replay: Boolean(e.closest('.sd-replay')), answer: Boolean(e.closest('div.solution')),
          theirs: Boolean(e.closest('.bd-sidebar')),
          seen: box.width > 0 && box.height > 0 && getComputedStyle(e).visibility !== 'hidden', html: e.outerHTML.slice(0, 200)};
}"""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_tab_key_goes_through_a_page_in_its_order_and_a_recording_can_be_played(book: Built, chromium: Browser, width: int) -> None:
    seen = visit(chromium, (book.html / "book/12-deployment.html").as_uri(), width, "light")
    page = seen.page
    try:
        stops: list[dict[str, Any]] = []
        for _ in range(300):
            page.keyboard.press("Tab")
            stop = page.evaluate(FOCUS)
            if stop["tag"] == "BODY" or (stops and stop["at"] <= stops[0]["at"]):
                break
            stops.append(stop)
        assert "Skip to main content" in stops[0]["words"]
        places = [s["at"] for s in stops]
        assert places == sorted(places)
        assert [s["html"] for s in stops if not s["seen"] and not s["theirs"]] == []
        assert any(s["answer"] for s in stops), "no answer can be opened"
        assert any(s["replay"] for s in stops), "no answer to the recording's question can be chosen"
    finally:
        page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_printed_light_whole_and_without_the_frame_of_the_site(book: Built, chromium: Browser, name: str, theme: str) -> None:
    seen = visit(chromium, (book.html / f"{name}.html").as_uri(), PAPER, theme)
    page = seen.page
    try:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
        assert page.evaluate(BAD_WORDS) == []
        assert not page.locator(".bd-sidebar-primary").is_visible()
        answers = page.get_by_text("tempting").all()
        assert len(answers) >= 3
        assert all(a.is_visible() for a in answers)
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
    finally:
        page.close()


def test_the_search_finds_a_word_without_a_network(book: Built, chromium: Browser) -> None:
    seen = visit(chromium, f"{(book.html / 'search.html').as_uri()}?q=toleration", DESK, "light")
    try:
        seen.page.locator("#search-results li a").first.wait_for(state="visible")
        found = " ".join(seen.page.locator("#search-results li").all_inner_texts())
        assert "Cluster" in found
        assert seen.foreign == []
    finally:
        seen.page.close()


@pytest.mark.parametrize("name", toc_pages())
def test_a_page_is_small_and_loads_no_widget_manager(book: Built, name: str) -> None:
    html = (book.html / f"{name}.html").read_text(encoding="utf-8")
    player = sum((ROOT / "book" / "_static" / file).stat().st_size for file in ("replay.js", "replay.css", "book.css", "print.js"))
    assert len(html.encode()) + player <= MOST_BYTES
    assert "html-manager" not in html
    assert "require.min.js" not in html


def test_what_is_left_to_the_theme_is_the_theme_s_own(tmp_path: Path, chromium: Browser) -> None:
    source, nothing = tmp_path / "source", tmp_path / "nothing"
    nothing.mkdir()
    (source / "sub").mkdir(parents=True)
    (source / "_config.yml").write_text("title: Bare\nexecute: {execute_notebooks: 'off'}\n", encoding="utf-8")
    (source / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nchapters: [{file: one, sections: [{file: sub/two}]}]\n", encoding="utf-8"
    )
    for page in ("index", "one", "sub/two"):
        (source / f"{page}.md").write_text("# Title\n\nWords.\n", encoding="utf-8")
    bare = build(source, tmp_path, nothing)
    assert bare.status == 0, bare.output
    page = chromium.new_page()
    try:
        page.goto((bare.html / "one.html").as_uri())
        assert set(serious(page)) >= THEMES_OWN
    finally:
        page.close()
