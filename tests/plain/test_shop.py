"""What is drawn for a student: the same again, everything occurs, no fault hides in another's field."""

from __future__ import annotations

import hashlib
from collections import Counter

from shallowdive.checks import LABS
from shallowdive.checks.shop import FAMILIES, FAULTS, LAB, PARTS, broken, changed, draw, whole, words_of
from shallowdive.checks.variant import in_order, one_of
from tests.mutants import cases_of

STUDENTS = [f"student-{n}" for n in range(1000)]


def test_a_draw_is_the_same_on_every_machine() -> None:
    """These are the values of SHA-256; a change would give every student of a running course another shop."""
    assert [(d.fault.name, d.part) for d in draw("guest")] == GUEST
    assert draw("guest") == draw("guest")


def test_each_student_has_a_fault_of_each_family_and_every_fault_occurs() -> None:
    seen: Counter[tuple[str, str]] = Counter()
    for student in STUDENTS:
        drawn = draw(student)
        assert [d.fault.family for d in drawn] == list(FAMILIES)
        assert len({d.part for d in drawn if d.fault.family in ("node", "container", "probe")}) == 3
        assert all(d.answer in words_of(d.fault.family) for d in drawn)
        seen.update((d.fault.name, d.part) for d in drawn)
    assert {name for name, _ in seen} == {f.name for f in FAULTS}
    assert len(seen) == 2 * 3 * 3 + 2 + 3 * 3, "each fault in each part where it may be"
    assert len({tuple(d.answer for d in draw(s)) for s in STUDENTS}) > 400


def test_choices_are_near_to_equally_frequent() -> None:
    counted = Counter(one_of(PARTS, "lab", s) for s in STUDENTS)
    assert all(280 < n < 390 for n in counted.values())
    assert len({tuple(in_order(PARTS, "lab", s)) for s in STUDENTS}) == 6


def test_each_fault_changes_one_field_and_no_two_the_same() -> None:
    for student in STUDENTS[:200]:
        good, bad = whole("h"), broken("h", draw(student))
        fields = [(of, path) for of, body in good.items() for path, _ in changed(body, bad[of])]
        assert len(fields) == len(set(fields)) == 5, fields


GUEST = [
    ("too-big", "ledger"),
    ("no-class", "ledger"),
    ("bad-command", "front"),
    ("readiness-port", "stock"),
    ("target-port", "stock"),
]


def test_the_right_work_that_is_tried_meets_every_fault() -> None:
    """Each case is a student of its own; a repair of every fault is tried in every run."""
    tried = [f"case-{hashlib.sha256(c.name.encode()).hexdigest()[:8]}" for c in cases_of(LABS[LAB]) if not c.red]
    assert {d.fault.name for who in tried for d in draw(who)} == {f.name for f in FAULTS}
