"""What goes, and when: samples past their age, the oldest where there is too much, empty series."""

from typing import Final, final

import msgspec

from egizcore.history.sqlite_writer import Writer

BLOCKS: Final = 64
"""Blocks that are deleted in one go."""
PAGES: Final = 256
"""Pages that are given back to the file system in one go."""
SERIES: Final = 5_000
"""Series that are looked at in one round."""
FULL: Final = 0.95
"""Of the size that is allowed: where deleting for want of room begins. Making blocks takes some
room before it gives more."""


@final
class Retention:
    """Deletes in small steps, in the writer's thread. Errors are the writer's."""

    __slots__ = ("_cursor", "_limit", "_most", "_page", "_writer")

    def __init__(self, writer: Writer, max_size: int) -> None:
        self._writer = writer
        (self._page,) = writer.connection.execute("PRAGMA page_size").fetchone()
        self._most = max_size // self._page
        self._limit = int(self._most * FULL)
        self._cursor = 0  # id of the last series that was looked at

    def used(self) -> int:
        """Pages that hold something."""
        (pages,) = self._writer.connection.execute(
            "SELECT (SELECT page_count FROM pragma_page_count) "
            "- (SELECT freelist_count FROM pragma_freelist_count)"
        ).fetchone()
        return int(pages)

    def make_room(self, size: int) -> None:
        """Delete the oldest until *size* bytes more fit in."""
        want = size // self._page + 1
        while self._delete_oldest(self.used() + want - self._limit):
            pass

    def step(self, cutoff: int) -> bool:
        """Delete some blocks that are wholly before *cutoff* (ms), or what is too much.

        False: there is no more to do.
        """
        with self._writer.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM block WHERE id IN "
                "(SELECT id FROM block WHERE newest < ? ORDER BY newest LIMIT ?)",
                (cutoff, BLOCKS),
            ).rowcount
        if gone:
            return True
        return self._delete_oldest(self.used() - self._limit) or self._shrink()

    def _delete_oldest(self, pages: int) -> bool:
        """Delete the oldest blocks that fill so many pages, some at a time; False: none."""
        if pages <= 0:
            return False
        with self._writer.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM block WHERE id IN (SELECT id FROM ("
                "SELECT id, sum(length(data)) OVER (ORDER BY newest, id) - length(data) AS older "
                "FROM (SELECT id, newest, data FROM block ORDER BY newest, id LIMIT ?)) "
                "WHERE older < ?)",
                (BLOCKS, pages * self._page),
            ).rowcount
        return gone > 0

    def _shrink(self) -> bool:
        """Give free pages back where the file is larger than it may be, as after a new setting."""
        connection = self._writer.connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        excess = min(free, pages - self._most)
        if excess <= 0:
            return False
        connection.execute(f"PRAGMA incremental_vacuum({min(excess, PAGES)})").fetchall()
        return True

    def drop_series(self) -> None:
        """Forget some series of which nothing is left; not while a generation is sealed."""
        head = self._writer.head
        with self._writer.transaction() as connection:
            last, count, empty = connection.execute(
                "SELECT max(id), count(*), json_group_array(id) FILTER (WHERE NOT EXISTS "
                "(SELECT 1 FROM block WHERE series = some.id)) "
                "FROM (SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?) AS some",
                (self._cursor, SERIES),
            ).fetchone()
            ids = set(msgspec.json.decode(empty)) - head.current.series
            gone = connection.execute(
                "DELETE FROM series WHERE id IN (SELECT value FROM json_each(?)) "
                "RETURNING thing_id, feature",
                (msgspec.json.encode(sorted(ids)).decode(),),
            ).fetchall()
        self._cursor = last if count == SERIES else 0
        self._writer.forget(gone)
