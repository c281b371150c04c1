"""The session on a real cluster: found again, run twice, reset; answers are stored; wrong work is shown in three lines."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from shallowdive.cli import lab_environment
from shallowdive.cluster import Access, Home
from shallowdive.cluster.images import AGNHOST
from shallowdive.errors import BadAnswer, CheckFailed, NotYet, WaitTimeout, YourTurn
from shallowdive.lessons import Session, lesson
from shallowdive.lessons.session import _open

pytestmark = [pytest.mark.kind, pytest.mark.timeout(300)]


@pytest.fixture
def session(access: Access, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("SHALLOWDIVE_LEARNER", f"session-{secrets.token_hex(4)}")
    opened = lesson("1", access)
    yield opened
    opened = lesson("1", access)
    opened.close()
    client.CoreV1Api(access.connect()).delete_namespace(opened.namespace)


def forget() -> None:
    """What a kernel restart forgets."""
    for opened in _open.values():
        opened.close()
    _open.clear()


def test_the_same_lesson_in_one_kernel_is_the_same_session(session: Session, access: Access) -> None:
    assert lesson("01-what-is-kubernetes", access) is session


def test_after_a_kernel_restart_the_namespace_the_answers_and_the_record_are_found_again(session: Session, access: Access) -> None:
    session.predict("after-one", 2, options=(0, 2, 3))
    seen = len(session.client.history.events)
    forget()
    again = lesson("1", access)
    assert again is not session
    assert again.namespace == session.namespace
    assert len(again.client.history.events) >= seen
    again.needs("after-one")


def test_reset_gives_another_namespace_and_an_empty_record(session: Session) -> None:
    before = session.namespace
    session.predict("after-one", 2)
    session.reset()
    assert session.namespace != before
    with pytest.raises(NotYet, match="first commit to a prediction"):
        session.needs("after-one")


def test_applying_twice_changes_nothing(session: Session) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "1"}}
    first, second = session.apply(body)[0], session.apply(body)[0]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


def test_an_open_answer_a_wrong_answer_and_a_task_are_said_in_words(session: Session) -> None:
    with pytest.raises(YourTurn, match="in place of the three dots"):
        session.predict("after-one", ..., options=(0, 2, 3))
    with pytest.raises(BadAnswer, match="not one of the answers"):
        session.predict("after-one", 7, options=(0, 2, 3))
    with pytest.raises(YourTurn, match="your turn: scale it"):
        session.todo("scale it")


def test_a_failed_check_is_three_lines_a_criterion(session: Session) -> None:
    with pytest.raises(CheckFailed) as caught:
        session.check()
    text = str(caught.value)
    assert "✗ five-ready\n    wanted:  a Deployment that wants 5 pods" in text
    assert "\n    got:     0 Deployments" in text
    assert "\n    look at: kubectl get deployments" in text
    assert caught.value._render_traceback_() == text.splitlines()


def test_a_wait_that_cannot_end_says_what_is_there(session: Session) -> None:
    session.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "c", "image": "registry.invalid/none:1"}]},
        }
    )
    with pytest.raises(WaitTimeout) as caught:
        session.wait_for("a ready pod", lambda now: now.ready_pods(), within_s=8, usually_s=3)
    assert "waited 8 s (usually 3 s) for: a ready pod" in str(caught.value)
    assert "1 pods: p " in caught.value.saw


def test_exec_returns_output_ends_in_time_and_tells_a_failure(session: Session) -> None:
    session.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": AGNHOST}]}})
    session.wait_for("the pod", lambda now: now.ready_pods())
    assert session.exec("p", "echo", "hello") == "hello\n"
    with pytest.raises(RuntimeError, match="cat /nope"):
        session.exec("p", "cat", "/nope")
    with pytest.raises(WaitTimeout, match="did not end in 2 s"):
        session.client.exec("p", ["sleep", "60"], within_s=2)
    cut = session.client.exec("p", ["sh", "-c", "yes | head -c 300000000"])
    assert 0 < len(cut) < 32 << 20, "cut at a MiB and what had come with it, of 300 MB; a busy runtime ends a stream earlier"


def test_a_receipt_names_lab_cluster_predictions_and_verdicts(session: Session) -> None:
    session.predict("after-one", 3)
    with pytest.raises(CheckFailed):
        session.check()
    receipt = json.loads(Path(session.receipt()).read_text())
    assert receipt["lab"] == "01-what-is-kubernetes"
    assert receipt["cluster"]["backend"] == "kind"
    assert receipt["predictions"] == {"after-one": 3}
    assert receipt["passed"] is False
    assert {c["name"] for c in receipt["checks"]} >= {"predicted", "five-ready"}
    assert os.environ["SHALLOWDIVE_LEARNER"] == receipt["learner"]


def test_no_pod_of_a_lab_may_mount_the_node(session: Session) -> None:
    """The namespace enforces baseline pod security."""
    volume = {"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "h"},
        "spec": {"containers": [{"name": "c", "image": AGNHOST}], **volume},
    }
    with pytest.raises(client.ApiException) as caught:
        session.apply(body)
    assert caught.value.status == 403


def test_the_command_line_gives_the_same_verdict_as_the_notebook(session: Session) -> None:
    with pytest.raises(CheckFailed) as caught:
        session.check()
    ended = subprocess.run([sys.executable, "-m", "shallowdive", "check", "1"], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert "criteria are not met yet [SD-K01]" in ended.stderr
    for line in str(caught.value).splitlines():
        if line.startswith("✗"):
            assert line in ended.stdout


def test_kernels_and_terminals_get_our_kubeconfig_and_our_kubectl(kind_home: Home, session: Session) -> None:
    env = lab_environment(kind_home)
    assert Path(env["KUBECONFIG"]) == kind_home.kubeconfig
    found = shutil.which("kubectl", path=env["PATH"])
    assert found is not None
    asked = [found, "get", "configmaps", "-n", session.namespace, "-o", "name"]
    ended = subprocess.run(asked, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert "configmap/kube-root-ca.crt" in ended.stdout, ended.stderr
