"""What the scheduler says about a pod that it refuses, read back as counts."""

from __future__ import annotations

import pytest

from shallowdive.checks.refusals import Refusal
from shallowdive.objects.scheduling import counts_of

PREEMPTION = (
    " preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod."
)


@pytest.mark.parametrize(
    ("message", "cpu", "nothing_else"),
    [
        ("0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu." + PREEMPTION, 2, True),
        ("0/3 nodes are available: 3 Insufficient cpu." + PREEMPTION, 3, True),
        ("0/3 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.", 2, False),
        ("0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector.", 0, False),
        ("0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.", 2, False),
        ("0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available.", 1, True),
    ],
)
def test_reasons_are_counted_and_preemption_is_left_out(message: str, cpu: int, nothing_else: bool) -> None:
    one = Refusal("uid", counts_of(message))
    assert (one.short_of_cpu, one.nothing_else) == (cpu, nothing_else)


@pytest.mark.parametrize("message", ["", "None", 'persistentvolumeclaim "book" not found', "skip schedule deleting pod"])
def test_a_message_that_does_not_go_through_the_nodes_has_no_reasons(message: str) -> None:
    assert counts_of(message) == {}
