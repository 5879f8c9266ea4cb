"""On the way to a collector: what is sent, and what a collector that fails costs."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from structlog.typing import EventDict
from tests.observability.collector import collecting, values

from egizcore.errors import SettingsInvalid
from egizcore.observability import Exporter, Exposition
from egizcore.observability import export as module
from egizcore.observability.tracing import BATCH

IDENTITY = {"service.name": "egizcore"}
METRICS = Exposition()
METRICS.counter("egizcore_things_total", "Things.", lambda: {(): 7})


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was refused comes back at once."""
    monkeypatch.setattr("egizcore.backoff.FIRST", 0.02)
    monkeypatch.setattr("egizcore.backoff.LONGEST", 0.05)
    monkeypatch.setattr("egizcore.backoff._SHORTEST", 0.01)


Make = Callable[[str], Exporter]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Builds exporters, and closes them after the test."""
    made: list[Exporter] = []

    def build(url: str) -> Exporter:
        made.append(Exporter(url, METRICS.series, IDENTITY))
        return made[-1]

    yield build
    for one in made:
        await one._client.aclose()


@asynccontextmanager
async def exporting(to: Exporter) -> AsyncIterator[None]:
    task = asyncio.create_task(to.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def ask(to: Exporter, count: int = 1) -> None:
    for _ in range(count):
        with to.tracer.request("GET", {}):
            pass


def told(logs: list[EventDict]) -> list[tuple[str, str]]:
    return [(one["log_level"], one["to"].rpartition("/")[2]) for one in logs]


async def test_metrics_go_at_once_and_spans_as_soon_as_a_batch_waits(make: Make) -> None:
    async with collecting() as collector:
        one = make(collector.url)
        async with exporting(one):
            await collector.until(metrics=1)
            ask(one, BATCH)
            await collector.until(spans=BATCH)
    (point,) = collector.metric("egizcore_things_total").sum.data_points
    assert point.as_int == 7
    assert 0 < point.start_time_unix_nano < point.time_unix_nano
    assert values(collector.traces[0].resource_spans[0].resource.attributes) == IDENTITY
    assert all("content-type: application/x-protobuf" in head.lower() for head in collector.heads)


async def test_metrics_come_again_and_again_and_more_spans_do_not_hold_them_up(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.05)
    async with collecting() as collector:
        one = make(collector.url)
        async with exporting(one):
            for number in range(1, 4):
                ask(one, BATCH)
                await collector.until(metrics=number)
    first, last = (
        request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0]
        for request in (collector.metrics[0], collector.metrics[-1])
    )
    assert first.start_time_unix_nano == last.start_time_unix_nano
    assert first.time_unix_nano < last.time_unix_nano


async def test_what_waits_at_the_end_is_sent(make: Make) -> None:
    async with collecting() as collector:
        one = make(collector.url)
        async with exporting(one):
            await collector.until(metrics=1)
            ask(one)
    assert (len(collector.metrics), len(collector.spans)) == (2, 1)


async def test_a_collector_that_is_down_costs_one_line_and_no_span(make: Make) -> None:
    async with collecting() as collector:
        port = collector.port
    one = make(f"http://user:hunter2@127.0.0.1:{port}")
    ask(one, BATCH + 1)
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            assert await one.export() > 0
        async with collecting(port) as again:
            assert await one.export() == 0
            assert await one.export() == 0
    assert len(again.spans) == BATCH + 1
    assert len({span.span_id for span in again.spans}) == BATCH + 1
    assert told(logs) == [("warning", "metrics"), ("info", "metrics"), ("info", "traces")]
    assert "hunter2" not in str(logs)
    assert logs[0]["to"] == f"http://***@127.0.0.1:{port}/v1/metrics"
    assert "authorization: basic" in again.heads[0].lower()


@pytest.mark.parametrize("status", ["429 Slow down", "502 Bad", "503 Not now", "504 Late"])
async def test_a_collector_that_cannot_now_gets_the_same_spans_again(
    make: Make, status: str
) -> None:
    async with collecting() as collector:
        collector.answers = [("200 OK", b""), (status, b"busy"), ("200 OK", b"")]
        one = make(collector.url)
        ask(one, 3)
        with structlog.testing.capture_logs() as logs:
            assert await one.export() > 0
            assert await one.export() == 0
    first, second = collector.traces
    assert first == second
    assert told(logs) == [("info", "metrics"), ("warning", "traces"), ("info", "traces")]


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [("7", 7, 7), ("0", 0.001, 1), ("9" * 400, 300, 300), ("x", 0.001, 1)],
)
async def test_a_collector_may_ask_for_patience(
    make: Make, asked: str, least: float, most: float
) -> None:
    async with collecting() as collector:
        collector.answers = [(f"503 Not now\r\nRetry-After: {asked}", b"")]
        assert least <= await make(collector.url).export() <= most


@pytest.mark.parametrize("status", ["400 Bad", "401 Who?", "404 Where?", "302 There", "500 Oh"])
async def test_what_a_collector_will_never_take_is_not_sent_again(make: Make, status: str) -> None:
    async with collecting() as collector:
        collector.answers = [(status, b"<html>")]
        one = make(collector.url)
        ask(one, 3)
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                assert await one.export() == 0
    assert (len(collector.spans), one.tracer.waiting, one.tracer.dropped) == (3, 0, 3)
    assert told(logs) == [("warning", "metrics"), ("warning", "traces")]
    assert status[:3] in logs[0]["reason"]


@pytest.mark.parametrize(("refused", "lost"), [(1, 1), (3, 3), (99, 3)])
async def test_a_collector_that_refuses_a_part_says_why_and_only_that_part_is_lost(
    make: Make, refused: int, lost: int
) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = refused
    answer.partial_success.error_message = "no such tenant"
    async with collecting() as collector:
        collector.answers = [("200 OK", b""), ("200 OK", answer.SerializeToString())]
        one = make(collector.url)
        ask(one, 3)
        with structlog.testing.capture_logs() as logs:
            await one.export()
    assert "no such tenant" in logs[-1]["reason"]
    assert one.tracer.dropped == lost


async def test_the_answer_is_asked_for_unpacked(make: Make) -> None:
    """A collector that packs as it is asked to would seem to be none."""
    async with collecting() as collector:
        await make(collector.url).export()
    (head,) = collector.heads
    told = [line for line in head.lower().splitlines() if line.startswith("accept-encoding:")]
    assert told == ["accept-encoding: identity"]


async def test_an_answer_without_end_or_without_sense_is_borne(make: Make) -> None:
    async with collecting() as collector:
        collector.answers = [("200 OK", b"\x08" * 10_000_000)]
        one = make(collector.url)
        with structlog.testing.capture_logs() as logs:
            assert await one.export() == 0
    assert "no collector" in logs[0]["reason"]


async def test_a_collector_that_is_silent_holds_nobody_up(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    monkeypatch.setattr(module, "LAST_WORDS", 0.3)
    async with collecting() as collector:
        collector.answers = []
        one = make(collector.url)
        with structlog.testing.capture_logs() as logs:
            assert await one.export() > 0
            monkeypatch.setattr(module, "TIMEOUT", 30)
            async with asyncio.timeout(5):
                async with exporting(one):
                    await collector.until(metrics=2)
                    ask(one)
    assert told(logs) == [("warning", "metrics")]


async def test_a_span_whose_sending_is_cut_off_by_the_end_is_sent_at_the_end(make: Make) -> None:
    gate = asyncio.Event()

    async with collecting() as collector:
        one = make(collector.url)
        ask(one)
        send = one._post

        async def stuck(path: str, body: bytes) -> tuple[int, str, bytes]:
            if path == "/v1/traces" and not gate.is_set():
                gate.set()
                await asyncio.Event().wait()
            return await send(path, body)

        one._post = stuck  # type: ignore[method-assign]
        async with exporting(one):
            await gate.wait()
    assert len(collector.spans) == 1


def test_a_missing_package_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "egizcore.observability.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.common.v1.common_pb2", None)
    monkeypatch.delattr("egizcore.observability.otlp", raising=False)
    with pytest.raises(SettingsInvalid, match=r"opentelemetry.*common_pb2") as error:
        Exporter("http://127.0.0.1:4318", METRICS.series, IDENTITY)
    assert "egizcore[otlp]" in error.value.mend


def test_nothing_of_it_is_loaded_without_a_collector() -> None:
    """The imports that ``serve`` does without: each costs some 0.1 s and 10 MB."""
    program = "import sys, egizcore.engine, egizcore.settings; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "egizcore.observability.export" in loaded
    heavy = {"httpx", "google.protobuf", "opentelemetry", "egizcore.observability.otlp"}
    heavy |= {"aiohttp", "influxdb_client", "nats"}
    assert heavy.isdisjoint(loaded)
