"""History as a plant has it: a real process with its file, devices at the endpoint, signals."""

import asyncio
import csv
import io
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, final

import httpx
import pytest
from tests.live.servers import free_port

pytestmark = pytest.mark.live

PATIENCE = 15.0
OVEN = "/api/v1/things/factory:esp32-1/history"


@final
class Plant:
    """A running ``egizcore serve``."""

    def __init__(
        self, process: asyncio.subprocess.Process, http: httpx.AsyncClient, mqtt: int
    ) -> None:
        self.process = process
        self.http = http
        self._mqtt = mqtt

    async def publish(self, *payloads: str, device: str = "esp32-1") -> None:
        """Each is acknowledged when this returns."""
        sender = await asyncio.create_subprocess_exec(
            "mosquitto_pub", "-p", str(self._mqtt), "-q", "1", "-l",
            "-t", f"sensors/{device}/telemetry", stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
        await sender.communicate("\n".join(payloads).encode())
        assert sender.returncode == 0

    async def until(self, path: str, holds: Callable[[dict[str, Any]], object]) -> None:
        """Ask again and again, within the caller's time."""
        while not holds((await self.http.get(path)).json()):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)

    async def temperatures(self, **asked: str) -> list[float]:
        answer = await self.http.get(OVEN, params=asked)
        assert answer.status_code == 200, answer.text
        return [one["properties"]["temperature"] for one in answer.json()["items"]]


@asynccontextmanager
async def plant(folder: Path, *settings: str) -> AsyncIterator[Plant]:
    http, mqtt = free_port(), free_port()
    given = (
        "endpoint.enabled=true",
        f"endpoint.port={mqtt}",
        "history.backend=sqlite",
        f"history.path={folder / 'history.db'}",
        "history.sample=0s",
        *settings,
    )
    options = [word for one in given for word in ("--set", one)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "egizcore", "serve", "--port", str(http), *options, cwd=folder
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}") as client:
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        if (await client.get("/health/ready")).status_code == 200:
                            break
                    except httpx.ConnectError:
                        await asyncio.sleep(0.05)
            yield Plant(process, client, mqtt)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(one: Plant) -> int:
    one.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        return await one.process.wait()


async def test_what_was_acknowledged_before_the_end_is_in_the_file(tmp_path: Path) -> None:
    readings = [float(number) for number in range(2_000)]
    async with plant(tmp_path) as first:
        await first.publish(*(f'{{"thermal": {{"temperature": {one}}}}}' for one in readings))
        assert await ended(first) == 0
    async with plant(tmp_path) as second:
        kept: set[float] = set()
        answer = await second.http.get(OVEN, params={"format": "csv"})
        for row in csv.DictReader(io.StringIO(answer.text)):
            kept.add(float(row["value"]))
        # Readings of one millisecond are one sample, the newest: none but those may lack.
        assert readings[-1] in kept
        assert (await second.http.get("/health")).json()["components"]["history"] == {
            "status": "ok"
        }
        assert len(kept) == len(await second.temperatures(limit="10000"))


async def test_what_is_older_than_a_second_survives_a_kill(tmp_path: Path) -> None:
    async with plant(tmp_path, "history.sample=1s") as first:
        await first.publish('{"thermal": {"temperature": 21.5}}')
        await first.publish('{"thermal": {"temperature": 22}}')  # too soon to be due
        await asyncio.sleep(1.1)
        first.process.kill()
        await first.process.wait()
    async with plant(tmp_path) as second:
        assert await second.temperatures() == [21.5, 22.0]
        assert await second.temperatures(order="desc", limit="1") == [22.0]


async def test_a_sample_is_there_within_a_second_of_its_reading(tmp_path: Path) -> None:
    async with plant(tmp_path) as one:
        await one.publish('{"thermal": {"temperature": 20}}')
        async with asyncio.timeout(1.0):
            await one.until(OVEN, lambda told: told["items"])


async def test_a_broken_store_costs_history_only(tmp_path: Path) -> None:
    (tmp_path / "history.db").mkdir()  # no file can be made here
    async with plant(tmp_path) as one:
        await one.publish('{"thermal": {"temperature": 20}}')
        health: dict[str, Any] = (await one.http.get("/health")).json()
        assert health["status"] == "degraded"
        assert health["components"]["history"]["message"]
        live = (await one.http.get(OVEN.removesuffix("/history"))).json()
        assert live["features"]["thermal"]["properties"] == {"temperature": 20}
        answer = await one.http.get(OVEN)
        assert (answer.status_code, answer.json()["code"]) == (503, "history_unavailable")
        (tmp_path / "history.db").rmdir()
        async with asyncio.timeout(PATIENCE):
            await one.until("/health", lambda told: told["status"] == "ok")
            await one.until(OVEN, lambda told: told.get("items"))
        assert await one.temperatures() == [20.0]
        assert await ended(one) == 0
