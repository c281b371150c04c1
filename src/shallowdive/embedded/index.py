"""Finding objects by something else than their name, without looking at all of them.

An index listens to the store; a change costs only the values that it adds or removes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from weakref import WeakKeyDictionary

from shallowdive.embedded.kinds import PODS
from shallowdive.embedded.store import Event, Key, Object, Store


class Index:
    """Objects of one resource by any number of values. `values` must be a pure function of the object."""

    def __init__(self, store: Store, resource: str, values: Callable[[Object], Iterable[Hashable]]) -> None:
        self._store, self._resource, self._values = store, resource, values
        self._found: dict[Hashable, dict[Key, None]] = {}
        for event in store.latest(resource):
            self._add(event.key, event.object)
        store.listen(self._heard, resource)

    def keys(self, value: Hashable) -> list[Key]:
        """The keys of the objects with this value, in order of entry."""
        return list(self._found.get(value, ()))

    def objects(self, value: Hashable) -> Iterator[Object]:
        for key in self.keys(value):
            found = self._store.get(self._resource, *key)
            if found is not None:
                yield found

    def count(self, value: Hashable) -> int:
        return len(self._found.get(value, ()))

    def _heard(self, event: Event) -> None:
        if event.before is None:
            self._add(event.key, event.object)
        elif event.type == "DELETED":
            self._drop(event.key, self._values(event.before))
        else:
            before, after = list(self._values(event.before)), list(self._values(event.object))
            if before != after:
                self._drop(event.key, before)
                self._add(event.key, event.object)

    def _add(self, key: Key, value: Object) -> None:
        for entry in self._values(value):
            self._found.setdefault(entry, {})[key] = None

    def _drop(self, key: Key, values: Iterable[Hashable]) -> None:
        for entry in values:
            room = self._found.get(entry)
            if room is not None:
                room.pop(key, None)
                if not room:
                    del self._found[entry]


_by_label: WeakKeyDictionary[Store, Index] = WeakKeyDictionary()


def pods_by_label(store: Store) -> Index:
    """Pods by (namespace, label, value): one index for all who ask."""
    if store not in _by_label:
        _by_label[store] = Index(store, PODS, label_values)
    return _by_label[store]


def label_values(value: Object) -> list[tuple[str, str, str]]:
    meta = value["metadata"]
    return [(meta["namespace"], name, text) for name, text in (meta.get("labels") or {}).items()]


def picked(index: Index, namespace: str, labels: Mapping[str, str]) -> Iterator[Object]:
    """The objects that carry all these labels; looks only at those that carry the rarest."""
    rarest = min(((namespace, name, text) for name, text in labels.items()), key=index.count)
    for value in index.objects(rarest):
        if labels.items() <= (value["metadata"].get("labels") or {}).items():
            yield value
