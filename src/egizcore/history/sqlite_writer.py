"""The one thread that writes to the embedded store.

All calls are made in that thread, and each ends soon. Whoever runs Python in a second thread
takes the interpreter from the event loop, so the work goes in slices of some 0.1 ms with a nap
between (`Pace`), and SQLite gets many rows in one statement: it works without the interpreter, and
each statement waits for it once.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final, TypeAlias, final

import msgspec

from egizcore.history.block import pack
from egizcore.history.columns import Columns
from egizcore.history.head import GROUP, Generation, Head, NewRow
from egizcore.history.pace import Pace
from egizcore.history.point import Point
from egizcore.history.sqlite_file import StoreFile
from egizcore.history.sqlite_head import Samples, decoded, load_head, read_samples

SLICE: Final = 25
"""Points between two looks at the clock."""
CACHE: Final = 100_000
"""Series whose ids are known without asking; past it all are forgotten and asked for anew."""
ROWS: Final = 64
"""Rows of one statement."""
BLOCK_SAMPLES: Final = 1024
BLOCK_SIZE: Final = 256 << 10
"""A block has at most that many samples, and bytes before it is packed."""
GENERATION: Final = 60_000
"""Points of a generation, as long as that gives each series a block of this many at least …"""
FEWEST: Final = 128
MOST: Final = 600
"""… and at most."""
OLDEST: Final = 3600.0
"""Seconds: after that a generation is sealed in any case."""
HEAD_SIZE: Final = 32 << 20
"""Bytes of a generation; an eighth of the store's size where that is less."""
DELETED: Final = 512
"""Rows of the head that are deleted in one go."""

SeriesName: TypeAlias = tuple[str, str]
"""A Thing's id and a feature's name."""
_Groups: TypeAlias = dict[int, list[tuple[int, int, Any]]]
"""Samples (series, time, properties) by group."""


