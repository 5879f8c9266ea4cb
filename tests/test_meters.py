"""Every metric of the contract exists at zero, and tells the truth afterwards."""

from pathlib import Path

import pytest
from tests.running import running

NAMES = {
    "egizcore_mqtt_messages_total",
    "egizcore_mqtt_message_rate",
    "egizcore_ingest_queue_depth",
    "egizcore_mqtt_connected",
    "egizcore_mqtt_reconnects_total",
    "egizcore_endpoint_devices",
    "egizcore_endpoint_takeovers_total",
    "egizcore_endpoint_sessions_away",
    "egizcore_endpoint_sessions_forgotten_total",
    "egizcore_commands_total",
    "egizcore_things",
    "egizcore_updates_total",
    "egizcore_events_total",
    "egizcore_ws_clients",
    "egizcore_ws_slow_clients",
    "egizcore_ws_events_sent_total",
    "egizcore_ws_conflated_total",
    "egizcore_event_latency_seconds",
    "egizcore_http_request_duration_seconds",
    "egizcore_errors_total",
    "egizcore_history_points_total",
    "egizcore_history_queue_depth",
    "egizcore_history_query_duration_seconds",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
}


async def test_every_series_exists_at_zero_from_the_start() -> None:
    async with running(mqtt={"url": "mqtt://127.0.0.1:9"}) as engine:
        text = (await engine.http.get("/metrics")).text
        told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
        assert told == NAMES
        first = [line for line in text.splitlines() if not line.startswith("#")]
        labels = {
            'outcome="late",source="mqtt"',
            'outcome="limit_exceeded",source="endpoint"',
            'component="stream"',
            'component="history"',
            'outcome="conflict"',
            'event="FeatureDeleted"',
            'outcome="acknowledged"',
            'broker="mqtt"',
        }
        for one in labels:
            assert any(line.endswith(f"{{{one}}} 0.0") for line in first), one
        assert "_created" not in text


async def test_http_answers_are_counted_by_their_route() -> None:
    async with running() as engine:
        await engine.http.get("/api/v1/things/a:b")
        metrics = await engine.metrics()
        labels = 'method="GET",route="/api/v1/things/{id}",status="404"'
        assert metrics[f"egizcore_http_request_duration_seconds_count{{{labels}}}"] == 1


async def test_the_message_rate_is_that_of_the_last_ten_seconds() -> None:
    async with running() as engine:
        meters, counts = engine.engine.meters, engine.engine.intake.counts["endpoint"]
        for _ in range(20):
            counts["applied"] += 50
            meters.tick()
        assert (await engine.metrics())["egizcore_mqtt_message_rate"] == pytest.approx(50, rel=0.2)


async def test_questions_that_history_does_not_answer_are_counted(tmp_path: Path) -> None:
    history = {"backend": "sqlite", "path": str(tmp_path / "no such folder" / "history.db")}
    async with running(history=history) as engine:
        name = 'egizcore_errors_total{component="history"}'
        assert (await engine.metrics())[name] == 0
        for asked in (1, 2):
            answer = await engine.http.get("/api/v1/things/a:b/history")
            assert answer.status_code == 503
            assert (await engine.metrics())[name] == asked
