"""Whole notebooks as handed in: an untouched one is red under plain nbval; an edited check fools nbval, not the judge outside."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shallowdive.checks import LABS, judge
from shallowdive.cluster import Access
from shallowdive.lessons.place import forget
from tests.ahead import Ahead, Params
from tests.places import Places
from tests.run_cluster import RunCluster

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
LAB_1 = "01-what-is-kubernetes"
LIMITS = ["--nbval-cell-timeout=240", "--nbval-kernel-startup-timeout=120"]
FLAGS = ["--nbval-lax", "--nbval-current-env", *LIMITS, "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--color=no"]


def read(lab: str, folder: str = "labs") -> Any:
    return json.loads((ROOT / folder / f"{lab}.ipynb").read_text(encoding="utf-8"))


def nbval(notebook: Any, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Plain nbval, as an instructor would run it, far from our conftest.py."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "handed-in.ipynb"
    file.write_text(json.dumps(notebook), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", *FLAGS, f"--rootdir={folder}", str(file)]
    try:
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=500, check=False)
    except subprocess.TimeoutExpired as exc:  # one that hangs is that lab's failure and no other's
        return subprocess.CompletedProcess(command, -1, f"no end after {exc.timeout:g} s: {exc.output!r}", "")


def run_untouched(run: RunCluster, params: Params) -> dict[str, subprocess.CompletedProcess[str]]:
    """Plain nbval's word on every learner notebook as it was handed out; all at once, they mostly wait."""
    who = f"untouched-{secrets.token_hex(3)}"
    labs = [str(p["lab"]) for p in params if "lab" in p]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(3) as pool:
        ended = dict(zip(labs, pool.map(lambda lab: nbval(read(lab), Path(folder) / lab, run.environment(who)), labs), strict=True))
    for lab in labs:
        forget(run.access(), LABS[lab], who)
    return ended


AHEAD = Ahead(run_untouched)


@pytest.mark.parametrize("lab", LABS)
def test_an_untouched_notebook_is_red_and_readable(lab: str, request: pytest.FixtureRequest) -> None:
    ended = AHEAD.result(request)[lab]
    assert ended.returncode == 1, ended.stdout[-3000:]
    assert "criteria are not met yet" in ended.stdout
    assert "wanted:" in ended.stdout
    assert "look at:" in ended.stdout
    assert "your turn:" in ended.stdout
    assert "Traceback (most recent call last)" not in ended.stdout


def hollow(check_cell: Callable[[Any], Any]) -> Any:
    """A notebook with the predictions made and the answer written, but no work, and its check cell changed."""
    made = read(LAB_1, "labs/solutions")
    keep = {"start", "predict-one", "predict-all", "check"}
    cells = [c for c in made["cells"] if c["cell_type"] == "code" and c["id"] in keep]
    made["cells"] = [c for c in (check_cell(c) if c["id"] == "check" else c for c in cells) if c is not None]
    return made


def edited(cell: Any) -> Any:
    return {**cell, "source": 'print("All 8 criteria met.")', "outputs": [], "execution_count": None}


def silenced(cell: Any) -> Any:
    quiet = "from IPython.core.interactiveshell import InteractiveShell as I\nI.showtraceback = lambda *a, **k: None\nsession.check()"
    return {**cell, "source": f"# NBVAL_SKIP\n{quiet}", "outputs": [], "execution_count": None}


Handed = dict[str, tuple[subprocess.CompletedProcess[str], set[str]]]
HOW: dict[str, Callable[[Any], Any]] = {"edited": edited, "skipped and silenced": silenced, "deleted": lambda _: None}


@pytest.fixture(scope="module")
def hollows(run_cluster: RunCluster, tmp_path_factory: pytest.TempPathFactory) -> Handed:
    """nbval's word on each, and what a judge outside calls red; all at once, a judge mostly waits."""

    def one(how: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
        who, places = f"hollow-{secrets.token_hex(3)}", Places(run_cluster.access())
        try:
            place = places(LAB_1, who)
            ended = nbval(hollow(HOW[how]), tmp_path_factory.mktemp("hollow"), run_cluster.environment(who))
            return ended, {r.name for r in judge(LABS[LAB_1], place) if not r.passed}
        finally:
            places.close()

    with ThreadPoolExecutor(len(HOW)) as pool:
        return dict(zip(HOW, pool.map(one, HOW), strict=True))


@pytest.mark.parametrize("how", HOW)
def test_a_changed_check_cell_fools_nbval_and_not_the_judge_outside(how: str, hollows: Handed) -> None:
    ended, red = hollows[how]
    assert ended.returncode == 0, "nbval alone sees nothing: " + ended.stdout[-2000:]
    assert {"five-ready", "one-was-replaced", "all-were-replaced", "stopped-by-asking", "count-comes-back"} <= red


def test_work_in_another_labs_namespace_does_not_count(access: Access, places: Any) -> None:
    """Leftovers of another lab and work in the wrong namespace: this lab's namespace stays empty."""
    from tests.mutants.lab01_what_is_kubernetes import plain

    here, elsewhere = places(LAB_1), places("12-deployment")
    plain.stage(elsewhere)
    red = {r.name for r in judge(LABS[LAB_1], here) if not r.passed}
    assert {"predicted", "five-ready", "count-comes-back"} <= red
