"""What the API server refuses, and in which words. Pure.

Here: metadata, and which rules are whose. A spec that did not change is not looked at again, so that a status costs nothing.
The rules stand in `validation_pods`, `_workloads`, `_network`, `_limits` and `_things`, those of updates in
`validation_updates`; the shapes of names in `words`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shallowdive.embedded import (
    validation_limits,
    validation_network,
    validation_pods,
    validation_things,
    validation_updates,
    validation_workloads,
    words,
)
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.status import Cause
from shallowdive.embedded.store import Object
from shallowdive.embedded.validation_pods import annotation_map, label_map
from shallowdive.embedded.words import Found

FINALIZERS = {"orphan", "foregroundDeletion", "kubernetes"}
LABEL_NAMES = {"namespaces", "services"}

RULES: dict[str, Callable[[Object, Found], None]] = (
    validation_pods.RULES | validation_workloads.RULES | validation_network.RULES | validation_limits.RULES | validation_things.RULES
)


NEW = validation_pods.NEW | validation_workloads.NEW
"""Rules for new objects alone."""


def on_create(kind: Kind, value: Object) -> list[Cause]:
    """Every reason to refuse a new object; [] when there is none."""
    found = Found()
    _name(kind, value["metadata"], found)
    metadata(value["metadata"], found)
    if kind.resource in NEW:
        NEW[kind.resource](value, found)
    if kind.resource in RULES:
        RULES[kind.resource](value, found)
    return found


def on_update(kind: Kind, old: Object, value: Object, subresource: str) -> list[Cause]:
    """Every reason to refuse a new version of `old`; immutable fields are found here."""
    found = Found()
    was, now = old["metadata"], value["metadata"]
    if any(was.get(part) != now.get(part) for part in ("labels", "annotations", "finalizers", "ownerReferences")):
        metadata(now, found)
        if "deletionTimestamp" in was:
            _no_new_finalizers(was.get("finalizers") or [], now.get("finalizers") or [], found)
    if subresource in ("", "scale") and _rest(old) != _rest(value):
        if kind.resource in RULES:
            RULES[kind.resource](value, found)
        validation_updates.check(kind, old, value, found)
    return found


def _no_new_finalizers(old: list[str], new: list[str], found: Found) -> None:
    added = ", ".join(f'"{finalizer}"' for finalizer in new if finalizer not in old)
    if added:
        why = "no new finalizers can be added if the object is being deleted, found new finalizers []string"
        found.forbidden("metadata.finalizers", f"{why}{{{added}}}")


def _rest(value: Object) -> dict[str, Any]:
    return {name: below for name, below in value.items() if name not in ("metadata", "status", "apiVersion", "kind")}


def _name(kind: Kind, meta: dict[str, Any], found: Found) -> None:
    if kind.group == "rbac.authorization.k8s.io":
        rule: words.Rule = words.path_segment
    elif kind.resource == "ipaddresses.networking.k8s.io":
        rule = words.ip
    else:
        rule = words.label if kind.resource in LABEL_NAMES else words.subdomain
    if meta.get("generateName"):
        found.check("metadata.generateName", meta["generateName"].rstrip("-."), rule)
    if not meta.get("name"):
        found.required("metadata.name", "name or generateName is required")
    else:
        found.check("metadata.name", meta["name"], rule)
        if kind.resource == "cronjobs.batch" and len(meta["name"]) > 52:
            found.invalid("metadata.name", meta["name"], "must be no more than 52 characters")


def metadata(meta: dict[str, Any], found: Found) -> None:
    label_map(meta.get("labels") or {}, "metadata.labels", found)
    annotation_map(meta.get("annotations") or {}, "metadata.annotations", found)
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        found.check("metadata.finalizers", finalizer, words.qualified)
        if "/" not in finalizer and finalizer not in FINALIZERS and not words.qualified(finalizer):
            found.invalid(f"metadata.finalizers[{index}]", finalizer, "name is neither a standard finalizer name nor is it fully qualified")
    _owners(meta.get("ownerReferences") or [], found)


def _owners(owners: list[dict[str, Any]], found: Found) -> None:
    for index, owner in enumerate(owners):
        path = f"metadata.ownerReferences[{index}]"
        for part in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(part):
                found.required(f"{path}.{part}", "must not be empty")
        if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Event"):
            found.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner")
    ruling = [f"{o.get('kind')}/{o.get('name')}" for o in owners if o.get("controller")]
    if len(ruling) > 1:
        why = f'Only one reference can have Controller set to true. Found "true" in references for {ruling[0]} and {ruling[1]}'
        found.invalid("metadata.ownerReferences", owners, why)
