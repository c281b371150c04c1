"""Grading a class: what was handed in is read (archive, submissions), put into our notebook (merge), run in a cage (cage, run), judged
from outside, some at a time (batch), and written down (row, results).

Everything in a submission is text that a stranger controls. Nothing is imported here: the cage starts once for each submission."""
