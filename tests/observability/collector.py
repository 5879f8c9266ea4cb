"""A collector's door: takes OTLP over HTTP, decodes it, and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PATIENCE = 10.0  # seconds


@final
class Collector:
    """What came, decoded; *answers* are given in turn, the last one for ever; none: silence."""

    def __init__(self) -> None:
        self.port = 0
        self.heads: list[str] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.traces: list[ExportTraceServiceRequest] = []
        self.answers: list[tuple[str, bytes]] = [("200 OK", b"")]
        self.came = asyncio.Condition()
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metric(self, name: str) -> Metric:
        """As it came last."""
        (resource,) = self.metrics[-1].resource_metrics
        (scope,) = resource.scope_metrics
        (found,) = (one for one in scope.metrics if one.name == name)
        return found

    async def until(self, metrics: int = 0, spans: int = 0) -> None:
        """Wait until so many requests of metrics, and so many spans, have come."""
        async with asyncio.timeout(PATIENCE), self.came:
            await self.came.wait_for(
                lambda: len(self.metrics) >= metrics and len(self.spans) >= spans
            )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.lower().split("\r\n")
                (length,) = (int(one[15:]) for one in lines if one.startswith("content-length:"))
                self._take(head, await reader.readexactly(length))
                async with self.came:
                    self.came.notify_all()
                if not self.answers:
                    await reader.read()
                    return
                status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                told = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                writer.write(told + body)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the exporter has gone, or the test is over
        finally:
            writer.transport.abort()
            self.tasks.discard(task)

    def _take(self, head: str, body: bytes) -> None:
        self.heads.append(head)
        if head.startswith("POST /v1/metrics HTTP/1.1\r\n"):
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        elif head.startswith("POST /v1/traces HTTP/1.1\r\n"):
            self.traces.append(ExportTraceServiceRequest.FromString(body))


@asynccontextmanager
async def collecting(port: int = 0) -> AsyncIterator[Collector]:
    collector = Collector()
    server = await asyncio.start_server(collector.serve, "127.0.0.1", port)
    collector.port = server.sockets[0].getsockname()[1]
    try:
        yield collector
    finally:
        server.close()
        for task in tuple(collector.tasks):
            task.cancel()
        await asyncio.gather(*collector.tasks, return_exceptions=True)


def values(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as a dictionary."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "") for one in attributes}
