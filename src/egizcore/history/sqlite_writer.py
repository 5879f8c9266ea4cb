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
ROW_SIZE: Final = 128 << 10
"""Bytes of a row, unless it has one sample …"""
COMMIT_SIZE: Final = 8 << 20
"""… and about the most that is written in one transaction."""
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
_GroupSamples: TypeAlias = list[tuple[int, int, Any]]
"""Series, time and properties of each."""
_Groups: TypeAlias = dict[int, _GroupSamples]


@final
class _Batch:
    """Rows of one transaction, what is in them, and of which series."""

    __slots__ = ("rows", "series", "size", "texts")

    def __init__(self) -> None:
        self.rows: list[NewRow] = []
        self.texts: list[bytes] = []
        self.series: set[int] = set()
        self.size = 0  # bytes


@final
class Writer:
    """Takes points, and makes blocks of them; what grows old is another's (sqlite_retention).

    Every method raises `sqlite3.Error`; nothing has been changed then, save that of very many
    points the first may be written. To write them once more does no harm.
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

        *make_room* is told before how many bytes they take, once a transaction.
        """
        groups, unknown = self._grouped(points)
        for batch in self._batches(groups):
            make_room(batch.size)
            self._commit(batch, unknown)
            unknown = {}

    def _commit(self, batch: "_Batch", unknown: dict[SeriesName, int]) -> None:
        generation = self.head.current.id
        with self.transaction() as connection:
            connection.executemany(
                "INSERT INTO series VALUES (?, ?, ?)",
                [(one, *key) for key, one in unknown.items()],
            )
            values = [
                (row.id, generation, row.group, row.oldest, row.newest, text)
                for row, text in zip(batch.rows, batch.texts, strict=True)
            ]
            insert(connection, "head", values)
        self._remember(unknown)
        self.head.add(batch.rows, batch.series, monotonic())

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

    def _batches(self, groups: _Groups) -> Iterator["_Batch"]:
        """The rows of *groups*, as many at once as are written together."""
        batch = _Batch()
        for group, samples in groups.items():
            for some, text in self._texts(samples):
                times = [at for _, at, _ in some]
                batch.rows.append(
                    NewRow(self._next_row, group, min(times), max(times), len(some), len(text))
                )
                batch.texts.append(text)
                batch.series.update([one for one, _, _ in some])
                batch.size += len(text)
                self._next_row += 1
                if batch.size >= COMMIT_SIZE:
                    yield batch
                    batch = _Batch()
                self._pace()
        if batch.rows:
            yield batch

    def _texts(self, samples: _GroupSamples) -> Iterator[tuple[_GroupSamples, bytes]]:
        """*samples* in rows, and the text of each."""
        start, most = 0, GROUP
        while start < len(samples):
            some = samples[start : start + most]
            text = self._encode(some)[1:-1]  # so that rows can be joined to one array
            most = max(1, len(some) * ROW_SIZE // len(text))
            if most >= len(some):
                yield some, text
                start += len(some)

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
        """Whether points come in faster than generations are sealed and made into blocks."""
        return self.head.current.size >= 2 * self._size

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
            for piece in found.slices(BLOCK_SAMPLES, BLOCK_SIZE, cutoff):
                one = decoded(piece, self._pace)
                if one:
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
