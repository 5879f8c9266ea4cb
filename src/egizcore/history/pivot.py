"""Rows of InfluxDB, one a leaf, become items, one a feature and time.

A question lets each series give at most so many rows. What lies before the last row of the series
that gave them all is whole, and nothing else is; mostly that is a page and more.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, final

from egizcore.errors import LimitExceeded
from egizcore.history.bucket import is_told
from egizcore.history.mapping import Field, Names
from egizcore.history.point import Leaf, nest, selects, spellings, spread
from egizcore.history.query import Item, Place, Query

MAX_RECORDS: Final = 1_000_000
"""Rows of one answer; and leaves of a page, the nulls of its arrays with them."""
MAX_TEXT: Final = 64 * 1024 * 1024
"""Characters of text in one answer."""


_COMBINE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "min": min,
    "max": max,
    "sum": operator.add,
    "count": operator.add,
}


@final
class Pivot:
    """Takes the rows of one answer, series by series, each in the order of time or against it."""

    def __init__(self, query: Query, names: Names, rows: int) -> None:
        self._query = query
        self._names = names
        self._rows = rows
        self._wanted = [key for path in query.properties for key in spellings(path)]
        self._fields: dict[tuple[str, str], Field | None] = {}
        self._leaves: dict[Place, dict[str, Leaf]] = {}
        self._newest: dict[tuple[Place, str], int] = {}  # of ``last``: when the leaf was sampled
        self.records = 0
        self._text = 0
        self._table = -1
        self._count = 0
        self._edge = 0
        self._bound: int | None = None
        self.uneven = False
        """Whether a leaf of a bucket came from several series: a mean of means is no mean."""

    def add(self, table: int, measurement: str, field: str, at: int, value: Leaf) -> None:
        """One row. Raises `LimitExceeded`: all are more than we hold in memory."""
        self.records += 1
        if isinstance(value, str):
            self._text += len(value)
        if self.records > MAX_RECORDS or self._text > MAX_TEXT:
            raise _too_large()
        if table != self._table:
            self._end_series()
            self._table = table
        bucket = at // self._query.every * self._query.every if self._query.every else at
        self._see(bucket)
        name = (measurement, field)
        if name not in self._fields:
            self._fields[name] = self._meaning(measurement, field)
        meant = self._fields[name]
        if meant is not None:
            self._put(Place(bucket, meant.feature), meant.key, value, at)

    def _see(self, at: int) -> None:
        """Remember how far the series came."""
        farther = min if self._query.descending else max
        self._edge = farther(self._edge, at) if self._count else at
        self._count += 1

    def _end_series(self) -> None:
        if self._count >= self._rows:
            nearer = max if self._query.descending else min
            self._bound = self._edge if self._bound is None else nearer(self._bound, self._edge)
        self._count = 0

    def _meaning(self, measurement: str, field: str) -> Field | None:
        """The leaf that a field is, None where it is not asked for."""
        meant = self._names.leaf(measurement, field)
        if meant is None or (self._query.features and meant.feature not in self._query.features):
            return None
        return meant if not self._wanted or selects(meant.key, self._wanted) else None

    def _put(self, place: Place, key: str, value: Leaf, at: int) -> None:
        leaves = self._leaves.setdefault(place, {})
        aggregate = self._query.aggregate
        if key not in leaves or aggregate is None:
            leaves[key] = value
        elif aggregate == "last":
            if at >= self._newest[place, key]:
                leaves[key] = value
        elif aggregate == "mean":
            self.uneven = True
        else:
            leaves[key] = _COMBINE[aggregate](leaves[key], value)
        if aggregate == "last":
            self._newest[place, key] = max(at, self._newest.get((place, key), at))

    def divide(self, counts: "Pivot") -> None:
        """Turn sums into means; *counts* is of the same buckets."""
        for place, leaves in self._leaves.items():
            by = counts._leaves.get(place, {})  # noqa: SLF001 - of the same class
            for key, total in leaves.items():
                leaves[key] = float(total) / float(by.get(key, 1))

    def items(self, pause: Callable[[], object] = bool) -> list[Item] | None:
        """The page; None: too little of it is whole, so ask for more rows of each series.

        *pause* is called between steps of the work. Raises `LimitExceeded`: it would be too
        large, since a name of a field, ``a[999999]``, can stand for very much.
        """
        self._end_series()
        query = self._query
        places: list[Place] = []
        for place, leaves in self._leaves.items():
            if self._is_due(place) and any(map(is_told, leaves.values())):
                places.append(place)
            pause()
        if len(places) < query.limit and self._bound is not None:
            return None
        places.sort(reverse=query.descending)
        items: list[Item] = []
        size = 0
        sizes: dict[tuple[str, ...], int] = {}  # no more keys than there are records
        for place in places[: query.limit]:
            told = {key: leaf for key, leaf in self._leaves[place].items() if is_told(leaf)}
            keys = tuple(sorted(told))
            if keys not in sizes:
                sizes[keys] = spread(keys)
            size += sizes[keys]
            if size > MAX_RECORDS:
                raise _too_large()
            items.append(Item(place.at, place.feature, nest({key: told[key] for key in keys})))
            pause()
        return items

    def _is_due(self, place: Place) -> bool:
        """Whether it is whole, and beyond where the last page ended."""
        down, after, bound = self._query.descending, self._query.after, self._bound
        if bound is not None and (place.at <= bound if down else place.at >= bound):
            return False
        return after is None or (place < after if down else place > after)


def _too_large() -> LimitExceeded:
    return LimitExceeded("The answer is too large: ask for fewer items, one feature or a property.")
