"""What an explanation says: nothing that differs from run to run, every cause with words, everything escaped."""

from __future__ import annotations

import re
import string

import pytest

from shallowdive.explain import Explanation, Finding, fragment
from shallowdive.explain.finding import CERTAIN, LIKELY, NORMAL
from shallowdive.explain.refusal import OF_FIELDS, TEXTS
from shallowdive.explain.rule import CAUSES
from shallowdive.explain.walk import LEADS_TO, RULES, WELL
from tests.plain.explain.captured import Captured, captured

ALL = captured()


def test_every_cause_has_somebody_who_finds_it_and_every_rule_has_words() -> None:
    found = {r.cause.name for r in RULES} | {cause for cause, _ in (*TEXTS, *OF_FIELDS)}
    assert found == set(CAUSES)


def test_every_kind_that_leads_somewhere_or_has_a_rule_has_a_word_for_being_well() -> None:
    assert set(LEADS_TO) | {k for r in RULES for k in r.kinds} <= set(WELL)


@pytest.mark.parametrize("name", CAUSES)
def test_the_words_of_a_cause_are_complete(name: str) -> None:
    cause = CAUSES[name]
    assert cause.certainty in (CERTAIN, LIKELY, NORMAL)
    assert re.fullmatch(r"G(0\d|10)", cause.group)
    assert cause.says.endswith((".", "}"))
    assert cause.change or cause.certainty == NORMAL or cause.group == "G09", "a fault has a field to change"
    for text in (cause.says, cause.change, cause.look):
        list(string.Formatter().parse(text))


@pytest.mark.parametrize("case", ALL, ids=lambda c: c.name)
def test_a_text_has_no_uid_no_address_no_age_and_no_place_left_open(case: Captured) -> None:
    seen = case.explained()
    for f in seen.findings:
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|\b10\.\d+\.\d+\.\d+|\b\d+ ?(s|m|h) ago|None", f"{f.evidence} {f.look}"), f
        assert "{" not in f.says + f.field + f.look
        assert f.look
        assert f.evidence
        assert f.normal or f.field
    assert not re.search(r"\s\s\S|\n\n", "\n".join(f.says for f in seen.findings))


def test_html_escapes_what_comes_from_the_cluster() -> None:
    evil = '<img src=x onerror="alert(1)">'
    finding = Finding(evil, "G03", evil, evil, evil, evil, evil, evil)
    shown = fragment(Explanation(evil, "broken", (finding,), evil, evil))
    assert "<img" not in shown
    assert shown.count("&lt;img") >= 6


def test_html_and_text_say_the_same() -> None:
    case = next(c for c in ALL if c.name == "G05-selector-1")
    seen = case.explained()
    for part in ("no pod carries all the labels", "selector app=api", "spec.selector", "kubectl get pods --show-labels"):
        assert part in str(seen)
        assert part in fragment(seen)
