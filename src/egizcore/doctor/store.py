"""The history store: would samples be kept, and found again?"""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Final

from egizcore.doctor.finding import Check, Finding
from egizcore.errors import HistoryTimeout, HistoryUnavailable
from egizcore.history import Archive, archive_of
from egizcore.quantity import Size
from egizcore.settings import Settings

_NOBODY: Final = "egizcore:doctor"
"""A Thing that does not exist: asking for it takes the same road as asking for any."""
_SCARCE: Final = Size(64 << 20)
"""Of free disk: with less, even the log beside the file has no room."""
_MAGIC: Final = b"SQLite format 3\0"
_SUBJECT: Final = "history"


def stores(settings: Settings) -> list[Check]:
    """A check of the store that is configured; none of none."""
    if settings.history.backend == "none":
        return []
    if settings.history.backend == "sqlite":
        return [Check(_SUBJECT, lambda: _file(settings))]
    return [Check(_SUBJECT, lambda: _server(settings))]


def _file(settings: Settings) -> list[Finding]:
    path = Path(settings.history.path).absolute()
    return [_writable(path), _room(path, settings.history.max_size)]


def _writable(path: Path) -> Finding:
    """May we write there? Nothing is written: an engine may be at it."""
    folder = path.parent
    if not folder.is_dir():
        return Finding(
            "FAIL", _SUBJECT, f"there is no folder {folder}", "Make it, or correct history.path."
        )
    if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        return Finding(
            "FAIL",
            _SUBJECT,
            f"{path} cannot be written",
            "Give EgizCore's user the right to, or correct history.path.",
        )
    if path.exists() and not _is_database(path):
        return Finding(
            "warn",
            _SUBJECT,
            f"{path} is no SQLite database",
            "It will be set aside; correct history.path if it is another program's.",
        )
    return Finding("ok", _SUBJECT, f"{path} can be written")


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) in (b"", _MAGIC)


def _room(path: Path, wanted: Size) -> Finding:
    """Does the disk have room for what the file may still grow by?"""
    folder = path.parent if path.parent.is_dir() else Path(path.anchor)
    free = shutil.disk_usage(folder).free
    missing = wanted - (path.stat().st_size if path.exists() else 0)
    what = f"{_mebibytes(free)} free on the disk of {folder}, and history.max_size is {wanted}"
    mend = "Free some, or lower history.max_size."
    if free < _SCARCE:
        return Finding("FAIL", _SUBJECT, what, mend)
    return (
        Finding("ok", _SUBJECT, what) if free >= missing else Finding("warn", _SUBJECT, what, mend)
    )


def _mebibytes(size: int) -> str:
    return f"{size >> 20:,} MiB"


def _server(settings: Settings) -> list[Finding]:
    archive = archive_of(settings.history, settings.influxdb, {}, settings.mqtt.devices)
    return [] if archive is None else [asyncio.run(asked(archive))]


async def asked(archive: Archive) -> Finding:
    """Ask the store for something, as the engine would: its errors say what to correct."""
    await archive.open()
    try:
        await archive.knows(_NOBODY)
    except (HistoryUnavailable, HistoryTimeout) as error:
        return Finding("FAIL", _SUBJECT, error.detail)
    finally:
        await archive.close()
    return Finding("ok", _SUBJECT, "the store answered")
