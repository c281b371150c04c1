"""Grading a class. For now: a judge of its own around a notebook that nbval runs."""
