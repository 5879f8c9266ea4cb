"""Questions on their way to the store, bounded in time and in number.

So a slow store keeps nobody waiting, and a flood of questions does not pile up behind it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final, NamedTuple, final

from egizcore.errors import HistoryTimeout, HistoryUnavailable, ThingNotFound
from egizcore.history.archive import Answers
from egizcore.history.query import Item, Query

SECONDS: Final = 5.0
"""An answer comes within this much, its turn included (contract.md, section 5)."""
AT_ONCE: Final = 8
"""Questions that the store has before it at one time."""
TURN_SECONDS: Final = 2.0
"""A question waits so long for its turn."""
MAX_WAITING: Final = 64
"""Questions that wait for their turn; one more is refused at once."""


class Found(NamedTuple):
    """A page, and whether there is more beyond it."""

    items: list[Item]
    more: bool


@final
class Reader:
    """What asks the store; without one it says so. Times are milliseconds since 1970 UTC."""

    def __init__(
        self,
        archive: Answers | None,
        observe: Callable[[float], None],
        clock: Callable[[], int],
    ) -> None:
        self.now = clock
        self._archive = archive
        self._observe = observe  # told of each question's seconds, whatever came of it
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self.failures = 0  # questions that the store did not answer, or not in time

    async def page(self, query: Query, *, is_live: bool) -> Found:
        """The first ``limit`` items of *query*; *is_live* says that its Thing exists now.

        Raises:
            ThingNotFound: it does not, and the store has no history of it either.
            LimitExceeded: they would take too much memory: ask for fewer.
            HistoryUnavailable: there is no store, it is down, or too many ask.
            HistoryTimeout: it did not answer within 5 seconds.
        """
        archive = self._archive
        if archive is None:
            raise HistoryUnavailable("No history store is configured (history.backend is none).")
        async with self.in_time():
            return await self._in_turn(archive, query, is_live=is_live)

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """What is asked within has 5 seconds for all of it; raises HistoryTimeout."""
        try:
            async with asyncio.timeout(SECONDS):
                yield
        except TimeoutError:
            self.failures += 1
            detail = f"The history store did not answer within {SECONDS:g} seconds."
            raise HistoryTimeout(detail) from None

    async def _in_turn(self, archive: Answers, query: Query, *, is_live: bool) -> Found:
        await self._turn()
        started = perf_counter()
        try:
            items = await archive.page(query._replace(limit=query.limit + 1))
            first = query.after is None
            if not items and first and not is_live and not await archive.knows(query.thing_id):
                raise ThingNotFound(query.thing_id)
        except (HistoryUnavailable, HistoryTimeout):
            self.failures += 1
            raise
        finally:
            self._turns.release()
            self._observe(perf_counter() - started)
        return Found(items[: query.limit], len(items) > query.limit)

    async def _turn(self) -> None:
        if self._waiting >= MAX_WAITING:
            raise HistoryUnavailable("Too many ask for history at once.")
        self._waiting += 1
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise HistoryUnavailable("Too many ask for history at once.") from None
        finally:
            self._waiting -= 1
