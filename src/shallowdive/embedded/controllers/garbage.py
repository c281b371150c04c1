"""The garbage collector: what an owner leaves behind goes too, before it (Foreground), after it (Background), or not at all (Orphan).

A key here is (resource, namespace/name): it looks at every kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shallowdive.embedded.controllers.owners import drop_owners
from shallowdive.embedded.kinds import EVENTS, LEASES, by_api, kinds
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Object

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class GarbageCollector(Controller):
    name = "garbage-collector-controller"
    watches = tuple(name for name in kinds() if name not in (EVENTS, LEASES))

    def keys(self, event: Event) -> Iterable[Key]:
        meta = event.object["metadata"]
        if event.type == "DELETED":
            yield from (_key(resource, key) for resource, key in self.store.owned_by(meta["uid"]))
            yield from self._owners_that_wait(event.object)
            return
        before = event.before["metadata"].get("ownerReferences") if event.before is not None else None
        is_held = "deletionTimestamp" in meta and meta.get("finalizers")
        if is_held or (meta.get("ownerReferences") and meta["ownerReferences"] != before):
            yield _key(event.resource, event.key)

    def _owners_that_wait(self, value: Object) -> Iterable[Key]:
        """Owners in the foreground: they go when the last of what they own has gone."""
        for owner in value["metadata"].get("ownerReferences") or ():
            found = self._owner(value, owner)
            if found is not None and FOREGROUND in (found[2]["metadata"].get("finalizers") or ()):
                yield _key(found[0], found[1])

    def reconcile(self, key: Key) -> None:
        resource, (namespace, _, name) = key[0], key[1].partition("/")
        value = self.store.get(resource, namespace, name)
        if value is None:
            return
        finalizers = value["metadata"].get("finalizers") or ()
        if "deletionTimestamp" in value["metadata"]:
            if ORPHAN in finalizers:
                self._orphan(resource, value)
            elif FOREGROUND in finalizers:
                self._delete_dependents(resource, value)
            return
        if value["metadata"].get("ownerReferences"):
            self._look_after(resource, value)

    def _look_after(self, resource: str, value: Object) -> None:
        """Delete an object of which no owner is left; take dead owners out of one that has another."""
        solid, gone, waiting = [], [], []
        for owner in value["metadata"]["ownerReferences"]:
            kind = by_api(owner["apiVersion"], owner["kind"])
            if kind is None or (kind.namespaced and not value["metadata"].get("namespace")):
                return  # an owner that cannot be looked up: the real one waits for its kind to appear
            found = self._owner(value, owner)
            if found is None:
                gone.append(owner)
            elif "deletionTimestamp" in found[2]["metadata"] and FOREGROUND in (found[2]["metadata"].get("finalizers") or ()):
                waiting.append(owner)
            else:
                solid.append(owner)
        if solid:
            dead = {owner["uid"] for owner in (*gone, *waiting)}
            if dead:
                self._change(resource, value, lambda new: drop_owners(new, dead))
            return
        has_own = bool(self.store.owned_by(value["metadata"]["uid"]))
        self._delete(resource, value, "Foreground" if waiting and has_own else "Background")

    def _owner(self, value: Object, owner: dict[str, Any]) -> tuple[str, Key, Object] | None:
        """(resource, key, object) of the owner that a reference names, when it is there and the same one."""
        kind = by_api(owner["apiVersion"], owner["kind"])
        if kind is None:
            return None
        key = (value["metadata"].get("namespace", "") if kind.namespaced else "", owner["name"])
        found = self.store.get(kind.resource, *key)
        return (kind.resource, key, found) if found is not None and found["metadata"]["uid"] == owner["uid"] else None

    def _orphan(self, resource: str, value: Object) -> None:
        uid = value["metadata"]["uid"]
        for other, (namespace, name) in self.store.owned_by(uid):
            owned = self.store.get(other, namespace, name)
            if owned is not None:
                self._change(other, owned, lambda new: drop_owners(new, {uid}))
        self._drop_finalizer(resource, value, ORPHAN)

    def _delete_dependents(self, resource: str, value: Object) -> None:
        uid, blocked = value["metadata"]["uid"], False
        for other, (namespace, name) in self.store.owned_by(uid):
            owned = self.store.get(other, namespace, name)
            if owned is None:
                continue
            if "deletionTimestamp" not in owned["metadata"]:
                self._look_after(other, owned)
                owned = self.store.get(other, namespace, name)
            owners = (owned or {"metadata": {}})["metadata"].get("ownerReferences") or ()
            blocked = blocked or any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in owners)
        if not blocked:
            self._drop_finalizer(resource, value, FOREGROUND)

    def _drop_finalizer(self, resource: str, value: Object, finalizer: str) -> None:
        def edit(new: Object) -> None:
            new["metadata"]["finalizers"] = [name for name in new["metadata"].get("finalizers") or () if name != finalizer]

        self._change(resource, value, edit)

    def _change(self, resource: str, value: Object, edit: Any) -> None:
        meta = value["metadata"]
        self.registry.change(resource, meta.get("namespace", ""), meta["name"], edit, self.who)

    def _delete(self, resource: str, value: Object, propagation: str) -> None:
        meta = value["metadata"]
        own = meta.get("finalizers") or ()
        propagation = "Orphan" if ORPHAN in own else "Foreground" if FOREGROUND in own else propagation
        try:
            self.registry.delete(resource, meta.get("namespace", ""), meta["name"], DeleteOptions(uid=meta["uid"], propagation=propagation))
        except ApiError as refused:
            if refused.code not in (404, 409):
                raise


def _key(resource: str, key: Key) -> Key:
    return resource, f"{key[0]}/{key[1]}"
