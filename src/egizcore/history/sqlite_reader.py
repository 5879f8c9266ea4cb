"""Reads the embedded store: a page at a time, in one snapshot of the file.

A reader belongs to one thread at a time. Blocks are loaded when their time comes and only the
columns asked for are decoded, so a page costs what it shows, and memory is a few blocks a series.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from heapq import merge
from itertools import islice
from operator import itemgetter
from time import monotonic
from typing import Final, final

import msgspec
import structlog

from egizcore.errors import HistoryTimeout, LimitExceeded
from egizcore.history.block import Damaged, unpack
from egizcore.history.bucket import PIECE, buckets
from egizcore.history.columns import Column, Columns
from egizcore.history.head import GROUP, Head, Rows
from egizcore.history.nesting import nested_row
from egizcore.history.pace import Pace
from egizcore.history.point import selects, spellings
from egizcore.history.query import Item, Query
from egizcore.history.sqlite_file import connect_reader
from egizcore.history.sqlite_head import Samples, decoded, read_samples
from egizcore.history.timeline import Stretch, timeline

NEWEST: Final = 1 << 62
"""Rank of the head: what is in it was written after all blocks."""
VALUES: Final = 1_000_000
TEXT: Final = 32 << 20
"""Values and characters of one page, which is in memory as a whole. Nulls in arrays are values."""
SMALLEST: Final = 2
"""A page of so few items is never too large: each was once in the live state as a whole."""
PART: Final = 256
PART_VALUES: Final = 1 << 14
"""Samples, and values, that are made items in one go, of all features: a moment's work."""
SLICE: Final = 500
SLICE_SIZE: Final = 128 << 10
"""Samples, and bytes, of the head that are decoded when their time comes."""
DAMAGED: Final = 1_000
"""Damaged blocks that were told of and are not again; then all are forgotten."""

_place: Final = itemgetter(0, 1)  # time and feature: `Item.place` in a quarter of the time
_decode_blocks: Final = msgspec.json.Decoder(list[tuple[int, int, int]]).decode

log = structlog.get_logger("egizcore.history")


@final
class Patience:
    """How long an answer is waited for."""

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def end(self) -> None:
        """Nobody waits any more."""
        self._end = 0.0

    def check(self) -> None:
        """Raises `HistoryTimeout` when it has come to its end."""
        if monotonic() > self._end:
            raise HistoryTimeout("The history store takes too long to answer.")


