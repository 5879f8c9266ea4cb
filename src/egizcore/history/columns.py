"""Samples of one feature by the column: a list of times, and beside it a list for each leaf.

A store writes and reads thousands of samples at once; walking each sample's objects in Python
would cost more than all else. Here each step is done for a whole column by functions that are
written in C, and only what is irregular is looked at one by one.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, repeat
from operator import itemgetter, lt
from typing import Any, Final, Self, TypeAlias, cast, final

from egizcore.history.nesting import nested_of, places_of
from egizcore.history.point import Leaf, escaped

Column: TypeAlias = list[Leaf | None]
"""The values of a leaf; None where a sample has none."""

_NONE: Final = type(None)
_NESTED: Final = frozenset({dict, list})
_NUMBERS: Final = frozenset({int, float})
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
        if len(rows) == 1:
            ((at, only),) = rows
            return cls([at], {key: [leaf] for key, leaf in only.items()})
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
        if start >= min(end, len(self.at)):
            return Columns([], {})
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

    @property
    def places(self) -> int:
        """Leaves and nulls that ``point.nest`` would make of a sample with all these leaves."""
        return places_of(tuple(self.leaves))

    def nested(self, weigh: Callable[[int], object] = bool) -> list[dict[str, Any]]:
        """What ``point.nest`` makes of each sample, in order.

        *weigh* is told, before they are made, how many leaves and nulls come; it may raise.
        """
        if not any(None in column for column in self.leaves.values()):
            weigh(len(self.at) * self.places)
            return nested_of(tuple(self.leaves), self._whole())
        # Samples that have the same leaves are made together: there are few kinds of them.
        kinds: dict[tuple[bool, ...], list[int]] = {}
        rows = zip(*self.leaves.values(), strict=True)
        for place, row in enumerate(rows):
            kinds.setdefault(tuple([leaf is not None for leaf in row]), []).append(place)
        made: list[dict[str, Any]] = [{}] * len(self.at)
        for has, places in kinds.items():
            keys = [key for key, there in zip(self.leaves, has, strict=True) if there]
            some = Columns(self.at, {key: self.leaves[key] for key in keys}).picked(places)
            weigh(len(places) * some.places)
            nested = nested_of(tuple(some.leaves), some._whole())  # noqa: SLF001 - of this class
            for place, properties in zip(places, nested, strict=True):
                made[place] = properties
        return made

    def _whole(self) -> list[list[Leaf]]:
        """The columns, where none of them has a None."""
        return cast("list[list[Leaf]]", list(self.leaves.values()))


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
        if _gather_flat(key, arrays, leaves):
            return
        for place in range(max(map(len, arrays))):
            places = [some[place] if place < len(some) else None for some in arrays]
            _gather(f"{key}[{place}]", places, leaves)
    elif int in kinds:
        leaves[key] = [float(some) if type(some) is int else some for some in values]
    else:
        leaves[key] = values


def _gather_flat(key: str, arrays: list[Sequence[Any]], leaves: dict[str, Column]) -> bool:
    """Of arrays of numbers, all of one length, as a spectrum is; False: they are others."""
    if len(set(map(len, arrays))) > 1 or set(map(type, chain.from_iterable(arrays))) - _NUMBERS:
        return False
    for place, column in enumerate(zip(*arrays, strict=True)):
        leaves[f"{key}[{place}]"] = list(map(float, column))
    return True
