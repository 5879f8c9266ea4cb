"""Samples of one feature by the column: a list of times, and beside it a list for each leaf.

A store writes and reads thousands of samples at once; walking each sample's objects in Python
would cost more than all else. Here each step is done for a whole column by functions that are
written in C, and only what is irregular is looked at one by one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from operator import itemgetter, lt
from typing import Any, Final, NamedTuple, Self, TypeAlias, final

from egizcore.history.point import Leaf, escaped, nest, split

Column: TypeAlias = list[Leaf | None]
"""The values of a leaf; None where a sample has none."""

_NONE: Final = type(None)
_NESTED: Final = frozenset({dict, list})
_EMPTY: Final[Mapping[str, Any]] = {}


@final
class Columns:
    """``at`` (ms since 1970 UTC) and the leaves by key; all lists are of one length.

    *Settled* columns, as ``settled`` makes them, go strictly up in time and have no sample
    without a leaf.
    """

    __slots__ = ("at", "leaves")

    def __init__(self, at: list[int], leaves: dict[str, Column]) -> None:
        self.at = at
        self.leaves = leaves

    @classmethod
    def gathered(cls, at: list[int], properties: Sequence[Mapping[str, Any]]) -> Self:
        """What ``point.flatten`` makes of each of *properties*, at these times; not settled."""
        leaves: dict[str, Column] = {}
        _gather_members("", properties, leaves)
        return cls(at, leaves)

    @classmethod
    def of_rows(cls, rows: Sequence[tuple[int, Mapping[str, Leaf]]]) -> Self:
        """One sample a row: its time and its leaves."""
        keys = dict.fromkeys(chain.from_iterable(leaves for _, leaves in rows))
        return cls(
            [at for at, _ in rows],
            {key: [leaves.get(key) for _, leaves in rows] for key in keys},
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All samples of *parts*, settled; of two samples at one time the later part's wins."""
        if len(parts) == 1:
            return parts[0]
        keys = dict.fromkeys(chain.from_iterable(part.leaves for part in parts))
        at = list(chain.from_iterable(part.at for part in parts))
        return cls(at, {key: _joined(key, parts) for key in keys}).settled()

    def __len__(self) -> int:
        return len(self.at)

    def cut(self, start: int, end: int) -> "Columns":
        """The samples from place *start* up to *end*."""
        if start <= 0 and end >= len(self.at):
            return self
        return Columns(
            self.at[start:end], {key: column[start:end] for key, column in self.leaves.items()}
        )

    def settled(self) -> "Columns":
        """In order of time, and without samples that have no leaf."""
        return _without_empty(self._in_order())

    def _in_order(self) -> "Columns":
        """Of two samples at one time the later one's leaves win, key by key."""
        at = self.at
        if all(map(lt, at, at[1:])):
            return self
        order = sorted(range(len(at)), key=at.__getitem__)  # stable: the later stays later
        times = [at[place] for place in order]
        first = [place == 0 or times[place - 1] != times[place] for place in range(len(times))]
        return Columns(
            [time for time, new in zip(times, first, strict=True) if new],
            {key: _merged(column, order, first) for key, column in self.leaves.items()},
        )

    def picked(self, places: Sequence[int]) -> "Columns":
        """The samples at those places."""
        return Columns(
            [self.at[place] for place in places],
            {key: [column[place] for place in places] for key, column in self.leaves.items()},
        )

    def nested(self) -> list[dict[str, Any]]:
        """What ``point.nest`` makes of each sample, in order."""
        if not any(None in column for column in self.leaves.values()):
            return _nested(self)
        # Samples that have the same leaves are made together: there are few kinds of them.
        kinds: dict[tuple[bool, ...], list[int]] = {}
        rows = zip(*self.leaves.values(), strict=True)
        for place, row in enumerate(rows):
            kinds.setdefault(tuple([leaf is not None for leaf in row]), []).append(place)
        made: list[dict[str, Any]] = [{}] * len(self.at)
        for has, places in kinds.items():
            some = self.picked(places)
            keys = [key for key, there in zip(self.leaves, has, strict=True) if there]
            nested = _nested(Columns(some.at, {key: some.leaves[key] for key in keys}))
            for place, properties in zip(places, nested, strict=True):
                made[place] = properties
        return made


def _without_empty(columns: Columns) -> Columns:
    leaves = columns.leaves.values()
    if any(None not in column for column in leaves):
        return columns
    has = [any(leaf is not None for leaf in row) for row in zip(*leaves, strict=True)]
    if all(has):
        return columns if has else Columns([], {})
    return columns.picked([place for place, some in enumerate(has) if some])


