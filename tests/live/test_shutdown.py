"""SIGTERM with clients connected and messages in flight (contract.md, section 7)."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, final

import httpx
import pytest
from tests.live.servers import free_port
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from egizcore.history import HistorySettings, Query, flatten
from egizcore.history.sqlite import SqliteArchive

pytestmark = pytest.mark.live

WITHIN = 10.0
"""Seconds that the contract gives."""
PATIENCE = 20.0
WINDOW = 50  # messages that a device has in flight
PUBACK = 0x40


@final
class Process:
    """A running ``egizcore serve``."""

    def __init__(self, process: asyncio.subprocess.Process, http: int, mqtt: int) -> None:
        self.process = process
        self.http = http
        self.mqtt = mqtt

    def watching(self) -> connect:
        return connect(f"ws://127.0.0.1:{self.http}/api/v1/ws", max_queue=None, close_timeout=0.1)

    async def health(self) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.http}") as client:
            found: dict[str, Any] = (await client.get("/health")).json()
            return found

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> tuple[int, float]:
        """The exit code, and the seconds that it took from now."""
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait(), time.monotonic() - began


@asynccontextmanager
async def serving(folder: Path, *settings: str) -> AsyncIterator[Process]:
    http, mqtt = free_port(), free_port()
    given = ("endpoint.enabled=true", f"endpoint.port={mqtt}", *settings)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "egizcore", "serve", "--port", str(http)),
        *(f"--set={one}" for one in given),
        cwd=folder,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while b"ready" not in (line := await process.stderr.readline()):
                assert line, "it ended before it was ready"
        yield Process(process, http, mqtt)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@final
class Device:
    """Publishes numbers with QoS 1, as many as its window takes; knows which are acknowledged."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._port = port
        self._sent = 0
        self.acknowledged: list[int] = []

    async def run(self) -> None:
        """Until the endpoint closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(
            b"\x10" + packet(text(b"MQTT") + b"\x04\x02\x00\x3c" + text(self.name.encode()))
        )
        await reader.readexactly(4)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                while self._sent - len(self.acknowledged) < WINDOW:
                    writer.write(self._publish())
                kind, _, *identifier = await reader.readexactly(4)
                assert kind == PUBACK
                self.acknowledged.append(int.from_bytes(bytes(identifier), "big") - 1)
        writer.close()

    def _publish(self) -> bytes:
        """The next number, as a property of its own, so that no later one replaces it."""
        number, self._sent = self._sent, self._sent + 1
        payload = b'{"f%d": {"n%d": %d}}' % (number // 1000, number, number)
        topic = text(f"sensors/{self.name}/telemetry".encode())
        return b"\x32" + packet(topic + (number + 1).to_bytes(2, "big") + payload)


def text(raw: bytes) -> bytes:
    return len(raw).to_bytes(2, "big") + raw


def packet(body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([len(body)]) + body


async def flood(port: int) -> None:
    """QoS 0 without end, until the endpoint closes."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x10" + packet(text(b"MQTT") + b"\x04\x02\x00\x3c" + text(b"flood")))
    one = b"\x30" + packet(text(b"sensors/flood/telemetry") + b'{"flood": {"t": 21.5, "u": "x"}}')
    with suppress(ConnectionError):
        while True:
            writer.write(one * 200)
            await writer.drain()


async def hear(stream: ClientConnection) -> tuple[set[tuple[str, int]], int | None]:
    """All that a client is told to the end, and the code of the close."""
    seen: set[tuple[str, int]] = set()
    try:
        while True:
            event = json.loads(await stream.recv())
            if event["event"] == "StateChanged":
                seen |= {(event["thingId"], one) for one in event["properties"].values()}
    except ConnectionClosed as closed:
        return seen, None if closed.rcvd is None else closed.rcvd.code


async def kept(path: Path, device: Device) -> set[int]:
    """What the store has of a device."""
    archive = SqliteArchive(HistorySettings(backend="sqlite", path=str(path)))
    await archive.open()
    query = Query(f"factory:{device.name}", 0, 1 << 45, limit=1_000_000)
    found = {
        int(leaf)
        for item in await archive.page(query)
        for leaf in flatten(item.properties).values()
    }
    await archive.close()
    return found


@pytest.mark.parametrize("is_flooded", [False, True], ids=["calm", "flood"])
async def test_what_was_acknowledged_was_told_to_each_client_and_is_in_the_file(
    tmp_path: Path, *, is_flooded: bool
) -> None:
    path = tmp_path / "history.db"
    history = (
        "history.backend=sqlite",
        f"history.path={path}",
        "history.sample=0s",
        'history.sample_features={"flood": "1s"}',  # or the outbox would be full of it
    )
    async with serving(tmp_path, *history) as engine:
        devices = [Device(f"oven-{number}", engine.mqtt) for number in range(3)]
        async with engine.watching() as first, engine.watching() as second:
            for stream in (first, second):
                await stream.send('{"action": "subscribe", "filter": {"type": "device"}}')
                await stream.recv()
            hearing = [asyncio.create_task(hear(stream)) for stream in (first, second)]
            running = [asyncio.create_task(one.run()) for one in devices]
            if is_flooded:
                running.append(asyncio.create_task(flood(engine.mqtt)))
            while min(len(one.acknowledged) for one in devices) < 300:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            engine.stop()
            code, seconds = await engine.ended()
            await asyncio.gather(*running)
            told = await asyncio.gather(*hearing)
    assert (code, seconds < WITHIN) == (0, True)
    for device in devices:
        acknowledged = set(device.acknowledged)
        for seen, close in told:
            assert {(f"factory:{device.name}", one) for one in acknowledged} <= seen
            assert close == 4000
        assert acknowledged <= await kept(path, device)


async def test_signals_that_come_again_and_again_change_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as engine:
        flooding = asyncio.create_task(flood(engine.mqtt))
        ending = asyncio.create_task(engine.ended())
        while not ending.done():
            with suppress(ProcessLookupError):
                engine.stop()
            await asyncio.sleep(0.002)
        await flooding
        code, seconds = await ending
    assert (code, seconds < WITHIN) == (0, True)


async def test_peers_that_hang_hold_the_end_up_no_longer_than_it_may_take(tmp_path: Path) -> None:
    """A broker, a collector and a client that are silent, and a device that does not read."""
    with ExitStack() as stack:
        broker, collector = (
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)
        )
        asked = (
            f"mqtt.url=mqtt://127.0.0.1:{broker.getsockname()[1]}",
            f"observability.otlp_endpoint=http://127.0.0.1:{collector.getsockname()[1]}",
            "history.backend=sqlite",
        )
        async with serving(tmp_path, *asked) as engine:
            assert (await engine.health())["status"] == "degraded"
            stuck = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                for port in (engine.http, engine.mqtt)
            ]
            stuck[0].sendall(b"POST /api/v1/things HTTP/1.1\r\nContent-Length: 9\r\n")
            async with engine.watching() as stream:
                stream.transport.pause_reading()
                flooding = asyncio.create_task(flood(engine.mqtt))
                await asyncio.sleep(0.2)
                engine.stop()
                code, seconds = await engine.ended()
                await flooding
    assert (code, seconds < WITHIN) == (0, True)
