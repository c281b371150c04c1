"""What a node does with the pods bound to it."""

from __future__ import annotations

from shallowdive.embedded.loop import Controller


class Kubelet(Controller):
    name = "kubelet"
