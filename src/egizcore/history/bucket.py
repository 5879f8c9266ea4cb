"""Samples to buckets: one value a leaf for each stretch of time (contract.md, section 5).

Takes and gives settled columns, piece by piece, so that a bucket of a week needs no week in
memory: what was added up of one piece is merged with that of the next.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from egizcore.history.columns import Column, Columns
from egizcore.history.point import Leaf
from egizcore.history.query import NUMERIC, Aggregate

PIECE: Final = 256
LEAVES: Final = 1 << 14
"""Buckets, and about as many of their leaves, that are handed on together."""

_Part: TypeAlias = Any
"""What is known of a leaf in a part of a bucket: a Leaf, or a mean with its count."""


class _Mean(NamedTuple):
    mean: float
    size: int
    """Numbers that it is of."""


class _Rule(NamedTuple):
    """How an aggregate is made of values, older before newer."""

    of: Callable[[Sequence[Any]], _Part]
    merge: Callable[[_Part, _Part], _Part]


def _total(numbers: Sequence[float]) -> float:
    try:
        return math.fsum(numbers)
    except OverflowError:  # past what a float holds: infinite, and left out by ``is_told``
        return sum(numbers)


def _mean(numbers: Sequence[float]) -> _Mean:
    size = len(numbers)
    try:
        return _Mean(math.fsum(numbers) / size, size)
    except OverflowError:
        return _Mean(math.fsum(number / size for number in numbers), size)


def _mean_of_both(old: _Mean, new: _Mean) -> _Mean:
    size = old.size + new.size
    return _Mean(old.mean * (old.size / size) + new.mean * (new.size / size), size)


_RULES: Final[Mapping[Aggregate, _Rule]] = {
    "mean": _Rule(_mean, _mean_of_both),
    "min": _Rule(min, min),
    "max": _Rule(max, max),
    "sum": _Rule(_total, lambda old, new: old + new),
    "last": _Rule(lambda values: values[-1], lambda _, new: new),
    "count": _Rule(len, lambda old, new: old + new),
}


def buckets(
    chunks: Iterable[Columns],
    every: int,
    aggregate: Aggregate,
    *,
    descending: bool = False,
    piece: int = PIECE,
) -> Iterator[Columns]:
    """The buckets of *chunks*, *every* ms long and stamped with their start.

    *chunks* come in the order asked for, that of *descending*; in each the oldest stands first,
    and so it is in what is given, at most *piece* buckets at a time.
    """
    rows: list[tuple[int, dict[str, Leaf]]] = []
    size = 0  # leaves
    for start, parts in _merged(chunks, every, aggregate, descending=descending):
        leaves = {key: leaf for key, part in parts.items() if is_told(leaf := _told(part))}
        if leaves:
            rows.append((start, leaves))
            size += len(leaves)
        if len(rows) >= piece or size >= LEAVES:
            yield Columns.of_rows(rows[::-1] if descending else rows)
            rows, size = [], 0
    if rows:
        yield Columns.of_rows(rows[::-1] if descending else rows)


def _told(part: _Part) -> Leaf:
    leaf: Leaf = part.mean if isinstance(part, _Mean) else part
    return leaf


def is_told(leaf: Leaf) -> bool:
    """Whether there is JSON for it: an infinite sum, or a mean of such, is left out."""
    return not isinstance(leaf, float) or math.isfinite(leaf)


def _merged(
    chunks: Iterable[Columns], every: int, aggregate: Aggregate, *, descending: bool
) -> Iterator[tuple[int, dict[str, _Part]]]:
    merge = _RULES[aggregate].merge
    last, kept = 0, dict[str, _Part]()
    for chunk in chunks:
        for start, parts in _parts(chunk, every, aggregate, descending=descending):
            if start != last:
                if kept:
                    yield last, kept
                last, kept = start, parts
                continue
            older, newer = (parts, kept) if descending else (kept, parts)
            kept = older | newer
            for key in older.keys() & newer.keys():
                kept[key] = merge(older[key], newer[key])
    if kept:
        yield last, kept


def _parts(
    chunk: Columns, every: int, aggregate: Aggregate, *, descending: bool
) -> Iterator[tuple[int, dict[str, _Part]]]:
    """What *chunk* has of each bucket."""
    of = _RULES[aggregate].of
    columns: list[tuple[str, Column, Callable[[Column], Sequence[Any]]]] | None = None
    for start, first, end in _stretches(chunk.at, every, descending=descending):
        parts: dict[str, _Part] = {}
        if end - first == 1:
            parts = _single(chunk, first, aggregate)
        else:
            if columns is None:
                columns = _takers(chunk, aggregate)
            for key, column, takes in columns:
                values: Sequence[Any] = takes(column[first:end])
                if values:
                    parts[key] = of(values)
        if parts:
            yield start, parts


def _single(chunk: Columns, place: int, aggregate: Aggregate) -> dict[str, _Part]:
    """Of a bucket with one sample, which is most of the work where samples are wide."""
    of = _RULES[aggregate].of
    if aggregate in NUMERIC:
        return {
            key: of((leaf,))
            for key, column in chunk.leaves.items()
            if type(leaf := column[place]) is float
        }
    return {
        key: of((leaf,))
        for key, column in chunk.leaves.items()
        if (leaf := column[place]) is not None
    }


def _takers(
    chunk: Columns, aggregate: Aggregate
) -> list[tuple[str, Column, Callable[[Column], Sequence[Any]]]]:
    return [
        (key, column, takes)
        for key, column in chunk.leaves.items()
        if (takes := _taker(column, aggregate)) is not None
    ]


def _stretches(
    at: Sequence[int], every: int, *, descending: bool
) -> Iterator[tuple[int, int, int]]:
    """Each bucket's start, and the places from which and up to which its samples stand."""
    if descending:
        end = len(at)
        while end:
            start = at[end - 1] // every * every
            first = bisect_left(at, start, 0, end)
            yield start, first, end
            end = first
    else:
        first = 0
        while first < len(at):
            start = at[first] // every * every
            end = bisect_left(at, start + every, first)
            yield start, first, end
            first = end


def _taker(column: Column, aggregate: Aggregate) -> Callable[[Column], Sequence[Any]] | None:
    """What takes the values that count out of a part of *column*; None: there are none."""
    kinds = set(map(type, column))
    if aggregate in NUMERIC:
        if float not in kinds:
            return None
        return _as_it_is if len(kinds) == 1 else _numbers
    return _values if type(None) in kinds else _as_it_is


def _as_it_is(values: Column) -> Column:
    return values


def _numbers(values: Column) -> list[float]:
    return [some for some in values if type(some) is float]


def _values(values: Column) -> list[Leaf]:
    return [some for some in values if some is not None]
