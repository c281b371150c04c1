"""Every chapter has its parts, speaks in short sentences and defines its terms once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from book_prose import PAGES, bold_terms, glossary, name, prose, read, sentences, unlink
from book_tree import ROOT, chapter_paths

from shallowdive.checks import LABS

BANNED = re.compile(r"\b(simply|just|powerful|seamless(?:ly)?|in this chapter we will)\b", re.IGNORECASE)
PARTS = ["What you will be able to say", "Try it", "Three questions", "What you now know"]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_no_page_uses_a_word_that_says_nothing(path: Path) -> None:
    assert BANNED.findall(prose(read(path))) == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_sentences_are_short(path: Path) -> None:
    lengths = {s: len(s.split()) for s in sentences(read(path))}
    assert sum(lengths.values()) / len(lengths) <= 14
    assert [s for s, n in lengths.items() if n > 34] == []
    assert sum(n > 20 for n in lengths.values()) / len(lengths) <= 0.1, [s for s, n in lengths.items() if n > 20]


def test_a_long_sentence_and_an_empty_word_would_be_noticed() -> None:
    long = "Kubernetes " + "really " * 40 + "works."
    assert [len(s.split()) for s in sentences(f"Short one. {long}")] == [2, 42]
    assert BANNED.findall("It simply works, just like that.") == ["simply", "just"]


@pytest.mark.parametrize("path", chapter_paths(), ids=name)
def test_a_chapter_has_its_parts_in_order_its_figure_and_its_lab(path: Path) -> None:
    text = read(path)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert [h for h in headings if h in PARTS] == PARTS
    assert headings[0] == PARTS[0]
    assert headings[-3:] == PARTS[1:]
    assert f"```{{include}} figures/{path.stem}.html" in text
    (lab,) = (lab.id for lab in LABS.values() if lab.id[:2] == path.stem[:2])
    assert f"(../labs/solutions/{lab}.ipynb)" in text
    assert len(text.splitlines()) <= 500


@pytest.mark.parametrize("path", chapter_paths(), ids=name)
def test_a_chapter_takes_ten_to_fifteen_minutes(path: Path) -> None:
    minutes = len(read(path).split()) / 200
    assert 8 <= minutes <= 15


@pytest.mark.parametrize("path", chapter_paths(), ids=name)
def test_a_chapter_asks_three_questions_and_says_why_wrong_answers_tempt(path: Path) -> None:
    asked = re.findall(r"```\{exercise\}.*?:label: (\S+)(.*?)```", read(path), re.DOTALL)
    solved = dict(re.findall(r"```\{solution\} (\S+)\n(.*?)```", read(path), re.DOTALL))
    assert len(asked) == 3
    assert {label for label, _ in asked} == set(solved)
    for label, body in asked:
        assert re.findall(r"^([A-D])\. ", body, re.MULTILINE) == ["A", "B", "C"]
        answer = re.search(r"^\*\*([ABC])\.\*\*", solved[label], re.MULTILINE)
        assert answer
        assert ":class: dropdown" in solved[label]
        assert "tempting" in solved[label]
        assert all(re.search(rf"\b{wrong}\b", solved[label]) for wrong in {"A", "B", "C"} - {answer[1]})


def test_the_right_answers_are_not_always_the_same_letter() -> None:
    answers = [a for path in chapter_paths() for a in re.findall(r"^\*\*([ABC])\.\*\*", read(path), re.MULTILINE)]
    assert set(answers) == {"A", "B", "C"}
    assert max(answers.count(letter) for letter in "ABC") <= len(answers) * 2 / 3


def test_every_term_is_bold_once_where_it_is_defined_and_stands_in_the_glossary() -> None:
    bold = [term for path in chapter_paths() for term in bold_terms(read(path))]
    assert sorted(bold, key=str.lower) == glossary()


def test_the_glossary_is_in_alphabetical_order() -> None:
    assert glossary() == sorted(glossary(), key=str.lower)


OUTLINE: dict[str, list[dict[str, str]]] = yaml.safe_load((Path(__file__).parent / "outline.yaml").read_text(encoding="utf-8"))
ROWS = [(chapter, row) for chapter, rows in OUTLINE.items() for row in rows]


def sections(text: str) -> dict[str, str]:
    """The text below each heading of the second level; code lines that look like headings are none."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_outline_names_every_chapter_and_every_chapter_is_there() -> None:
    assert list(OUTLINE) == [path.stem for path in chapter_paths()]
    assert len(OUTLINE) == 13


@pytest.mark.parametrize(("chapter", "row"), ROWS, ids=[f"{chapter[:2]}: {row['row']}" for chapter, row in ROWS])
def test_every_row_of_the_outline_stands_in_its_section(chapter: str, row: dict[str, str]) -> None:
    body = unlink(sections(read(ROOT / "book" / f"{chapter}.md"))[row["in"]])
    assert re.search(row["words"], body, re.DOTALL)
    assert row.get("flag", "") in body, "no link to the lab or chapter that shows it"


def test_the_inventory_asks_twelve_questions_and_each_answer_leads_to_a_chapter() -> None:
    text = read(ROOT / "book" / "inventory.md")
    asked = re.findall(r"```\{exercise\}.*?:label: (\S+)(.*?)```", text, re.DOTALL)
    solved = dict(re.findall(r"```\{solution\} (\S+)\n(.*?)```", text, re.DOTALL))
    assert len(asked) == 12
    assert {label for label, _ in asked} == set(solved)
    assert all(re.findall(r"^([A-D])\. ", body, re.MULTILINE) == ["A", "B", "C"] for _, body in asked)
    assert all(":class: dropdown" in body and re.search(r"\]\(\d\d-[\w-]+\.md\)", body) for body in solved.values())
    answers = [a for body in solved.values() for a in re.findall(r"^\*\*([ABC])\.\*\*", body, re.MULTILINE)]
    assert {letter: answers.count(letter) for letter in "ABC"} == {"A": 4, "B": 4, "C": 4}
