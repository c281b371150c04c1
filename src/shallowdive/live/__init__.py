"""What a cluster is doing, as it happens: list, then watch, folded into an immutable picture. The only package that watches."""

from shallowdive.live.follow import STALE_S, Follower
from shallowdive.live.history import History, Seen
from shallowdive.live.link import Pace
from shallowdive.live.look import look
from shallowdive.live.resources import KINDS, LAB_KINDS
from shallowdive.live.state import ClusterState, apply_event
from shallowdive.live.wait import poll, wait_for

__all__ = [
    "KINDS",
    "LAB_KINDS",
    "STALE_S",
    "ClusterState",
    "Follower",
    "History",
    "Pace",
    "Seen",
    "apply_event",
    "look",
    "poll",
    "wait_for",
]
