"""ControllerRevisions: how StatefulSets and DaemonSets remember the versions of their pod template."""

from __future__ import annotations

from shallowdive.embedded.controllers import rollout
from shallowdive.embedded.controllers.owners import reference
from shallowdive.embedded.kinds import CONTROLLERREVISIONS
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.store import Object, clone

LABEL = "controller-revision-hash"
"""On pods: the name of the revision (StatefulSet) or its hash (DaemonSet)."""


def owned(controller: Controller, owner: Object) -> list[Object]:
    """The revisions of a set, oldest first."""
    rows = [
        controller.store.get(resource, *key)
        for resource, key in controller.store.owned_by(owner["metadata"]["uid"])
        if resource == CONTROLLERREVISIONS
    ]
    return sorted((row for row in rows if row is not None), key=lambda row: int(row["revision"]))


def current(controller: Controller, owner: Object) -> Object:
    """The revision of the set's template as it is now; made, or numbered anew, when it is not the last one."""
    meta, template = owner["metadata"], owner["spec"]["template"]
    rows = owned(controller, owner)
    data = {"spec": {"template": {**clone(template), "$patch": "replace"}}}
    known = next((row for row in rows if row.get("data") == data), None)
    number = int(rows[-1]["revision"]) + 1 if rows else 1
    if known is None:
        letters = rollout.template_hash(template, 0)
        labels = {**((template.get("metadata") or {}).get("labels") or {}), LABEL: letters}
        made = {
            "metadata": {
                "name": f"{meta['name']}-{letters}",
                "namespace": meta["namespace"],
                "labels": labels,
                "ownerReferences": [reference(owner)],
            },
            "data": data,
            "revision": number,
        }
        return controller.registry.create(CONTROLLERREVISIONS, made, controller.who)
    if known is not rows[-1]:
        name = known["metadata"]["name"]
        return controller.registry.change(
            CONTROLLERREVISIONS, meta["namespace"], name, lambda value: value.update(revision=number), controller.who
        )
    return known


def hash_of(revision: Object) -> str:
    return str(revision["metadata"]["labels"][LABEL])


def forget(controller: Controller, owner: Object, in_use: set[str]) -> None:
    """Revisions beyond `revisionHistoryLimit` go, oldest first; `in_use` are names and hashes that pods carry."""
    rows = [row for row in owned(controller, owner)[:-1] if not {row["metadata"]["name"], hash_of(row)} & in_use]
    for row in rows[: max(len(rows) - int(owner["spec"].get("revisionHistoryLimit", 10)), 0)]:
        controller.registry.delete(CONTROLLERREVISIONS, row["metadata"]["namespace"], row["metadata"]["name"])
