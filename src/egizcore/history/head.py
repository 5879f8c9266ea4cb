"""Where the newest samples lie in the file: those that are in no block yet.

They are kept in *generations*. Each commit appends a row for each group of neighbouring series
to the present generation. A full one is sealed and made into blocks, group by group, and goes as
a whole; so the file is only ever written at its end, whatever the number of series. An index in
the file would have to be changed in as many places as there are groups at each commit, so it is
here, and is read from the rows at start.
"""

from collections import deque
from collections.abc import Iterable
from threading import Lock
from typing import Final, NamedTuple, final

GROUP: Final = 32
"""Series of one group: their ids divided by it are the same. It is part of the file's schema."""


class Rows(NamedTuple):
    """Rows of one group, in the order they were written."""

    generation: int
    group: int
    ids: list[int]


class NewRow(NamedTuple):
    """A row that was just written; *oldest* and *newest* are the times of its samples."""

    id: int
    group: int
    oldest: int
    newest: int
    points: int
    size: int


class _Group:
    __slots__ = ("ids", "newest", "oldest")

    def __init__(self, ids: list[int], oldest: int, newest: int) -> None:
        self.ids = ids
        self.oldest = oldest
        self.newest = newest


@final
class Generation:
    """The rows that were written between two seals."""

    __slots__ = ("began", "groups", "id", "last", "points", "series", "size")

    def __init__(self, id: int) -> None:
        self.id = id
        self.groups: dict[int, _Group] = {}
        self.series: set[int] = set()
        self.last = 0  # id of the last row
        self.points = 0
        self.size = 0  # bytes
        self.began: float | None = None  # monotonic seconds, of the first row

    def put(self, group: int, ids: list[int], oldest: int, newest: int) -> None:
        """Rows of a group, as found in the file."""
        self.groups[group] = _Group(ids, oldest, newest)


@final
class Head:
    """The generations. The writer changes them, readers ask: each call is atomic."""

    __slots__ = ("_lock", "current", "sealed")

    def __init__(self, current: Generation, sealed: Iterable[Generation] = ()) -> None:
        self._lock = Lock()
        self.current = current
        self.sealed = deque(sealed)
        """Oldest first; the writer seals only when there is none, so a start leaves at most two."""

    def rows_of(self, groups: Iterable[int], start: int, end: int) -> list[Rows]:
        """The rows of *groups* that may have samples from *start* up to *end*, oldest first.

        Ask before the file is read. What is made into blocks in between is then found in both,
        which the file's own mark tells (``generation.done``), never in neither.
        """
        wanted = sorted(set(groups))
        with self._lock:
            return [
                Rows(generation.id, group, list(found.ids))
                for generation in (*self.sealed, self.current)
                for group in wanted
                if (found := generation.groups.get(group)) is not None
                and found.oldest < end
                and found.newest >= start
            ]

    def add(self, rows: Iterable[NewRow], series: Iterable[int], now: float) -> None:
        """Rows that were committed, with the series that they are of."""
        current = self.current
        with self._lock:
            for row in rows:
                found = current.groups.get(row.group)
                if found is None:
                    current.put(row.group, [row.id], row.oldest, row.newest)
                else:
                    found.ids.append(row.id)
                    found.oldest = min(found.oldest, row.oldest)
                    found.newest = max(found.newest, row.newest)
                current.last = row.id
                current.points += row.points
                current.size += row.size
            current.series.update(series)
            if current.began is None:
                current.began = now

    def seal(self, following: Generation) -> None:
        """End the present generation and begin the *following* one."""
        with self._lock:
            self.sealed.append(self.current)
            self.current = following

    def packed(self, group: int) -> None:
        """That group of the oldest sealed generation is in blocks now."""
        with self._lock:
            del self.sealed[0].groups[group]

    def gone(self) -> None:
        """The oldest sealed generation has no rows any more."""
        with self._lock:
            self.sealed.popleft()
