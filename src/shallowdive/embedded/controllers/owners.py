"""Owner references: who controls an object, and how a controller takes in an orphan or lets go of what no longer fits its selector."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from shallowdive.embedded.index import Index
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.store import Object


def reference(owner: Object) -> dict[str, Any]:
    """A controller's reference to `owner`, as it stands in what it owns."""
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(value: Object) -> dict[str, Any] | None:
    """The reference to the one owner that controls this object."""
    return next((owner for owner in value["metadata"].get("ownerReferences") or () if owner.get("controller")), None)


def orphans(controller: Controller, resource: str) -> Index:
    """Objects without a controller, by namespace."""
    return Index(controller.store, resource, lambda value: () if controller_of(value) else (value["metadata"]["namespace"],))


def claim(
    controller: Controller, owner: Object, resource: str, loose: Iterable[Object], fits: Callable[[dict[str, str]], bool]
) -> list[Object]:
    """What `owner` controls among a resource, after adopting `loose` objects that fit and releasing owned ones that do not."""
    uid = owner["metadata"]["uid"]
    mine = []
    for found, (namespace, name) in controller.store.owned_by(uid):
        value = controller.store.get(resource, namespace, name) if found == resource else None
        by = controller_of(value) if value is not None else None
        if value is None or by is None or by["uid"] != uid:
            continue
        if fits(value["metadata"].get("labels") or {}):
            mine.append(value)
        elif "deletionTimestamp" not in owner["metadata"]:
            _release(controller, resource, value, uid)
    if "deletionTimestamp" not in owner["metadata"]:
        for value in loose:
            if "deletionTimestamp" not in value["metadata"] and fits(value["metadata"].get("labels") or {}):
                mine.append(_adopt(controller, resource, value, owner))
    return mine


def _adopt(controller: Controller, resource: str, value: Object, owner: Object) -> Object:
    def edit(new: Object) -> None:
        new["metadata"]["ownerReferences"] = [*(new["metadata"].get("ownerReferences") or ()), reference(owner)]

    meta = value["metadata"]
    return controller.registry.change(resource, meta["namespace"], meta["name"], edit, controller.who)


def _release(controller: Controller, resource: str, value: Object, uid: str) -> None:
    meta = value["metadata"]
    controller.registry.change(resource, meta["namespace"], meta["name"], lambda new: drop_owners(new, {uid}), controller.who)


def drop_owners(value: Object, uids: set[str]) -> None:
    """Take references out, in place."""
    left = [owner for owner in value["metadata"].get("ownerReferences") or () if owner["uid"] not in uids]
    if left:
        value["metadata"]["ownerReferences"] = left
    else:
        value["metadata"].pop("ownerReferences", None)
