"""Every page in Chromium, wide and narrow, light and dark: quiet console, no foreign request, nothing cut off."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from book_tree import Built, toc_pages
from by_ear import THEMES_OWN, serious
from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser

LOCAL = ("file://", "data:", "http://localhost", "http://127.0.0.1")
DESK, PHONE = 1280, 390

# Words that overlap others, leave their picture, or leave the shape that they name.
BAD_WORDS = """() => {
  const bad = [], eps = 1;
  const inside = (a, b) => a.left >= b.left - eps && a.right <= b.right + eps && a.top >= b.top - eps && a.bottom <= b.bottom + eps;
  const meet = (a, b) => a.left < b.right - eps && b.left < a.right - eps && a.top < b.bottom - 3 && b.top < a.bottom - 3;
  for (const svg of document.querySelectorAll('figure.sd svg')) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) continue;
    if (!svg.closest('.sd-scroll') && !inside(frame, svg.closest('figure').getBoundingClientRect())) bad.push('picture leaves its card');
    const texts = [...svg.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()]).filter(([, box]) => box.width);
    for (const [t, box] of texts) {
      if (!inside(box, frame)) bad.push('outside the picture: ' + t.textContent);
      if (parseFloat(getComputedStyle(t).fontSize) < 12) bad.push('too small: ' + t.textContent);
      const shape = t.closest('g.node, g.cluster')?.querySelector('rect, polygon, path, ellipse');
      if (shape && !inside(box, shape.getBoundingClientRect()))
        bad.push('outside its shape: ' + t.textContent);
      for (const [u, other] of texts) if (t !== u && meet(box, other)) bad.push('overlap: ' + t.textContent + ' / ' + u.textContent);
    }
  }
  return bad;
}"""


@dataclass
class Visit:
    """A page that is open, and what went wrong while it opened."""

    page: Page
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def visit(browser: Browser, address: str, width: int, theme: str) -> Visit:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(20_000)
    seen = Visit(page)

    def judge(route: Route) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            seen.foreign.append(route.request.url)
            route.abort()

    page.route("**/*", judge)
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    page.goto(address, wait_until="load")
    return seen


@pytest.mark.parametrize("at, name", enumerate(toc_pages()))
def test_a_page_opens_quietly_fits_wide_and_narrow_and_can_be_read_by_ear(book: Built, chromium: Browser, at: int, name: str) -> None:
    """Light and dark; what axe-core says of it in one of the two, in turn."""
    first, then = ("light", "dark") if at % 2 else ("dark", "light")
    seen = visit(chromium, (book.html / f"{name}.html").as_uri(), DESK, first)
    try:
        assert seen.page.evaluate("document.documentElement.dataset.theme") == first
        found = serious(seen.page)  # before any change of size: the theme looks for what scrolls only some time after one
        assert {rule: places for rule, places in found.items() if rule not in THEMES_OWN} == {}
        for theme in (first, then):
            seen.page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            for width in (DESK, PHONE):
                seen.page.set_viewport_size({"width": width, "height": 900})
                assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
                assert seen.page.evaluate(BAD_WORDS) == []
        assert seen.foreign == []
        assert seen.errors == []
    finally:
        seen.page.close()


@pytest.mark.parametrize("width, shown, hidden", [(DESK, "desk", "phone"), (PHONE, "phone", "desk")])
def test_the_figure_that_fits_is_the_one_that_is_shown(book: Built, chromium: Browser, width: int, shown: str, hidden: str) -> None:
    seen = visit(chromium, (book.html / "book/12-deployment.html").as_uri(), width, "light")
    try:
        assert [figure.is_visible() for figure in seen.page.locator(f"figure.sd .sd-{shown}").all()] == [True, True]
        assert [figure.is_visible() for figure in seen.page.locator(f"figure.sd .sd-{hidden}").all()] == [False, False]
    finally:
        seen.page.close()


def test_the_ink_of_a_figure_follows_the_theme(book: Built, chromium: Browser) -> None:
    ink = {}
    for theme in ("light", "dark"):
        seen = visit(chromium, (book.html / "book/11-pod.html").as_uri(), DESK, theme)
        colour = seen.page.evaluate("getComputedStyle(document.querySelector('figure.sd text.b')).fill.match(/\\d+/g).map(Number)")
        ink[theme] = sum(colour) / 3
        seen.page.close()
    assert ink["light"] < 80
    assert ink["dark"] > 175


def test_folded_answers_are_printed(book: Built, chromium: Browser) -> None:
    seen = visit(chromium, (book.html / "book/13-ingress.html").as_uri(), DESK, "light")
    try:
        seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert [answer.is_visible() for answer in seen.page.get_by_text("tempting").all()] == [True] * seen.page.get_by_text(
            "tempting"
        ).count()
        assert seen.page.get_by_text("tempting").count() >= 3
    finally:
        seen.page.close()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_sidebar_button_shows_and_hides_the_table_of_contents(book: Built, chromium: Browser, width: int) -> None:
    seen = visit(chromium, (book.html / "book/11-pod.html").as_uri(), width, "light")
    on_screen = "() => { const b = document.querySelector('.bd-links a').getBoundingClientRect(); return b.width > 0 && b.right > 0; }"
    try:
        before = seen.page.evaluate(on_screen)
        assert before == (width == DESK)
        seen.page.locator("button.primary-toggle:visible").first.click()
        seen.page.wait_for_function(f"({on_screen})() !== {str(before).lower()}")
        if width == PHONE:
            seen.page.locator(".bd-links").get_by_role("link", name="Ingress", exact=True).click()
            seen.page.wait_for_url("**/book/13-ingress.html")
    finally:
        seen.page.close()


def test_an_answer_is_folded_until_it_is_asked_for(book: Built, chromium: Browser) -> None:
    seen = visit(chromium, (book.html / "book/13-ingress.html").as_uri(), DESK, "light")
    try:
        answer = seen.page.locator("div.solution").first
        words = answer.get_by_text("nobody acts on it")
        assert not words.is_visible()
        answer.locator("button").click()
        words.wait_for(state="visible")
    finally:
        seen.page.close()


def test_a_foreign_request_a_console_error_and_cut_off_words_would_be_noticed(tmp_path: Path, chromium: Browser) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<html><body style='width: 2000px'><img src='https://cdn.example/x.png'><script>throw Error('loud')</script><figure class='sd'>"
        "<svg width='40' height='30'><g class='node'><rect width='20' height='20'/>"
        "<text y='14'>far too long</text><text y='15'>on top</text></g></svg></figure>",
        encoding="utf-8",
    )
    seen = visit(chromium, bad.as_uri(), PHONE, "light")
    try:
        assert seen.foreign == ["https://cdn.example/x.png"]
        assert any("loud" in error for error in seen.errors)
        assert seen.page.evaluate("document.documentElement.scrollWidth") > PHONE
        complaints = seen.page.evaluate(BAD_WORDS)
        assert {"outside the picture: far too long", "outside its shape: far too long", "overlap: far too long / on top"} <= set(complaints)
    finally:
        seen.page.close()
