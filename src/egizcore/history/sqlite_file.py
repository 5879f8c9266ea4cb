"""The file of the embedded store: whose it is, its schema, and how it is opened.

One process owns it, through a lock on a file beside it that the kernel frees whatever way the
process ends. A file that is not ours, or of a later version, is left as it is; one that is
corrupt is set aside under another name, never deleted.
"""

import fcntl
import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self, final

from egizcore.history.sqlite_header import APPLICATION, VERSION, refusal

PAGE: Final = 4096
PATIENCE: Final = 2.0
"""Seconds that we wait for a program that has locked the database."""
WAL: Final = 4 << 20
"""Bytes: the write-ahead log is cut back to this; a reader can hold it open for longer."""

_SCHEMA: Final = (
    # A series is what one feature of one Thing reported.
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY, thing_id TEXT NOT NULL, feature TEXT NOT NULL,
        UNIQUE (thing_id, feature)) STRICT""",
    # The newest samples: see head.py. Of a generation the groups up to `done` are in blocks.
    "CREATE TABLE generation (id INTEGER PRIMARY KEY, done INTEGER NOT NULL) STRICT",
    # `data` is JSON without the outer brackets: [series, time, properties],…
    """CREATE TABLE head (
        id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, grp INTEGER NOT NULL,
        oldest INTEGER NOT NULL, newest INTEGER NOT NULL, data BLOB NOT NULL) STRICT""",
    # `data` is what block.py packs. Blocks of a series may overlap; a later id is a later word.
    """CREATE TABLE block (
        id INTEGER PRIMARY KEY, series INTEGER NOT NULL,
        oldest INTEGER NOT NULL, newest INTEGER NOT NULL, data BLOB NOT NULL) STRICT""",
    "CREATE INDEX block_by_series ON block (series, newest, oldest)",
    "CREATE INDEX block_by_age ON block (newest)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)


class Refused(Exception):
    """The file is not to be used; the text says why and what to do."""


class SetAside(Exception):
    """The file was corrupt, and has another *name* now."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name = name


@final
class StoreFile:
    """The file, owned and open for writing."""

    __slots__ = ("_inode", "_lock", "connection", "path")

    def __init__(self, path: str, lock: int, connection: sqlite3.Connection) -> None:
        self.path = path
        self._lock = lock
        self.connection = connection
        self._inode = 0

    @classmethod
    def open(cls, path: str) -> Self:
        """Own *path*, made if need be; to be prepared then.

        Raises:
            Refused: another process has it.
            sqlite3.Error, OSError: it cannot be opened.
        """
        lock = _locked(path)
        try:
            return cls(path, lock, _connected(path))
        except BaseException:
            os.close(lock)
            raise

    def prepare(self, max_size: int) -> None:
        """See whose it is, and make what is not there yet.

        Raises:
            Refused: its content is not ours.
            sqlite3.Error: it is no database, or cannot be written to.
        """
        _prepare(self.connection, self.path, max_size)
        self._inode = Path(self.path).stat().st_ino

    @property
    def is_there(self) -> bool:
        """Whether the file is still the one under its name."""
        try:
            return Path(self.path).stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Close it, and let others have it."""
        try:
            self.connection.close()
        finally:
            os.close(self._lock)


def connect_reader(path: str) -> sqlite3.Connection:
    """A connection that only reads; text comes as bytes."""
    connection = _connected(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -4096")
    connection.text_factory = bytes
    return connection


def set_aside(path: str) -> str:
    """Rename the database and what belongs to it; its new name.

    Before any connection is closed: SQLite brings the write-ahead log home then, and deletes it;
    of a file that has moved it leaves all as it is.
    """
    name = f"{path}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    Path(path).rename(name)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(path + suffix).rename(name + suffix)
    return name


def _locked(path: str) -> int:
    lock = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Refused(
            f"another EgizCore keeps its history in {path}: give each its own history.path"
        ) from None
    return lock


def _connected(path: str) -> sqlite3.Connection:
    return sqlite3.connect(
        path,
        timeout=PATIENCE,
        isolation_level=None,  # transactions are begun by name
        check_same_thread=False,  # one thread at a time, and another one closes
        cached_statements=256,
    )


def _number(connection: sqlite3.Connection, question: str) -> int:
    (answer,) = connection.execute(question).fetchone()
    return int(answer)


def _prepare(connection: sqlite3.Connection, path: str, max_size: int) -> None:
    is_empty = _number(connection, "SELECT count(*) FROM sqlite_schema") == 0
    application = _number(connection, "PRAGMA application_id")
    version = _number(connection, "PRAGMA user_version")
    if wrong := refusal(path, application=application, version=version, is_empty=is_empty):
        raise Refused(wrong)
    # What the page size and the kind of vacuum are is settled before the first table.
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise Refused(f"{path} lies where no write-ahead log can be kept: set history.path")
    connection.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing; no sync a commit
    connection.execute(f"PRAGMA journal_size_limit = {WAL}")
    connection.execute("PRAGMA secure_delete = OFF")  # Debian's default writes zeros over all
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA cache_size = -8192")
    connection.execute("PRAGMA temp_store = MEMORY")
    page = _number(connection, "PRAGMA page_size")
    connection.execute(f"PRAGMA max_page_count = {max_size // page}")
    if is_empty:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")
