"""Writes and tells what is written, until it is killed: ``killed_writer.py FOLDER START``."""

import asyncio
import sys
from pathlib import Path

from egizcore.history import HistorySettings, sqlite_writer
from egizcore.history.point import Point
from egizcore.history.sqlite import SqliteArchive

NOW = 1_700_000_000_000


async def main(folder: Path, at: int) -> None:
    for name, value in (("GENERATION", 150), ("FEWEST", 1)):
        setattr(sqlite_writer, name, value)  # blocks all the time
    archive = SqliteArchive(HistorySettings(path=str(folder / "history.db")), lambda: NOW)
    await archive.open()
    while True:
        times = range(at, at + 25)
        await archive.write([Point("f:1", "", "x", NOW + n, {"value": float(n)}) for n in times])
        at += 25
        print(at, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
