"""Managed fields: who set which field, and server-side apply, which is a merge that respects that.

An update takes what it changes away from everybody else. An apply owns what its manifest states, is refused where somebody else set
another value, and takes out what it stated last time and nobody owns now. Sets and comparing are `fieldsets`'."""

from __future__ import annotations

from typing import Any

from shallowdive.embedded import apply_check, fieldsets, quantity, scalars, schema, status
from shallowdive.embedded.fieldsets import ABSENT, Set, Shape
from shallowdive.embedded.kinds import Kind
from shallowdive.embedded.store import Object

MANAGED_META = ("labels", "annotations", "ownerReferences", "finalizers", "generateName")
"""Fields of `metadata` that have owners; the server itself keeps the others."""
MOST_UPDATERS = 10
ANCIENT = "ancient-changes"
BEFORE = "before-first-apply"

Entry = dict[str, Any]


# update


def after_write(kind: Kind, old: Object | None, value: Object, manager: str, operation: str, subresource: str, now: str) -> None:
    """Write `metadata.managedFields` of `value`, in place, after a create, update or patch by `manager` (operation Update).

    An object whose entries were taken away stays without until somebody applies."""
    entries = _entries_before(old, value, subresource)
    if old is not None and not entries:
        _put(value, [])
        return
    taken, gone = _changes(kind, old, value, subresource)
    if taken is not None or gone is not None:
        mine = (manager, operation, kind.api_version, subresource)
        lost = fieldsets.union(gone, taken) if gone is not None and taken is not None else gone or taken
        own: Set | None = None
        others = []
        for entry in entries:
            if _name(entry) == mine:
                own = entry["fieldsV1"] if gone is None else fieldsets.difference(entry["fieldsV1"], gone)
                now = now if taken is not None else entry["time"]
            else:
                left = fieldsets.difference(entry["fieldsV1"], lost or {})
                if left is not None:
                    others.append(entry if left is entry["fieldsV1"] or left == entry["fieldsV1"] else {**entry, "fieldsV1": left})
        own = taken if own is None else own if taken is None else _members(fieldsets.union(own, taken))
        if own:
            others.append(_entry(manager, operation, kind, subresource, now, own))
        entries = _sorted(_capped(others))
    _put(value, entries)


def _changes(kind: Kind, old: Object | None, value: Object, subresource: str) -> tuple[Set | None, Set | None]:
    """The fields that a write added or changed, and those it took out. A main write cannot touch a status, nor a status write the rest."""
    shape = fieldsets.shape_of_type(kind.schema)
    blank = fieldsets.nothing(kind.schema)
    before = blank if old is None else old
    taken: Set = {}
    gone: Set = {}
    for name, field in shape.fields.items():
        if name in ("apiVersion", "kind") or (name == "status" and not subresource and "status" in kind.subresources):
            continue
        was, now = (version.get(name, blank.get(name, ABSENT)) for version in (before, value))
        if name == "metadata":
            was, now = ({key: meta[key] for key in MANAGED_META if key in meta} for meta in (was or {}, now))
        if was is not now and was != now:
            added, removed = fieldsets.compare(field, was, now)
            if added is not None:
                taken[f"f:{name}"] = added
            if removed is not None:
                gone[f"f:{name}"] = removed
    return taken or None, gone or None


def _members(found: Set) -> Set:
    """A set as an object has it: the object itself is no member."""
    return {element: below for element, below in found.items() if element != fieldsets.SELF}


def _entries_before(old: Object | None, value: Object, subresource: str) -> list[Entry]:
    """The entries a write starts from: those it sends, for whoever edits them, else the stored ones. `[]` and `[{}]` take them away."""
    sent = value["metadata"].get("managedFields") if not subresource else None
    if sent in ([], [{}]):
        return []
    if sent and all(entry.get("manager") is not None and type(entry.get("fieldsV1")) is dict for entry in sent):
        return list(sent)
    return list(old["metadata"].get("managedFields", ())) if old is not None else []


def _name(entry: Entry) -> tuple[str, str, str, str]:
    return entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")


def _entry(manager: str, operation: str, kind: Kind, subresource: str, now: str, own: Set) -> Entry:
    entry: Entry = {"manager": manager, "operation": operation, "apiVersion": kind.api_version, "time": now}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": own}
    return entry | {"subresource": subresource} if subresource else entry


def _sorted(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda e: (e["operation"], e.get("time", ""), e["manager"], e["apiVersion"], e.get("subresource", "")))


