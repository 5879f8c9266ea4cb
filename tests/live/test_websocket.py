"""The engine as a process of its own, on uvloop, against clients that mean no good."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, final

import httpx
import msgspec
import pytest
from tests.live.servers import free_port
from tests.stream.served import CLOSE, TEXT, Frame, Peer, connected, frame

pytestmark = pytest.mark.live

THINGS = 500
MEBIBYTE = 1 << 20
STUCK = 4096  # bytes of a receive buffer, so that loopback hides nothing


@final
class Process:
    """`egizcore serve`, with REST to feed it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)
        self.events = 0

    async def feed(self, rounds: int = 1, things: int = THINGS) -> None:
        """Each Thing gets a change, *rounds* times."""
        for _ in range(rounds):
            self.events += 1
            reading = {"n": self.events, "text": "x" * 200}
            items = [
                {"id": f"f:{number:05}", "features": {"p": {"properties": reading}}}
                for number in range(things)
            ]
            answer = await self.http.post("/api/v1/things/bulk", json=items)
            assert answer.status_code == 200

    async def create(self) -> None:
        """The Things, without features."""
        items = [{"id": f"f:{number:05}", "type": "oven"} for number in range(THINGS)]
        answer = await self.http.post("/api/v1/things/bulk", json=items)
        assert answer.status_code == 200

    async def seq(self) -> int:
        async with connected(self.port) as peer:
            answer = await peer.ask(action="subscribe", thingId="f:00000")
            seq: int = answer["seq"]
            return seq

    async def metric(self, name: str) -> float:
        text = (await self.http.get("/metrics")).text
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        assert found is not None
        return float(found[1])

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Process]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "egizcore", "serve", "--port", str(port)),
        cwd=tmp_path,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    one = Process(process, port)
    try:
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await one.http.get("/health/ready")).status_code == 200:
                        break
                await asyncio.sleep(0.05)
        await one.create()
        yield one
    finally:
        await one.http.aclose()
        if process.returncode is None:
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def watching(engine: Process, *, receive_buffer: int = 0) -> AsyncIterator[Peer]:
    async with connected(engine.port, receive_buffer=receive_buffer) as peer:
        await peer.ask(action="subscribe", filter={})
        yield peer


async def drained(peer: Peer, until: int) -> tuple[int, dict[str, Any]]:
    """Read to the event *until*; how many all stand for, and the last properties by Thing."""
    count = 0
    seen: dict[str, Any] = {}
    while True:
        event = await peer.hear()
        count += event.get("conflated", 1)
        seen[event["thingId"]] = event
        if event["seq"] >= until:
            return count, seen


async def test_stuck_clients_cost_little_and_hold_nobody_back(engine: Process) -> None:
    await engine.feed()
    before = await engine.seq()
    async with contextlib.AsyncExitStack() as stack:
        stuck = [
            await stack.enter_async_context(watching(engine, receive_buffer=STUCK))
            for _ in range(20)
        ]
        good = await stack.enter_async_context(watching(engine))
        memory = engine.memory()
        last = before + 40 * THINGS
        feeding = asyncio.create_task(engine.feed(40))
        count, _ = await drained(good, last)
        await feeding
        assert count == last - before
        assert engine.memory() - memory < 32 * MEBIBYTE
        count, seen = await drained(stuck[0], last)
        assert count == last - before, "received + Σ(n - 1) = what happened"
        assert len(seen) == THINGS
        assert {one["properties"]["n"] for one in seen.values()} == {engine.events}
        assert any("conflated" in one for one in seen.values())
        await engine.feed()
        count, seen = await drained(stuck[0], last + THINGS)
        assert count == THINGS
        assert not any("conflated" in one for one in seen.values()), "the full stream goes on"


async def test_a_client_that_floods_and_reads_nothing_is_not_read_from(engine: Process) -> None:
    async with connected(engine.port, receive_buffer=STUCK) as peer:
        memory = engine.memory()
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 2_000_000:
                chunk = [
                    frame(TEXT, b'{"action":"ping","id":%d}' % number)
                    for number in range(sent, sent + 1000)
                ]
                sent += 1000
                async with asyncio.timeout(3):
                    await peer.send(b"".join(chunk))
        assert sent < 2_000_000, "it went on reading"
        assert engine.memory() - memory < 32 * MEBIBYTE
        async with watching(engine) as other:
            await other.alive()
        for number in range(sent - 1000):
            assert (await peer.hear())["id"] == number


async def test_at_the_end_all_are_told_to_come_back_even_if_one_is_stuck(engine: Process) -> None:
    await engine.feed()
    async with watching(engine, receive_buffer=STUCK), watching(engine) as good:
        feeding = asyncio.create_task(engine.feed(20))
        await good.hear()
        await feeding
        engine.process.send_signal(signal.SIGTERM)
        found: Frame | None = None
        while (one := await good.frame()) is not None:
            found = one
            if one.opcode == CLOSE:
                await good.send(frame(CLOSE, one.payload))
        assert found is not None
        assert (found.opcode, found.payload[:2]) == (CLOSE, (4000).to_bytes(2, "big"))
        async with asyncio.timeout(10):
            assert await engine.process.wait() == 0


async def test_clients_that_come_and_drop_leave_nothing_behind(engine: Process) -> None:
    await engine.feed()

    async def come_and_go(number: int) -> None:
        async with connected(engine.port) as peer:
            await peer.say(action="subscribe", filter={"type": "oven"}, snapshot=True)
            await peer.say(action="subscribe", filter={"features.p.properties.n": number})
            if number % 2:
                await peer.hear()
            peer.writer.transport.abort()

    for start in range(0, 300, 20):
        await asyncio.gather(*(come_and_go(number) for number in range(start, start + 20)))
        await engine.feed(things=10)
    async with asyncio.timeout(10):
        while await engine.metric("egizcore_ws_clients"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    async with watching(engine) as peer:
        await engine.feed(things=1)
        assert (await peer.hear())["properties"]["n"] == engine.events
    assert msgspec.json.decode((await engine.http.get("/health")).content)["status"] == "ok"