def _joined(key: str, parts: Sequence[Columns]) -> Column:
    column: Column = []
    for part in parts:
        column.extend(part.leaves.get(key) or repeat(None, len(part.at)))
    return column


def _merged(column: Column, order: Sequence[int], first: Sequence[bool]) -> Column:
    merged: Column = []
    for place, new in zip(order, first, strict=True):
        leaf = column[place]
        if new:
            merged.append(leaf)
        elif leaf is not None:
            merged[-1] = leaf
    return merged


# Objects to columns -------------------------------------------------------------------------------


def _gather_members(
    prefix: str, objects: Sequence[Mapping[str, Any]], leaves: dict[str, Column]
) -> None:
    shapes = dict.fromkeys(map(tuple, objects))
    for name in dict.fromkeys(chain.from_iterable(shapes)):
        get: Callable[[Any], Any] = itemgetter(name)
        values = (
            list(map(get, objects)) if len(shapes) == 1 else [some.get(name) for some in objects]
        )
        _gather(f"{prefix}{escaped(name)}", values, leaves)


def _gather(key: str, values: list[Any], leaves: dict[str, Column]) -> None:
    kinds = set(map(type, values))
    kinds.discard(_NONE)
    if not kinds:
        return
    if len(kinds) > 1 and kinds & _NESTED:
        for group in ({dict}, {list}, kinds - _NESTED):
            _gather(key, [some if type(some) in group else None for some in values], leaves)
    elif dict in kinds:
        _gather_members(f"{key}.", [_EMPTY if some is None else some for some in values], leaves)
    elif list in kinds:
        arrays = [() if some is None else some for some in values]
        for place in range(max(map(len, arrays))):
            places = [some[place] if place < len(some) else None for some in arrays]
            _gather(f"{key}[{place}]", places, leaves)
    elif int in kinds:
        leaves[key] = [float(some) if type(some) is int else some for some in values]
    else:
        leaves[key] = values


# Columns to objects -------------------------------------------------------------------------------


class _Node(NamedTuple):
    """An object or an array, and what is to be put where."""

    names: tuple[str, ...]
    size: int
    """Of an array; 0: an object."""
    places: tuple[int, ...]
    children: "tuple[str | _Node, ...]"
    """A leaf's key, or a node."""


def _nested(columns: Columns) -> list[dict[str, Any]]:
    """As ``nested``, of samples that have every leaf."""
    leaves = columns.leaves
    keys = tuple(leaves)
    plan = _plan(keys)
    if plan is None:
        return [
            nest(dict(zip(keys, row, strict=True))) for row in zip(*leaves.values(), strict=True)
        ]
    return _objects(plan, leaves)


def _objects(node: _Node, leaves: Mapping[str, Column]) -> list[Any]:
    parts: list[Iterable[Any]] = [
        leaves[child] if isinstance(child, str) else _objects(child, leaves)
        for child in node.children
    ]
    if not node.size:
        names = node.names
        if len(names) == 1:
            (name,) = names
            return [{name: some} for some in parts[0]]
        rows = zip(*parts, strict=True)
        return [dict(zip(names, row)) for row in rows]  # noqa: B905 - a check costs a third more
    if len(parts) < node.size:
        given = dict(zip(node.places, parts, strict=True))
        length = len(next(iter(leaves.values())))
        parts = [given.get(place) or repeat(None, length) for place in range(node.size)]
    return list(map(list, zip(*parts, strict=True)))


@lru_cache(maxsize=256)
def _plan(keys: tuple[str, ...]) -> _Node | None:
    """How samples of these leaves are nested; None: they contradict each other."""
    root: dict[str | int, Any] = {}
    for key in keys:
        parts = split(key)
        if isinstance(parts[0], int):
            return None
        at = root
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if isinstance(at, str):
                return None
        if parts[-1] in at:
            return None
        at[parts[-1]] = key
    return _node(root)


def _node(tree: Mapping[str | int, Any]) -> _Node | None:
    names = tuple(name for name in tree if isinstance(name, str))
    places = tuple(sorted(place for place in tree if isinstance(place, int)))
    if names and places:
        return None
    children: list[str | _Node] = []
    for part in names or places:
        below = tree[part]
        child = below if isinstance(below, str) else _node(below)
        if child is None:
            return None
        children.append(child)
    return _Node(names, max(places) + 1 if places else 0, places, tuple(children))
