"""The history store: would samples be kept, and found again?"""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Final

from egizcore.doctor.finding import Check, Finding
from egizcore.errors import HistoryTimeout, HistoryUnavailable
from egizcore.history import Archive, archive_of, refusal_of
from egizcore.quantity import Size
from egizcore.settings import Settings

_NOBODY: Final = "egizcore:doctor"
"""A Thing that does not exist: asking for it takes the same road as asking for any."""
_SCARCE: Final = Size(64 << 20)
"""Of free disk: with less, even the log beside the file has no room."""
_SUBJECT: Final = "history"
_RIGHT: Final = "Give EgizCore's user the right to, or correct history.path."


def stores(settings: Settings) -> list[Check]:
    """A check of the store that is configured; none of none."""
    if settings.history.backend == "none":
        return []
    if settings.history.backend == "sqlite":
        return [Check(_SUBJECT, lambda: _file(settings))]
    return [Check(_SUBJECT, lambda: _server(settings))]


def _file(settings: Settings) -> list[Finding]:
    path = Path(settings.history.path).absolute()
    return [_usable(path), _room(path, settings.history.max_size)]


def _usable(path: Path) -> Finding:
    """May we write there, and is it ours? Nothing is written or locked: an engine may be at it."""
    folder = path.parent
    if not folder.is_dir():
        return Finding(
            "FAIL", _SUBJECT, f"there is no folder {folder}", "Make it, or correct history.path."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding("FAIL", _SUBJECT, f"{path} cannot be written", _RIGHT)
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no plain file"
        return Finding("FAIL", _SUBJECT, f"{path} is {what}", "Correct history.path.")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return Finding("FAIL", _SUBJECT, f"{path} cannot be read and written", _RIGHT)
    refusal = refusal_of(path) if path.exists() else ""
    if refusal is None:
        return Finding(
            "warn",
            _SUBJECT,
            f"{path} is no SQLite database",
            "It will be set aside; correct history.path if it is another program's.",
        )
    if refusal:
        return Finding("FAIL", _SUBJECT, refusal)
    return Finding("ok", _SUBJECT, f"{path} can be written")


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
    if archive is None:
        return []
    found = asyncio.run(asked(archive))
    if "cannot be reached" in found.what or "in time" in found.what:  # others say what to correct
        mend = f"Start it at {settings.influxdb.url}, or correct influxdb.url."
        found = found._replace(mend=mend)
    return [found]


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
