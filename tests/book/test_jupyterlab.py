"""Views where a learner meets them: a running JupyterLab, its kernel, and a cluster that answers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from test_book_browser import BAD_WORDS, PHONE

from shallowdive.cli import lab_environment
from shallowdive.cluster import Home
from shallowdive.cluster.embedded import EmbeddedBackend
from tests.jupyterlab import command, jupyterlab, open_notebook, output_of, run_cell, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SMALLEST_SCALE = """() => Math.min(...[...document.querySelectorAll('figure.sd svg')].filter(s => s.clientWidth)
  .map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width))"""
START = """
from shallowdive.lessons import lesson
session = lesson("12-deployment")
container = {"name": "web", "image": "registry.k8s.io/e2e-test-images/agnhost:2.63.0", "args": ["netexec"]}
template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
session.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
session.wait_for("three ready", lambda now: len(now.ready_pods(app="web")) == 3)
print("three are ready")
"""
ONE, NEVER, THREADS, OTHERS = 1, 2, 3, 4
CELLS = (
    START,
    'session.show("timeline", "Three wanted, three ready");',
    'session.show("timeline", "It never comes", until=lambda now: False, within_s=200);',
    'import threading\nprint([t.name for t in threading.enumerate()].count("view"), "pictures move")',
    """for picture in ("rollout", "family", "xray", "who", "life", "bins", "chain"):
    session.show(picture)
session.trace("/", session.host("shop"))
session.explain("deployment/web")""",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a JupyterLab whose kernels find an embedded cluster."""
    folder = tmp_path_factory.mktemp("jupyterlab")
    home = Home(folder / "home", "sd-jupyterlab")
    backend = EmbeddedBackend(home, speed=5)
    backend.up(lambda _: None)
    try:
        write_notebook(folder / "views.ipynb", *CELLS)
        with jupyterlab(folder, {**lab_environment(home), "SHALLOWDIVE_LEARNER": "browser"}) as url:
            yield url
    finally:
        backend.down(lambda _: None)


@pytest.fixture
def page(lab: str, chromium: Browser) -> Iterator[Page]:
    """The notebook, its first cell run."""
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(60_000)
    try:
        open_notebook(page, lab, "views.ipynb")
        run_cell(page, 0)
        expect(output_of(page, 0)).to_contain_text("three are ready", timeout=60_000)
        yield page
    finally:
        page.close()


def test_a_cell_that_is_run_again_has_one_view(page: Page) -> None:
    for _ in range(3):
        run_cell(page, ONE)
        expect(output_of(page, ONE).locator("figure.sd")).to_have_count(1, timeout=30_000)
        wait_idle(page)
    assert page.locator("figure.sd").count() == 1
    assert output_of(page, ONE).locator(".widget-dropdown").count() == 1
    run_cell(page, THREADS)
    expect(output_of(page, THREADS)).to_contain_text("1 pictures move", timeout=30_000)


def test_an_interrupted_wait_ends_at_once_and_its_picture_stays(page: Page) -> None:
    run_cell(page, NEVER)
    expect(output_of(page, NEVER).locator("figure.sd")).to_have_count(1, timeout=30_000)
    began = time.monotonic()
    command(page, "notebook:interrupt-kernel")
    expect(output_of(page, NEVER)).to_contain_text("you stopped this cell [SD-L08]", timeout=30_000)
    assert time.monotonic() - began < 10, "the wait would have gone on for 200 s; bench/interrupt.py measures what is usual"
    expect(output_of(page, NEVER).locator("figure.sd")).to_have_count(1)
    wait_idle(page)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_every_view_fits_wide_and_on_a_phone(page: Page, theme: str) -> None:
    command(page, "apputils:change-theme", theme=f"JupyterLab {theme}")
    run_cell(page, ONE)
    run_cell(page, OTHERS)
    expect(output_of(page, OTHERS).locator("figure.sd")).to_have_count(9, timeout=60_000)
    wait_idle(page)
    for width in (1200, PHONE):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(1000)  # JupyterLab lays its panels out again
        assert page.evaluate(BAD_WORDS) == []
        assert page.evaluate(SMALLEST_SCALE) >= 11 / 12