def _capped(entries: list[Entry]) -> list[Entry]:
    """At most ten updaters: the oldest are told apart no more."""
    updaters = sorted((e for e in entries if e["operation"] == "Update"), key=lambda e: (e.get("time", ""), e["manager"]))
    while len(updaters) > MOST_UPDATERS:
        first = updaters[0]
        second = next((e for e in updaters[1:] if e["apiVersion"] == first["apiVersion"]), None)
        if second is None:
            break
        both = _members(fieldsets.union(first["fieldsV1"], second["fieldsV1"]))
        merged = {**second, "manager": ANCIENT, "fieldsV1": both}
        merged.pop("subresource", None)
        entries = [merged if e is second else e for e in entries if e is not first]
        updaters = [merged, *(e for e in updaters if e is not first and e is not second)]
    return entries


def _put(value: Object, entries: list[Entry]) -> None:
    if entries:
        value["metadata"]["managedFields"] = entries
    else:
        value["metadata"].pop("managedFields", None)


def same_but_times(old: Object, value: Object) -> bool:
    """Whether a write changed nothing: then the server keeps the old version and its resourceVersion."""
    if any(old.get(name) != value.get(name) for name in {*old, *value} if name != "metadata"):
        return False
    was, now = old["metadata"], value["metadata"]
    if any(was.get(name) != now.get(name) for name in {*was, *now} - {"resourceVersion", "managedFields"}):
        return False
    one, other = was.get("managedFields", ()), now.get("managedFields", ())
    return len(one) == len(other) and all({**a, "time": ""} == {**b, "time": ""} for a, b in zip(one, other, strict=True))


# apply


def apply(kind: Kind, live: Object | None, applied: Object, manager: str, *, force: bool, subresource: str, now: str) -> Object:
    """Server-side apply: the merged object with its managed fields. `applied` is the manifest as it was sent.

    Raises ApiError 400, 409 with a cause for each conflicting field, 500 for fields of a wrong type, as the real server does."""
    if applied.get("metadata", {}).get("managedFields") is not None:
        raise status.bad_request("metadata.managedFields must be nil")
    shape = fieldsets.shape_of_type(kind.schema)
    apply_check.check(kind, shape, applied)
    applied = {name: below for name, below in applied.items() if name not in _ignored(kind, applied, subresource)}
    before: Object = {"metadata": {}} if live is None else live
    entries = list(before["metadata"].get("managedFields", ())) or _before_first_apply(kind, live, now)
    own = next((e for e in entries if (e["manager"], e["operation"], e.get("subresource", "")) == (manager, "Apply", subresource)), None)
    stated = _stated(shape, applied)
    merged = _merge(shape, {**before, "metadata": {k: v for k, v in before["metadata"].items() if k != "managedFields"}}, applied)
    if own is not None:
        kept = fieldsets.union(stated, {"f:metadata": {"f:name": {}}})  # every manifest states it
        for entry in entries:
            if entry is not own:
                kept = fieldsets.union(kept, entry["fieldsV1"])
        merged = _pruned(shape, merged, own["fieldsV1"], kept)
    changed, gone = _changes(kind, live, merged, subresource or "apply")
    others = _yielded([e for e in entries if e is not own], changed, gone, force=force)
    same = live is not None and own is not None and changed is None and gone is None
    decoded = _decoded(kind, merged)
    if stated:
        others.append(_entry(manager, "Apply", kind, subresource, own["time"] if same and own else now, stated))
    _put(decoded, _sorted(others))
    return decoded


def _before_first_apply(kind: Kind, live: Object | None, now: str) -> list[Entry]:
    """An object that nobody owned: what it holds now is somebody's."""
    taken = _changes(kind, None, live, "")[0] if live is not None else None
    return [_entry(BEFORE, "Update", kind, "", now, taken)] if taken else []


def _ignored(kind: Kind, applied: Object, subresource: str) -> set[str]:
    """What an apply cannot touch: the main one a status, one to the status the rest."""
    if subresource == "status":
        return set(applied) - {"apiVersion", "kind", "metadata", "status"}
    return {"status"} if not subresource and "status" in kind.subresources else set()


def _stated(shape: Shape, applied: Object) -> Set:
    """The fields of a manifest that get an owner."""
    rest = {name: below for name, below in applied.items() if name not in ("apiVersion", "kind")}
    meta = {name: below for name, below in applied.get("metadata", {}).items() if name in MANAGED_META}
    if meta:
        rest["metadata"] = meta
    else:
        rest.pop("metadata", None)
    return fieldsets.stated(shape, rest)


