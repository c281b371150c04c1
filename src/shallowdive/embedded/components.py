"""The programs of a control plane, and which of them a controller of ours would be a part of."""

from __future__ import annotations

from shallowdive.embedded.controllers import CONTROLLERS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.scheduler import Scheduler

API_SERVER, CONTROLLER_MANAGER, SCHEDULER = "kube-apiserver", "kube-controller-manager", "kube-scheduler"
COMPONENTS = (API_SERVER, CONTROLLER_MANAGER, SCHEDULER)


def component_of(controller: Controller) -> str:
    """'' for what runs on every node, and for the entrance."""
    return SCHEDULER if isinstance(controller, Scheduler) else CONTROLLER_MANAGER if isinstance(controller, CONTROLLERS) else ""
