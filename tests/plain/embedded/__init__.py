"""The embedded cluster's parts, on a clock that the tests drive."""

START = 1767225600.0
"""2026-01-01T00:00:00Z: where that clock begins, so that a run repeats to the second."""
