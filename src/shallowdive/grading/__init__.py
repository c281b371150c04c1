"""Grading a class: from what students handed in to what may be run. Everything in a submission is text that a stranger controls."""
