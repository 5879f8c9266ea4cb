"""A store whose questions are spans, each below that of the request that asks."""

from typing import final

from egizcore.history.archive import Answers
from egizcore.history.query import Item, Query
from egizcore.observability import Tracer


@final
class TracedAnswers:
    """Those of *archive* as they are; *system* names it in the spans, as OpenTelemetry does."""

    def __init__(self, archive: Answers, tracer: Tracer, system: str) -> None:
        self._archive = archive
        self._tracer = tracer
        self._system = system

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
