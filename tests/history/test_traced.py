"""A store whose questions are spans."""

from typing import Any

import pytest
from tests.history.naive import NaiveArchive
from tests.rest.served import NOW, World

from egizcore.errors import HistoryUnavailable
from egizcore.history import Query, TracedAnswers
from egizcore.history.point import Point
from egizcore.observability import Tracer

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_history_query_is_a_span_below_its_request() -> None:
    tracer, naive = Tracer(), NaiveArchive()
    await naive.write([Point("f:oven", "oven", "thermal", NOW - 1000, {"t": 1.0})])
    answers = TracedAnswers(naive, tracer, "sqlite")
    async with World(archive=answers, tracer=tracer).client() as client:
        answer = await client.get("/api/v1/things/f:oven/history", headers={"traceparent": PARENT})
    assert answer.status_code == 200
    page, request = tracer.take()
    assert (page.name, page.kind, page.parent) == ("sqlite page", "client", request.context)
    assert page.attributes == {
        "db.system.name": "sqlite",
        "db.operation.name": "page",
        "db.response.returned_rows": 1,
        "egizcore.thing.id": "f:oven",
    }
    assert request.name == "GET /api/v1/things/{id}/history"


async def test_a_store_that_fails_is_a_span_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    tracer, naive = Tracer(), NaiveArchive()

    async def fail(*_: Any) -> Any:
        raise HistoryUnavailable("down")

    monkeypatch.setattr(naive, "page", fail)
    with pytest.raises(HistoryUnavailable):
        await TracedAnswers(naive, tracer, "sqlite").page(Query("f:oven", 0, NOW))
    (span,) = tracer.take()
    assert span.failed == "HistoryUnavailable"


async def test_a_question_whether_a_thing_is_known_is_a_span_too() -> None:
    tracer, naive = Tracer(), NaiveArchive()
    await naive.write([Point("f:oven", "oven", "thermal", NOW, {"t": 1.0})])
    answers = TracedAnswers(naive, tracer, "sqlite")
    assert await answers.knows("f:oven")
    assert not await answers.knows("f:mixer")
    assert [one.name for one in tracer.take()] == ["sqlite knows", "sqlite knows"]
