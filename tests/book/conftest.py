"""The book as a reader gets it, built once into a temporary folder."""

from __future__ import annotations

import pytest
from book_tree import ROOT, Built, build


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Built:
    built = build(ROOT, tmp_path_factory.mktemp("book"), tmp_path_factory.mktemp("empty-path"))
    assert built.status == 0, built.output[-4000:]
    return built
