"""`python tools/contact_sheets.py [NAME …]`: every picture on one sheet, wide and narrow, light and dark, as headless Chromium shows it.

The sheets lie in build/sheets. They are to be looked at: `problems()` finds words that overlap, not a picture that says nothing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from shallowdive.objects.traffic import Second
from shallowdive.views import bins, chain, keepers, life, lifetimes, rollout, timeline, who, xray
from shallowdive.views.frame import STYLE, Drawn, framed
from shallowdive.views.pictures import PICTURES, Sight
from shallowdive.views.said import Said

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "sheets"
DESK_PX, PHONE_PX = 700, 390
sys.path.insert(0, str(ROOT))

from tests.plain.test_views import story  # noqa: E402 - the states that the tests draw are the ones to look at
from tests.plain.views import generated  # noqa: E402
from tests.plain.views.captured import MARKS, state_at, until  # noqa: E402
from tests.plain.views.test_keepers import both as kept_by_both  # noqa: E402

Card = tuple[str, Drawn]


def cards(name: str) -> list[Card]:
    """What stands on the sheet of a picture: from kind, then few, many and odd ones."""
    whole = Sight(state_at("end"), until("end"), "views-cap", MARKS["end"], MARKS["zoo"])
    traffic = [Second(int(MARKS["create"]) + i, 10, 3 if i == 14 else 0) for i in range(2, 19)]
    more: dict[str, Callable[[], list[Card]]] = {
        "timeline": lambda: [
            ("said 4, was 5", timeline.draw(until("zoo"), MARKS["zoo"], said=Said(4, MARKS["delete"], 4))),
            ("said 5, was 5", timeline.draw(until("zoo"), MARKS["zoo"], said=Said(5, MARKS["delete"], 4))),
            ("still to come", timeline.draw(until("update"), MARKS["delete"] + 6, said=Said(0, MARKS["delete"], 30))),
            *((f"{n} pods", timeline.draw(story(n), 60.0)) for n in (60, 240, 1000)),
        ],
        "keepers": lambda: [
            ("nobody looks", keepers.draw(kept_by_both(), 140.0, said=Said(2, 119.5, 5))),
            ("after the left edge", keepers.draw(kept_by_both(), 200.0, since_s=160.0)),
        ],
        "rollout": lambda: [
            ("three requests failed", rollout.draw(until("zoo"), traffic, MARKS["zoo"], said=Said(20, MARKS["update"], 0))),
            ("a broken third version", rollout.draw(generated.versions(1, 12, 3, finished=False))),
            ("five versions of sixty", rollout.draw(generated.versions(4, 60, 5, finished=True))),
        ],
        "who": lambda: [(mark, who.draw(until(after))) for mark, after in (("scale", "delete"), ("delete", "update"), ("update", "zoo"))],
        "life": lambda: [("crash", life.draw(until("end"), pod="crash")), ("forty attempts", life.draw(generated.containers(3, 40)))],
        "bins": lambda: [
            ("memory", bins.draw(state_at("end"), "views-cap", "memory")),
            *((f"{n} nodes, {pods} pods", bins.draw(generated.nodes(5, n, pods), "d")) for n, pods in ((3, 12), (5, 60), (14, 300))),
        ],
        "chain": lambda: [("nine claims", chain.draw(generated.claims(6, 9)))],
        "lifetimes": lambda: [
            ("said 3", lifetimes.draw(generated.guest_book(1, 2), 70.0, said=Said(3, 40.0, 0))),
            ("said 1, a narrow window", lifetimes.draw(generated.guest_book(2, 3), 120.0, since_s=60.0, said=Said(1, 80.0, 0))),
            *((f"{n} pods", lifetimes.draw(generated.guest_book(n, n))) for n in (0, 1, 9)),
        ],
        "xray": lambda: [("named", xray.draw(state_at("end"), "guestbook"))],
    }
    return [("kind", PICTURES[name].draw(whole)), *(more[name]() if name in more else [])]


def sheet(browser: Browser, name: str) -> None:
    made = [framed(f"{name}: {title}", "recorded on kind", drawn) for title, drawn in cards(name)]
    for width in (DESK_PX, PHONE_PX):
        for theme in ("light", "dark"):
            paper = "#ffffff" if theme == "light" else "#14181e"
            body = f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">{STYLE}'
            body += f'<body style="margin:8px;background:{paper}">'
            page = browser.new_page(viewport={"width": width, "height": 600})
            page.set_content(body + "".join(made))
            if page.evaluate("document.documentElement.scrollWidth") > width:
                sys.stderr.write(f"{name} {width} {theme}: scrolls sideways\n")
            page.screenshot(path=OUT / f"{name}-{width}-{theme}.png", full_page=True)
            page.close()


def main() -> int:
    program = shutil.which("chromium")
    if not program:
        sys.stderr.write("no chromium on this machine: apt install chromium\n")
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name in sys.argv[1:] or list(PICTURES):
            sheet(browser, name)
        browser.close()
    sys.stdout.write(f"{OUT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
