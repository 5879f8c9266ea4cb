"""The open file with all that works on it; the writer's thread calls it, and no other."""

import sqlite3
from collections.abc import Callable, Sequence
from errno import ENOENT
from itertools import count
from time import monotonic
from typing import Final, final

from egizcore.history.point import Point
from egizcore.history.settings import HistorySettings
from egizcore.history.sqlite_fault import is_corrupt
from egizcore.history.sqlite_file import SetAside, StoreFile, set_aside
from egizcore.history.sqlite_reader import FileReader
from egizcore.history.sqlite_retention import Retention
from egizcore.history.sqlite_writer import Writer

LOOK_EVERY: Final = 60.0
"""Seconds between two looks at what is too old."""
ROOM: Final = 1 << 20
"""Bytes that making blocks of a group may take before it gives more."""

CATCH_UP: Final = 16
"""Groups that a write makes blocks of first, where points come faster than blocks are made."""

_epochs = count(1)


@final
class Store:
    """Raises as `StoreFile` does, at first and later; and `SetAside`, when it is built."""

    __slots__ = ("_clock", "_due", "_file", "_keep", "_retention", "_writer", "epoch")

    def __init__(self, settings: HistorySettings, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._keep = round(settings.keep * 1000)
        self._due = monotonic()
        self._file = StoreFile.open(settings.path)
        self.epoch = next(_epochs)
        """Tells one opening of the file from the next."""
        try:
            self._file.prepare(settings.max_size)
            self._writer = Writer(self._file, settings.max_size)
            self._retention = Retention(self._writer, settings.max_size)
        except Exception as error:
            if is_corrupt(error):
                raise self.set_aside(error) from error
            self._file.close()
            raise

    @property
    def cutoff(self) -> int:
        """Samples before this time (ms since 1970 UTC) are too old."""
        return self._clock() - self._keep

    def reader(self) -> FileReader:
        """One more reader; may be called in any thread."""
        return FileReader(self._file.path, self._writer.head, self.epoch)

    @property
    def is_full(self) -> bool:
        """Whether `tidy` has something to do at once; may be asked in any thread."""
        return self._writer.is_full

    def write(self, points: Sequence[Point]) -> None:
        """Keep *points*."""
        if not self._file.is_there:
            raise OSError(ENOENT, "the file is gone", self._file.path)
        self._writer.write(points, self._make_room)

    def _make_room(self, size: int) -> None:
        """For so many bytes more, in the file and in the head."""
        writer = self._writer
        for _ in range(CATCH_UP):
            if not writer.is_behind:
                break
            if writer.head.sealed:
                writer.step(self.cutoff)
            else:
                writer.seal()
        self._retention.make_room(size)

    def tidy(self) -> float:
        """Do a little of what is to be done besides; the seconds until there is more."""
        writer = self._writer
        if writer.head.sealed:
            self._retention.make_room(ROOM)
            writer.step(self.cutoff)
            return 0.0
        if writer.is_full:
            writer.seal()
            return 0.0
        now = monotonic()
        if now >= self._due:
            if self._retention.step(self.cutoff):
                return 0.0
            self._retention.drop_series()
            self._due = now + LOOK_EVERY
        return self._due - now

    def set_aside(self, why: Exception) -> SetAside:
        """End, since the file is corrupt, and give the name to a new one."""
        try:
            return SetAside(set_aside(self._file.path), str(why))
        finally:
            self._file.close()

    def close(self) -> None:
        """Bring the write-ahead log home, and end."""
        try:
            self._file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error:
            pass  # it stays where it is, and is read again at the next start
        finally:
            self._file.close()
