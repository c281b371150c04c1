"""What dive.py does on a prepared machine: which programs it starts, in which order, and what it makes of their ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess

import pytest

from tests.dive.checkout import Checkout

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the answering Python is a script with a shebang line")

UP, LAB = ["-m", "shallowdive", "up"], ["-m", "shallowdive", "lab"]


def on_a_terminal(checkout: Checkout, *arguments: str) -> tuple[int, str]:
    ours, theirs = os.openpty()
    with subprocess.Popen(**checkout.command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs) as dive:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # Linux says the end of a terminal this way
            pass
        os.close(ours)
        return dive.wait(timeout=30), shown.decode()


def test_a_matching_stamp_means_no_pip_and_not_a_word(checkout: Checkout) -> None:
    ended = checkout.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert checkout.calls() == [UP, [*LAB, "--headless"]]


def test_on_a_terminal_the_lab_is_opened_and_not_run_headless(checkout: Checkout) -> None:
    code, _ = on_a_terminal(checkout)
    assert code == 0
    assert checkout.calls() == [UP, LAB]


@pytest.mark.parametrize("named", [["--name", "mine"], ["--name=mine"]])
def test_options_go_to_up_and_the_name_of_the_cluster_to_the_lab_too(checkout: Checkout, named: list[str]) -> None:
    checkout.run("--backend", "existing", *named)
    assert checkout.calls() == [[*UP, "--backend", "existing", *named], [*LAB, "--name=mine", "--headless"]]


def test_when_up_ends_badly_its_exit_code_is_passed_on_and_no_lab_is_opened(checkout: Checkout) -> None:
    checkout.answers = {"up": {"code": 3}}
    assert checkout.run().returncode == 3
    assert checkout.calls() == [UP]


def test_the_exit_code_of_the_lab_is_passed_on(checkout: Checkout) -> None:
    checkout.answers = {"lab": {"code": 1}}
    assert checkout.run().returncode == 1


def test_any_other_verb_goes_to_the_package_and_has_stdout_for_itself(checkout: Checkout) -> None:
    checkout.answers = {"status --json": {"say": '{"phase": "none"}\n', "code": 4}}
    ended = checkout.run("status", "--json")
    assert (ended.returncode, ended.stderr) == (4, "")
    assert json.loads(ended.stdout) == {"phase": "none"}
    assert checkout.calls() == [["-m", "shallowdive", "status", "--json"]]


def test_test_runs_pytest_with_the_remaining_arguments_and_nothing_is_printed_after_it(checkout: Checkout) -> None:
    checkout.answers = {"pytest": {"say": "== 1 failed in 0.1s ==\n", "code": 1}}
    ended = checkout.run("test", "-k", "a b", "tests/live")
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "== 1 failed in 0.1s ==\n", "")
    assert checkout.calls() == [["-m", "pytest", "-k", "a b", "tests/live"]]


def test_a_verb_killed_by_a_signal_has_the_exit_code_a_shell_would_give(checkout: Checkout) -> None:
    checkout.answers = {"down": {"signal": int(signal.SIGKILL)}}
    assert checkout.run("down").returncode == 128 + signal.SIGKILL


def test_packages_outside_the_environment_are_kept_from_it(checkout: Checkout) -> None:
    checkout.environment = {"PYTHONPATH": "/somewhere/else"}
    checkout.run("status")
    assert json.loads((checkout.root / "calls").read_text())["PYTHONPATH"] is None


def test_help_is_printed_without_starting_anything(checkout: Checkout) -> None:
    ended = checkout.run("--help")
    assert ended.returncode == 0
    assert "python3 dive.py test [ARGS]" in ended.stdout
    assert checkout.calls() == []


def test_ctrl_c_waits_until_up_has_cleaned_up_and_opens_no_lab(checkout: Checkout) -> None:
    checkout.answers = {"up": {"on_interrupt": {"say": "removed what was begun", "code": 1}}}
    code, out, err = checkout.interrupt()
    assert (code, out) == (130, "removed what was begun\n")
    assert err.startswith("Interrupted. To go on: ")
    assert err.count("\n") == 1
    assert checkout.calls() == [UP]


def test_ctrl_c_is_not_lost_when_up_ends_well_all_the_same(checkout: Checkout) -> None:
    checkout.answers = {"up": {"on_interrupt": {"say": "done", "code": 0}}}
    assert checkout.interrupt()[0] == 130
    assert checkout.calls() == [UP]


def test_a_lab_closed_by_ctrl_c_is_a_good_end(checkout: Checkout) -> None:
    checkout.answers = {"lab": {"on_interrupt": {"say": "JupyterLab is closed", "code": 0}}}
    assert checkout.interrupt("lab") == (0, "JupyterLab is closed\n", "")


def test_pytest_stopped_by_ctrl_c_keeps_its_exit_code_and_the_last_word(checkout: Checkout) -> None:
    checkout.answers = {"pytest": {"on_interrupt": {"say": "== no tests ran ==", "code": 2}}}
    assert checkout.interrupt("test") == (2, "== no tests ran ==\n", "")


def test_on_a_terminal_an_installation_is_one_updating_line_and_then_its_seconds(checkout: Checkout) -> None:
    (checkout.root / "requirements.lock").write_text("jupyterlab==4.4.0\npywinpty==3.0 ; os_name == 'nt'\n")
    said = "Ignoring pywinpty: markers do not match\nCollecting jupyterlab==4.4.0 (from -r requirements.lock (line 1))\n"
    checkout.answers = {"--require-hashes": {"say": said}}
    code, shown = on_a_terminal(checkout, "status")
    assert code == 0
    assert re.search(r"\rpackages: downloading 1 of 1: jupyterlab \(\d+ s\)", shown)
    assert shown.count("\n") == 2
    assert re.fullmatch(r"\s*course package: \d+\.\d s", shown.splitlines()[-1])
