"""Requests as spans (OpenTelemetry's semantic conventions for HTTP servers)."""

from typing import Any

import pytest
import structlog
from tests.rest.served import World

from egizcore.observability import Span, Tracer, outgoing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def spans(method: str, path: str, **request: Any) -> list[Span]:
    tracer = Tracer()
    async with World(tracer=tracer).client() as client:
        await client.request(method, path, **request)
    return tracer.take()


async def test_a_request_is_a_span_with_method_route_and_status() -> None:
    (span,) = await spans("GET", "/api/v1/things/f:a?fields=id")
    assert (span.name, span.kind) == ("GET /api/v1/things/{id}", "server")
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/api/v1/things/{id}",
        "http.response.status_code": 404,
        "url.scheme": "http",
        "url.path": "/api/v1/things/f:a",
    }
    assert (span.parent, span.failed) == (None, "")


async def test_it_belongs_to_the_trace_of_its_caller() -> None:
    (span,) = await spans("HEAD", "/api/v1/things", headers={"traceparent": PARENT})
    assert span.name == "HEAD /api/v1/things"
    assert span.parent is not None
    assert span.parent.fields()["traceparent"] == PARENT
    assert span.context.trace_id == span.parent.trace_id


async def test_what_is_no_path_of_ours_makes_no_name_of_its_own() -> None:
    (span,) = await spans("BREW", "/coffee", headers={"traceparent": "rubbish"})
    assert span.name == "HTTP"
    assert span.attributes["http.request.method"] == "_OTHER"
    assert "http.route" not in span.attributes
    assert span.parent is None


async def test_a_query_never_stands_in_a_span() -> None:
    (span,) = await spans("GET", "/api/v1/things?token=hunter2")
    assert "hunter2" not in str((span.name, span.attributes))


async def test_a_failure_of_ours_is_one_of_the_span() -> None:
    tracer = Tracer()

    def fail() -> dict[str, object]:
        raise ValueError

    async with World(tracer=tracer, health=fail).client() as client:
        with structlog.testing.capture_logs():
            await client.get("/health", headers={"traceparent": PARENT})
    (span,) = tracer.take()
    assert (span.failed, span.attributes["http.response.status_code"]) == ("500", 500)


async def test_what_a_request_calls_is_below_it() -> None:
    tracer = Tracer()
    seen: list[dict[str, str]] = []

    def health() -> dict[str, object]:
        seen.append(outgoing())
        with tracer.call("query"):
            return {}

    async with World(tracer=tracer, health=health).client() as client:
        await client.get("/health", headers={"traceparent": PARENT})
    below, above = tracer.take()
    assert below.parent == above.context
    assert seen == [above.context.fields()]


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics"])
async def test_probes_and_scrapes_are_spans_only_of_a_trace_of_their_caller(path: str) -> None:
    assert await spans("GET", path) == []
    assert len(await spans("GET", path, headers={"traceparent": PARENT})) == 1


async def test_without_a_tracer_nothing_is_traced() -> None:
    seen: list[dict[str, str]] = []

    def health() -> dict[str, object]:
        seen.append(outgoing())
        return {}

    async with World(health=health).client() as client:
        await client.get("/health", headers={"traceparent": PARENT})
    assert seen == [{}]
