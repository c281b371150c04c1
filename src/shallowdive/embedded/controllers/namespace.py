"""A namespace that is deleted goes when everything in it is gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shallowdive.embedded.kinds import NAMESPACES, kinds
from shallowdive.embedded.loop import Controller
from shallowdive.embedded.registry import DeleteOptions
from shallowdive.embedded.status import ApiError
from shallowdive.embedded.store import Event, Key, Object

CONDITIONS = {
    "NamespaceDeletionDiscoveryFailure": ("False", "ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": ("False", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    "NamespaceDeletionContentFailure": ("False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    "NamespaceContentRemaining": ("False", "ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


class NamespaceController(Controller):
    name = "namespace-controller"
    watches = tuple(kind.resource for kind in kinds().values() if kind.namespaced or kind.resource == NAMESPACES)

    def keys(self, event: Event) -> Iterable[Key]:
        if event.resource == NAMESPACES:
            return (event.key,) if "deletionTimestamp" in event.object["metadata"] else ()
        return (("", event.key[0]),) if event.type == "DELETED" else ()

    def reconcile(self, key: Key) -> None:
        namespace = self.store.get(NAMESPACES, *key)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return
        left = self._empty(key[1])
        self._write_conditions(key, left)
        if not left and "kubernetes" in namespace["spec"].get("finalizers", ()):
            self.registry.change(NAMESPACES, *key, _finalize, self.who, subresource="finalize")

    def _empty(self, name: str) -> dict[str, list[Object]]:
        """Delete all that can be; what is still there, by resource. Pods come last only in the report: all are asked to go at once."""
        left = {}
        for kind in kinds().values():
            if kind.namespaced and self.store.count(kind.resource, name):
                for value in self.store.objects(kind.resource, name):
                    if "deletionTimestamp" not in value["metadata"]:
                        self._delete(kind.resource, value)
                if self.store.count(kind.resource, name):
                    left[kind.resource] = self.store.objects(kind.resource, name)
        return left

    def _delete(self, resource: str, value: Object) -> None:
        meta = value["metadata"]
        try:
            self.registry.delete(resource, meta["namespace"], meta["name"], DeleteOptions(propagation="Background"))
        except ApiError as refused:
            if refused.code != 404:
                raise

    def _write_conditions(self, key: Key, left: dict[str, list[Object]]) -> None:
        rows = dict(CONDITIONS)
        if left:
            counts = ", ".join(f"{_plain(name)} has {len(values)} resource instances" for name, values in sorted(left.items()))
            rows["NamespaceContentRemaining"] = ("True", "SomeResourcesRemain", f"Some resources are remaining: {counts}")
        held: dict[str, int] = {}
        for values in left.values():
            for value in values:
                for finalizer in value["metadata"].get("finalizers") or ():
                    held[finalizer] = held.get(finalizer, 0) + 1
        if held:
            counts = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(held.items()))
            text = f"Some content in the namespace has finalizers remaining: {counts}"
            rows["NamespaceFinalizersRemaining"] = ("True", "SomeFinalizersRemain", text)
        if not left and not (self.store.get(NAMESPACES, *key) or {}).get("status", {}).get("conditions"):
            return

        def edit(value: Object) -> None:
            value["status"] = {**value["status"], "phase": "Terminating", "conditions": self._conditions(value, rows)}

        self.registry.change(NAMESPACES, *key, edit, self.who, subresource="status")

    def _conditions(self, namespace: Object, rows: dict[str, tuple[str, str, str]]) -> list[dict[str, Any]]:
        known = {row["type"]: row for row in namespace["status"].get("conditions") or ()}
        made = []
        for type_, (status, reason, message) in rows.items():
            row = {"type": type_, "status": status, "lastTransitionTime": self.clock.stamp(), "reason": reason, "message": message}
            old = known.get(type_)
            if old is not None and (old["status"], old["message"]) == (status, message):
                row = old
            made.append(row)
        return made


def _finalize(namespace: Object) -> None:
    namespace["spec"] = {**namespace["spec"], "finalizers": [f for f in namespace["spec"].get("finalizers", ()) if f != "kubernetes"]}


def _plain(resource: str) -> str:
    """`pods.`, `deployments.apps`: how the real controller names a resource here."""
    return resource if "." in resource else f"{resource}."
