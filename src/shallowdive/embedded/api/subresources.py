"""Subresources that are a part of an object or a request to it: status, scale, binding, eviction, token."""

from __future__ import annotations

from shallowdive.embedded.api import verbs
from shallowdive.embedded.request import Channel, Later, Response, Stream

Call = verbs.Call


def handle(call: Call) -> Response | Stream | Later | Channel:
    return verbs.VERBS[call.asked.verb](call)
