"""What this machine and its container engine are, gathered once, as plain data. Judging it is `doctor`'s and `cluster`'s job."""

from shallowdive.facts.engine import Engine, look_at_engine
from shallowdive.facts.machine import Machine, free_port, look_at_machine, port_is_free

__all__ = ["Engine", "Machine", "free_port", "look_at_engine", "look_at_machine", "port_is_free"]
