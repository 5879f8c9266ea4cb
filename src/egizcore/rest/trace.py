"""Requests as spans, for who collects them (OpenTelemetry's conventions for HTTP servers)."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from egizcore.observability import Tracer
from egizcore.rest.parts import Receive, Scope, Send

OTHER: Final = "other"
"""The route of what has none, and the method that we have never heard of."""

_PROBES: Final = frozenset({"/health", "/health/ready", "/metrics"})
"""Asked for every few seconds, for ever: a trace only if the caller makes one."""


class Answered(NamedTuple):
    """What came of a request: as the metrics call it."""

    method: str
    route: str
    status: int
    """0: the client went before its answer."""


async def traced(
    tracer: Tracer,
    answer: Callable[[Scope, Receive, Send], Awaitable[Answered]],
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Let *answer* do its work within a span; what it calls makes spans below it."""
    headers = dict(scope["headers"])
    if scope["path"] in _PROBES and b"traceparent" not in headers:
        await answer(scope, receive, send)
        return
    with tracer.request("HTTP", headers) as span:
        done = await answer(scope, receive, send)
        named = "HTTP" if done.method == OTHER else done.method
        span.name = named if done.route == OTHER else f"{named} {done.route}"
        span.attributes = {
            "http.request.method": "_OTHER" if done.method == OTHER else done.method,
            "url.scheme": scope["scheme"],
            "url.path": scope["path"],  # never the query: tokens may stand in it
        }
        if done.route != OTHER:
            span.attributes["http.route"] = done.route
        if done.status:
            span.attributes["http.response.status_code"] = done.status
        if done.status >= 500:
            span.failed = str(done.status)
