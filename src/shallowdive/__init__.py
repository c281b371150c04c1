"""Kubernetes Shallow Dive: labs on a real cluster, live pictures, checks, grading.

Importing this is cheap (no client, no widgets): heavy parts load when a lab asks for them."""

__version__ = "0.1.0"
