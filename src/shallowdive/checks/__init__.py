"""What is verified of each lab: one module per lab, acting on the cluster and looking at outcome and history.

`check(state, history, answers, client)` of a lab's module is the judge; `judge` runs it for whoever asks (a learner, nbval, a grader)."""

from shallowdive.checks.judge import judge, read_answers
from shallowdive.checks.registry import LABS, Lab, lab_of
from shallowdive.checks.result import CheckResult

__all__ = ["LABS", "CheckResult", "Lab", "judge", "lab_of", "read_answers"]
