from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.dive.checkout import LOCKS, REPOSITORY, Checkout


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Checkout:
    """Without a .venv."""
    root = tmp_path / "course"
    root.mkdir()
    shutil.copy(REPOSITORY / "dive.py", root)
    for name in (*LOCKS, "pyproject.toml"):
        (root / name).write_text(f"# {name}\n")
    return Checkout(root)


@pytest.fixture
def checkout(bare_checkout: Checkout) -> Checkout:
    """Everything installed."""
    bare_checkout.give_python_that_answers()
    return bare_checkout
