"""The embedded store: SQLite in one file, behind the face of an `Archive`.

One thread writes, two read; the event loop only waits for them. Whatever goes wrong in there
costs history only: who asks gets `HistoryUnavailable`, ``message`` says what it is, the log has
one line when it begins and one when it is over, and the file is tried again until it works.
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Final, TypeVar, final

import structlog

from egizcore.errors import HistoryTimeout, HistoryUnavailable, LimitExceeded
from egizcore.history.archive import Written
from egizcore.history.point import Point
from egizcore.history.query import Item, Query
from egizcore.history.settings import HistorySettings
from egizcore.history.sqlite_fault import Faults, Side, is_corrupt, outlives
from egizcore.history.sqlite_file import SetAside
from egizcore.history.sqlite_reader import FileReader, Patience
from egizcore.history.sqlite_store import Store

T = TypeVar("T")

READERS: Final = 2
ANSWER: Final = 4.5
"""Seconds for an answer; who asked is told in 5."""
RETRY: Final = 1.0
"""Seconds until a file that could not be opened is tried again."""
GLANCE: Final = 5.0
"""Seconds at most between two looks at whether what failed works again."""
FOREVER: Final = 1 << 60
_NOTHING: Final = Query("", 0, 0)

_log = structlog.get_logger("egizcore.history")


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000


@final
class SqliteArchive:
    """An `Archive` in the file ``settings.path``. *clock*: ms since 1970 UTC."""

    def __init__(self, settings: HistorySettings, clock: Callable[[], int] = _wall_clock) -> None:
        self._settings = settings
        self._clock = clock
        self._store: Store | None = None  # changed by the writer's thread only
        self._idle: deque[FileReader] = deque()  # at most READERS
        self._asked: set[Patience] = set()  # as many as history.Reader asks at once
        self._faults = Faults(settings.path)
        self._retry_at = 0.0
        self._wake = asyncio.Event()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="history-write")
        self._reading = ThreadPoolExecutor(READERS, thread_name_prefix="history-read")
        self._tending: asyncio.Task[None] | None = None

    @property
    def message(self) -> str:
        """What is wrong at present; empty: nothing."""
        return self._faults.message

    async def open(self) -> None:
        """Open or make the file; where that fails it is tried again, see ``message``."""
        with suppress(HistoryUnavailable):
            await self._write("upkeep", lambda _: None)
        self._tending = asyncio.create_task(self._tend(), name="history-upkeep")

    async def close(self) -> None:
        """End all, the threads too; what was written stays."""
        if self._tending is not None:
            self._tending.cancel()
            with suppress(asyncio.CancelledError):
                await self._tending
        for patience in self._asked:
            patience.end()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._reading.shutdown()
        while self._idle:
            self._idle.pop().close()
        self._writing.submit(self._let_go)
        self._writing.shutdown()

    # Questions --------------------------------------------------------------------------------

    async def page(self, query: Query) -> list[Item]:
        """The first ``limit`` items of *query*, in order."""
        if self._store is None:
            await self._write("upkeep", lambda _: None)
        patience = Patience(ANSWER)
        self._asked.add(patience)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reading, self._page, query, patience)
        finally:
            patience.end()  # whoever goes away leaves no thread at work
            self._asked.discard(patience)

    async def knows(self, thing_id: str) -> bool:
        """Whether there is anything of that Thing."""
        return bool(await self.page(Query(thing_id, -FOREVER, FOREVER, limit=1, descending=True)))

    def _page(self, query: Query, patience: Patience) -> list[Item]:
        """In a reader's thread."""
        store = self._store
        if store is None:
            raise HistoryUnavailable(f"History is not available: {self.message}.")
        query = query._replace(start=max(query.start, store.cutoff))
        reader: FileReader | None = None
        try:
            reader = self._reader(store)
            items = reader.page(query, patience)
        except (HistoryTimeout, HistoryUnavailable, LimitExceeded):  # the question's own fault
            self._release(reader)
            raise
        except Exception as error:
            if reader is not None:
                reader.close()
            if is_corrupt(error):
                self._writing.submit(self._give_up, store, error)
            raise self._faults.failed("read", error) from error
        self._release(reader)
        self._faults.well("read")
        return items

    def _reader(self, store: Store) -> FileReader:
        while True:
            try:
                reader = self._idle.pop()
            except IndexError:  # the other reader's thread may take it
                return store.reader()
            if reader.epoch == store.epoch:
                return reader
            reader.close()

    def _release(self, reader: FileReader | None) -> None:
        if reader is not None:
            self._idle.append(reader)

    # Points -----------------------------------------------------------------------------------

    async def write(self, points: Sequence[Point]) -> Written:
        """Keep *points*; they survive a kill once this returns."""
        await self._write("write", lambda store: store.write(points))
        if self._store is not None and self._store.is_full:
            self._wake.set()
        return Written(len(points))

    async def _tend(self) -> None:
        """Make blocks, and delete what is too old, for ever."""
        while True:
            pause = RETRY
            try:
                pause = min(await self._write("upkeep", lambda store: store.tidy()), GLANCE)
                if self._faults.is_down("read"):  # for nobody may ask for a long time
                    await self.page(_NOTHING)
            except (HistoryUnavailable, HistoryTimeout):
                pause = RETRY  # it was told of
            except Exception:  # noqa: BLE001 - whatever it is, the next one may do
                _log.exception("upkeep of history failed and is tried again")
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _write(self, side: Side, work: Callable[[Store], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writing, self._with_store, side, work)

    # In the writer's thread -------------------------------------------------------------------

    def _with_store(self, side: Side, work: Callable[[Store], T]) -> T:
        if self._store is None and monotonic() < self._retry_at:
            raise HistoryUnavailable(f"History is not available: {self.message}.")
        try:
            if self._store is None:
                self._store = self._opened()
                self._faults.well("read", "write", "upkeep")
            answer = work(self._store)
        except Exception as error:
            if self._store is not None and is_corrupt(error):
                self._give_up(self._store, error)
            elif self._store is None or not outlives(error):
                self._let_go()
                self._retry_at = monotonic() + RETRY
            raise self._faults.failed(side, error) from error
        self._faults.well(side)
        return answer

    def _opened(self) -> Store:
        try:
            return Store(self._settings, self._clock)
        except SetAside as aside:
            self._faults.corrupt(aside)
            return Store(self._settings, self._clock)

    def _give_up(self, store: Store, error: Exception) -> None:
        """Set the file aside, unless that is done."""
        if store is not self._store:
            return
        self._store = None
        try:
            self._faults.corrupt(store.set_aside(error))
        except OSError:
            self._retry_at = monotonic() + RETRY  # whoever opens it next tells why

    def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(sqlite3.Error):
                store.close()
