"""The real thing without a network: a virtual environment, pip, hashes, and packages that are built here."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.dive.checkout import REPOSITORY, Checkout, steps

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the paths of .venv are those of POSIX")

BACKEND = """
import zipfile
from pathlib import Path

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "shallowdive-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        wheel.writestr("shallowdive.pth", str(Path("src").resolve()))
        wheel.writestr("shallowdive-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: shallowdive\\nVersion: 1\\n")
        wheel.writestr("shallowdive-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("shallowdive-1.dist-info/RECORD", "")
    return name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "shallowdive"\nversion = "1"\n'
SAYS_WHERE_IT_IS = "import sys, {imports}\nprint('{name}', sys.prefix, *sys.argv[1:])\n"


def build_wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """The line of a lock that names the wheel made here."""
    dist_info = f"{name}-1.dist-info"
    files = {
        **files,
        f"{dist_info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{dist_info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).rstrip(b'=').decode()},{len(t)}"
        for path, t in files.items()
    ]
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{dist_info}/RECORD": "\n".join([*record, f"{dist_info}/RECORD,,"]) + "\n"}.items():
            wheel.writestr(path, text)
    digest = hashlib.sha256((folder / f"{name}-1-py3-none-any.whl").read_bytes()).hexdigest()
    return f"{name}==1 \\\n    --hash=sha256:{digest}\n"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    root = tmp_path_factory.mktemp("installs") / "course"
    package = root / "src/shallowdive"
    package.mkdir(parents=True)
    shutil.copy(REPOSITORY / "dive.py", root)
    (root / "backend.py").write_text(BACKEND)
    (root / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(SAYS_WHERE_IT_IS.format(name="shallowdive", imports="lecture"))
    wheels = root / "wheels"
    wheels.mkdir()
    learner = build_wheel(wheels, "lecture", {"lecture.py": ""})
    runner = {"pytest/__init__.py": "", "pytest/__main__.py": SAYS_WHERE_IT_IS.format(name="pytest", imports="lecture")}
    (root / "requirements.lock").write_text(learner)
    (root / "requirements-test.lock").write_text(learner + build_wheel(wheels, "pytest", runner))
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
    return Checkout(root, environment=environment)


@pytest.fixture
def installed(course: Checkout) -> Checkout:
    ended = course.run("status")
    assert ended.returncode == 0, ended.stderr
    (course.root / ".venv/trace-of-this-environment").write_text("")
    return course


def was_made_anew(course: Checkout) -> bool:
    return not (course.root / ".venv/trace-of-this-environment").exists()


def test_the_first_run_makes_the_environment_in_three_named_steps_and_opens_the_lab_in_it(course: Checkout) -> None:
    shutil.rmtree(course.root / ".venv", ignore_errors=True)
    ended = course.run("--name", "mine")
    venv = course.root / ".venv"
    assert ended.stdout.splitlines() == [f"shallowdive {venv} up --name mine", f"shallowdive {venv} lab --name=mine --headless"]
    assert steps(ended) == ["virtual environment .venv", "packages", "course package"]


def test_the_second_run_has_nothing_to_do(installed: Checkout) -> None:
    ended = installed.run("status")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not was_made_anew(installed)


def test_the_tests_packages_join_the_same_environment(installed: Checkout) -> None:
    for stamp in installed.stamps():
        if "test" in stamp:
            (installed.root / ".venv" / stamp).unlink()
    ended = installed.run("test", "-x")
    assert ended.stdout == f"pytest {installed.root / '.venv'} -x\n"
    assert not was_made_anew(installed)


def test_an_interrupted_installation_has_no_stamp_and_is_made_anew(installed: Checkout) -> None:
    for stamp in installed.stamps():
        (installed.root / ".venv" / stamp).unlink()
    shutil.rmtree(installed.dive.SITE / "pip")
    assert installed.run("status").returncode == 0
    assert was_made_anew(installed)


def install_by_real_pip(course: Checkout, lock_line: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """What dive.py says of real pip installing this line; the environment and its stamps stay as they are."""
    for name, value in {**course.environment, **environment}.items():
        monkeypatch.setenv(name, value)
    (course.root / "line.lock").write_text(lock_line)
    dive = course.dive
    with pytest.raises(dive.Stop) as stopped:
        dive.watch(dive.Step("packages"), [str(dive.PYTHON), "-m", "pip", "install", "--require-hashes", "-r", "line.lock"], 1)
    return str(stopped.value)


def test_a_package_that_is_not_the_one_of_the_lock_is_refused(installed: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = build_wheel(installed.root / "wheels", "appendix", {"appendix.py": ""})
    forged = honest.split("sha256:")[0] + f"sha256:{'0' * 64}\n"
    said = install_by_real_pip(installed, forged, monkeypatch)
    assert "packages: a download is not the file the lock names.\n  seen: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" in said
    assert not list(installed.dive.SITE.glob("appendix*"))


def test_an_index_that_cannot_be_reached_is_told_as_no_network(installed: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    offline = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "NO_PROXY": "127.0.0.1"}
    said = install_by_real_pip(installed, f"unheard-of==1 --hash=sha256:{'0' * 64}\n", monkeypatch, **offline)
    assert "packages: no network: the package index cannot be reached.\n  seen: " in said


def test_a_proxy_that_cannot_be_reached_is_told_apart_from_no_network(installed: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    offline = {
        "PIP_NO_INDEX": "0",
        "PIP_INDEX_URL": "https://index.invalid/simple",
        "PIP_RETRIES": "1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    said = install_by_real_pip(installed, f"unheard-of==1 --hash=sha256:{'0' * 64}\n", monkeypatch, **offline)
    assert "packages: the proxy refuses pip.\n  seen: " in said
