"""What idle devices cost: sockets and a little memory, and nobody's time."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from tests.flow.devices import Device
from tests.mqtt.peers import Peer, until
from tests.running import running

from egizcore.quantity import Size

SOCKETS = 500
PER_SOCKET = 40 * 1024  # bytes for both ends, which live in this process
ANSWER = 5.0  # seconds: far less than any time-out of the idle ones


def memory() -> int:
    """Bytes of this process that are in memory."""
    text = Path("/proc/self/statm").read_text("ascii")
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("said", [b"", b"\x10", b"\x10\xff\xff\xff\x7f\x00\x04MQ"])
async def test_sockets_that_say_nothing_cost_little_and_hold_nobody_up(said: bytes) -> None:
    async with running() as engine:
        device = await Device.connect(engine.mqtt_port, "oven-001")
        await device.report({"f": {"n": 0}})
        before = await asyncio.to_thread(memory)
        idle = [await Peer.dial(engine.mqtt_port) for _ in range(SOCKETS)]
        for one in idle:
            one.raw(said)
        longest = 0.0
        for number in range(50):
            start = time.perf_counter()
            await device.report({"f": {"n": number}})
            longest = max(longest, time.perf_counter() - start)
        assert longest < ANSWER
        assert await asyncio.to_thread(memory) - before < SOCKETS * PER_SOCKET
        for one in idle:
            one.reset()
        endpoint = engine.engine.endpoint
        await until(lambda: endpoint is not None and len(endpoint._connections) == 1)
        await device.report({"f": {"n": 1}})
        await Peer.close_all()


async def test_devices_that_come_and_go_leave_nothing_behind() -> None:
    async with running() as engine:
        endpoint = engine.engine.endpoint
        assert endpoint is not None
        for number in range(SOCKETS):
            device = await Device.connect(engine.mqtt_port, f"d{number}")
            assert await device.subscribe(f"devices/d{number}/desired") == 1
            device.peer.reset()
        await until(lambda: not endpoint._connections)
        assert (endpoint.devices, endpoint.away) == (0, 0)
        await Peer.close_all()


async def test_half_a_packet_that_is_announced_as_huge_reserves_nothing() -> None:
    async with running(limits={"mqtt_packet": Size(256 << 20)}) as engine:
        device = await Device.connect(engine.mqtt_port, "oven-001")
        before = await asyncio.to_thread(memory)
        for number in range(50):
            other = await Device.connect(engine.mqtt_port, f"d{number}")
            other.peer.raw(b"\x30\x80\x80\x80\x32\x00\x10sensors")  # 100 MiB
        await device.report({"f": {"n": 1}})
        assert await asyncio.to_thread(memory) - before < 50 * PER_SOCKET
        await Peer.close_all()
