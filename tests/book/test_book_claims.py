"""A book that can fail: each claim has evidence that exists and was met, each chapter has claims, and the page shows what is so."""

from __future__ import annotations

import sys

import pytest
import yaml
from book_tree import ROOT, chapter_paths

sys.path.insert(0, str(ROOT / "tools"))
import make_claims


def test_the_page_shows_what_the_evidence_says_now() -> None:
    assert make_claims.FILE.read_text(encoding="utf-8") == make_claims.table(), "run: python tools/make_claims.py"


def test_every_chapter_claims_something_that_a_cluster_can_confirm() -> None:
    claims = yaml.safe_load((ROOT / "book" / "claims.yaml").read_text(encoding="utf-8"))
    assert list(claims) == [path.stem for path in chapter_paths()]
    assert all(len(rows) >= 2 for rows in claims.values())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("08-cluster = no-such-criterion", "no such criterion"),
        ("08-cluster: no-such-cell", "no such cell"),
        ("tests/contract/test_nodes.py::test_that_is_not_there", "no such test"),
    ],
)
def test_evidence_that_is_not_there_is_an_error(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make_claims.evidence(text)


def test_a_criterion_that_was_not_met_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_claims.executed("08-cluster")
    for cell in made["cells"]:
        if cell["id"] == "check":
            cell["outputs"] = [{"text": ["✗ moved-back\n"]}]
    monkeypatch.setattr(make_claims, "executed", lambda _: made)
    with pytest.raises(ValueError, match="not met"):
        make_claims.evidence("08-cluster = moved-back")
