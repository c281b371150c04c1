"""Only answers are taken from a student, and whatever is lost, altered or left out is told."""

from __future__ import annotations

from typing import Any

import pytest

from shallowdive.checks import LABS
from shallowdive.grading.merge import Merged, is_answer, merge, untouched
from shallowdive.grading.submissions import parse
from tests.grading.handed_in import Notebook, changed, given, solved, text

REPAIR = "print('mine')"


def merged(student: Notebook, lab: str = "12-deployment") -> Merged:
    return merge(given(lab), parse(text(student)))


def source(of: Merged, cell: str) -> str:
    (found,) = (c["source"] for c in of.notebook["cells"] if c["id"] == cell)
    return str(found)


def with_repair(change: Any = lambda c: c) -> Notebook:
    """A solved lab whose repair is REPAIR, and that cell went through `change`."""
    return changed(solved(), lambda c: change(c | {"source": REPAIR}) if c["id"] == "repair" else c)


@pytest.mark.parametrize("lab", LABS)
def test_a_solved_lab_gives_the_solution_and_nothing_is_told(lab: str) -> None:
    made = merged(solved(lab), lab)
    assert made.notebook == solved(lab)
    assert made.notes == []
    assert made.taken == [c["id"] for c in given(lab)["cells"] if is_answer(c)]


@pytest.mark.parametrize("lab", LABS)
def test_an_untouched_lab_stays_as_it_was_handed_out(lab: str) -> None:
    assert merged(given(lab), lab).notebook == given(lab)


def test_a_changed_check_and_changed_given_cells_are_ours_again_and_told() -> None:
    def tamper(c: dict[str, Any]) -> dict[str, Any]:
        return c | {"source": "print('all passed')"} if c["id"] in ("check", "start", "version-1") else c

    made = merged(changed(solved(), tamper))
    assert made.notebook == solved()
    assert made.notes == ["cell check, the check, was altered: ours is run", "given cells were altered, ours are run: start, version-1"]


def test_a_deleted_check_is_run_and_told() -> None:
    made = merged(changed(solved(), lambda c: None if c["id"] == "check" else c))
    assert made.notebook == solved()
    assert made.notes == ["given cells were deleted, ours are run: check"]


def test_a_missing_answer_is_no_answer_and_told() -> None:
    made = merged(changed(solved(), lambda c: None if c["id"] == "repair" else c))
    assert source(made, "repair") == next(c["source"] for c in given()["cells"] if c["id"] == "repair")
    assert "cell repair is missing: nothing was answered" in made.notes
    assert "repair" not in made.taken


def test_cells_of_the_students_own_are_not_run_and_counted() -> None:
    student = with_repair()
    student["cells"].insert(3, {"cell_type": "code", "id": "own", "metadata": {}, "source": "import os; os.system('x')"})
    student["cells"].append({"cell_type": "code", "id": "", "metadata": {}, "source": "session.check = lambda: None"})
    made = merged(student)
    assert not any("os.system" in c["source"] or "lambda: None" in c["source"] for c in made.notebook["cells"])
    assert made.notes == ["cells of the student's own were not run: 2"]


def test_an_answer_that_lost_its_id_is_found_by_its_metadata_its_call_or_its_place() -> None:
    made = merged(with_repair(lambda c: c | {"id": "x1"}))
    assert (source(made, "repair"), made.notes) == (REPAIR, ["cell repair had lost its name: found by the name in its metadata"])
    made = merged(with_repair(lambda c: c | {"id": "x1", "metadata": {}}))
    assert (source(made, "repair"), made.notes) == (REPAIR, ["cell repair had lost its name: found by its place"])
    bare = changed(solved(), lambda c: {"cell_type": c["cell_type"], "id": "", "metadata": {}, "source": c["source"]})
    made = merged(bare)
    assert made.notebook == solved()
    assert {n.rpartition("found by ")[2] for n in made.notes} == {"what it calls", "its place"}


def test_an_answer_that_became_text_is_read_as_code() -> None:
    made = merged(with_repair(lambda c: c | {"cell_type": "markdown"}))
    assert (source(made, "repair"), made.notes) == (REPAIR, ["cell repair was no code any more: read as code"])


def test_one_cell_is_never_two_answers() -> None:
    """Every cell has the id of the first answer: only one of them is it, and the others are found by what they call."""
    made = merged(changed(solved(), lambda c: c | {"id": "predict-failed", "metadata": {}} if is_answer(c) else c))
    assert source(made, "predict-broken") == next(c["source"] for c in solved()["cells"] if c["id"] == "predict-broken")
    assert len(made.taken) == len(set(made.taken))


def test_outputs_and_metadata_of_a_student_do_not_come_along() -> None:
    def decorated(c: dict[str, Any]) -> dict[str, Any]:
        skipped = c["metadata"] | {"tags": ["nbval-skip"]}
        return c | {"outputs": [{"output_type": "stream", "text": "passed"}], "metadata": skipped} if c["cell_type"] == "code" else c

    assert merged(changed(solved(), decorated)).notebook == solved()


def test_who_answers_nothing_hands_in_all_of_it_or_what_stands_before_an_answer() -> None:
    whole, *parts = untouched(given())
    assert whole == given()
    answers = [i for i, c in enumerate(given()["cells"]) if is_answer(c)]
    assert [len(p["cells"]) for p in parts] == answers
    assert all(p["cells"] == given()["cells"][: len(p["cells"])] for p in parts)
