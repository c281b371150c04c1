"""The player of recordings: the future is closed until the reader has said what will be; then play, scrub and step, also by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from book_tree import Built, chapter_paths
from playwright.sync_api import Browser, Locator, Page, expect
from test_book_browser import DESK, PHONE, visit

pytestmark = pytest.mark.browser

CHAPTERS = [path.stem for path in chapter_paths() if "{replay}" in path.read_text(encoding="utf-8")]
MOST_BYTES = 150_000
PLAYED_MS = 30_000
"""A minute and a half of recording, eight times as fast, beside other tests."""
END = {
    "01-what-is-kubernetes": ("0", "You said 0 ready 10 s after the act; it was 3."),
    "02-why-kubernetes": ("3", "You said 3 ready 8 s after the act; it was 1."),
    "03-what-it-is-not": ("2", "You said 2 ready 7 s after the act; it was 3."),
    "04-why-containers": ("1", "You said 1 ready 3 s after the act; it was 2."),
    "05-architecture": ("4", "You said 4 ready 8 s after the act; it was 3."),
    "06-resource-model": ("3", "You said 3 ready 8 s after the act; it was 4."),
    "08-cluster": ("2", "You said 2 ready 30 s after the act; it was 4."),
    "09-persistent-volumes": ("1", "You said 1 ready 1 s after the act; it was 0."),
    "10-containers": ("4", "You said 4 ready 25 s after the act; it was 1."),
    "11-pod": ("1", "You said 1 ready 3 s after the act; it was 0."),
    "12-deployment": ("3", "You said 3 ready 8 s after the act, and it was."),
    "13-ingress": ("4", "You said 4 ready 6 s after the act; it was 2."),
}
HEAR = """() => { window.heard = [];
  const told = document.querySelector('.sd-replay [role=status]');
  new MutationObserver(() => window.heard.push(told.textContent)).observe(told, {childList: true}); }"""
CONTROLS = ".sd-bar button, .sd-bar input, .sd-bar select"


@contextmanager
def player(book: Built, browser: Browser, name: str = "12-deployment", width: int = DESK) -> Iterator[tuple[Page, Locator]]:
    seen = visit(browser, (book.html / "book" / f"{name}.html").as_uri(), width, "light")
    try:
        yield seen.page, seen.page.locator("figure.sd-replay")
        assert (seen.errors, seen.foreign) == ([], [])
    finally:
        seen.page.close()


def said(figure: Locator, answer: str) -> None:
    figure.locator(f"label:has(input[value='{answer}'])").click()


def covered_px(figure: Locator) -> float:
    return float(figure.locator(".sd-desk .sd-cover rect").first.get_attribute("width") or 0)


def second(figure: Locator) -> float:
    return float(figure.locator(".sd-clock").inner_text().split(" of ")[0])


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_future_is_closed_until_the_reader_has_answered(book: Built, chromium: Browser, name: str) -> None:
    with player(book, chromium, name) as (page, figure):
        at = second(figure)
        assert covered_px(figure) > 300
        assert [control.is_disabled() for control in figure.locator(CONTROLS).all()] == [True] * 5
        assert figure.get_by_role("button", name="Predict and play").is_disabled()
        assert not figure.locator("details").is_visible()
        assert not figure.locator(".sd-verdict").is_visible()
        label = figure.locator(".sd-desk svg").get_attribute("aria-label") or ""
        assert f"At {at:.1f} s" in label
        figure.locator(".sd-gate input").first.focus()
        page.keyboard.press("End")
        figure.dispatch_event("keydown", {"key": "End"})
        assert (second(figure), covered_px(figure) > 300) == (at, True)


@pytest.mark.parametrize("name", CHAPTERS)
def test_predict_then_play_then_the_verdict(book: Built, chromium: Browser, name: str) -> None:
    answer, verdict = END[name]
    with player(book, chromium, name) as (page, figure):
        page.evaluate(HEAR)
        said(figure, answer)
        figure.get_by_role("button", name="Predict and play").click()
        figure.get_by_label("Speed").select_option("8")
        expect(figure.locator(".sd-desk .sd-said.sd-shown")).to_have_attribute("data-answer", answer)
        expect(figure.locator(".sd-verdict b")).to_have_text(verdict, timeout=PLAYED_MS)
        expect(figure.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=PLAYED_MS)
        assert covered_px(figure) == 0
        assert figure.locator(".sd-desk .sd-happened.sd-shown").get_attribute("data-answer") == answer
        assert figure.locator(".sd-desk .sd-said.sd-shown").count() == 0
        assert verdict in (figure.locator(".sd-desk svg").get_attribute("aria-label") or "")
        heard = page.evaluate("window.heard")
        assert [verdict in sentence for sentence in heard].count(True) == 1
        assert len(heard) <= 6
        assert figure.locator("details").is_visible()
        assert figure.locator(".sd-gate input").first.is_disabled()


def test_everything_works_by_keyboard_alone(book: Built, chromium: Browser) -> None:
    with player(book, chromium) as (page, figure):
        figure.locator(".sd-gate input").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")  # the next answer, and no answer given yet
        assert figure.locator(".sd-gate input:checked").get_attribute("value") == "2"
        assert covered_px(figure) > 300
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(figure.get_by_role("button", name="Pause")).to_be_focused()
        page.keyboard.press("Space")
        expect(figure.get_by_role("button", name="Play", exact=True)).to_be_focused()
        page.keyboard.press("Home")
        assert second(figure) == 0
        page.keyboard.press("ArrowRight")
        first, words = second(figure), figure.locator(".sd-now").inner_text()
        assert first > 0
        page.keyboard.press("ArrowRight")
        assert second(figure) > first
        page.keyboard.press("ArrowLeft")
        assert (second(figure), figure.locator(".sd-now").inner_text()) == (first, words)
        expect(figure.get_by_role("status")).to_contain_text(words)
        page.keyboard.press("End")
        expect(figure.locator(".sd-verdict b")).to_have_text("You said 2 ready 8 s after the act; it was 3.")
        assert page.url.endswith("12-deployment.html")


def test_the_range_scrubs_and_space_plays_from_the_figure(book: Built, chromium: Browser) -> None:
    with player(book, chromium) as (page, figure):
        said(figure, "2")
        figure.get_by_role("button", name="Predict and play").click()
        figure.get_by_role("slider", name="Moment").fill("6")
        assert second(figure) == 6
        assert figure.get_by_role("button", name="Play", exact=True).count() == 1
        half = covered_px(figure)
        figure.get_by_role("slider", name="Moment").press("Space")
        expect(figure.get_by_role("button", name="Pause")).to_be_visible()
        page.wait_for_function(f"document.querySelector('.sd-desk .sd-cover rect').getAttribute('width') < {half - 5}")


def test_a_pod_that_is_not_born_has_no_name_yet(book: Built, chromium: Browser) -> None:
    covers = "() => [...document.querySelectorAll('.sd-desk .sd-cover rect[fill*=paper]')].map(r => Number(r.getAttribute('width')) > 0)"
    with player(book, chromium) as (page, figure):
        assert page.evaluate(covers) == [True] * 3
        said(figure, "2")
        figure.get_by_role("button", name="Predict and play").click()
        figure.press("End")
        assert page.evaluate(covers) == [False] * 3


def test_who_wants_less_motion_sees_the_end_at_once(book: Built, chromium: Browser) -> None:
    with player(book, chromium) as (page, figure):
        page.emulate_media(reduced_motion="reduce")
        said(figure, "4")
        figure.get_by_role("button", name="Predict and play").click()
        assert covered_px(figure) == 0
        assert figure.locator(".sd-verdict b").inner_text() == "You said 4 ready 8 s after the act; it was 3."


def test_nothing_is_remembered(book: Built, chromium: Browser) -> None:
    with player(book, chromium) as (page, figure):
        said(figure, "2")
        figure.get_by_role("button", name="Predict and play").click()
        kept = page.evaluate("[Object.keys(localStorage).filter(k => !['mode', 'theme'].includes(k)), document.cookie]")
        assert kept == [[], ""]
        page.reload()
        assert covered_px(figure) > 300
        assert figure.locator(".sd-gate input:checked").count() == 0


@pytest.mark.parametrize("name", CHAPTERS)
def test_printed_it_is_the_whole_picture_with_its_text(book: Built, chromium: Browser, name: str) -> None:
    with player(book, chromium, name) as (page, figure):
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        hidden = [".sd-cover", ".sd-asked", ".sd-gate", ".sd-bar", ".sd-now", ".sd-said", ".sd-happened"]
        assert [what for what in hidden for one in figure.locator(what).all() if one.is_visible()] == []
        assert figure.locator("details li").first.is_visible()
        assert figure.locator(".sd-verdict").is_visible()
        assert not figure.get_by_text("your prediction").is_visible()
        assert figure.locator("svg[role=img]:visible").count() == 1


@pytest.mark.parametrize("name", CHAPTERS)
def test_without_scripts_the_whole_picture_and_its_text_stand_there(book: Built, chromium: Browser, name: str) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": PHONE, "height": 900})
    page = context.new_page()
    try:
        page.goto((book.html / "book" / f"{name}.html").as_uri())
        figure = page.locator("figure.sd-replay")
        assert figure.locator(".sd-phone svg").is_visible()
        assert "pods lived so far" in (figure.locator(".sd-phone svg").get_attribute("aria-label") or "")
        assert not figure.locator(".sd-gate").is_visible()
        assert not figure.locator(".sd-bar").is_visible()
        assert figure.locator(".sd-verdict").is_visible()
        figure.locator("summary").click()
        assert figure.locator("details li").first.is_visible()
    finally:
        context.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_player_adds_little_to_its_page_and_nothing_to_others(book: Built, name: str) -> None:
    html = (book.html / "book" / f"{name}.html").read_text(encoding="utf-8")
    figure = re.search(r'<figure class="sd sd-replay">.*?</figure>', html, re.DOTALL)
    assert figure
    files = [book.html / "_static" / file for file in ("replay.js", "replay.css")]
    assert len(figure[0].encode()) + sum(file.stat().st_size for file in files) <= MOST_BYTES
    assert "replay.js" in html
    assert " id=" not in figure[0]
    assert "replay.js" not in (book.html / "book" / "glossary.html").read_text(encoding="utf-8")
