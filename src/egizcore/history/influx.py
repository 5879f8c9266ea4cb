"""An InfluxDB 2 as an archive (FR-6): ours, or one that Telegraf fills."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, final

import structlog

from egizcore.errors import HistoryTimeout, HistoryUnavailable, LimitExceeded
from egizcore.history import flux
from egizcore.history.archive import Written
from egizcore.history.flux import Flux, Selection, Span
from egizcore.history.line import EARLIEST, LATEST, lines_of
from egizcore.history.mapping import Layout
from egizcore.history.pace import Pace
from egizcore.history.pivot import Pivot
from egizcore.history.point import Point
from egizcore.history.query import Item, Query
from egizcore.history.settings import InfluxSettings
from egizcore.thing import Thing

if TYPE_CHECKING:
    from egizcore.history.influx_link import InfluxLink, Row

QUERY_SECONDS: Final = 4.5
WRITE_SECONDS: Final = 10.0
WATCH_SECONDS: Final = 15.0
"""Between two looks at a store that nobody asks anything, so that ``/health`` tells the truth."""
BREATH: Final = 200
"""Rows or points after which others have their turn on the loop: some 2 ms."""
FEW: Final = 1000
"""Rows whose pivot is done in a moment, without a thread."""

_log = structlog.get_logger("egizcore.history")


@final
class InfluxArchive:
    """An `Archive` on InfluxDB 2 and Flux.

    *things* are the live ones, *devices* says whose sample a foreign tag's is. Reads the token's
    file, and raises `SettingsInvalid` where that cannot be read.
    """

    def __init__(
        self,
        settings: InfluxSettings,
        things: Mapping[str, Thing],
        devices: Mapping[str, str],
    ) -> None:
        # Half a second and 40 MB: only who uses it pays.
        from egizcore.history import influx_link

        self._library = influx_link
        self._settings = settings
        self._token = settings.token()
        self._bucket = settings.bucket or ""
        self._layout = Layout(settings.mapping, devices)
        self._things = things
        self._link: InfluxLink | None = None
        self._watch: asyncio.Task[None] | None = None
        self._troubles: dict[str, str] = {}  # of reading and of writing, at most one each

    @property
    def message(self) -> str:
        """What is wrong at present; empty: nothing."""
        return "; ".join(dict.fromkeys(self._troubles.values()))

    async def open(self) -> None:
        """Begin, and go on looking whether the store is there."""
        settings = self._settings
        self._link = self._library.InfluxLink(
            url=settings.url or "", org=settings.org or "", bucket=self._bucket, token=self._token
        )
        self._watch = asyncio.create_task(self._look(), name="history-influxdb-watch")

    async def close(self) -> None:
        """End what is on the way."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._link is not None:
            await self._link.close()
            self._link = None

    async def _look(self) -> None:
        while True:
            try:
                await self._look_once()
            except (HistoryUnavailable, HistoryTimeout):
                pass  # it was told of
            except Exception:  # noqa: BLE001 - whatever it is, the next one may do
                _log.exception("a look at InfluxDB failed and is tried again")
            await asyncio.sleep(WATCH_SECONDS)

    async def _look_once(self) -> None:
        question = flux.alive(self._bucket, int(time.time() * 1000))
        async with (
            self._call("reading", QUERY_SECONDS),
            aclosing(self._rows(question)) as rows,
        ):
            await anext(rows, None)

    async def page(self, query: Query) -> list[Item]:
        """As `Archive` says; each series gives at most a few rows more than *query* has items."""
        selection, span = self._layout.selection(query), _span(query)
        if not selection.values or span.start >= span.end:
            return []
        async with self._call("reading", QUERY_SECONDS):
            rows = query.limit + 2  # one for the place after which we begin, one beyond the end
            while (items := await self._page(query, selection, span, rows)) is None:
                rows *= 8  # some of its samples are less than a millisecond apart
            return items

    async def _page(
        self, query: Query, selection: Selection, span: Span, rows: int
    ) -> list[Item] | None:
        pivot = await self._pivot(query, selection, span, rows)
        if not pivot.uneven:
            return await _items(pivot)
        sums = await self._pivot(query._replace(aggregate="sum"), selection, span, rows)
        counts = await self._pivot(
            query._replace(aggregate="count"), selection, span, rows, numeric=True
        )
        sums.divide(counts)
        return await _items(sums)

    async def _pivot(
        self, query: Query, selection: Selection, span: Span, rows: int, *, numeric: bool = False
    ) -> Pivot:
        if query.aggregate is None:
            question = flux.samples(
                self._bucket, selection, span, rows=rows, descending=query.descending
            )
        else:
            question = flux.buckets(
                self._bucket,
                selection,
                span,
                every=query.every,
                aggregate=query.aggregate,
                rows=rows,
                descending=query.descending,
                numeric=numeric,
            )
        pivot = Pivot(query, self._layout.names(self._things.get(query.thing_id)), rows)
        async for row in self._rows(question):
            value = row.value
            if query.aggregate == "count":
                value = int(value)
            pivot.add(row.table, row.measurement, row.field, row.at, value)
        return pivot

    async def knows(self, thing_id: str) -> bool:
        """Whether there is a sample of that Thing since 1970."""
        selection = self._layout.selection(Query(thing_id, 0, 0))
        if not selection.values:
            return False
        names = self._layout.names(self._things.get(thing_id))
        async with self._call("reading", QUERY_SECONDS):
            async with aclosing(self._rows(flux.anything(self._bucket, selection))) as rows:
                async for row in rows:
                    if names.leaf(row.measurement, row.field) is not None:
                        return True
            return False

    async def _rows(self, question: Flux) -> AsyncGenerator["Row"]:
        """The rows of an answer; others have their turn in between."""
        async with aclosing(self._open_link().rows(question)) as rows:
            taken = 0
            async for row in rows:
                yield row
                taken += 1
                if taken % BREATH == 0:
                    await asyncio.sleep(0)

    async def write(self, points: Sequence[Point]) -> Written:
        """As `Archive` says.

        What InfluxDB refuses for good is a conflict: a field of another type, a time that it
        cannot tell or no longer keeps.
        """
        async with self._call("writing", WRITE_SECONDS):
            lost = min(await self._send(points), len(points))
        return Written(len(points) - lost, lost)

    async def _send(self, points: Sequence[Point]) -> int:
        """Write *points*; how many were refused. A batch that is refused whole goes in halves."""
        slices = []
        for begin in range(0, len(points), BREATH):
            slices.append(lines_of(points[begin : begin + BREATH]))
            await asyncio.sleep(0)
        lost = sum(one.outside for one in slices)
        bodies = [one.body for one in slices if one.lines]
        if not bodies:
            return lost
        try:
            await self._open_link().write(b"\n".join(bodies))
        except self._library.Refused as refused:
            if refused.dropped is not None:
                return lost + refused.dropped
            if len(points) == 1:
                return 1
            half = len(points) // 2
            return await self._send(points[:half]) + await self._send(points[half:])
        return lost

    def _open_link(self) -> "InfluxLink":
        if self._link is None:
            raise HistoryUnavailable("History is closed")
        return self._link

    @contextlib.asynccontextmanager
    async def _call(self, what: str, seconds: float) -> AsyncIterator[None]:
        """Bound the time of what is inside, and note how it went."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            detail = f"InfluxDB does not answer within {seconds:g} s"
            self._went(what, detail)
            raise HistoryTimeout(detail) from None
        except LimitExceeded:  # the store is well, the question is too large
            self._went(what, "")
            raise
        except (HistoryUnavailable, HistoryTimeout) as error:
            self._went(what, str(error))
            raise
        self._went(what, "")

    def _went(self, what: str, trouble: str) -> None:
        """Note it, and log where that changes whether all is well."""
        before = self._troubles.pop(what, "")
        if trouble:
            self._troubles[what] = trouble
        if trouble and not before:
            _log.warning("InfluxDB fails", call=what, reason=trouble)
        elif before and not trouble:
            _log.info("InfluxDB works again", call=what)


async def _items(pivot: Pivot) -> list[Item] | None:
    """What the pivot comes to; much of it in a thread, so that the loop goes on."""
    if pivot.records < FEW:
        return pivot.items()
    return await asyncio.to_thread(pivot.items, Pace())


def _span(query: Query) -> Span:
    """The time in which the rest of *query* lies, as far as InfluxDB can tell time."""
    start, end, after = query.start, query.end, query.after
    if after is not None and query.descending:
        last = after.at // query.every * query.every + query.every if query.every else after.at + 1
        end = min(end, last)
    elif after is not None:
        start = max(start, after.at)
    return Span(max(start, EARLIEST), min(end, LATEST))
