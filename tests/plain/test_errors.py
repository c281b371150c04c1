"""Every error in words: a code, what was seen, one next step; no two errors share a code; a notebook shows no traceback for them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from kubernetes.client.exceptions import ApiException

from shallowdive import errors, process
from shallowdive.cli import main
from shallowdive.doctor import troubles
from shallowdive.errors import ProgramFailed, ShallowDiveError
from shallowdive.lessons import tidy
from tools.make_troubleshooting import text

ROOT = Path(__file__).parents[2]
TREE = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, ShallowDiveError)]


def test_each_error_that_is_raised_has_a_code_of_its_own_and_stands_in_the_drawn_tree() -> None:
    leaves = [e for e in TREE if "code" in vars(e) and e is not ShallowDiveError]
    codes = [e.code for e in leaves]
    assert len(codes) == len(set(codes))
    for error in leaves:
        assert re.search(rf"{error.__name__}\s+{error.code}", errors.__doc__ or ""), f"{error.__name__} {error.code} is not in the tree"


def test_what_to_do_about_each_error_is_written_and_the_test_that_makes_it_happen_names_it() -> None:
    codes = {e.code: e.__name__ for e in TREE if "code" in vars(e) and e is not ShallowDiveError}
    assert list(troubles()) == list(codes)
    for code, trouble in troubles().items():
        words = (ROOT / trouble.known).read_text(encoding="utf-8")
        assert code in words or codes[code] in words, f"{trouble.known} does not speak of {code}"


def test_the_book_has_what_explain_says() -> None:
    assert (ROOT / "book" / "troubleshooting.txt").read_text(encoding="utf-8") == text(), "python tools/make_troubleshooting.py"


def test_a_code_is_explained_and_an_unknown_one_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "[sd-e03]"]) == 0
    assert "usermod" in capsys.readouterr().out
    assert main(["explain", "SD-E99"]) == 2
    assert "seen: SD-E01, SD-E02" in capsys.readouterr().err


def test_an_error_reads_as_what_seen_next() -> None:
    error = errors.NoCluster("there is none", saw="nothing", try_this="shallowdive up")
    assert str(error) == "there is none [SD-C01]\n  seen: nothing\n  next: shallowdive up"
    assert error._render_traceback_() == str(error).splitlines()


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> InteractiveShell:
    made = InteractiveShell()
    made.colors = "nocolor"
    made.set_custom_exc((NameError, ApiException, *tidy.NOT_FOUND), tidy._show)
    return made


def test_a_cell_run_too_early_says_which_name_is_missing(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    ended = shell.run_cell("x = 1\nprint(len(before))")
    said = capsys.readouterr().out
    assert isinstance(ended.error_in_exec, NameError)
    assert "the name 'before' is not known yet [SD-L05]" in said
    assert "next: run the cells above, in order" in said
    assert "Traceback" not in said


def test_a_refusal_of_the_server_is_its_own_words(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    body = '{"message":"deployments.apps \\"web\\" not found","details":{"causes":[{"field":"spec.x","message":"bad"}]}}'
    shell.push({"E": ApiException(status=404, reason="Not Found")})
    shell.user_ns["E"].body = body
    shell.run_cell("raise E")
    said = capsys.readouterr().out
    assert 'the API server refused: 404 deployments.apps "web" not found [SD-L06]' in said
    assert "seen: spec.x: bad" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("line", "saw"),
    [
        ("[][0]", "IndexError: list index out of range"),
        ("next(p for p in ())", "StopIteration"),
        ("{}['a']", "KeyError: 'a'"),
        ("len(None)", "TypeError: object of type 'NoneType' has no len()"),
        ("None.items", "AttributeError: 'NoneType' object has no attribute 'items'"),
        (
            "max(())",
            "ValueError: max() arg is an empty sequence" if sys.version_info < (3, 12) else "ValueError: max() iterable argument is empty",
        ),
    ],
)
def test_a_line_that_takes_something_out_of_nothing_says_so(
    line: str, saw: str, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(f"x = 1\n{line}")
    said = capsys.readouterr().out
    assert f"line 2: {line}\n" in said
    assert f"this line did not find what it looks for [SD-L07]\n  seen: {saw}\n  next: run the cells above" in said
    assert "Traceback" not in said


def test_a_value_that_cannot_be_used_is_told_from_one_that_is_not_there(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("int('three')")
    said = capsys.readouterr().out
    assert "this line was given a value that it cannot use [SD-L07]" in said
    assert "seen: ValueError: invalid literal for int() with base 10: 'three'" in said


def test_a_bug_keeps_its_traceback(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("1 / 0")
    assert "ZeroDivisionError" in capsys.readouterr().out
    shell.run_cell("import json\njson.loads(None)")
    said = capsys.readouterr().out
    assert "TypeError" in said
    assert "decoder" in said or "json/__init__" in said, "it was raised in somebody else's code: all of the way there"
    assert "SD-L07" not in said


def test_a_program_over_its_limit_is_killed_with_its_children_and_named() -> None:
    child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    script = f"import subprocess, sys, time; {child}; print('out', flush=True); time.sleep(60)"
    with pytest.raises(ProgramFailed, match="no end after 1 s") as caught:
        process.run([sys.executable, "-c", script], limit_s=1)
    assert caught.value.stdout == "out\n"
    assert "run it by hand:" in caught.value.try_this


def test_output_is_read_as_utf8_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    ended = process.run([sys.executable, "-c", "import sys; sys.stdout.buffer.write('é✓\\n'.encode() + b'\\xff')"], limit_s=20)
    assert ended.stdout == "é✓\n\ufffd"


def test_a_program_that_is_not_there_is_an_error_with_the_command() -> None:
    with pytest.raises(ProgramFailed, match="cannot be started"):
        process.run(["no-such-program", "a b"], limit_s=1)


def test_a_program_that_ignores_its_input_is_no_error() -> None:
    assert process.run([sys.executable, "-c", "print('done')"], limit_s=20, stdin="x" * 1_000_000).stdout == "done\n"


def test_a_refused_manifest_says_which_field_and_what_to_write(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    said = "cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string"
    shell.push({"E": ApiException(status=400, reason="Bad Request")})
    message = f'Pod in version "v1" cannot be handled as a Pod: json: {said}'
    shell.user_ns["E"].body = json.dumps({"reason": "BadRequest", "message": message})
    shell.run_cell("raise E")
    assert "next: spec.containers.env.value: write it in quotes: a text is wanted here" in capsys.readouterr().out
