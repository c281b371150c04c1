"""The book as a reader gets it, built once into a temporary folder, and a browser to read it in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from book_tree import ROOT, Built, build
from playwright.sync_api import Browser, sync_playwright

from tests.jupyterlab import FLAGS


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Built:
    built = build(ROOT, tmp_path_factory.mktemp("book"), tmp_path_factory.mktemp("empty-path"))
    assert built.status == 0, built.output[-4000:]
    return built


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if not program:
        pytest.skip("no chromium on this machine: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()
