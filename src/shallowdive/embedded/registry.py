"""The one door to the store: every write of a client, a controller or a kubelet goes through here and meets the same rules.

Create and update: admission, defaults, validation, generation, managed fields, then the store. Delete: grace, finalizers, propagation.
What comes in is a decoded object; HTTP is `api`'s."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shallowdive.embedded import admission, defaults, fields, status, validation
from shallowdive.embedded.clock import Clock
from shallowdive.embedded.kinds import (
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    LEASES,
    LIMITRANGES,
    NAMESPACES,
    PDBS,
    PODS,
    SERVICES,
    Kind,
    kind_of,
)
from shallowdive.embedded.request import User
from shallowdive.embedded.store import Object, Store, clone

SYSTEM = User("system:admin", ("system:masters",))
NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of a generated name: no vowels, so that no words come out."""
NAME_TRIES = 8
CREATED_BY_UPDATE = {ENDPOINTS, EVENTS, LEASES, LIMITRANGES, SERVICES}
"""What an update creates when it is not there; so do all kinds of RBAC."""
REVISION_NEEDED = {
    LEASES, PDBS, "csidrivers.storage.k8s.io", "csinodes.storage.k8s.io", "csistoragecapacities.storage.k8s.io",
    "volumeattachments.storage.k8s.io", "ipaddresses.networking.k8s.io", "servicecidrs.networking.k8s.io",
}  # fmt: skip
"""What is only updated by those who say which version they have seen."""
NEVER_BUMPED = {"priorityclasses.scheduling.k8s.io"}
WITH_STATUS = {"binding"}
"""Subresources that change the status beside the rest."""
DRAWN = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")


@dataclass(frozen=True, slots=True)
class Who:
    """Who writes: `manager` for managed fields (`kubectl`, `kube-controller-manager`), `user` for admission."""

    manager: str
    user: User = SYSTEM
    operation: str = "Update"


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """`propagation` is Background, Foreground or Orphan, '' for the resource's default; `grace_s` None for the object's own."""

    grace_s: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


