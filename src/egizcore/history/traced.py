"""A store whose questions are spans, each below that of the request that asks."""

from collections.abc import Sequence
from typing import final

from egizcore.history.archive import Archive, Written
from egizcore.history.point import Point
from egizcore.history.query import Item, Query
from egizcore.observability import Tracer


@final
class TracedArchive:
    """*archive* as it is; *system* names it in the spans, as OpenTelemetry does."""

    def __init__(self, archive: Archive, tracer: Tracer, system: str) -> None:
        self._archive = archive
        self._tracer = tracer
        self._system = system

    @property
    def message(self) -> str:
        """As the archive's."""
        return self._archive.message

    async def open(self) -> None:
        """As the archive's."""
        await self._archive.open()

    async def page(self, query: Query) -> list[Item]:
        """As the archive's, within a span."""
        with self._tracer.call(f"{self._system} page") as span:
            span.attributes = {
                "db.system.name": self._system,
                "db.operation.name": "page",
                "egizcore.thing.id": query.thing_id,
            }
            items = await self._archive.page(query)
            span.attributes["db.response.returned_rows"] = len(items)
        return items

    async def knows(self, thing_id: str) -> bool:
        """As the archive's, within a span."""
        with self._tracer.call(f"{self._system} knows") as span:
            span.attributes = {
                "db.system.name": self._system,
                "db.operation.name": "knows",
                "egizcore.thing.id": thing_id,
            }
            return await self._archive.knows(thing_id)

    async def write(self, points: Sequence[Point]) -> Written:
        """As the archive's: what is recorded belongs to no request."""
        return await self._archive.write(points)

    async def close(self) -> None:
        """As the archive's."""
        await self._archive.close()
