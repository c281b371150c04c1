"""Words are spelled as the dictionary or our own list has them, and the text asks for few years of school."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import textstat
from book_prose import LABS, PAGES, glossary, name, prose, read, sentences
from book_tree import ROOT
from spellchecker import SpellChecker

OWN_WORDS = set((Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split())
"""Names and terms that the English dictionary lacks, exactly as we write them."""
MOST_GRADE, MOST_WORDS = 10, 35
TEXTS = [*PAGES, *LABS, ROOT / "README.md", ROOT / "book" / "troubleshooting.txt"]


def spoken(sentence: str) -> str:
    """Code and terms of the glossary count as a word of one syllable: they are what is taught."""
    sentence = re.sub(r"`[^`]*`", "code", sentence)
    for term in sorted(glossary(), key=len, reverse=True):
        sentence = re.sub(rf"\b{re.escape(term)}(?:s|es)?\b", "term", sentence, flags=re.IGNORECASE)
    return re.sub(r"[*_]", "", sentence).rstrip(".:;?!") + "."


def grade(text: str) -> float:
    """Flesch and Kincaid: years of school that a text asks for."""
    return float(textstat.flesch_kincaid_grade(" ".join(spoken(s) for s in sentences(text))))


def misspelled(text: str, dictionary: SpellChecker) -> list[str]:
    words = re.findall(r"[A-Za-z][A-Za-z'’]+", re.sub(r"`[^`]*`|https?://\S+", " ", prose(text)))
    plain = {re.sub(r"['’]s$", "", w).strip("'’") for w in words}
    ours = OWN_WORDS | {w[0].upper() + w[1:] for w in OWN_WORDS}  # a sentence may begin with it
    return sorted(w for w in plain if w not in ours and not dictionary.known([w.lower().replace("’", "'")]))


def test_the_median_page_asks_for_ten_years_of_school_at_most_and_no_page_for_twelve() -> None:
    grades = {path.name: grade(read(path)) for path in TEXTS}
    assert statistics.median(grades.values()) <= MOST_GRADE
    assert {page: g for page, g in grades.items() if g > MOST_GRADE + 2} == {}


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_no_sentence_is_longer_than_thirty_five_words(path: Path) -> None:
    assert [s for s in sentences(read(path)) if len(s.split()) > MOST_WORDS] == []


@pytest.fixture(scope="module")
def dictionary() -> SpellChecker:
    return SpellChecker()


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_every_word_is_in_the_dictionary_or_in_our_list(path: Path, dictionary: SpellChecker) -> None:
    assert misspelled(read(path), dictionary) == []


def test_the_list_holds_no_word_that_nobody_uses_or_that_the_dictionary_has(dictionary: SpellChecker) -> None:
    used = set(re.findall(r"[A-Za-z][A-Za-z]+", " ".join(prose(read(path)) for path in TEXTS)))
    assert sorted(w for w in OWN_WORDS if not {w, w[0].upper() + w[1:]} & used) == []
    assert sorted(dictionary.known([w for w in OWN_WORDS if w.islower()])) == []


def test_codespell_finds_nothing() -> None:
    files = [*sorted(p.name for p in ROOT.glob("*.md")), "dive.py"]
    folders = ["book", "labs/src", "src/shallowdive", "tests", "tools", "bench"]
    ended = subprocess.run(
        [sys.executable, "-m", "codespell_lib", *files, *folders], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "")


def test_a_wrong_word_and_a_hard_text_would_be_noticed(dictionary: SpellChecker) -> None:
    assert misspelled("A kubernetes clsuter, and `kubctl`.", dictionary) == ["clsuter", "kubernetes"]
    hard = "Heterogeneous organizational responsibilities necessitate comprehensive, multidimensional architectural considerations."
    assert grade(hard) > 20 > MOST_GRADE > grade("The pod is up. It can be read. We go on.")