@dataclass(slots=True)
class Registry:
    store: Store
    clock: Clock
    random: random.Random
    before_delete: list[Callable[[Kind, Object, DeleteOptions], None]] = field(default_factory=list)

    # reading

    def get(self, resource: str, namespace: str, name: str) -> Object:
        """Raises ApiError 404."""
        value = self.store.get(resource, namespace, name)
        if value is None:
            raise status.not_found(resource, name)
        return value

    # writing

    def create(self, resource: str, value: Object, who: Who, *, dry_run: bool = False) -> Object:
        """Store a new object (`value` is taken over). Raises ApiError: 403, 404 (its namespace), 409, 422."""
        kind = kind_of(resource)
        meta = value.setdefault("metadata", {})
        if meta.get("resourceVersion"):
            raise status.internal_error("resourceVersion should not be set on objects to be created")
        value["apiVersion"], value["kind"] = kind.api_version, kind.kind
        generated = not meta.get("name") and bool(meta.get("generateName"))
        if generated:
            meta["name"] = self._free_name(kind, meta)
        for drawn in DRAWN:
            meta.pop(drawn, None)
        meta.pop("resourceVersion", None)
        meta["uid"], meta["creationTimestamp"] = self.draw_uid(), self.clock.stamp()
        if kind.has_generation:
            meta["generation"] = 1
        if "status" in kind.subresources:
            value.pop("status", None)
        defaults.set_defaults(kind, value)
        if who.operation != "Apply":
            fields.after_write(kind, None, value, who.manager, who.operation, "", meta["creationTimestamp"])
        admission.admit_create(self, kind, value, who, dry_run=dry_run)
        causes = validation.on_create(kind, value)
        if causes:
            raise status.invalid(kind.kind, kind.group, meta.get("name", ""), causes)
        if self.store.get(resource, meta.get("namespace", ""), meta["name"]) is not None:
            raise status.name_not_free(resource, meta["name"]) if generated else status.already_exists(resource, meta["name"])
        if dry_run:
            return value
        return self.store.put(resource, value)

    def update(self, resource: str, value: Object, who: Who, *, subresource: str = "", dry_run: bool = False) -> Object:
        """Store a new version (`value` is taken over). A `resourceVersion` in it must be the stored one.

        Raises ApiError: 403, 404, 409, 422."""
        kind = kind_of(resource)
        meta = value["metadata"]
        old = self.get(resource, meta.get("namespace", ""), meta["name"])
        self._check_version(kind, old, meta)
        self._keep(kind, old, value, subresource)
        defaults.set_defaults(kind, value)
        if who.operation != "Apply":
            fields.after_write(kind, old, value, who.manager, who.operation, subresource, self.clock.stamp())
        admission.admit_update(self, kind, old, value, who, subresource=subresource)
        if (
            kind.has_generation
            and subresource != "status"
            and kind.resource not in NEVER_BUMPED
            and _counted(kind, value) != _counted(kind, old)
        ):
            meta["generation"] = old["metadata"].get("generation", 0) + 1
        causes = validation.on_update(kind, old, value, subresource)
        if causes:
            raise status.invalid(kind.kind, kind.group, meta["name"], causes)
        if fields.same_but_times(old, value):
            return old
        if dry_run:
            meta["resourceVersion"] = old["metadata"]["resourceVersion"]
            return value
        if "deletionTimestamp" in meta and self._may_go(kind, value):
            meta["resourceVersion"] = self.store.remove(resource, meta.get("namespace", ""), meta["name"])["metadata"]["resourceVersion"]
            return value
        return self.store.put(resource, value)

    def creates_by_update(self, kind: Kind) -> bool:
        return kind.resource in CREATED_BY_UPDATE or kind.group == "rbac.authorization.k8s.io"

    def needs_version(self, kind: Kind, meta: dict[str, Any]) -> None:
        """Whether a client's update may do without a resourceVersion. Raises ApiError 422."""
        if kind.resource in REVISION_NEEDED and not meta.get("resourceVersion"):
            cause = status.Cause("metadata.resourceVersion", "FieldValueInvalid", "Invalid value: 0: must be specified for an update")
            error = status.invalid(kind.resource, "", meta["name"], [cause])
            error.status["details"] |= {"group": kind.group, "kind": kind.plural}
            raise error

    def _check_version(self, kind: Kind, old: Object, meta: dict[str, Any]) -> None:
        was = old["metadata"]
        if meta.get("uid", was["uid"]) not in ("", was["uid"]):
            key = "/".join(("/registry", kind.plural, meta.get("namespace", ""), meta["name"])).replace("//", "/")
            why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {was['uid']}"
            storage = f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
            raise status.conflict(kind.resource, meta["name"], storage)
        revision = meta.get("resourceVersion")
        if revision and revision != was["resourceVersion"]:
            if not revision.isdigit():
                raise status.internal_error(f'strconv.ParseUint: parsing "{revision}": invalid syntax')
            raise status.conflict(kind.resource, meta["name"], status.STALE)

    def change(
        self, resource: str, namespace: str, name: str, edit: Callable[[Object], None], who: Who, *, subresource: str = ""
    ) -> Object:
        """Read, edit a copy, write: what a controller does. Raises ApiError."""
        value = clone(self.get(resource, namespace, name))
        edit(value)
        return self.update(resource, value, who, subresource=subresource)

    def bind(self, namespace: str, name: str, node: str, who: Who, *, uid: str = "") -> Object:
        """Set a pod's node, once: what the subresource `binding` does. Raises ApiError: 404, 409."""
        old = self.get(PODS, namespace, name)
        meta = old["metadata"]
        if uid and uid != meta["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {meta['uid']}"
            raise status.conflict("pods/binding", name, why)
        if "deletionTimestamp" in meta:
            raise status.conflict("pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host")
        if old["spec"].get("nodeName"):
            raise status.conflict("pods/binding", name, f'pod {name} is already assigned to node "{old["spec"]["nodeName"]}"')
        value = clone(old)
        value["spec"]["nodeName"] = node
        now = self.clock.stamp()
        bound = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
        others = [c for c in value["status"].get("conditions", ()) if c["type"] != "PodScheduled"]
        value["status"]["conditions"] = [*others, bound]
        fields.after_write(kind_of(PODS), old, value, who.manager, who.operation, "", now)
        return self.store.put(PODS, value)

    def delete(self, resource: str, namespace: str, name: str, options: DeleteOptions = DeleteOptions(), who: Who | None = None) -> Object:
        """Delete, or begin to: the object as it was left. Gone objects carry no finalizer and no grace. Raises ApiError: 404, 409."""
        kind = kind_of(resource)
        old = self.get(resource, namespace, name)
        meta = old["metadata"]
        for word, wanted, have, hint in (
            ("UID", options.uid, meta["uid"], "have been deleted and then recreated"),
            ("ResourceVersion", options.resource_version, meta["resourceVersion"], "have been modified"),
        ):
            if wanted and wanted != have:
                why = f"the {word} in the precondition ({wanted}) does not match the {word} in record ({have}). The object might {hint}"
                raise status.conflict(f"{kind.kind}.{kind.group}" if kind.group else kind.kind, name, why)
        admission.admit_delete(self, kind, old, who)
        value = clone(old)
        self._mark_deleted(kind, value, options)
        if options.dry_run:
            return value
        if self._may_go(kind, value):
            if "deletionTimestamp" in meta and value != old:
                self.store.put(resource, value)  # the grace is over: said first, then done
            self.store.remove(resource, namespace, name)
            return value
        return old if value == old else self.store.put(resource, value)

    def _mark_deleted(self, kind: Kind, value: Object, options: DeleteOptions) -> None:
        meta = value["metadata"]
        finalizers = [f for f in meta.get("finalizers", ()) if f not in ("orphan", "foregroundDeletion")]
        wanted = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}.get(options.propagation)
        kept = [f for f in meta.get("finalizers", ()) if f in ("orphan", "foregroundDeletion")] if not options.propagation else []
        finalizers += [wanted] if wanted else kept
        if finalizers:
            meta["finalizers"] = finalizers
        else:
            meta.pop("finalizers", None)
        grace = self._grace(kind, value, options)
        if "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = self.clock.stamp_after(grace)
            meta["deletionGracePeriodSeconds"] = grace
            if kind.has_generation:
                meta["generation"] = meta.get("generation", 0) + 1
        elif kind.resource == PODS and grace < meta.get("deletionGracePeriodSeconds", 0):
            meta["deletionTimestamp"] = self.clock.stamp_after(grace)
            meta["deletionGracePeriodSeconds"] = grace
        if kind.resource == NAMESPACES:
            value["status"] = {**value.get("status", {}), "phase": "Terminating"}

    def _grace(self, kind: Kind, value: Object, options: DeleteOptions) -> int:
        if kind.resource != PODS:
            return 0
        if not value["spec"].get("nodeName") or value.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return 0
        return int(value["spec"].get("terminationGracePeriodSeconds", 30)) if options.grace_s is None else options.grace_s

    @staticmethod
    def _may_go(kind: Kind, value: Object) -> bool:
        """Whether an object that is being deleted can be taken out now: a namespace's own finalizer and a pod's grace hold it too."""
        if value["metadata"].get("finalizers"):
            return False
        if kind.resource == NAMESPACES:
            return not value["spec"].get("finalizers")
        return not value["metadata"].get("deletionGracePeriodSeconds")

    def _keep(self, kind: Kind, old: Object, value: Object, subresource: str) -> None:
        """What an update cannot change comes from the old version."""
        meta, was = value["metadata"], old["metadata"]
        for name in DRAWN:
            meta.pop(name, None)
            if name in was:
                meta[name] = was[name]
        meta.pop("resourceVersion", None)
        value["apiVersion"], value["kind"] = kind.api_version, kind.kind
        if subresource == "status":
            for name in [n for n in value if n not in UNCOUNTED]:
                del value[name]
            value.update({n: old[n] for n in old if n not in UNCOUNTED})
            if kind.resource == DEPLOYMENTS:
                meta.pop("labels", None)
                meta |= {"labels": was["labels"]} if "labels" in was else {}
        elif "status" in kind.subresources and subresource not in WITH_STATUS:
            value.pop("status", None)
            if "status" in old:
                value["status"] = old["status"]
        if kind.resource == NAMESPACES and subresource != "finalize":
            value["spec"] = old.get("spec", {})

    # drawing

    def _free_name(self, kind: Kind, meta: dict[str, Any]) -> str:
        """A generated name that nobody has; the last one tried when all were taken."""
        name = ""
        for _ in range(NAME_TRIES):
            name = self.draw_name(meta["generateName"])
            if self.store.get(kind.resource, meta.get("namespace", ""), name) is None:
                break
        return name

    def draw_uid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def draw_name(self, prefix: str) -> str:
        """`prefix` and five letters."""
        return prefix[:58] + "".join(self.random.choices(NAME_LETTERS, k=5))

    def draw_letters(self, count: int) -> str:
        return "".join(self.random.choices(string.ascii_lowercase + string.digits, k=count))


UNCOUNTED = ("metadata", "status", "apiVersion", "kind")


def _counted(kind: Kind, value: Object) -> dict[str, Any]:
    """The parts of an object whose change raises its generation."""
    parts = {name: part for name, part in value.items() if name not in UNCOUNTED}
    if kind.resource == DEPLOYMENTS:
        parts["annotations"] = value["metadata"].get("annotations") or {}
    if kind.resource == ENDPOINTSLICES:
        parts["labels"] = value["metadata"].get("labels") or {}
    return parts
