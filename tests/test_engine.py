"""The rooms together, as a process and in this one."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.running import hear, running
from websockets.exceptions import ConnectionClosed

from egizcore.engine import Engine
from egizcore.errors import StartupFailed
from egizcore.mqtt import Endpoint
from egizcore.settings import Settings

QOS_0 = b"\x30"


def connect(client_id: str) -> bytes:
    """A CONNECT of MQTT 3.1.1."""
    raw = client_id.encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(raw).to_bytes(2, "big") + raw
    return b"\x10" + bytes([len(body)]) + body


def publish(topic: str, payload: bytes) -> bytes:
    """A PUBLISH of QoS 0 of less than 128 bytes."""
    raw = topic.encode()
    body = len(raw).to_bytes(2, "big") + raw + payload
    return QOS_0 + bytes([len(body)]) + body


async def device(port: int, client_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(connect(client_id))
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    return reader, writer


async def test_a_reading_reaches_the_stream_rest_and_the_metrics() -> None:
    async with running() as engine, engine.stream() as stream:
        await stream.send('{"action": "subscribe", "filter": {}, "id": 1}')
        assert (await hear(stream))["event"] == "Subscribed"
        _, writer = await device(engine.mqtt_port, "oven-001")
        writer.write(publish("sensors/oven-001/telemetry", b'{"thermal": {"t": 21.5}}'))
        created, changed = await hear(stream), await hear(stream)
        assert (created["event"], created["version"]) == ("ThingCreated", 1)
        assert changed["properties"] == {"t": 21.5}
        answer = (await engine.http.get("/api/v1/things/factory:oven-001")).json()
        assert answer["version"] == changed["version"] == 2
        assert answer["lastUpdated"] == changed["timestamp"]
        metrics = await engine.metrics()
        assert metrics['egizcore_mqtt_messages_total{outcome="applied",source="endpoint"}'] == 1
        assert metrics['egizcore_events_total{event="StateChanged"}'] == 1
        assert metrics["egizcore_ws_events_sent_total"] == 2
        assert metrics["egizcore_event_latency_seconds_count"] == 2
        writer.close()


async def test_a_write_over_rest_reaches_the_stream() -> None:
    async with running() as engine, engine.stream() as stream:
        await stream.send('{"action": "subscribe", "thingId": "factory:mixer-1"}')
        await hear(stream)
        await engine.http.post("/api/v1/things", json={"id": "factory:mixer-1", "type": "mixer"})
        assert (await hear(stream))["thing"]["type"] == "mixer"
        url = "/api/v1/things/factory:mixer-1/features/drive"
        await engine.http.put(url, json={"desiredState": {"speed": 3}})
        assert (await hear(stream))["desiredState"] == {"speed": 3}


async def test_health_names_each_component() -> None:
    async with running() as engine:
        health = (await engine.http.get("/health")).json()
        assert health["status"] == "ok"
        assert health["components"] == {
            "mqtt": {"status": "disabled"},
            "endpoint": {"status": "ok"},
            "history": {"status": "disabled"},
        }
        assert (await engine.http.get("/health/ready")).status_code == 200


async def test_a_broker_that_is_absent_degrades_health_and_nothing_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with running(mqtt={"url": f"mqtt://127.0.0.1:{port}"}) as engine:
        health = (await engine.http.get("/health")).json()
        assert health["status"] == "degraded"
        assert str(port) in health["components"]["mqtt"]["message"]
        assert (await engine.http.get("/health/ready")).status_code == 200
        assert (await engine.metrics())['egizcore_mqtt_connected{broker="mqtt"}'] == 0


async def test_a_history_that_is_down_degrades_health_and_nothing_else(tmp_path: Path) -> None:
    history = {"backend": "sqlite", "path": str(tmp_path / "no such folder" / "history.db")}
    async with running(history=history) as engine:
        health = (await engine.http.get("/health")).json()
        assert health["status"] == "degraded"
        assert health["components"]["history"]["status"] == "degraded"
        assert health["components"]["history"]["message"]
        assert (await engine.http.get("/health/ready")).status_code == 200
        answer = await engine.http.post("/api/v1/things", json={"id": "a:b", "type": "oven"})
        assert answer.status_code == 201
        asked = await engine.http.get("/api/v1/things/a:b/history")
        assert (asked.status_code, asked.json()["code"]) == (503, "history_unavailable")


async def test_an_engine_that_stops_lives_but_takes_no_traffic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop, stopping, looked = Endpoint.stop, asyncio.Event(), asyncio.Event()

    async def slow(endpoint: Endpoint[Any]) -> None:
        stopping.set()
        await looked.wait()
        await stop(endpoint)

    monkeypatch.setattr(Endpoint, "stop", slow)
    async with running() as engine:

        async def look() -> list[int]:
            await stopping.wait()
            async with httpx.AsyncClient(base_url=f"http://{engine.address}") as http:
                answers = [await http.get(path) for path in ("/health/ready", "/health")]
            looked.set()
            assert answers[0].json()["code"] == "not_ready"
            return [one.status_code for one in answers]

        looking = asyncio.create_task(look())
    assert await looking == [503, 200]


async def test_an_engine_that_starts_lives_but_takes_no_traffic(tmp_path: Path) -> None:
    given = {
        "http": {"port": 0},
        "history": {"backend": "sqlite", "path": str(tmp_path / "history.db")},
    }
    engine = await asyncio.to_thread(
        Engine, msgspec.convert(given, Settings), asyncio.get_running_loop()
    )
    assert engine.archive is not None
    opening, looked, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        opening.set()
        await looked.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.archive, "open", slow)
        life = asyncio.create_task(engine.run(stop))
        await opening.wait()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{engine.server.port}") as http:
            answers = [await http.get(path) for path in ("/health/ready", "/health")]
        assert [one.status_code for one in answers] == [503, 200]
        stop.set()
        looked.set()
        await life


async def test_a_shutdown_tells_clients_what_is_queued_and_to_come_back() -> None:
    async with running() as engine:
        stream = await engine.stream()
        await stream.send('{"action": "subscribe", "filter": {}}')
        await hear(stream)
        engine.engine.door.hub.flush()
        await engine.http.post("/api/v1/things", json={"id": "a:b", "type": "oven"})
    assert (await hear(stream))["event"] == "ThingCreated"
    with pytest.raises(ConnectionClosed) as closed:
        await stream.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4000


async def test_a_taken_port_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupFailed, match=f"{port} .*taken"):
            async with running(http={"port": port}):
                pass
        with pytest.raises(StartupFailed, match=f"{port}.* taken"):
            async with running(endpoint={"port": port}):
                pass


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "egizcore", *arguments],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"ended without {text!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serve_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path, "serve", "--port", "0") as process:
        wait_for(process, " http=")
        process.send_signal(number)
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("key", ["http.port", "endpoint.port"])
def test_a_start_that_fails_is_one_line_and_exit_code_1(tmp_path: Path, key: str) -> None:
    ports = {"http.port": 0, "endpoint.port": 0}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports[key] = taken.getsockname()[1]
        given = [f"--set={name}={port}" for name, port in ports.items()]
        process = start(tmp_path, "serve", "--set=endpoint.enabled=true", *given)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    (line,) = errors.splitlines()
    assert line.startswith("error: ")
    assert str(ports[key]) in line


def test_a_restart_is_empty(tmp_path: Path) -> None:
    """PRD, Verification Plan: state is ephemeral."""
    seen = []
    for _ in range(2):
        with start(tmp_path, "serve", "--port", "0") as process:
            port = int(wait_for(process, " http=").rstrip().rpartition(":")[2])
            url = f"http://127.0.0.1:{port}/api/v1/things"
            seen.append(httpx.post(url, json={"id": "a:b", "type": "oven"}).status_code)
            process.terminate()
            assert process.wait(timeout=10) == 0
    assert seen == [201, 201]
