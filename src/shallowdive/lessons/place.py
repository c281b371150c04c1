"""The namespace of a lab and learner: found again by its labels, made when there is none, another one after a reset."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from shallowdive.checks import Lab
from shallowdive.checks.student import LEARNER
from shallowdive.cluster import Access, Home
from shallowdive.cluster.access import TIMEOUT_S
from shallowdive.cluster.apply import apply
from shallowdive.errors import BadAnswer, NotYet

LAB, HOME, BATCH = "shallowdive/lab", "shallowdive/home", "shallowdive/batch"
NOBODY = "me"
"""Who works here when nobody has said."""
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def learner() -> str:
    """Who works here: $SHALLOWDIVE_LEARNER, else `me`. At most 40 of a-z, 0-9 and inner dashes."""
    name = os.environ.get("SHALLOWDIVE_LEARNER", NOBODY)
    if not is_a_name(name):
        raise BadAnswer(
            "this learner's name cannot be used as a label", saw=repr(name), try_this="SHALLOWDIVE_LEARNER: a-z, 0-9, dashes; at most 40"
        )
    return name


def is_a_name(name: str) -> bool:
    return 0 < len(name) <= 40 and all(c.isascii() and (c.isdigit() or c.islower() or c == "-") for c in name) and name.strip("-") == name


def needs_met(lab: Lab, access: Access) -> None:
    """A tenant cannot run a lab that needs more than its namespace, and some labs need what only kind has."""
    more = [n for n in lab.needs if n not in ("tenant", *access.grants)]
    if access.kind == "tenant" and more:
        raise NotYet(
            f"lab {lab.id} needs more than a namespace",
            saw=f"needs {', '.join(more)}",
            try_this="run it on a cluster of your own: shallowdive up",
        )
    if lab.kind_only and access.backend != "kind" and not access.broker:
        raise NotYet(
            f"lab {lab.id} looks at the nodes of a kind cluster from outside",
            saw=f"this cluster is {access.backend}",
            try_this="install a container engine, then: shallowdive up --backend kind. The book's page shows this lab as it ran",
        )


def find_namespace(access: Access, lab: Lab, who: str) -> str:
    """The newest namespace of this lab and learner that is not on its way out; '' when there is none."""
    if access.kind == "tenant":
        return access.namespace
    found = client.CoreV1Api(access.connect()).list_namespace(
        label_selector=f"{LAB}={lab.id},{LEARNER}={who},{HOME}={access.owner}", _request_timeout=TIMEOUT_S
    )
    alive = [n.metadata for n in found.items if n.metadata and not n.metadata.deletion_timestamp]
    return max(((str(m.creation_timestamp), str(m.name)) for m in alive), default=("", ""))[1]


def make_namespace(access: Access, lab: Lab, who: str, more: dict[str, str] | None = None) -> str:
    """A new namespace of ours: labelled (`more` are further labels), with baseline pod security."""
    name = f"lab-{lab.id}-{''.join(secrets.choice(ALPHABET) for _ in range(5))}"
    labels = {LAB: lab.id, LEARNER: who, HOME: access.owner, "pod-security.kubernetes.io/enforce": "baseline"} | (more or {})
    apply(access.connect(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    return name


def drop_namespace(access: Access, name: str) -> None:
    """Delete one namespace, only if it carries our label. Does not wait: the next one has another name. Gone already: nothing to do."""
    core = client.CoreV1Api(access.connect())
    try:
        found = core.read_namespace(name, _request_timeout=TIMEOUT_S)
    except ApiException as exc:
        if exc.status == 404:
            return
        raise
    if found.metadata and (found.metadata.labels or {}).get(LAB):
        core.delete_namespace(name, _request_timeout=TIMEOUT_S)


def forget(access: Access, lab: Lab, who: str) -> None:
    """Remove what a run without a learner left: its namespace and its record. Nothing to do when there is none."""
    namespace = find_namespace(access, lab, who)
    if namespace and access.kind == "owner":
        drop_namespace(access, namespace)
        history_file(access, namespace).unlink(missing_ok=True)


def history_file(access: Access, namespace: str) -> Path:
    """Where the record of a namespace is kept between kernels."""
    return Home.from_environment().folder("history") / f"{access.cluster}-{namespace}.jsonl"
