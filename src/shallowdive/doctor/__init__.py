"""Is this machine fit for a cluster? Probes are pure functions of facts; each finding has a cause and one next command."""

from shallowdive.doctor.probes import Facts, Finding, examine, look
from shallowdive.doctor.troubles import Trouble, troubles

__all__ = ["Facts", "Finding", "Trouble", "examine", "look", "troubles"]
