"""Grading a class: empty until the grading issue. Today the judge outside a notebook is `checks.judge`, called by conftest.py for nbval."""