@final
class FileReader:
    """One connection. Its methods raise `sqlite3.Error` and what ``Archive.page`` does."""

    __slots__ = ("_connection", "_damaged", "_head", "epoch")

    def __init__(self, path: str, head: Head, epoch: int) -> None:
        self._connection = connect_reader(path)
        self._head = head
        self._damaged: set[int] = set()  # bounded by DAMAGED
        self.epoch = epoch
        """Which opening of the file it belongs to."""

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def page(self, query: Query, patience: Patience) -> list[Item]:
        """What ``Archive.page`` promises."""
        patience.check()
        series = self._series(query)
        if not series or query.start >= query.end:
            return []
        bounds = [_bounds(query, name) for name in series.values()]
        start, end = min(start for start, _ in bounds), max(end for _, end in bounds)
        # Where the head's rows are is asked before the snapshot begins: see `Head.rows_of`.
        rows = self._head.rows_of([one // GROUP for one in series], start, end)
        self._connection.execute("BEGIN")
        try:
            page = _Page(self._connection, query, patience, self._tell, len(series))
            head = page.read_head(rows, series, start, end)
            lines = [page.items(one, name, head.get(one)) for one, name in series.items()]
            whole = merge(*lines, key=_place, reverse=query.descending)
            return list(islice(whole if len(lines) > 1 else lines[0], query.limit))
        finally:
            self._connection.execute("ROLLBACK")

    def _series(self, query: Query) -> dict[int, str]:
        found = self._connection.execute(
            "SELECT id, feature FROM series WHERE thing_id = ?", (query.thing_id,)
        )
        named = ((one, feature.decode()) for one, feature in found)
        return {one: name for one, name in named if not query.features or name in query.features}

    def _tell(self, block: int, error: Damaged) -> None:
        if block not in self._damaged:
            if len(self._damaged) >= DAMAGED:
                self._damaged.clear()
            self._damaged.add(block)
            log.error("a block of history is damaged and left out", block=block, why=str(error))


@final
class _Page:
    """What one question finds in one snapshot."""

    __slots__ = (
        "_connection",
        "_pace",
        "_part",
        "_patience",
        "_picks",
        "_query",
        "_tell",
        "_text",
        "_values",
    )

    def __init__(
        self,
        connection: sqlite3.Connection,
        query: Query,
        patience: Patience,
        tell: Callable[[int, Damaged], None],
        features: int,
    ) -> None:
        self._connection = connection
        self._query = query
        self._patience = patience
        self._pace = Pace()
        self._tell = tell
        self._picks = _picker(query)
        # Each feature has a part ready, though the next items may all be of one.
        self._part = max(1, PART_VALUES // features)
        self._values = 0
        self._text = 0  # characters

    def read_head(
        self, rows: Iterable[Rows], series: Container[int], start: int, end: int
    ) -> dict[int, Samples]:
        """What *rows* hold of *series* from *start* up to *end*."""
        done = dict(self._connection.execute("SELECT id, done FROM generation"))
        ids = [
            row
            for some in rows
            if some.group > done.get(some.generation, some.group)  # else it is in blocks
            for row in some.ids
        ]
        found: dict[int, Samples] = {}
        for samples in read_samples(self._connection, ids):
            for one, at, raw in samples:
                if one in series and start <= at < end:
                    found.setdefault(one, Samples()).add(at, raw)
            self._pause()
        return found

    def items(self, series: int, feature: str, head: Samples | None) -> Iterator[Item]:
        """The items of one feature, in the order asked for; no more is read than is taken."""
        query = self._query
        start, end = _bounds(query, feature)
        if start >= end:
            return
        stretches = self._blocks(series, start, end) + self._newest(head, start, end)
        pieces: Iterable[Columns] = timeline(stretches, descending=query.descending)
        if query.aggregate is not None:
            pieces = buckets(
                pieces,
                query.every,
                query.aggregate,
                descending=query.descending,
                piece=min(query.limit, PIECE),
            )
        for piece in pieces:
            yield from self._made(piece, feature)
            del piece  # while the next is loaded

    def _made(self, piece: Columns, feature: str) -> Iterator[Item]:
        """The items of *piece*, in parts, so that no more are made than are taken."""
        is_descending = self._query.descending
        size = min(PART, self._query.limit, self._part // max(piece.places, 1))
        if size <= 1:
            # To make columns of a few wide samples costs more than to take them one by one.
            keys, columns = tuple(piece.leaves), list(piece.leaves.values())
            places = range(len(piece))
            for place in reversed(places) if is_descending else places:
                self._pause()
                row = [column[place] for column in columns]
                self._read(row)
                yield Item(piece.at[place], feature, nested_row(keys, row, self._weigh))
            return
        for part in _parts(piece, size, descending=is_descending):
            for column in part.leaves.values():
                self._read(column)
            rows = [
                Item(at, feature, properties)
                for at, properties in zip(part.at, part.nested(self._weigh), strict=True)
            ]
            self._pause()
            yield from reversed(rows) if is_descending else rows

    def _read(self, column: Column) -> None:
        """Count what text there is."""
        if str in map(type, column):
            self._text += sum(len(leaf) for leaf in column if isinstance(leaf, str))

    def _weigh(self, values: int) -> None:
        """So many will be made: not if they are too many."""
        self._values += values
        if self._query.limit > SMALLEST and (self._values > VALUES or self._text > TEXT):
            raise LimitExceeded(
                "The answer is too large: ask for fewer items, one feature or a property."
            )

    def _pause(self) -> None:
        """End what nobody waits for; else leave the event loop its turn."""
        self._patience.check()
        self._pace()

    def _blocks(self, series: int, start: int, end: int) -> list[Stretch]:
        (found,) = self._connection.execute(
            "SELECT json_group_array(json_array(id, oldest, newest)) FROM block "
            "WHERE series = ? AND newest >= ? AND oldest < ?",
            (series, start, end),
        ).fetchone()
        return [
            Stretch(oldest, newest, block, partial(self._load, block, start, end))
            for block, oldest, newest in _decode_blocks(found)
        ]

    def _load(self, block: int, start: int, end: int) -> Columns:
        self._pause()
        (data,) = self._connection.execute(
            "SELECT data FROM block WHERE id = ?", (block,)
        ).fetchone()
        try:
            columns = unpack(data, self._picks)
        except Damaged as error:
            self._tell(block, error)
            return Columns([], {})
        return _within(columns, start, end).settled()

    def _newest(self, head: Samples | None, start: int, end: int) -> list[Stretch]:
        if head is None:
            return []
        stretches: list[Stretch] = []
        for some in head.slices(SLICE, SLICE_SIZE, start, end):
            self._pause()
            stretches.append(Stretch(some.at[0], some.at[-1], NEWEST, partial(self._decode, some)))
        return stretches

    def _decode(self, some: Samples) -> Columns:
        columns = decoded(some, self._pause)
        if self._picks is None:
            return columns
        leaves = {key: columns.leaves[key] for key in self._picks(columns.leaves)}
        return Columns(columns.at, leaves).settled()


def _parts(piece: Columns, size: int, *, descending: bool) -> Iterator[Columns]:
    """*piece* in parts, in the order asked for; in each the oldest sample stands first."""
    starts = range(0, len(piece), size)
    for start in reversed(starts) if descending else starts:
        yield piece.cut(start, start + size)


def _bounds(query: Query, feature: str) -> tuple[int, int]:
    """The times of the samples to look at: *query*'s, less what is not beyond ``after``."""
    start, end, after, every = query.start, query.end, query.after, query.every
    if after is None:
        return start, end
    if query.aggregate is None:
        every = 1
    if query.descending:
        last = after.at if feature < after.feature else after.at - 1  # start of the last bucket
        return start, min(end, last // every * every + every)
    first = after.at if feature > after.feature else after.at + 1
    return max(start, -(-first // every) * every), end


def _picker(query: Query) -> Callable[[Iterable[str]], list[str]] | None:
    """What takes the keys out of some that are asked for; None: all are."""
    if not query.properties:
        return None
    wanted = tuple(key for path in query.properties for key in spellings(path))
    known: dict[str, bool] = {}  # as many as the series has keys that begin so

    def picked(keys: Iterable[str]) -> list[str]:
        begun = [key for key in keys if key.startswith(wanted)]
        for key in begun:
            if key not in known:
                known[key] = selects(key, wanted)
        return [key for key in begun if known[key]]

    return picked


def _within(columns: Columns, start: int, end: int) -> Columns:
    at = columns.at
    return columns.cut(bisect_left(at, start), bisect_left(at, end))
