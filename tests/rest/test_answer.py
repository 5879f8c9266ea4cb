"""Streams on a real socket: whole, broken off, and for readers that are slow or leave."""

import asyncio
from typing import Any

import httpx
import pytest
import structlog
from tests.rest.archived import (
    URL,
    Store,
    down,
    point,
)
from tests.rest.served import World, peer, serving, until

from egizcore.rest import server
from egizcore.rest.guard import Bounds
from egizcore.rest.history import FIRST_CHUNK, MOST_ITEMS


async def rest(store: Store) -> None:
    """Wait until *store* is asked nothing more."""
    before = -1
    while before != len(store.asked):
        before = len(store.asked)
        await asyncio.sleep(0.2)


def request(query: str, method: str = "GET") -> bytes:
    return f"{method} {URL}?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def test_a_store_that_fails_in_the_middle_breaks_the_answer_off() -> None:
    def third(number: int) -> None:
        if number == 3:
            down(number)

    store = Store(third)
    await store.write([point(ago, {"a": ago}) for ago in range(1, 9000)])
    world = World(archive=store)
    async with serving(world) as running:
        url = f"http://127.0.0.1:{running.port}{URL}?format=ndjson"
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(url)
        async with peer(running) as raw:
            store.asked.clear()
            await raw.send(request("format=csv") + request("format=json"))
            told = await raw.reader.read(-1)
        assert told.startswith(b"HTTP/1.1 200 ")
        assert told.count(b"HTTP/1.1") == 1
        assert b"\r\n0\r\n\r\n" not in told
        assert told.count(b"thermal") == FIRST_CHUNK + MOST_ITEMS  # what had been got was sent
    assert world.failures == 0


async def test_a_fault_of_ours_in_the_middle_is_counted_and_breaks_off_too() -> None:
    def second(number: int) -> None:
        if number == 2:
            raise RuntimeError("a bug")

    store = Store(second)
    await store.write([point(ago, {"a": ago}) for ago in range(1, 9000)])
    world = World(archive=store)
    with structlog.testing.capture_logs() as logs:
        async with serving(world) as running, peer(running) as raw:
            await raw.send(request("format=csv"))
            told = await raw.reader.read(-1)
    assert not told.endswith(b"\r\n0\r\n\r\n")
    assert [line["event"] for line in logs] == ["A request failed."]
    assert world.failures == 1


async def test_a_stream_ends_well_and_the_connection_serves_on() -> None:
    store = Store()
    await store.write([point(ago, {"a": ago}) for ago in range(1, 5000)])
    async with serving(World(archive=store)) as running, peer(running) as raw:
        await raw.send(request("format=csv") + request("format=csv", "HEAD") + request("limit=1"))
        async with asyncio.timeout(10):
            text = await raw.reader.readuntil(b"\r\n0\r\n\r\n")
            assert text.count(b"thermal") == 4999
            head = await raw.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert (await raw.one())[0] == 200


async def test_a_reader_that_is_slow_holds_up_its_own_stream_and_is_dropped() -> None:
    store = Store()
    await store.write([point(ago, {"a": "x" * 1000}) for ago in range(1, 40_000)])
    world = World(archive=store)
    async with serving(world, Bounds(unread_seconds=1.0)) as running, peer(running) as raw:
        await raw.send(request("format=csv"))
        await raw.reader.readuntil(b"\r\n\r\n")
        await rest(store)
        assert len(store.asked) < 12  # some megabytes lie in the buffers of both ends
        async with peer(running) as other:
            await other.send(request("limit=1"))
            assert (await other.one())[0] == 200
        await until(lambda: ("GET", f"{URL.replace('f:oven', '{id}')}", 200) in world.answers, 10)


async def test_a_reader_that_goes_leaves_nothing_behind() -> None:
    seen = asyncio.Event()
    hold = asyncio.Event()

    def third(number: int) -> Any:
        if number == 3:
            seen.set()
            return hold.wait()
        return None

    store = Store(third)
    await store.write([point(ago, {"a": 1}) for ago in range(1, 9000)])
    world = World(archive=store)
    async with serving(world) as running:
        async with peer(running) as raw:
            await raw.send(request("format=csv"))
            await seen.wait()
        await until(lambda: bool(world.answers))  # its third question was not waited for
    assert len(store.asked) == 3


async def test_a_store_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CUT_SECONDS", 0.1)
    hangs = asyncio.Event()

    def second(number: int) -> Any:
        if number == 2:
            hangs.set()
            return asyncio.Event().wait()
        return None

    store = Store(second)
    await store.write([point(ago, {"a": 1}) for ago in range(1, 3000)])
    async with asyncio.timeout(4):
        async with serving(World(archive=store)) as running, peer(running) as raw:
            await raw.send(request("format=csv"))
            await hangs.wait()
