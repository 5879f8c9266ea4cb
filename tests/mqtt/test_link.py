import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.mqtt.peers import Inbox, Peer, accept, broker, serving, until

from egizcore import backoff
from egizcore.errors import SettingsInvalid
from egizcore.mqtt import Batch, Link, LinkSettings, Origin, Topics, publisher
from egizcore.mqtt import link as link_module
from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode
from egizcore.mqtt.properties import Properties
from egizcore.mqtt.reason import Reason

MAX_PACKET = 1 << 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits of a test are short; their growth is tested in test_backoff.py."""
    monkeypatch.setattr(backoff, "LONGEST", 0.1)
    monkeypatch.setattr(backoff, "FIRST", 0.1)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@asynccontextmanager
async def running(link: Link[Any]) -> AsyncIterator[Link[Any]]:
    task = asyncio.create_task(link.run(), name="link")
    try:
        yield link
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def linked(port: int, inbox: Inbox, *filters: str, **settings: Any) -> Link[str]:
    return Link(
        "plant",
        LinkSettings(url=f"mqtt://127.0.0.1:{port}", **settings),
        filters or ("a/#",),
        Topics(str),
        inbox,
        max_packet=MAX_PACKET,
        acknowledged=lambda: None,
        dropped=lambda _: None,
    )


async def hold(peer: Peer) -> None:
    """Stay until the other side goes; a broker answers pings."""
    while (packet := await peer.read()) is not None:
        if isinstance(packet, p.PingReq):
            peer.send(p.PingResp())


# What works


@pytest.mark.parametrize("version", [p.V3, p.V5])
async def test_messages_arrive_and_are_acknowledged_after_delivery(version: int) -> None:
    order: list[object] = []
    done = asyncio.Event()

    async def script(peer: Peer, number: int) -> None:
        connect = await peer.read()
        assert isinstance(connect, p.Connect)
        if connect.version != version:
            peer.raw(b"\x20\x02\x00\x01")
            return
        peer.send(p.ConnAck())
        subscribe = await peer.read()
        assert isinstance(subscribe, p.Subscribe)
        peer.send(p.SubAck(subscribe.id, (1,)))
        peer.send(p.Publish("a/b", b"x", 1, id=9), p.Publish("a/c", b"y", retain=True))
        order.append(await peer.read())
        done.set()
        await hold(peer)

    def deliver(batch: Batch[str], origin: Origin) -> None:
        order.extend([origin.source, *batch])

    async with broker(script) as port:
        link = linked(port, Inbox())
        link.deliver = deliver
        async with running(link), asyncio.timeout(5):
            await done.wait()
            assert (link.connected, link.message, link.errors) == (True, "", 0)
    assert order == ["plant", ("a/b", b"x", False), ("a/c", b"y", True), p.PubAck(9)]


async def test_a_filter_that_another_covers_is_left_out(inbox: Inbox) -> None:
    asked: list[str] = []

    async def script(peer: Peer, number: int) -> None:
        await peer.read()
        peer.send(p.ConnAck())
        while isinstance(packet := await peer.read(), p.Subscribe):
            asked.extend(one.filter for one in packet.subscriptions)
            peer.send(p.SubAck(packet.id, (1,)))

    wanted = ("a/+", "b", "a/#", "b", "+/c")
    async with broker(script) as port, running(linked(port, inbox, *wanted)) as link:
        await until(lambda: link.connected)
    assert asked == ["b", "a/#", "+/c"]


async def test_credentials_and_client_id_are_sent(inbox: Inbox, tmp_path: Path) -> None:
    seen: list[p.Connect] = []

    async def script(peer: Peer, number: int) -> None:
        seen.append(await accept(peer))
        await hold(peer)

    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    async with broker(script) as port:
        given = {"username": "u", "password_file": str(secret), "client_id": "me"}
        link = await asyncio.to_thread(linked, port, inbox, **given)
        async with running(link):
            await until(lambda: link.connected)
    (connect,) = seen
    assert (connect.client_id, connect.username, connect.password) == ("me", "u", b"s3cret")
    assert connect.clean_start


def test_without_a_client_id_it_is_drawn(inbox: Inbox) -> None:
    one, other = linked(1, inbox), linked(1, inbox)
    assert one.client_id[:9] == other.client_id[:9] == "egizcore-"
    assert one.client_id != other.client_id


def test_a_missing_password_file_is_found_when_the_link_is_built(inbox: Inbox) -> None:
    with pytest.raises(SettingsInvalid):
        linked(1, inbox, username="u", password_file="/none")


async def test_it_leaves_with_a_disconnect(inbox: Inbox) -> None:
    said: list[p.Packet] = []

    async def script(peer: Peer, number: int) -> None:
        await accept(peer)
        said.extend(await peer.rest())

    async with broker(script) as port:
        async with running(linked(port, inbox)) as link:
            await until(lambda: link.connected)
        await until(lambda: said)
    assert said == [p.Disconnect()]


async def test_nothing_is_published_to_a_broker_that_does_not_read(inbox: Inbox) -> None:
    async def script(peer: Peer, number: int) -> None:
        await accept(peer)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with broker(script) as port, running(linked(port, inbox)) as link:
        await until(lambda: link.connected)
        large = bytes(100_000)
        sent = 0
        while link.publish("t", large):
            sent += 1
            assert sent < 1_000, "an endless buffer"
            await asyncio.sleep(0)
        assert sent


async def test_a_refused_publication_shows_in_the_message(inbox: Inbox) -> None:
    async def script(peer: Peer, number: int) -> None:
        await accept(peer)
        while (packet := await peer.read()) is not None:
            if isinstance(packet, p.Publish):
                peer.send(p.PubAck(packet.id, 0x87))

    async with broker(script) as port, running(linked(port, inbox)) as link:
        await until(lambda: link.connected)
        link.publish("t", b"x", 1)
        await until(lambda: link.message == "a publication was refused: not authorized")


# Brokers that misbehave: after each, the link comes back and a message arrives


async def close_at_once(peer: Peer) -> None:
    """Accepts and hangs up."""


async def close_after_connect(peer: Peer) -> None:
    await peer.read()


async def close_after_connack(peer: Peer) -> None:
    await peer.read()
    peer.send(p.ConnAck())


async def close_after_subscribe(peer: Peer) -> None:
    await peer.read()
    peer.send(p.ConnAck())
    await peer.read()


async def close_after_suback(peer: Peer) -> None:
    await accept(peer)


async def reset_after_suback(peer: Peer) -> None:
    await accept(peer)
    peer.reset()


async def cut_a_packet(peer: Peer) -> None:
    await accept(peer)
    peer.raw(encode(p.Publish("a", b"half"), peer.version)[:-1])


async def garbage_at_once(peer: Peer) -> None:
    peer.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await peer.rest()


async def garbage_later(peer: Peer) -> None:
    await accept(peer)
    peer.raw(b"\xff\xff\xff\xff\xff\xff")
    await peer.rest()


async def qos_3(peer: Peer) -> None:
    await accept(peer)
    peer.raw(b"\x36\x05\0\x01a\0\x01")
    await peer.rest()


async def five_length_bytes(peer: Peer) -> None:
    await accept(peer)
    peer.raw(b"\x30\xff\xff\xff\xff\x01")
    await peer.rest()


async def giant(peer: Peer) -> None:
    await accept(peer)
    peer.raw(b"\x30\xff\xff\xff\x7f")
    await peer.rest()


async def silent(peer: Peer) -> None:
    await peer.rest()


async def no_suback(peer: Peer) -> None:
    await peer.read()
    peer.send(p.ConnAck())
    await peer.rest()


async def refuses(peer: Peer) -> None:
    await peer.read()
    peer.send(p.ConnAck(0x89 if peer.version == p.V5 else 3))
    await peer.rest()


async def disconnects(peer: Peer) -> None:
    await accept(peer)
    peer.send(p.Disconnect(0x8B))
    await peer.rest()


@pytest.mark.parametrize(
    ("fault", "told", "errors"),
    [
        (close_at_once, "connection lost", 0),
        (close_after_connect, "connection lost", 0),
        (close_after_connack, "connection lost", 0),
        (close_after_subscribe, "connection lost", 0),
        (close_after_suback, "connection lost", 0),
        (reset_after_suback, "connection lost", 0),
        (cut_a_packet, "connection lost", 0),
        (garbage_at_once, "the broker's first packet is not CONNACK", 2),
        (garbage_later, "the remaining length has more than four bytes", 2),
        (qos_3, "QoS 3", 2),
        (five_length_bytes, "the remaining length has more than four bytes", 2),
        (giant, "a packet of 268435460 bytes", 2),
        (silent, "no CONNACK within", 0),
        (no_suback, "no SUBACK within", 0),
        (refuses, "refused: server", 0),
        (disconnects, "the broker ended it: server shutting down", 0),
    ],
)
async def test_a_hostile_broker_is_left_and_tried_again(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, fault: Any, told: str, errors: int
) -> None:
    if fault in (silent, no_suback):
        monkeypatch.setattr(link_module, "ANSWER_TIMEOUT", 1.0)
    times: list[float] = []
    messages: list[str] = []

    async def script(peer: Peer, number: int) -> None:
        times.append(perf_counter())
        if number <= 2:
            with suppress(AssertionError):  # what is not a packet of ours is not the point
                await fault(peer)
            return
        messages.append(link.message)
        await accept(peer)
        peer.send(p.Publish("a/b", b"at last", 1, id=1))
        await hold(peer)

    async with broker(script) as port:
        link = linked(port, inbox)
        async with running(link):
            await inbox.until(1)
            await until(lambda: link.connected)
            assert link.message == ""
            assert link.errors == errors
    assert inbox.payloads == [b"at last"]
    assert told in messages[0]
    assert f"127.0.0.1:{port}" in messages[0]
    assert "next try in" in messages[0]
    assert len(times) == 3
    assert times[2] - times[0] >= 0.045, "no tight loop"


async def test_a_broker_that_falls_silent_is_found_by_its_pings(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "KEEP_ALIVE", 1)
    monkeypatch.setattr(link_module, "ANSWER_TIMEOUT", 1.0)

    async def script(peer: Peer, number: int) -> None:
        await accept(peer)
        await peer.rest()

    async with broker(script) as port:
        link = linked(port, inbox)
        async with running(link):
            await until(lambda: "no PINGRESP" in link.message)
            await until(lambda: link.reconnects >= 1)


async def test_3_2_2_3_14_a_short_keep_alive_of_the_server_is_kept_on_the_wire(
    inbox: Inbox,
) -> None:
    pings: list[float] = []

    async def script(peer: Peer, number: int) -> None:
        await peer.read()
        peer.send(p.ConnAck(properties=Properties(server_keep_alive=1)))
        pings.append(perf_counter())
        while (packet := await peer.read()) is not None:  # SUBSCRIBE is never answered
            if isinstance(packet, p.PingReq):
                pings.append(perf_counter())
                peer.send(p.PingResp())

    async with broker(script) as port, running(linked(port, inbox)):
        await until(lambda: len(pings) >= 3)
    assert pings[2] - pings[0] < 3.0  # the broker would have waited 1.5 s for each


@pytest.mark.parametrize("first", ["127.0.0.2", "192.0.2.1"])
async def test_behind_an_address_that_refuses_or_is_silent_the_next_is_tried(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    async def two(host: str, port: int) -> list[str]:
        return [first, "127.0.0.1"]

    monkeypatch.setattr(link_module, "ANSWER_TIMEOUT", 2.0)
    monkeypatch.setattr(link_module, "look_up", two)

    async def script(peer: Peer, number: int) -> None:
        await accept(peer)
        await hold(peer)

    async with broker(script) as port:
        link = linked(port, inbox)
        async with running(link):
            await until(lambda: link.connected)


async def test_a_broker_that_is_absent_at_start_is_waited_for(inbox: Inbox) -> None:
    async with broker(lambda peer, number: accept(peer)) as port:
        pass
    link = linked(port, inbox)
    async with running(link):
        await until(lambda: "connection refused; next try in" in link.message)
        assert (link.connected, link.waiting()) == (False, 0)
        async with serving(inbox, port=port):
            await until(lambda: link.connected)


async def test_each_change_of_state_is_one_line(inbox: Inbox) -> None:
    up = asyncio.Event()

    async def script(peer: Peer, number: int) -> None:
        if number <= 8:  # four tries: each in both versions
            await peer.read()
            return
        await accept(peer)
        if number > 9:
            up.set()
            await hold(peer)

    with capture_logs() as lines:
        async with (
            asyncio.timeout(10),
            broker(script) as port,
            running(linked(port, inbox)) as link,
        ):
            await up.wait()
            await until(lambda: link.connected)
            assert link.reconnects == 1
    said = [(line["event"], line.get("why")) for line in lines if line.get("link") == "plant"]
    assert said == [
        ("link down", "connection lost"),
        ("link up", None),
        ("link down", "connection lost"),
        ("link up", None),
    ]


# Versions


async def levels(script: Any, inbox: Inbox, count: int) -> list[int]:
    """The protocol levels of the first *count* CONNECTs."""
    seen: list[int] = []

    async def note(peer: Peer, number: int) -> None:
        connect = await peer.read()
        assert isinstance(connect, p.Connect)
        seen.append(connect.version)
        await script(peer, connect.version)

    async with broker(note) as port, running(linked(port, inbox)):
        await until(lambda: len(seen) >= count)
    return seen[:count]


async def _granted(peer: Peer) -> None:
    peer.send(p.ConnAck())
    subscribe = await peer.read()
    assert isinstance(subscribe, p.Subscribe)
    peer.send(p.SubAck(subscribe.id, (0,)))


@pytest.mark.parametrize(
    "refusal", [b"\x20\x02\0\x01", b"\x20\x03\0\x84\0", b"\x20\x02\0\0"], ids=["1", "84", "ok"]
)
async def test_a_broker_without_mqtt_5_is_asked_in_3_1_1_ever_after(
    inbox: Inbox, refusal: bytes
) -> None:
    async def script(peer: Peer, version: int) -> None:
        if version == p.V5:
            peer.raw(refusal)
        else:
            await _granted(peer)

    assert await levels(script, inbox, 4) == [5, 4, 4, 4]


@pytest.mark.parametrize("answer", [b"", b"\x20\x7f\x01", b"\xff\xff\xff\xff\xff"])
async def test_a_broker_that_hangs_up_on_mqtt_5_is_asked_anew_each_time(
    inbox: Inbox, answer: bytes
) -> None:
    async def script(peer: Peer, version: int) -> None:
        if version == p.V5:
            peer.raw(answer)
        else:
            await _granted(peer)

    assert await levels(script, inbox, 4) == [5, 4, 5, 4]


async def test_a_silent_or_refusing_broker_is_no_reason_to_fall_back(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "ANSWER_TIMEOUT", 0.5)

    async def mute(peer: Peer, version: int) -> None:
        await peer.rest()

    async def busy(peer: Peer, version: int) -> None:
        peer.send(p.ConnAck(0x89))

    assert await levels(mute, inbox, 2) == [5, 5]
    assert await levels(busy, inbox, 3) == [5, 5, 5]


# What the broker restricts


async def test_a_refused_filter_costs_only_itself_and_is_told(inbox: Inbox) -> None:
    async def script(peer: Peer, number: int) -> None:
        await peer.read()
        peer.send(p.ConnAck())
        for code in (0x87, 0x01):
            subscribe = await peer.read()
            assert isinstance(subscribe, p.Subscribe)
            peer.send(p.SubAck(subscribe.id, (code,)))
        peer.send(p.Publish("b", b"x"))
        await hold(peer)

    async with broker(script) as port, running(linked(port, inbox, "a/#", "b")) as link:
        await inbox.until(1)
        await until(lambda: link.connected)
        assert link.message == "'a/#' was refused: not authorized"


async def test_a_shared_group_that_the_broker_cannot_form_is_told(inbox: Inbox) -> None:
    none = Properties(shared_subscription_available=0)

    async def script(peer: Peer, number: int) -> None:
        await peer.read()
        peer.send(p.ConnAck(properties=none))
        subscribe = await peer.read()
        assert isinstance(subscribe, p.Subscribe)
        peer.send(p.SubAck(subscribe.id, (0,)))
        await hold(peer)

    async with broker(script) as port, running(linked(port, inbox, share="g")) as link:
        await until(lambda: link.connected)
        assert "no shared subscriptions" in link.message


async def test_what_cannot_be_applied_is_not_acknowledged() -> None:
    answers: list[p.Packet] = []

    async def script(peer: Peer, number: int) -> None:
        await accept(peer)
        if number == 1:
            peer.send(p.Publish("a", b"x", 1, id=1))
            answers.extend(await peer.rest())
        await hold(peer)

    def deliver(batch: Batch[str], origin: Origin) -> None:
        raise RuntimeError("our own fault")

    async with broker(script) as port:
        link = linked(port, Inbox())
        link.deliver = deliver
        with capture_logs():
            async with running(link):
                await until(lambda: link.connected and link.errors)
    assert (answers, link.errors) == ([], 1)


# Publishing


async def test_a_publisher_reaches_an_endpoint(inbox: Inbox) -> None:
    async with serving(inbox) as endpoint:
        settings = LinkSettings(url=f"mqtt://127.0.0.1:{endpoint.port}", client_id="oven-001")
        with capture_logs() as lines:
            async with running(publisher("oven-001", settings, max_packet=MAX_PACKET)) as sender:
                assert not sender.publish("t", b"too early")
                await until(lambda: sender.connected)
                assert sender.publish("t", b"0")
                assert sender.publish("t", b"1", 1)
                await inbox.until(2)
            await until(lambda: endpoint.devices == 0)
    assert inbox.payloads == [b"0", b"1"]
    assert inbox.origins[0].client_id == "oven-001"
    assert {line["log_level"] for line in lines} == {"debug"}


async def test_what_the_broker_did_not_confirm_is_sent_again(inbox: Inbox) -> None:
    got: list[tuple[int, bytes]] = []

    async def script(peer: Peer, number: int) -> None:
        await accept(peer)
        while (packet := await peer.read()) is not None:
            if isinstance(packet, p.Publish):
                got.append((number, packet.payload))
                if number == 1 and packet.payload == b"lost":
                    peer.reset()
                else:
                    peer.send(p.PubAck(packet.id))

    async with broker(script) as port, running(linked(port, inbox)) as link:
        await until(lambda: link.connected)
        link.publish("t", b"kept", 1)
        await until(lambda: len(got) == 1)
        await until(lambda: not link._channel or not link._memory.outgoing.in_flight)
        link.publish("t", b"lost", 1)
        await until(lambda: len(got) == 3)
    assert got == [(1, b"kept"), (1, b"lost"), (2, b"lost")]


async def test_a_link_is_taken_over_like_any_client(inbox: Inbox) -> None:
    async with serving(inbox) as endpoint:
        settings = LinkSettings(url=f"mqtt://127.0.0.1:{endpoint.port}", client_id="same")
        async with running(publisher("one", settings, max_packet=MAX_PACKET)) as sender:
            await until(lambda: sender.connected)
            other = await Peer.device(endpoint.port, "same")
            await until(lambda: "session taken over" in sender.message)
            assert Reason.SESSION_TAKEN_OVER.words in sender.message
            other.close()
