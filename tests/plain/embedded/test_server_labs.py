"""The labs' solutions, as they are, on the embedded cluster: every check text agrees with the one recorded on kind, and so does the judge.

Each notebook runs under nbval in a process of its own, all at once: they mostly wait."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from shallowdive.checks import LABS
from shallowdive.cluster import Home
from shallowdive.cluster.embedded import EmbeddedBackend

ROOT = Path(__file__).parents[3]
SPEED = 5
HERE = [lab.id for lab in LABS.values() if not lab.kind_only]
pytestmark = [pytest.mark.timeout(400), pytest.mark.long]
Ended = subprocess.CompletedProcess[str]


def nbval(lab: str, home: Home) -> Ended:
    outside = {k: v for k, v in os.environ.items() if k != "SHALLOWDIVE_REQUIRE_KIND"}
    env = {**outside, "SHALLOWDIVE_TEST_HOME": str(home.root), "SHALLOWDIVE_TEST_CLUSTER": home.cluster}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--on",
        "embedded",
        f"labs/solutions/{lab}.ipynb",
        "-p",
        "no:cacheprovider",
        "--color=no",
    ]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=380, check=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Ended]]]:
    home = Home(tmp_path_factory.mktemp("labs"), "sd-labs")
    backend = EmbeddedBackend(home, speed=SPEED)
    backend.up(lambda _: None)
    try:
        with ThreadPoolExecutor(len(HERE)) as pool:
            yield {lab: pool.submit(nbval, lab, home) for lab in HERE}
    finally:
        backend.down(lambda _: None)


@pytest.mark.parametrize("lab", HERE)
def test_the_solution_of_a_lab_gives_the_same_check_texts_as_on_kind(lab: str, runs: dict[str, Future[Ended]]) -> None:
    ended = runs[lab].result()
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-1000:]
    assert " passed" in ended.stdout
    assert "NOT TESTED HERE" not in ended.stdout
