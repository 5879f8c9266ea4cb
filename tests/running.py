"""An engine in this process, on ports of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, final

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from egizcore.engine import Engine
from egizcore.settings import Settings

PATIENCE = 10.0  # seconds


@final
class Running:
    """A started engine and how to speak to it."""

    def __init__(self, engine: Engine, http: httpx.AsyncClient) -> None:
        self.engine = engine
        self.http = http

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.engine.server.port}"

    @property
    def mqtt_port(self) -> int:
        assert self.engine.endpoint is not None
        return self.engine.endpoint.port

    def stream(self, **options: Any) -> connect:
        return connect(f"ws://{self.address}/api/v1/ws", **options)

    async def metrics(self) -> dict[str, float]:
        text = (await self.http.get("/metrics")).text
        rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in rows}


@asynccontextmanager
async def running(**sections: dict[str, Any]) -> AsyncIterator[Running]:
    """An engine with the endpoint on; *sections* are settings. Its stop must be a clean one."""
    given = {"http": {"port": 0}, "endpoint": {"enabled": True, "port": 0}}
    merged = {name: given.get(name, {}) | sections.get(name, {}) for name in given | sections}
    settings = msgspec.convert(merged, Settings)
    engine = await asyncio.to_thread(Engine, settings, asyncio.get_running_loop())
    stop, up = asyncio.Event(), asyncio.Event()

    async def started() -> None:
        up.set()

    life = asyncio.create_task(engine.run(stop, started))
    waiting = asyncio.create_task(up.wait())
    await asyncio.wait({life, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if not life.done():
            url = f"http://127.0.0.1:{engine.server.port}"
            async with httpx.AsyncClient(base_url=url) as http:
                yield Running(engine, http)
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await life


async def hear(socket: ClientConnection) -> dict[str, Any]:
    """The next message that is no heartbeat."""
    while True:
        async with asyncio.timeout(PATIENCE):
            message: dict[str, Any] = json.loads(await socket.recv())
        if message["event"] != "Heartbeat":
            return message