@final
class Writer:
    """Takes points, and makes blocks of them; what grows old is another's (sqlite_retention).

    Every method raises `sqlite3.Error`; nothing has been changed then.
    """

    __slots__ = (
        "_encode",
        "_next_row",
        "_next_series",
        "_pace",
        "_series",
        "_size",
        "connection",
        "head",
    )

    def __init__(self, file: StoreFile, max_size: int) -> None:
        self.connection = file.connection
        self._encode = msgspec.json.Encoder().encode
        self._size = min(HEAD_SIZE, max_size // 8)
        self._series: dict[SeriesName, int] = {}  # bounded by CACHE
        self._pace = Pace()
        self.head: Head = load_head(self.connection, self._begin_generation)
        self._next_row = 1 + self._number("SELECT ifnull(max(id), 0) FROM head")
        self._next_series = 1 + self._number("SELECT ifnull(max(id), 0) FROM series")

    def _number(self, question: str) -> int:
        (answer,) = self.connection.execute(question).fetchone()
        return int(answer)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What is done within happens as a whole, or not at all."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    # Points in --------------------------------------------------------------------------------

    def write(self, points: Sequence[Point], make_room: Callable[[int], None]) -> None:
        """Append *points*; they survive a kill once this returns.

        *make_room* is told before how many bytes they take.
        """
        groups, unknown = self._grouped(points)
        rows, texts, series = self._rows(groups)
        if not rows:
            return
        make_room(sum(row.size for row in rows))
        generation = self.head.current.id
        with self.transaction() as connection:
            connection.executemany(
                "INSERT INTO series VALUES (?, ?, ?)",
                [(one, *key) for key, one in unknown.items()],
            )
            values = [
                (row.id, generation, row.group, row.oldest, row.newest, text)
                for row, text in zip(rows, texts, strict=True)
            ]
            insert(connection, "head", values)
        self._remember(unknown)
        self.head.add(rows, series, monotonic())

    def _grouped(self, points: Sequence[Point]) -> tuple[_Groups, dict[SeriesName, int]]:
        """*points* by the group of their series, and the series that are to be made."""
        groups: _Groups = {}
        strangers: list[Point] = []
        known = self._series.get
        for start in range(0, len(points), SLICE):
            for point in points[start : start + SLICE]:
                thing_id, _, feature, at, properties = point
                series = known((thing_id, feature))
                if series is None:
                    strangers.append(point)
                elif properties:
                    groups.setdefault(series // GROUP, []).append((series, at, properties))
            self._pace()
        unknown: dict[SeriesName, int] = {}
        for thing_id, _, feature, at, properties in strangers:
            if properties:
                series = self._identify((thing_id, feature), unknown)
                groups.setdefault(series // GROUP, []).append((series, at, properties))
                self._pace()
        return groups, unknown

    def _identify(self, key: SeriesName, unknown: dict[SeriesName, int]) -> int:
        """The id of a series that is in the file, or comes there with *unknown*."""
        series = self._series.get(key) or unknown.get(key)
        if series is None:
            found = self.connection.execute(
                "SELECT id FROM series WHERE thing_id = ? AND feature = ?", key
            ).fetchone()
            if found is not None:
                series = int(found[0])
                self._remember({key: series})
            else:
                series = unknown[key] = self._next_series
                self._next_series += 1
        return series

    def _remember(self, ids: dict[SeriesName, int]) -> None:
        if len(self._series) + len(ids) > CACHE:
            self._series.clear()
        self._series |= ids

    def _rows(self, groups: _Groups) -> tuple[list[NewRow], list[bytes], set[int]]:
        """The rows of *groups*, what is in them, and of which series."""
        rows: list[NewRow] = []
        texts: list[bytes] = []
        series: set[int] = set()
        for group, samples in groups.items():
            text = self._encode(samples)[1:-1]  # so that rows can be joined to one array
            times = [at for _, at, _ in samples]
            rows.append(
                NewRow(self._next_row, group, min(times), max(times), len(samples), len(text))
            )
            texts.append(text)
            series.update([one for one, _, _ in samples])
            self._next_row += 1
            self._pace()
        return rows, texts, series

    def forget(self, keys: Iterable[SeriesName]) -> None:
        """Those series are gone."""
        for key in keys:
            self._series.pop(key, None)

    # Points to blocks -------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether the present generation wants sealing."""
        current = self.head.current
        if current.began is None:
            return False
        target = max(FEWEST * len(current.series), min(GENERATION, MOST * len(current.series)))
        return (
            current.points >= target
            or current.size >= self._size
            or monotonic() - current.began >= OLDEST
        )

    @property
    def is_behind(self) -> bool:
        """Whether points come in faster than blocks are made of them."""
        return bool(self.head.sealed) and self.head.current.size >= 2 * self._size

    def seal(self) -> None:
        """End the present generation."""
        self.head.seal(self._begin_generation())

    def _begin_generation(self) -> Generation:
        with self.transaction() as connection:
            (number,) = connection.execute(
                "INSERT INTO generation (id, done) "
                "SELECT ifnull(max(id), 0) + 1, -1 FROM generation RETURNING id"
            ).fetchone()
        return Generation(number)

    def step(self, cutoff: int) -> None:
        """Make blocks of one group of the oldest sealed generation, or delete some of its rows.

        Samples before *cutoff* (ms) are too old to keep.
        """
        generation = self.head.sealed[0]
        if generation.groups:
            self._pack(generation, min(generation.groups), cutoff)
        else:
            self._delete(generation)

    def _pack(self, generation: Generation, group: int, cutoff: int) -> None:
        samples: dict[int, Samples] = {}
        for some in read_samples(self.connection, generation.groups[group].ids):
            for series, at, raw in some:
                found = samples.get(series)
                if found is None:
                    found = samples[series] = Samples()
                found.add(at, raw)
            self._pace()
        blocks: list[tuple[int, int, int, bytes]] = []
        for series, found in sorted(samples.items()):
            columns = _after(decoded(found, self._pace), cutoff)
            most = min(BLOCK_SAMPLES, 1 + BLOCK_SIZE * len(found.at) // found.size)
            for one in _cut(columns, most):
                blocks.append((series, one.at[0], one.at[-1], pack(one, self._pace)))
                self._pace()
        with self.transaction() as connection:
            insert(connection, "block (series, oldest, newest, data)", blocks)
            connection.execute(
                "UPDATE generation SET done = ? WHERE id = ?", (group, generation.id)
            )
        self.head.packed(group)

    def _delete(self, generation: Generation) -> None:
        with self.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM head WHERE id IN "
                "(SELECT id FROM head WHERE id <= ? ORDER BY id LIMIT ?)",
                (generation.last, DELETED),
            ).rowcount
            if gone == 0:
                connection.execute("DELETE FROM generation WHERE id = ?", (generation.id,))
        if gone == 0:
            self.head.gone()


def insert(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert *rows* into *table* (a name of ours), many in one statement."""
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        marks = f"({', '.join('?' * len(some[0]))})"
        connection.execute(
            f"INSERT INTO {table} VALUES {', '.join([marks] * len(some))}",  # noqa: S608
            [value for row in some for value in row],
        )


def _after(columns: Columns, cutoff: int) -> Columns:
    at = columns.at
    if not at or at[0] >= cutoff:
        return columns
    first = next((place for place, time in enumerate(at) if time >= cutoff), len(at))
    return columns.cut(first, len(at))


def _cut(columns: Columns, most: int) -> Iterator[Columns]:
    """*columns* in pieces of at most so many samples."""
    for start in range(0, len(columns), most):
        yield columns.cut(start, start + most)
