"""Which node a pod goes to, and why none fits."""

from __future__ import annotations

from shallowdive.embedded.loop import Controller


class Scheduler(Controller):
    name = "default-scheduler"