def _yielded(entries: list[Entry], changed: Set | None, gone: Set | None, *, force: bool) -> list[Entry]:
    """The others' entries without what an apply changed or took out. Raises ApiError 409 for the former, unless forced."""
    conflicts = [(entry, both) for entry in entries if changed is not None and (both := _both(entry["fieldsV1"], changed))]
    if conflicts and not force:
        raise conflict(conflicts)
    left = []
    for entry in entries:
        own: Set | None = entry["fieldsV1"]
        for lost in (changed, gone):
            own = fieldsets.difference(own, lost) if own and lost else own
        if own:
            left.append({**entry, "fieldsV1": own})
    return left


def _both(one: Set, other: Set) -> Set:
    return _members(fieldsets.overlap(one, other) or {})


def conflict(conflicts: list[tuple[Entry, Set]]) -> status.ApiError:
    """409, with a cause for each field."""
    causes, words = [], []
    for entry, both in sorted(conflicts, key=lambda c: _who(c[0])):
        who, fields = _who(entry), list(fieldsets.paths(both))
        causes += [{"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": field} for field in fields]
        one = f"conflict with {who}: {fields[0]}"
        words.append(one if len(fields) == 1 else f"conflicts with {who}:\n- " + "\n- ".join(fields))
    count = f"{len(causes)} conflict" + ("s" if len(causes) > 1 else "")
    return status.ApiError(409, "Conflict", f"Apply failed with {count}: " + "\n".join(words), {"causes": causes})


def _who(entry: Entry) -> str:
    sub = f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""
    using = f" using {entry['apiVersion']}" if entry["operation"] == "Update" else ""
    return f'"{entry["manager"]}"{sub}{using}'


def _decoded(kind: Kind, merged: Object) -> Object:
    unknown: list[str] = []
    try:
        decoded: Object = schema.decoder(kind.schema)(merged, unknown)
    except scalars.Wrong as wrong:
        raise apply_check.not_converted(kind, merged, wrong.restoring()) from wrong
    except scalars.Bad as bad:
        title = "error decoding from json: " if str(bad).startswith("illegal base64") else ""
        raise apply_check.not_converted(kind, merged, title + str(bad)) from bad
    except quantity.BadQuantity as bad:
        raise apply_check.not_converted(kind, merged, str(bad)) from bad
    return decoded


# merging


def _merge(shape: Shape, live: Any, applied: Any) -> Any:
    """`applied` laid over `live`; lists by key keep the items of both."""
    if applied is None and not shape.atomic:
        return live
    if shape.atomic or not live or type(live) is not type(applied):
        return applied
    if shape.kind in ("items", "set"):
        return _merge_items(shape, live, applied)
    merged = dict(live)
    for name, below in applied.items():
        inside = shape.fields.get(name) if shape.kind == "struct" else shape.item
        merged[name] = _merge(inside, live[name], below) if inside is not None and name in live else below
    return merged


def _merge_items(shape: Shape, live: list[Any], applied: list[Any]) -> list[Any]:
    """Items of both lists: shared ones in the order of `applied`, the others where their own list has them."""
    theirs, ours = ({element: item for element, item, _ in shape.children(items)} for items in (live, applied))
    shared = [element for element in ours if element in theirs]
    waiting = list(theirs)
    merged: list[Any] = []
    for element, item in ours.items():
        while waiting and waiting[0] != element and (waiting[0] not in ours or waiting[0] not in shared[:1]):
            first = waiting.pop(0)
            if first not in ours:
                merged.append(theirs[first])
        if element in theirs:
            shared.remove(element)
            waiting = waiting[1:] if waiting[:1] == [element] else waiting
        merged.append(_merge(shape.item, theirs[element], item) if element in theirs else item)
    return merged + [theirs[element] for element in waiting if element not in ours]


def _pruned(shape: Shape, value: Any, last: Set, kept: Set) -> Any:
    """`value` without what was stated last time and nobody owns now."""
    if shape.atomic or not value:
        return value
    found = []
    for element, below, inside in shape.children(value):
        if element not in last:
            found.append((element, below))
            continue
        own, others = last[element], kept.get(element)
        if _goes(shape, own, others):
            continue
        left = _pruned(inside, below, own, others or {})
        if others is not None or left:  # what is empty now and nobody's goes too
            found.append((element, left))
    if shape.kind in ("struct", "map"):
        return {element[2:]: below for element, below in found}
    return [below for _, below in found]


def _goes(shape: Shape, own: Set, others: Set | None) -> bool:
    """Whether a part goes whole, with what nobody ever stated in it (a default). A field of a struct stays so long as somebody owns
    anything below it; a key of a map and an item of a list have to be owned themselves."""
    if shape.kind == "struct":
        return others is None
    return fieldsets.has(own) and not (others is not None and fieldsets.has(others))
