"""Notebooks, without Kubernetes: labs/src to learner copies and solutions, executing, placing them in my-labs."""

from shallowdive.notebooks.execute import execute
from shallowdive.notebooks.place import place

__all__ = ["execute", "place"]
