"""What the API server fills in when a manifest leaves it out."""

from __future__ import annotations

from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.store import Object


def set_defaults(kind: Kind, value: Object) -> None:
    """Fill in `value` in place. Doing it twice changes nothing."""
