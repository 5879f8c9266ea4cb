"""What can go wrong with the embedded store, and how it is told."""

import os
import sqlite3
from pathlib import Path
from typing import Final, Literal, TypeAlias, final

import structlog

from egizcore.errors import HistoryUnavailable
from egizcore.history.block import Damaged
from egizcore.history.sqlite_file import Refused, SetAside

Side: TypeAlias = Literal["write", "read", "upkeep"]

_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PASSING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
_NO_ROOM: Final = "there is no room left for {}"
# As SQLite tells it where it cannot even make its log or its index of it.
_MAYBE_FULL: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_MEANINGS: Final = {
    sqlite3.SQLITE_BUSY: "another program has locked {}",
    sqlite3.SQLITE_LOCKED: "another program has locked {}",
    sqlite3.SQLITE_FULL: _NO_ROOM,
    sqlite3.SQLITE_READONLY: "{} cannot be written to",
    sqlite3.SQLITE_CANTOPEN: "{} cannot be opened or made",
    sqlite3.SQLITE_IOERR: "{} cannot be read or written",
}

log = structlog.get_logger("egizcore.history")


def _code(error: Exception) -> int:
    """SQLite's primary result code; 0: the error is not SQLite's."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF if isinstance(code, int) else 0


def is_corrupt(error: Exception) -> bool:
    """Whether the file holds what nobody wrote."""
    return _code(error) in _CORRUPT or isinstance(error, Damaged)


def outlives(error: Exception) -> bool:
    """Whether the file can stay open after *error*."""
    if isinstance(error, sqlite3.Error):
        return _code(error) in _PASSING
    return not isinstance(error, OSError | Refused)


def _is_expected(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error | OSError | Refused | Damaged)


def _is_full(path: str) -> bool:
    """Whether the file system that *path* is on has no block left."""
    try:
        return os.statvfs(Path(path).parent).f_bavail == 0
    except OSError:
        return False


def _told(error: Exception, path: str) -> str:
    """*error* in one sentence."""
    if isinstance(error, Refused):
        return str(error)
    if is_corrupt(error):
        return f"{path} is corrupt: {error}"
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}"
    if isinstance(error, sqlite3.Error):
        meaning = _MEANINGS.get(_code(error), "{}")
        if _code(error) in _MAYBE_FULL and _is_full(path):
            meaning = _NO_ROOM
        return f"{meaning.format(path)} ({error})"
    return f"{path}: {type(error).__name__}: {error}"


@final
class Faults:
    """What is wrong at present, by what was being done. Any thread may use it."""

    __slots__ = ("_path", "_troubles")

    def __init__(self, path: str) -> None:
        self._path = path
        self._troubles: dict[Side, str] = {}

    @property
    def message(self) -> str:
        """One sentence; empty: nothing."""
        return next(iter(list(self._troubles.values())), "")

    def is_down(self, side: Side) -> bool:
        """Whether that failed, and has not worked since."""
        return side in self._troubles

    def failed(self, side: Side, error: Exception) -> HistoryUnavailable:
        """Note *error*, and make of it what a caller is told."""
        message = _told(error, self._path)
        if message not in self._troubles.values():  # one line for each change, none for each try
            if _is_expected(error):
                log.error("history is down", doing=side, why=message)
            else:
                log.error("history is down", doing=side, why=message, exc_info=error)
        self._troubles[side] = message
        return HistoryUnavailable(f"History is not available: {message}.")

    def well(self, *sides: Side) -> None:
        """Those work."""
        if not self._troubles:
            return
        for side in sides:
            self._troubles.pop(side, None)
        if not self._troubles:
            log.info("history works again")

    def corrupt(self, aside: SetAside) -> None:
        """The file is another one now."""
        log.error("history was corrupt: a new file is begun", set_aside=aside.name, why=str(aside))
