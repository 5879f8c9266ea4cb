"""Embedded stores as tests want them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from egizcore.history import HistorySettings, Item, Query
from egizcore.history.archive import Written
from egizcore.history.point import Point
from egizcore.history.sqlite import SqliteArchive
from egizcore.history.sqlite_store import Store
from egizcore.quantity import Duration, Size

NOW = 1_700_000_000_000


def settings_for(folder: Path, **options: Any) -> HistorySettings:
    return HistorySettings(path=str(folder / "history.db"), **options)


@final
class Clock:
    """Time, in the test's hand."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def names(folder: Path, pattern: str = "*") -> list[str]:
    """The files in *folder*."""
    return sorted(path.name for path in folder.glob(pattern))


def small(folder: Path, *, keep: float = 7 * 86_400, max_size: int = 16 << 20) -> HistorySettings:
    return settings_for(folder, keep=Duration(keep), max_size=Size(max_size))


def sample(at: int, value: float = 1.0, *, thing: str = "f:1", feature: str = "x") -> Point:
    return Point(thing, "oven", feature, at, {"value": value})


def everything(thing: str = "f:1", **options: Any) -> Query:
    return Query(thing, 0, NOW * 2, limit=10_000, **options)


def pack_all(store: Store) -> None:
    """Make blocks of all that there is."""
    writer = store._writer
    if writer.head.current.groups:
        writer.seal()
    while writer.head.sealed:
        writer.step(store.cutoff)


def tidy_all(store: Store) -> None:
    """Do all that is to be done, as if a minute had gone by."""
    store._due = 0.0
    while store.tidy() == 0.0:
        pass


@final
class Packed:
    """An archive that makes blocks of everything at once."""

    def __init__(self, inner: SqliteArchive) -> None:
        self._inner = inner

    @property
    def message(self) -> str:
        return self._inner.message

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def page(self, query: Query) -> list[Item]:
        return await self._inner.page(query)

    async def knows(self, thing_id: str) -> bool:
        return await self._inner.knows(thing_id)

    async def write(self, points: Sequence[Point]) -> Written:
        written = await self._inner.write(points)
        await self._inner._write("upkeep", pack_all)
        return written
