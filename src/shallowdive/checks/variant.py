"""What is drawn for one student: the same for the same name on every machine, in every Python, for ever.

A lot is the SHA-256 of the lab, the student and what is asked; nothing of it is secret, and nothing depends on the order of asking."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import TypeVar

from kubernetes.client.exceptions import ApiException

from shallowdive.cluster.access import TIMEOUT_S
from shallowdive.cluster.bound import NamespaceClient

T = TypeVar("T")
LEARNER = "shallowdive/learner"
"""Label of a lab's namespace: whose it is. Whoever made the namespace wrote it; a tenant cannot change it."""
NOBODY = "guest"


def student_of(client: NamespaceClient) -> str:
    """Whose namespace this is. A tenant may not read it, and is who its environment says: that counts for a self-check only."""
    try:
        meta = client.core.read_namespace(client.namespace, _request_timeout=TIMEOUT_S).metadata
    except ApiException as exc:
        if exc.status != 403:
            raise
        return os.environ.get("SHALLOWDIVE_LEARNER", NOBODY)
    return str(((meta.labels if meta else None) or {}).get(LEARNER, NOBODY))


def lot(*of: object) -> int:
    return int(hashlib.sha256("/".join(map(str, of)).encode()).hexdigest(), 16)


def one_of(choices: Sequence[T], *of: object) -> T:
    """One of these, by lot."""
    return choices[lot(*of) % len(choices)]


def in_order(choices: Sequence[T], *of: object) -> list[T]:
    """All of these, in the order of their lots; equal ones would share a lot."""
    return sorted(choices, key=lambda choice: lot(*of, choice))
