"""Why is this not working? A `ClusterState` in, an `Explanation` out: pure, rules as data, "unknown" rather than a wrong cause."""

from shallowdive.explain.finding import Explanation, Finding
from shallowdive.explain.html import fragment
from shallowdive.explain.refusal import explain_refusal
from shallowdive.explain.walk import explain

__all__ = ["Explanation", "Finding", "explain", "explain_refusal", "fragment"]
