"""A real socket: the handshake, commands, and the time that passes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.stream.served import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Peer,
    answer,
    closing,
    connected,
    dial,
    frame,
    request,
    serving,
)

from egizcore.engine import Engine
from egizcore.stream.client import MAX_SUBSCRIPTIONS, Client
from egizcore.stream.connection import GOODBYE, HEARTBEAT, SILENCE
from egizcore.thing.draft import read_feature, read_thing

HELLO = '{"action": "ping", "id": "µ@ßöä𝄞"}'
ASK = frame(TEXT, HELLO)
ANSWER = '{"event":"Pong","id":"µ@ßöä𝄞"}'.encode()


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with serving() as one:
        yield one


@pytest.fixture
async def peer(engine: Engine) -> AsyncIterator[Peer]:
    async with connected(engine.server.port) as one:
        yield one


# Handshake --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (request("/api/v1/nothing"), 404, "not_found"),
        (request(method="POST", Content_Length="0"), 405, "method_not_allowed"),
        (request(Host="evil.example"), 400, "bad_host"),
        (request(Origin="http://evil.example"), 403, "forbidden"),
        (request(Origin="null"), 403, "forbidden"),
        (request(Sec_WebSocket_Version="7"), 426, "upgrade_required"),
        (request(Sec_WebSocket_Version=None), 400, "bad_request"),
        (request(Sec_WebSocket_Key=None), 400, "bad_request"),
        (request(Sec_WebSocket_Key="short"), 400, "bad_request"),
    ],
)
async def test_a_refused_handshake_is_a_problem(
    engine: Engine, head: bytes, status: int, code: str
) -> None:
    peer = await dial(engine.server.port)
    found, headers, body = await answer(peer, head + ASK)
    problem = msgspec.json.decode(body)
    assert (found, problem["status"], problem["code"]) == (status, status, code)
    assert headers["content-type"] == ["application/problem+json"]
    assert headers["content-length"] == [str(len(body))]
    if status == 405:
        assert headers["allow"] == ["GET"]
    if status == 426:
        assert headers["sec-websocket-version"] == ["13"]
    assert await peer.end() == ([], None)
    peer.writer.close()
    assert engine.door.tally.clients == 0


async def test_commands_that_come_with_the_handshake_are_followed(engine: Engine) -> None:
    peer = await dial(engine.server.port)
    status, headers, _ = await answer(peer, request() + ASK + ASK)
    assert status == 101
    assert "sec-websocket-extensions" not in headers
    assert [(await peer.frame()) for _ in range(2)] == [(TEXT, ANSWER)] * 2
    peer.writer.close()


# The end ------------------------------------------------------------------------------------


async def test_a_peer_that_breaks_the_protocol_and_stays_is_thrown_out(
    engine: Engine, peer: Peer
) -> None:
    await peer.send(frame(TEXT, rsv=7))
    assert await peer.end() == ([], 1002)
    engine.door.sweep(asyncio.get_running_loop().time() + GOODBYE + 1)
    await gone(engine)


async def test_a_peer_that_ends_without_a_word_is_let_go(engine: Engine, peer: Peer) -> None:
    await peer.ask(action="subscribe", filter={})
    peer.writer.write_eof()
    assert await peer.end() == ([], None)
    await gone(engine)
    engine.hub.flush()
    assert engine.bus.listeners == ()


async def gone(engine: Engine) -> None:
    async with asyncio.timeout(5):
        while engine.door.connections:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)
    assert engine.door.tally.clients == 0
    assert engine.door.errors == 0


# Commands ---------------------------------------------------------------------------------------


async def test_a_subscription_over_a_socket(engine: Engine, peer: Peer) -> None:
    engine.registry.create(read_thing({"id": "f:a", "type": "oven"}))
    answered = await peer.ask(action="subscribe", thingId="f:a", snapshot=True, id=1)
    assert answered["event"] == "Subscribed"
    assert (await peer.hear())["things"] == [engine.store.things["f:a"].document()]
    report(engine, 1)
    message = await peer.hear()
    assert message | {"timestamp": ""} == {
        "event": "StateChanged",
        "thingId": "f:a",
        "feature": "p",
        "properties": {"n": 1},
        "version": 2,
        "timestamp": "",
        "seq": 2,
    }


async def test_errors_leave_the_connection_and_its_subscriptions(
    engine: Engine, peer: Peer
) -> None:
    engine.registry.create(read_thing({"id": "f:a", "type": "oven"}))
    await peer.ask(action="subscribe", filter={})
    for sent in (frame(TEXT, b"{"), frame(BINARY, b"{}"), frame(TEXT, b'{"action": "x"}')):
        await peer.send(sent)
        assert (await peer.hear())["event"] == "Error"
    report(engine, 1)
    assert (await peer.hear())["event"] == "StateChanged"


async def test_the_thousand_and_first_subscription_is_an_error(peer: Peer) -> None:
    sent = [
        frame(TEXT, msgspec.json.encode({"action": "subscribe", "thingId": f"f:{number}"}))
        for number in range(MAX_SUBSCRIPTIONS + 1)
    ]
    await peer.send(b"".join(sent))
    found = [await peer.hear() for _ in sent]
    assert {one["event"] for one in found[:-1]} == {"Subscribed"}
    assert found[-1]["code"] == "too_many_subscriptions"


def report(engine: Engine, n: int, thing_id: str = "f:a") -> None:
    engine.registry.merge_feature(thing_id, "p", read_feature({"properties": {"n": n}}))


async def test_a_fault_of_ours_ends_one_connection_and_is_counted(
    engine: Engine, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(engine.server.port) as other:
        with monkeypatch.context() as broken:
            broken.setattr(Client, "receive", lambda _client, _command: 1 / 0)
            await peer.say(action="ping")
            assert await peer.end() == ([], None)
        await other.alive()
    assert engine.door.errors == 1


# Time -------------------------------------------------------------------------------------------


async def test_every_30_seconds_a_ping_and_a_heartbeat(engine: Engine, peer: Peer) -> None:
    await peer.ask(action="subscribe", filter={})
    now = asyncio.get_running_loop().time()
    engine.door.sweep(now + HEARTBEAT - 1)
    engine.registry.create(read_thing({"id": "f:a", "type": "oven"}))
    engine.door.sweep(now + HEARTBEAT + 1)
    engine.door.sweep(now + HEARTBEAT + 2)
    assert await peer.frame() == (PING, b"")
    assert (await peer.hear())["event"] == "ThingCreated"
    beat = await peer.hear()
    assert beat.keys() == {"event", "timestamp", "epoch", "seq"}
    assert (beat["event"], beat["epoch"], beat["seq"]) == ("Heartbeat", engine.bus.epoch, 1)
    await peer.alive()


async def test_a_client_that_sends_nothing_for_60_seconds_is_closed(
    engine: Engine, peer: Peer
) -> None:
    await peer.alive()
    now = asyncio.get_running_loop().time()
    engine.door.sweep(now + SILENCE - 1)
    assert engine.door.tally.clients == 1
    engine.door.sweep(now + SILENCE + 1)
    await peer.send(closing(1000))
    frames, code = await peer.end()
    assert [one.opcode for one in frames] == [PING, TEXT]
    assert code == 4002
    await gone(engine)


async def test_a_pong_is_a_sign_of_life(engine: Engine, peer: Peer) -> None:
    loop = asyncio.get_running_loop()
    (connection,) = engine.door.connections
    connection._heard = loop.time() - SILENCE + 1
    await peer.send(frame(PONG))
    await peer.alive()
    engine.door.sweep(loop.time() + 5)
    assert engine.door.tally.clients == 1


async def test_a_client_that_takes_nothing_for_60_seconds_is_closed(engine: Engine) -> None:
    async with stuck(engine):
        (connection,) = engine.door.connections
        now = asyncio.get_running_loop().time()
        engine.door.sweep(now)
        engine.door.sweep(now + SILENCE - 1)
        assert connection._client is not None, "nor is it closed for its silence"
        engine.door.sweep(now + SILENCE)
        assert engine.door.tally.clients == 0
        assert connection._protocol.close_sent is not None
        assert connection._protocol.close_sent.code == 4001
        engine.door.sweep(now + SILENCE + GOODBYE + 1)
        await gone(engine)


async def test_a_client_that_takes_a_little_is_not_closed(engine: Engine) -> None:
    async with stuck(engine) as peer:
        (connection,) = engine.door.connections
        now = asyncio.get_running_loop().time()
        engine.door.sweep(now)
        waiting = connection._transport.get_write_buffer_size()
        while connection._transport.get_write_buffer_size() == waiting:
            await peer.frame()
        engine.door.sweep(now + SILENCE - 1)
        connection._heard = now + SILENCE  # it says something, too
        engine.door.sweep(now + 2 * SILENCE - 2)
        assert engine.door.tally.clients == 1


async def test_clients_that_fall_behind_are_counted(engine: Engine) -> None:
    assert engine.door.slow == 0
    async with stuck(engine):
        assert engine.door.slow == 1
        assert b"\negizcore_ws_slow_clients 1.0\n" in engine.meters.text()
        engine.door.close()
        assert engine.door.slow == 0


@contextlib.asynccontextmanager
async def stuck(engine: Engine) -> AsyncIterator[Peer]:
    """A client for which more waits than it may, and that takes nothing."""
    engine.registry.create(read_thing({"id": "f:a", "type": "oven"}))
    async with connected(engine.server.port, receive_buffer=4096) as peer:
        await peer.ask(action="subscribe", filter={})
        (connection,) = engine.door.connections
        assert connection._client is not None
        while not connection._client.is_slow:
            document = {"properties": {"text": "x" * 10_000}}
            engine.registry.merge_feature("f:a", "p", read_feature(document))
            await asyncio.sleep(0)
        yield peer


async def test_at_the_end_clients_get_what_was_gathered_and_are_told_to_come_back(
    engine: Engine, peer: Peer
) -> None:
    engine.registry.create(read_thing({"id": "f:a", "type": "oven"}))
    await peer.ask(action="subscribe", filter={})
    report(engine, 1)
    engine.door.close()
    report(engine, 2)
    engine.hub.flush()
    found = await peer.frame()
    assert found is not None
    assert msgspec.json.decode(found.payload)["version"] == 2
    found = await peer.frame()
    assert found is not None
    assert found.payload.startswith((4000).to_bytes(2, "big"))
    await peer.send(frame(CLOSE, found.payload))
    assert await peer.frame() is None
