"""What one command is made of: hidden criteria, older versions of a lab, answers that run alone, what a student is told beforehand, how the
end of a pod is read."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shallowdive.checks import LABS
from shallowdive.errors import BadAnswer, Busy, NotYet, Unhealthy
from shallowdive.grading.cage import Ended
from shallowdive.grading.grade import Options, cluster_for, editions, grade_class
from shallowdive.grading.hidden import read_hidden
from shallowdive.grading.job import how_ended, room
from shallowdive.grading.submissions import Submission, parse
from shallowdive.grading.suspicion import is_suspicious
from shallowdive.grading.told import told_of
from tests.grading.handed_in import LAB, ROOT, changed, given, solved, text

HIDDEN = """
from shallowdive.checks.result import Unmet, criterion

@criterion("five", "five pods")
def five(e):
    if len(e.state.all("Pod")) != 5:
        raise Unmet("another number")
    return "five"

CRITERIA = (five,)
"""
HOSTILE = Path(__file__).parent / "hostile"


# ── hidden criteria ──────────────────────────────────────────────────────────────────────────────────────────
def test_criteria_of_an_instructor_s_own_are_read(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HIDDEN)
    (found,) = read_hidden(tmp_path / "mine.py")
    assert (found.name, found.want) == ("five", "five pods")


@pytest.mark.parametrize("code", ["", "CRITERIA = ()", "CRITERIA = (1,)", "def", "raise SystemError", "CRITERIA = 5"])
def test_a_file_without_criteria_is_refused_before_anything_runs(tmp_path: Path, code: str) -> None:
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(BadAnswer, match=r"mine\.py holds no criteria"):
        read_hidden(tmp_path / "mine.py")
    with pytest.raises(BadAnswer, match=r"absent\.py"):
        read_hidden(tmp_path / "absent.py")


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────
def stated(version: object) -> Submission:
    made = solved()
    made["metadata"]["shallowdive"]["version"] = version
    return Submission("ada", "x", parse(text(made)))


def test_an_older_version_is_graded_with_its_own_notebook_and_checks(tmp_path: Path) -> None:
    lab = replace(LABS[LAB], version=1)
    for folder in ("labs", "labs/versions/7", "labs/versions/draft"):
        (tmp_path / folder / "solutions").mkdir(parents=True)
        shutil.copy(ROOT / "labs" / f"{LAB}.ipynb", tmp_path / folder)
        shutil.copy(ROOT / "labs" / "solutions" / f"{LAB}.ipynb", tmp_path / folder / "solutions")
    newest, older = editions(tmp_path, lab)
    assert (newest.lab, newest.lab.module) == (lab, "shallowdive.checks.lab12_deployment")
    assert (older.lab.version, older.lab.module) == (7, "shallowdive.checks.lab12_deployment_v7")
    for version, mine in ((1, newest), (7, older), (3, newest), ("x", newest), (None, newest), (True, newest)):
        assert [e for e in (newest, older) if e.is_of(stated(version))] == [mine], version


# ── who runs alone ───────────────────────────────────────────────────────────────────────────────────────────
def with_answer(code: str) -> dict[str, Any]:
    return changed(solved(), lambda c: c | {"source": code} if c["id"] == "repair" else c)


@pytest.mark.parametrize("lab", sorted(LABS))
def test_a_solution_is_not_suspicious(lab: str) -> None:
    assert not is_suspicious(solved(lab), given(lab), solved(lab))
    assert not is_suspicious(given(lab), given(lab), solved(lab))


@pytest.mark.parametrize(
    "code",
    ["import socket", "from os import fork", "exec('x')", "().__class__", "!ls", "%%bash\nls", "open('x')", "def", "getattr(s, '_x')._y"],
)
def test_what_no_lab_uses_is_a_reason_to_run_alone(code: str) -> None:
    assert is_suspicious(with_answer(code), given(), solved())


def test_ordinary_python_is_none() -> None:
    code = "import json, time\nfor n in range(3):\n    time.sleep(0.1)\nprint(json.dumps([p.metadata.name for p in []]))"
    assert not is_suspicious(with_answer(code), given(), solved())


# ── what a student is told ───────────────────────────────────────────────────────────────────────────────────
def test_a_student_is_told_what_is_missing_before_handing_in(tmp_path: Path) -> None:
    for name, notebook in (("good", solved()), ("nothing", given())):
        (tmp_path / name).write_bytes(text(notebook))
    good, nothing = (told_of(tmp_path / name, ROOT) for name in ("good", "nothing"))
    assert good.complete
    assert sum(line.startswith("✓") for line in good.lines) == sum(line.startswith("✗") for line in nothing.lines) == 5
    assert not nothing.complete
    assert good.lines[0] == "lab 12-deployment, version 1, of me"


@pytest.mark.parametrize(("data", "saw"), [(b"", "empty"), (b"<<<<<<< HEAD\n{}", "conflict"), (b"{}", "no notebook")])
def test_a_file_that_is_no_notebook_is_said_before_handing_in(tmp_path: Path, data: bytes, saw: str) -> None:
    (tmp_path / "x.ipynb").write_bytes(data)
    with pytest.raises(BadAnswer) as caught:
        told_of(tmp_path / "x.ipynb", ROOT)
    assert saw in caught.value.saw


# ── a class ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_class_is_graded_once_at_a_time(tmp_path: Path) -> None:
    from shallowdive.cluster import Home
    from shallowdive.cluster.home import FileLock

    with FileLock(tmp_path / "grading.lock", "grade", "x"), pytest.raises(Busy, match="being graded right now"):
        grade_class(Home(tmp_path, "none"), LABS[LAB], tmp_path, tmp_path, Options(ROOT), print)


def test_a_lab_that_switches_parts_off_is_not_graded_on_somebody_s_shared_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from shallowdive.cluster import Home
    from shallowdive.grading import grade

    home = Home(tmp_path, "x")
    monkeypatch.setattr(grade, "open_access", lambda _: SimpleNamespace(backend="existing"))
    with cluster_for(home, LABS[LAB], "b", print) as same:
        assert same == home
    with pytest.raises(NotYet, match="a cluster of its own"), cluster_for(home, LABS["05-architecture"], "b", print):
        pass


# ── how a pod ended ──────────────────────────────────────────────────────────────────────────────────────────
def pod(code: int = 0, said: str = "Completed", **status: Any) -> dict[str, Any]:
    ended = [{"state": {"terminated": {"exitCode": code, "reason": said}}}]
    return {"status": {"phase": "Failed" if code else "Succeeded", "containerStatuses": ended} | status}


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (pod(), "end"),
        (pod(1, "Error"), "end"),
        (pod(77, "Error"), "memory"),
        (pod(137, "OOMKilled"), "memory"),
        (pod(137, "Error", reason="DeadlineExceeded"), "time"),
        (
            pod(137, "Error", reason="Evicted", message="Pod ephemeral local storage usage exceeds the total 256Mi."),
            "disk",
        ),
        (pod(137, "Error", reason="Evicted", message='Container nbval exceeded its local ephemeral storage limit "256Mi". '), "disk"),
        (pod(137, "Error", reason="Evicted", message='Usage of EmptyDir volume "work" exceeds the limit "256Mi". '), "disk"),
    ],
)
def test_what_stopped_a_pod_is_read_from_its_status(ended: dict[str, Any], why: str) -> None:
    assert how_ended(ended, 1.0) == Ended(why, ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 1.0)


@pytest.mark.parametrize(
    "ended",
    [
        {"status": {"phase": "Failed", "reason": "NodeLost", "message": "Node x which was running pod y is unresponsive"}},
        {"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}},
        {"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}},
        pod(128, "StartError"),
        pod(255, "ContainerStatusUnknown"),
    ],
)
def test_trouble_of_the_cluster_is_nobody_s_mark(ended: dict[str, Any]) -> None:
    with pytest.raises(Unhealthy, match="did not run to its end"):
        how_ended(ended, 1.0)


def node(cpu: str = "2", memory: str = "8Gi", **spec: Any) -> dict[str, Any]:
    return {"spec": spec, "status": {"allocatable": {"cpu": cpu, "memory": memory}}}


def asking(cpu: str, memory: str = "64Mi", phase: str = "Running") -> dict[str, Any]:
    return {"spec": {"containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]}, "status": {"phase": phase}}


def test_as_many_run_at_a_time_as_the_cluster_has_room_for() -> None:
    closed = node(taints=[{"key": "x", "effect": "NoSchedule"}])
    assert room([node("16", "64Gi")], [], one_machine=False) == 53
    assert room([node("16", "4Gi")], [], one_machine=False) == 4
    assert room([node(), node(), closed, node(unschedulable=True)], [asking("1")], one_machine=False) == 10
    assert room([node(), node(), closed], [asking("1")], one_machine=True) == 3, "both nodes are one machine"
    assert room([node()], [asking("1900m"), asking("5", phase="Succeeded")], one_machine=True) == 1


def test_every_attack_is_one_cell_of_python() -> None:
    found = sorted(HOSTILE.glob("*.py"))
    assert len(found) >= 50
    for path in found:
        compile(path.read_text(encoding="utf-8"), path.name, "exec")
        assert json.dumps(path.read_text(encoding="utf-8"))
