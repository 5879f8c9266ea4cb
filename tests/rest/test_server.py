"""Sockets and signals: what keeps the process from starting is one line."""

import asyncio
import os
import signal
import socket

import pytest
from tests.rest.served import World, peer, serving

from egizcore.errors import StartupFailed
from egizcore.rest.server import bind


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupFailed) as told:
            bind("127.0.0.1", port)
    assert str(told.value) == f"Port {port} on 127.0.0.1 is taken by another program."
    assert told.value.mend


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid"])
def test_a_host_that_is_not_ours_is_told_in_one_line(host: str) -> None:
    with pytest.raises(StartupFailed, match="is no address of this machine"):
        bind(host, 0)


def test_one_free_port_serves_every_address_of_a_name() -> None:
    sockets = bind("localhost", 0)
    try:
        assert len({one.getsockname()[1] for one in sockets}) == 1
    finally:
        for one in sockets:
            one.close()


async def test_it_leaves_signals_to_the_engine() -> None:
    seen: list[int] = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, seen.append, signal.SIGTERM)
    try:
        async with serving(World()) as server:
            os.kill(os.getpid(), signal.SIGTERM)
            async with peer(server) as client:
                await client.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert (await client.one())[0] == 200
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    assert seen == [signal.SIGTERM]


async def test_a_request_that_does_not_end_is_cut_at_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("egizcore.rest.server.CUT_SECONDS", 0.1)
    async with serving(World()) as server, peer(server) as client:
        await client.send(
            b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 9\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert (await client.one())[0] == 100  # now it waits for the body
        server.stop()
        async with asyncio.timeout(3):
            assert await client.answers() == []
    assert caplog.records == []


async def test_stopping_closes_what_is_idle() -> None:
    world = World()
    async with serving(world) as server, peer(server) as client:
        await client.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await client.one())[0] == 200
        server.stop()
        assert await client.answers() == []
