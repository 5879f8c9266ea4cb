"""From the engine to a collector: the metrics of a scrape, and a request's whole trace."""

from pathlib import Path
from typing import Any

import pytest
from tests.observability.collector import Collector, collecting, values
from tests.running import running

import egizcore.observability.otlp  # noqa: F401 - read before any loop runs, as at the start
from egizcore.history import sqlite  # noqa: F401

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def exported(collector: Collector) -> dict[str, float]:
    """The last export, in the words of a scrape; of histograms the count."""
    found = {}
    for metric in collector.metrics[-1].resource_metrics[0].scope_metrics[0].metrics:
        form = metric.WhichOneof("data")
        suffix = "_count" if form == "histogram" else ""
        for point in getattr(metric, form or "").data_points:
            labels = ",".join(f'{k}="{v}"' for k, v in sorted(values(point.attributes).items()))
            name = f"{metric.name}{suffix}" + (f"{{{labels}}}" if labels else "")
            kind = "count" if form == "histogram" else point.WhichOneof("value")
            found[name] = getattr(point, kind)
    return found


async def test_a_collector_gets_the_numbers_of_a_scrape_under_the_same_names() -> None:
    async with collecting() as collector:
        settings: dict[str, Any] = {"otlp_endpoint": collector.url}
        async with running(observability=settings) as engine:
            await engine.http.post("/api/v1/things", json={"id": "a:b", "type": "oven"})
            await engine.metrics()  # a route like others, which the next one shows
            scraped = await engine.metrics()
            epoch = engine.engine.bus.epoch
        found = exported(collector)
        resource = collector.metrics[-1].resource_metrics[0].resource
    own = {name for name in scraped if "_bucket" not in name and not name.endswith("_sum")}
    # A collector has its own names for what a process is, and who collects it knows better.
    own -= {name for name in own if "_sum{" in name or name.startswith("process_")}
    assert found.keys() == own
    moving = ("/metrics", "message_rate")
    assert {name: value for name, value in found.items() if not any(m in name for m in moving)} == {
        name: scraped[name] for name in own if not any(m in name for m in moving)
    }
    assert found["egizcore_things"] == 1
    named = values(resource.attributes)
    assert (named["service.name"], named["service.instance.id"]) == ("egizcore", epoch)


async def test_a_history_query_is_traced_from_its_caller_to_the_store(tmp_path: Path) -> None:
    history = {"backend": "sqlite", "path": str(tmp_path / "history.db")}
    async with collecting() as collector:
        async with running(
            observability={"otlp_endpoint": collector.url}, history=history
        ) as engine:
            headers = {"traceparent": PARENT}
            url = "/api/v1/things/a:b/history"
            await engine.http.post("/api/v1/things", json={"id": "a:b", "type": "oven"})
            assert (await engine.http.get(url, headers=headers)).status_code == 200
        spans = collector.spans
    create, page, request = spans
    assert create.name == "POST /api/v1/things"
    assert request.trace_id == page.trace_id == bytes.fromhex(PARENT[3:35]) != create.trace_id
    assert request.parent_span_id == bytes.fromhex(PARENT[36:52])
    assert page.parent_span_id == request.span_id
    assert page.name == "sqlite page"


async def test_a_collector_that_is_down_costs_the_engine_nothing() -> None:
    async with collecting() as collector:
        url = collector.url
    async with running(observability={"otlp_endpoint": url}) as engine:
        assert (await engine.http.get("/api/v1/things")).status_code == 200
        assert (await engine.http.get("/health")).json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/api/v1/things", "/health"])
async def test_without_a_collector_a_caller_s_trace_is_passed_over(path: str) -> None:
    async with running() as engine:
        assert engine.engine.exporter is None
        answer = await engine.http.get(path, headers={"traceparent": PARENT})
        assert answer.status_code == 200
        assert "traceparent" not in answer.headers
